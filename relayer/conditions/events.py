"""What a path is made of, checked and in integers (`conditions.md` section 2): between reader and evaluators."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from relayer.domain.feeds import Candle as Candle
from relayer.domain.feeds import Level, Trade
from relayer.domain.feeds import Side as Side
from relayer.domain.units import Millis, Price, Size


class Ladder(msgspec.Struct, frozen=True, gc=False):
    """The levels of one quote, best first; the best prices follow from them."""

    bid_levels: tuple[Level, ...]
    ask_levels: tuple[Level, ...]
    best_bid: Price | None = None
    best_ask: Price | None = None

    def __post_init__(self) -> None:
        if self.bid_levels:
            msgspec.structs.force_setattr(self, "best_bid", self.bid_levels[0][0])
        if self.ask_levels:
            msgspec.structs.force_setattr(self, "best_ask", self.ask_levels[0][0])

    def bid_for(self, size: Size) -> Price | None:
        return _price_for(self.bid_levels, size)

    def ask_for(self, size: Size) -> Price | None:
        return _price_for(self.ask_levels, size)


def _price_for(levels: tuple[Level, ...], size: int) -> Price | None:
    """Price of the level at which the sizes added up from the best one reach `size`."""
    for price, offered in levels:
        size -= offered
        if size <= 0:
            return price
    return None


class Quote(msgspec.Struct, frozen=True, gc=False):
    at_ms: Millis
    book: Ladder


class Status(msgspec.Struct, frozen=True, gc=False):
    """A `since` of the line is a `Gap` of its own."""

    at_ms: Millis
    trading: bool


class Result(msgspec.Struct, frozen=True, gc=False):
    at_ms: Millis
    result: str
    final: bool


class Watermark(msgspec.Struct, frozen=True, gc=False):
    at_ms: Millis


class Gap(msgspec.Struct, frozen=True, gc=False):
    at_ms: Millis
    """Its start."""
    to_ms: Millis
    trades: bool
    """Every trade inside is in the path all the same."""


Event = Quote | Trade | Status | Result | Watermark | Gap | Candle


@dataclass(frozen=True, slots=True)
class Path:
    """What is known of one market. `events` are in order of time, gaps and candles at their start."""

    events: tuple[Event, ...]
    watermark_ms: Millis | None
    """Largest watermark; without such lines the largest time of all; None for an empty path."""
    book_proven_ms: Millis | None
    """Largest time of a line that proves that no quote before it is missing."""
    trades_proven_ms: Millis | None
    """The same for trades."""
