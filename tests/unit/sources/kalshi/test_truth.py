"""Whatever is told as observed is the venue's truth at every millisecond, under random faults of the wire."""

from __future__ import annotations

from random import Random

import pytest

from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.domain.markets import MarketId, Venue
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.venue_time import VenueTime
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
        self.fault_rate = fault_rate
        self.clock = Clock(wall=lambda: self.venue.now_ms)
        self.markets = {ticker: WatchedMarket(MarketId(Venue.KALSHI, ticker), self.told) for ticker in TICKERS}
        for ticker, market in self.markets.items():
            market.learn(facts(ticker), asked_ms=START_MS, answered_ms=START_MS, proven_ms=0)
        self.connect()

    def connect(self) -> None:
        self.venue.hang_up()
        self.session = Session(
            markets=self.markets,
            clock=self.clock,
            venue_time=VenueTime(),
            refresh=lambda tickers: None,
            reply_timeout_s=3,
            wall_s=lambda: self.venue.now_ms / 1000,
        )
        self.session.watch(TICKERS)

    def step(self, *, quiet: bool = False) -> None:
        self.venue.pass_time(self.rng.choice([0, 1, 7, 100, 2_000]))
        if not quiet:
            self.venue.happen()
        try:
            self._converse()
        except TransientError:
            self._reconnect()
        if not quiet and self.rng.random() < self.fault_rate / 10:
            self._reconnect()

    def _reconnect(self) -> None:
        self.session.close()
        self.connect()

    def _converse(self) -> None:
        for _ in range(2):
            self.session.tick()
            commands, self.session.outbox = self.session.outbox, []
            for command in commands:
                if self.rng.random() >= self.fault_rate:
                    self.venue.obey(command)
            while self.venue.wire:
                for text in self._faulty(self.venue.wire.popleft()):
                    self.session.receive(text)

    def _faulty(self, text: str) -> list[str]:
        if self.rng.random() >= self.fault_rate:
            return [text]
        wire = self.venue.wire
        match self.rng.randrange(7):
            case 0:
                return []
            case 1:
                return [text, text]
            case 2 if wire:
                return [wire.popleft(), text]
            case 3:
                return [text[: self.rng.randrange(len(text))], "\n"]
            case 4:
                wrong_price = text.replace('dollars": "0.', 'dollars": "7.').replace('[["0.', '[["7.')
                return [wrong_price, '{"type":"news","sid":1,"msg":{}}']
            case 5:
                return [text.replace('_ts_ms": 17', '_ts_ms": 97').replace('"ts_ms": 17', '"ts_ms": 97')]
            case _:
                wire.append(text)
                return []


@pytest.mark.parametrize("seed", range(SCENARIOS))
def test_observed_is_true(seed: int) -> None:
    world = World(seed, fault_rate=(0.0, 0.02, 0.2)[seed % 3])
    for _ in range(STEPS):
        world.step()
    world.fault_rate = 0.0
    for _ in range(40):
        world.step(quiet=True)
    for ticker, market in world.venue.markets.items():
        told = world.told[ticker]
        assert told.watermark_ms > START_MS, "nothing was proven"
        times = {time for time, _ in market.history}
        for start, end, book in observed_books(told, told.watermark_ms):
            for instant in {start, end - 1, *(time for time in times if start <= time < end)}:
                bids, asks = market.at(instant)
                assert dict(book.bids) == bids, f"{ticker} at {instant}"
                assert dict(book.asks) == asks, f"{ticker} at {instant}"


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
