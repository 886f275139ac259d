"""Two connections with faults of their own: what their union tells as observed is true, and more than either tells."""

from __future__ import annotations

from random import Random

import pytest

from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, Venue
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.pair import PairedMarket
from tests.fakes.faulty_line import FaultyLine, assert_true
from tests.fakes.kalshi_facts import NOW_MS, facts
from tests.fakes.kalshi_venue import FakeVenue
from tests.fakes.listener import Gap, PathRules, Watermark, observed_books

START_MS = NOW_MS
TICKERS = ["A-1", "B-2.5"]
SCENARIOS = 90
STEPS = 400


class World:
    """A venue and two sessions over markets that are watched on both."""

    def __init__(self, seed: int, *fault_rates: float, lag_rate: float = 0.0) -> None:
        self.rng = Random(seed)
        self.venue = FakeVenue(self.rng, TICKERS, START_MS, lines=2)
        self.told = PathRules()
        self.pairs = {t: PairedMarket(WatchedMarket(MarketId(Venue.KALSHI, t), self.told)) for t in TICKERS}
        for ticker, pair in self.pairs.items():
            pair.learn(facts(ticker), asked_ms=START_MS, answered_ms=START_MS, proven_ms=0)
        self.lines = [
            FaultyLine(
                self.venue,
                self.venue.lines[number],
                {ticker: pair.hearings[number] for ticker, pair in self.pairs.items()},
                fault_rate=fault_rate,
                lag_rate=lag_rate * number,
            )
            for number, fault_rate in enumerate(fault_rates)
        ]

    def run(self, steps: int, *, quiet: bool = False) -> None:
        for _ in range(steps):
            self.venue.pass_time(self.rng.choice([0, 0, 1, 7, 100, 2_000]))
            if not quiet:
                self.venue.happen()
            for line in self.rng.sample(self.lines, 2):
                line.step()

    def gaps(self, ticker: str) -> list[Gap]:
        """All but those before the first book."""
        first = observed_books(self.told[ticker], self.told[ticker].watermark_ms)[0][0]
        return [line for line in self.told[ticker].lines if isinstance(line, Gap) and line.start >= first]


def assert_trades(world: World, ticker: str) -> None:
    """Each told once, none invented, none missing where the path claims to have all."""
    told = world.told[ticker]
    trades = [line for line in told.lines if isinstance(line, Trade)]
    assert [trade.at_ms for trade in trades] == sorted(trade.at_ms for trade in trades)
    happened = world.venue.trades[ticker]
    times = {trade.trade_id: trade.at_ms for trade in trades}
    assert len(times) == len(trades)
    assert times.items() <= happened.items()
    unproven, watermark_ms = [], 0
    for line in told.lines:
        if isinstance(line, Watermark):
            watermark_ms = line.at
        elif isinstance(line, Gap):
            unproven.append((watermark_ms, line.end))  # trades are complete up to the watermark, not to the gap
    for trade_id in happened.keys() - times.keys():
        at_ms = happened[trade_id]
        assert at_ms >= told.watermark_ms or any(start <= at_ms < end for start, end in unproven), (ticker, at_ms)


def hold(seed: int) -> None:
    """Live one scenario, and assert that nothing false was told."""
    rates = [(0.0, 0.0), (0.0, 0.2), (0.2, 0.0), (0.02, 0.02), (0.2, 0.2)][seed % 5]
    world = World(seed, *rates, lag_rate=(0.0, 0.6)[seed % 2])
    world.run(STEPS)
    for line in world.lines:
        line.fault_rate = line.lag_rate = 0.0
    world.run(40, quiet=True)
    for ticker in TICKERS:
        assert world.told[ticker].watermark_ms > START_MS, "nothing was proven"
        assert_true(world.venue, ticker, world.told[ticker])
        assert_trades(world, ticker)


@pytest.mark.parametrize("seed", range(SCENARIOS))
def test_the_union_is_true(seed: int) -> None:
    hold(seed)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("sound", [0, 1])
def test_one_sound_connection_is_enough(seed: int, sound: int) -> None:
    rates = [0.3, 0.3]
    rates[sound] = 0.0
    world = World(seed, *rates)
    world.run(STEPS)
    for ticker in TICKERS:
        told = world.told[ticker]
        spans = observed_books(told, told.watermark_ms)
        assert sum(end - start for start, end, _ in spans) == told.watermark_ms - spans[0][0] - sum(
            min(gap.end, told.watermark_ms) - gap.start for gap in world.gaps(ticker) if gap.start < told.watermark_ms
        )
        assert [gap for gap in world.gaps(ticker) if gap.start > START_MS + 20_000] == []
        assert told.watermark_ms > world.venue.now_ms - 10_000
