"""How the judge hears: of the markets that armed specs look at, from the source and again from the tape.

What was told from the tape is remembered market by market, so that the source knows what need not be told again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Protocol

from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.events import Event, Quote, Result, Status, Watermark
from relayer.conditions.events import Gap as GapEvent
from relayer.conditions.path import read_line
from relayer.conditions.replay import tell
from relayer.domain.feeds import BookView, Candle, Gap, Remembered, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis


class Hearing:
    """A PathListener that tells the engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self.engine.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        self.engine.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self.engine.on_status(market, at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self.engine.on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str, trades: bool = False) -> None:
        self.engine.on_gap(market, from_ms, to_ms, trades)

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        self.engine.on_candle(market, candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self.engine.on_watermark(market, at_ms)


class ToldLine(Protocol):
    """A line of the tape (`tape.memory`); without a market entries of any market were lost here."""

    @property
    def market(self) -> str: ...

    @property
    def line(self) -> bytes: ...


class Recollection:
    """Tells one condition, or an engine, what the tape holds, as it was told then."""

    def __init__(
        self,
        judged: Condition | Engine,
        remembered: dict[MarketId, Remembered],
        *,
        filled: Collection[tuple[MarketId, GapEvent]] = (),
    ) -> None:
        """remembered: how far each market was told before; brought up to date. filled: gaps that are told already."""
        self.remembered = remembered
        self.lost: list[tuple[MarketId, GapEvent]] = []
        """Gaps whose trades nobody was told."""
        self._filled = filled
        self._judged = judged
        self._markets = {str(market): market for market in remembered}
        self._lost: set[MarketId] = set()

    def tell(self, lines: Iterable[ToldLine]) -> None:
        """Raises UsageError for a line that is none."""
        for told in lines:
            if told.market:
                self._tell_line(self._markets[told.market], told.line)
            else:
                self._lost.update(self.remembered)

    def _tell_line(self, market: MarketId, line: bytes) -> None:
        for event in read_line(line):
            if market in self._lost:
                self._lost.discard(market)
                self._tell(market, GapEvent(self.remembered[market].book_ms, _until(event), trades=False))
            self._tell(market, event)

    def _tell(self, market: MarketId, event: Event) -> None:
        before = self.remembered[market]
        if isinstance(event, GapEvent) and event.at_ms < before.trades_ms:
            event = GapEvent(before.book_ms, event.to_ms, event.trades)  # a first contact's, from the beginning of time
        if isinstance(event, GapEvent):
            if event.at_ms >= event.to_ms or (market, event) in self._filled:
                return
            if not event.trades:
                self.lost.append((market, event))
        tell(self._judged, market, event)
        self.remembered[market] = after(before, event)


def _until(event: Event) -> Millis:
    """Up to when the event says nothing; a gap says of its own time what is known of it."""
    return event.to_ms if isinstance(event, Candle) else event.at_ms


def after(remembered: Remembered, event: Event) -> Remembered:
    """What stands once this event was told too: a gap may be filled until a watermark passes its start."""
    match event:
        case GapEvent(at_ms, to_ms, trades):
            return replace(remembered, gaps=(*remembered.gaps, Gap(at_ms, to_ms, trades)))
        case Watermark(at_ms):
            gaps = tuple(gap for gap in remembered.gaps if gap.from_ms >= at_ms)
            return Remembered(max(remembered.book_ms, at_ms), max(remembered.trades_ms, at_ms), gaps)
        case Quote(at_ms) | Status(at_ms) | Result(at_ms):
            return replace(remembered, book_ms=max(remembered.book_ms, Millis(at_ms + 1)))
    return remembered
