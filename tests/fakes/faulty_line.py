"""A session on one line of a `FakeVenue`, with a wire between them that loses, repeats, swaps and garbles frames."""

from __future__ import annotations

from collections.abc import Mapping

from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.pair import Hearing
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.venue_time import VenueTime
from tests.fakes.kalshi_venue import FakeVenue, Line
from tests.fakes.listener import Told, observed_books


class FaultyLine:
    """fault_rate: chance of a fault at each frame and each command. lag_rate: chance that a step reads nothing."""

    def __init__(
        self,
        venue: FakeVenue,
        line: Line,
        markets: Mapping[str, WatchedMarket | Hearing],
        *,
        fault_rate: float,
        lag_rate: float = 0.0,
    ) -> None:
        self.venue, self.line, self.markets = venue, line, markets
        self.fault_rate, self.lag_rate = fault_rate, lag_rate
        self.connect()

    def connect(self) -> None:
        self.line.hang_up()
        self.session = Session(
            markets=self.markets,
            clock=Clock(wall=lambda: self.venue.now_ms),
            venue_time=VenueTime(),
            refresh=lambda tickers: None,
            reply_timeout_s=3,
            wall_s=lambda: self.venue.now_ms / 1000,
        )
        self.session.watch(self.markets)

    def reconnect(self) -> None:
        self.session.close()
        self.connect()

    def step(self) -> None:
        """Exchange what there is to exchange."""
        try:
            self._converse()
        except TransientError:
            self.reconnect()
        if self.venue.rng.random() < self.fault_rate / 10:
            self.reconnect()

    def _converse(self) -> None:
        reading = self.venue.rng.random() >= self.lag_rate
        for _ in range(2):
            self.session.tick()
            commands = self.session.outbox.copy()
            self.session.outbox.clear()
            for command in commands:
                if self.venue.rng.random() >= self.fault_rate:
                    self.line.obey(command)
            while reading and self.line.wire:
                for text in self._faulty(self.line.wire.popleft()):
                    self.session.receive(text)

    def _faulty(self, text: str) -> list[str]:
        rng, wire = self.venue.rng, self.line.wire
        if rng.random() >= self.fault_rate:
            return [text]
        match rng.randrange(7):
            case 0:
                return []
            case 1:
                return [text, text]
            case 2 if wire:
                return [wire.popleft(), text]
            case 3:
                return [text[: rng.randrange(len(text))], "\n"]
            case 4:
                wrong_price = text.replace('dollars": "0.', 'dollars": "7.').replace('[["0.', '[["7.')
                return [wrong_price, '{"type":"news","sid":1,"msg":{}}']
            case 5:
                return [text.replace('_ts_ms": 17', '_ts_ms": 97').replace('"ts_ms": 17', '"ts_ms": 97')]
            case _:
                wire.append(text)
                return []


def assert_true(venue: FakeVenue, ticker: str, told: Told) -> None:
    """Whatever is told as observed is the venue's truth at every millisecond."""
    market = venue.markets[ticker]
    times = {time for time, _ in market.history}
    for start, end, book in observed_books(told, told.watermark_ms):
        for instant in {start, end - 1, *(time for time in times if start <= time < end)}:
            bids, asks = market.at(instant)
            assert dict(book.bids) == bids, f"{ticker} at {instant}"
            assert dict(book.asks) == asks, f"{ticker} at {instant}"
