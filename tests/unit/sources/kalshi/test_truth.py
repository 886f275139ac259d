"""Whatever is told as observed is the venue's truth at every millisecond, under random faults of the wire."""

from __future__ import annotations

from random import Random

import pytest

from relayer.domain.markets import MarketId, Venue
from relayer.sources.kalshi.market import WatchedMarket
from tests.fakes.faulty_line import FaultyLine, assert_true
from tests.fakes.kalshi_facts import NOW_MS, facts
from tests.fakes.kalshi_venue import FakeVenue
from tests.fakes.listener import PathRules, observed_books

START_MS = NOW_MS
TICKERS = ["A-1", "B-2.5", "C-3"]
SCENARIOS = 60
STEPS = 400


class World:
    """A venue, a faulty wire and a session on one clock."""

    def __init__(self, seed: int, fault_rate: float) -> None:
        self.rng = Random(seed)
        self.venue = FakeVenue(self.rng, TICKERS, START_MS)
        self.told = PathRules()
        markets = {ticker: WatchedMarket(MarketId(Venue.KALSHI, ticker), self.told) for ticker in TICKERS}
        for ticker, market in markets.items():
            market.learn(facts(ticker), asked_ms=START_MS, answered_ms=START_MS, proven_ms=0)
        self.line = FaultyLine(self.venue, self.venue.lines[0], markets, fault_rate=fault_rate)

    def step(self, *, quiet: bool = False) -> None:
        self.venue.pass_time(self.rng.choice([0, 1, 7, 100, 2_000]))
        if not quiet:
            self.venue.happen()
        self.line.step()


def hold(seed: int) -> None:
    """Live one scenario, and assert that nothing false was told."""
    world = World(seed, fault_rate=(0.0, 0.02, 0.2)[seed % 3])
    for _ in range(STEPS):
        world.step()
    world.line.fault_rate = 0.0
    for _ in range(40):
        world.step(quiet=True)
    for ticker in TICKERS:
        assert world.told[ticker].watermark_ms > START_MS, "nothing was proven"
        assert_true(world.venue, ticker, world.told[ticker])


@pytest.mark.parametrize("seed", range(SCENARIOS))
def test_observed_is_true(seed: int) -> None:
    hold(seed)


def test_without_faults_everything_after_the_first_snapshot_is_observed() -> None:
    world = World(0, fault_rate=0.0)
    for _ in range(STEPS):
        world.step()
    for ticker in TICKERS:
        told = world.told[ticker]
        spans = observed_books(told, told.watermark_ms)
        seen = sum(end - start for start, end, _ in spans)
        assert seen == told.watermark_ms - spans[0][0]
        assert spans[0][0] - START_MS < 5_000
