"""A filled path against the venue's truth, under random faults of wire and REST: the judged path is never wrong.

Trades are exact wherever the path says that they are complete, books are exact where observed, candles contain them
where bounded, and where the venue answers nothing stays unknown.
"""

from __future__ import annotations

from random import Random

import pytest

from relayer.conditions.condition import Condition
from relayer.conditions.events import Ladder
from relayer.conditions.parse import spec_of
from relayer.conditions.spec import Spec
from relayer.domain.clock import Clock
from relayer.domain.feeds import BookView, Candle, Remembered, Trade
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price, Size, dollars, rfc3339
from relayer.domain.verdicts import Answer, Verdict
from relayer.sources.kalshi import backfill
from relayer.sources.kalshi.backfill import Backfill
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.pair import Hearing, PairedMarket
from relayer.sources.kalshi.path import Paths, Standing
from relayer.telemetry.metrics import Metrics
from tests.fakes.faulty_line import FaultyLine
from tests.fakes.judged_paths import JudgedPaths
from tests.fakes.kalshi_facts import NOW_MS, facts
from tests.fakes.kalshi_history import TradingVenue, VenueHistory, best
from tests.fakes.listener import PathRules

TICKERS = ["A-1", "B-2.5"]
LOST = "B-2.5"
SCENARIOS = 48
STEPS = 400
MINUTE = 60_000
WINDOW_MS = 5 * MINUTE


def market_of(ticker: str) -> MarketId:
    return MarketId(Venue.KALSHI, ticker)


class Listener(JudgedPaths):
    """Tells conditions too."""

    def __init__(self, specs: dict[str, list[Spec]], *, needed_ms: int) -> None:
        super().__init__(needed_ms=needed_ms)
        self.conditions = {
            ticker: [Condition(spec, candles_follow=True) for spec in found] for ticker, found in specs.items()
        }

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        super().on_book(market, at_ms, book)
        for condition in self.conditions[market.ticker]:
            condition.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        super().on_trade(market, trade)
        for condition in self.conditions[market.ticker]:
            condition.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        super().on_status(market, at_ms, status, since_ms)
        for condition in self.conditions[market.ticker]:
            condition.on_status(market, at_ms, status, since_ms)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str, trades: bool = False) -> None:
        super().on_gap(market, from_ms, to_ms, reason, trades)
        for condition in self.conditions[market.ticker]:
            condition.on_gap(market, from_ms, to_ms, trades)

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        super().on_candle(market, candle)
        for condition in self.conditions[market.ticker]:
            condition.on_candle(market, candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        super().on_watermark(market, at_ms)
        for condition in self.conditions[market.ticker]:
            condition.on_watermark(market, at_ms)


class World:
    """A venue, one or two faulty lines, a REST of its own, and paths that are needed from some time on.

    loss_rate: chance at each step that the tape begins to lose what is told.
    """

    def __init__(self, seed: int) -> None:
        self.rng, self.tape = Random(seed), Random(f"tape {seed}")
        self.loss_rate = 0.02 if seed % 4 == 1 else 0.0
        lines, rate = 1 + seed % 2, (0.0, 0.02, 0.1)[seed % 3]
        self.venue = TradingVenue(self.rng, TICKERS, NOW_MS, lines=lines)
        self.lost = frozenset({LOST}) if self.rng.random() < 0.3 else frozenset()
        self.needed_ms = NOW_MS // MINUTE * MINUTE + self.rng.choice([-10, -1, 0, 1]) * MINUTE
        self.specs = {
            ticker: [by_trades(self.rng, ticker, self), by_book(self.rng, ticker, self)] for ticker in TICKERS
        }
        self.listener = Listener(self.specs, needed_ms=self.needed_ms)
        self.paths = Paths(prices=PathRules(), listener=self.listener, standing=self.standing)
        self.watched = {ticker: WatchedMarket(market_of(ticker), self.paths) for ticker in TICKERS}
        for ticker, market in self.watched.items():
            market.learn(facts(ticker), asked_ms=NOW_MS, answered_ms=NOW_MS, proven_ms=0)
        hearings = self._hearings(lines)
        self.lines = [
            FaultyLine(self.venue, line, heard, fault_rate=rate)
            for line, heard in zip(self.venue.lines, hearings, strict=True)
        ]
        self.backfill = Backfill(
            paths=self.paths,
            client=VenueHistory(self.venue, failure_rate=self.rng.choice([0.0, 0.5]), lost=self.lost),
            clock=Clock(wall=lambda: self.venue.now_ms),
            metrics=Metrics(),
        )

    def _hearings(self, lines: int) -> list[dict[str, WatchedMarket | Hearing]]:
        if lines == 1:
            return [dict(self.watched)]
        pairs = {ticker: PairedMarket(market) for ticker, market in self.watched.items()}
        return [{ticker: pair.hearings[number] for ticker, pair in pairs.items()} for number in range(2)]

    def standing(self, market: MarketId) -> Standing | None:
        return self.watched[market.ticker].standing

    async def step(self, *, quiet: bool = False) -> None:
        self.venue.pass_time(2_000 if quiet else self.rng.choice([0, 1, 7, 100, 2_000]))
        if not quiet:
            self.venue.happen()
        for line in self.lines:
            line.step()
        if self.tape.random() < self.loss_rate:
            self.paths.lose()
        elif self.tape.random() < 5 * self.loss_rate:
            self.paths.regain()
        await self.backfill.fill_due()

    def need(self) -> None:
        for ticker in TICKERS:
            self.paths.need(market_of(ticker), Millis(self.needed_ms), Remembered())


def is_by_trades(spec: Spec) -> bool:
    return "trades" in spec.canonical.decode()


def _spec(rng: Random, ticker: str, world: World, price: dict[str, object]) -> Spec:
    test = {"type": "reach", "direction": rng.choice(["up", "down"]), "level": dollars(rng.randrange(500, 9_500, 500))}
    window = {"start": rfc3339(Millis(world.needed_ms)), "end": rfc3339(Millis(world.needed_ms + WINDOW_MS))}
    parent = {"venue": "kalshi", "market": ticker}
    otherwise = {"answer": "no", "after_days": 1}
    kinds = {"version": 1, "kind": "momentum", "parent": parent, "window": window, "price": price, "test": test}
    return spec_of({**kinds, "otherwise": otherwise})


def by_trades(rng: Random, ticker: str, world: World) -> Spec:
    return _spec(rng, ticker, world, {"source": "trades", "min_size": "1.00", "min_trades": 1, "within_s": 1})


def by_book(rng: Random, ticker: str, world: World) -> Spec:
    size, held = rng.choice(["0.01", "1.00"]), rng.choice([0, 2])
    return _spec(rng, ticker, world, {"source": "executable", "min_size": size, "held_s": held})


def truly(world: World, spec: Spec) -> Verdict:
    """The verdict of who saw everything."""
    (leg,) = spec.legs
    condition = Condition(spec)
    if is_by_trades(spec):
        for trade in world.venue.traded[leg.ticker]:
            condition.on_trade(leg, trade)
    else:
        for at_ms, (bids, asks) in world.venue.markets[leg.ticker].history:
            condition.on_book(leg, Millis(at_ms), _ladder(bids, asks))
    condition.on_watermark(leg, Millis(world.venue.now_ms))
    return condition.verdict()


def _ladder(bids: dict[int, int], asks: dict[int, int]) -> Ladder:
    def levels(side: dict[int, int], *, best_first: bool) -> tuple[tuple[Price, Size], ...]:
        return tuple((Price(price), Size(size)) for price, size in sorted(side.items(), reverse=best_first))

    return Ladder(levels(bids, best_first=True), levels(asks, best_first=False))


async def hold(seed: int) -> None:
    """Live one scenario, and assert that nothing false was told. `backfill` must not pause."""
    world = World(seed)
    needed_after = world.rng.choice([0, 0, 30, 100])
    for number in range(STEPS):
        if number == needed_after:
            world.need()
        await world.step()
    for line in world.lines:
        line.fault_rate = 0.0
    world.loss_rate = 0.0
    world.paths.regain()
    for _ in range(36 * MINUTE // 2_000):
        await world.step(quiet=True)
    for ticker in TICKERS:
        check(world, ticker)


@pytest.mark.parametrize("seed", range(SCENARIOS))
async def test_the_judged_path_is_the_truth(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "_PAUSE_S", 0)
    await hold(seed)


def check(world: World, ticker: str) -> None:
    judged, market, lost = world.listener[ticker], world.venue.markets[ticker], ticker in world.lost
    assert judged.watermark_ms > world.venue.now_ms - MINUTE, "everything is filled or given up"
    judged.assert_trades(world.venue.traded[ticker])
    moments = {at_ms + step for at_ms, _ in market.history for step in (-1, 0, 1)}
    bounded = judged.assert_books(lambda at_ms: best(market.at(at_ms)), moments, lost=lost)
    assert not (lost and bounded)
    assert lost or all(trades for _, end, trades in judged.gaps if end > world.needed_ms)
    check_verdicts(world, ticker)


def check_verdicts(world: World, ticker: str) -> None:
    for condition in world.listener.conditions[ticker]:
        found, truth = condition.verdict(), truly(world, condition.spec)
        assert found.answer is not Answer.PENDING
        if found.answer is not Answer.UNKNOWN:
            assert found.answer is truth.answer, condition.spec.canonical.decode()
        if is_by_trades(condition.spec) and ticker not in world.lost:
            assert (found.answer, found.decided_at) == (truth.answer, truth.decided_at)
