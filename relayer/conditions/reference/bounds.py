"""The signal of an instant and its bounds (section 3), in half centi-cents so that a mid is exact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import msgspec

from relayer.conditions.events import Candle, Ladder
from relayer.conditions.reference.market import Moment
from relayer.conditions.spec import Executable, Mid

FULL = 20_000
"""Half centi-cents of one dollar."""


class Presence(IntEnum):
    ABSENT = 0
    MAYBE = 1
    PRESENT = 2


@dataclass(frozen=True)
class Bounds:
    lo: int
    hi: int
    presence: Presence


ABSENT = Bounds(0, 0, Presence.ABSENT)
UNKNOWN = Bounds(0, FULL, Presence.MAYBE)


def bid(source: Executable, moment: Moment) -> Bounds:
    if moment.book is not None:
        return exact(_executable(moment.book, source, bids=True))
    if moment.candle is None or isinstance(moment.candle.bid, msgspec.UnsetType):
        return UNKNOWN
    if moment.candle.bid is None:
        return ABSENT
    _, low, high, _ = moment.candle.bid
    sure = source.min_size == 1 and low > 0
    return Bounds(2 * low, 2 * high, Presence.PRESENT if sure else Presence.MAYBE)


def ask(source: Executable, moment: Moment) -> Bounds:
    if moment.book is not None:
        return exact(_executable(moment.book, source, bids=False))
    if moment.candle is None or isinstance(moment.candle.ask, msgspec.UnsetType):
        return UNKNOWN
    if moment.candle.ask is None:
        return ABSENT
    _, low, high, _ = moment.candle.ask
    sure = source.min_size == 1 and low > 0 and high < 10_000
    return Bounds(2 * low, 2 * high, Presence.PRESENT if sure else Presence.MAYBE)


def mid(source: Mid, moment: Moment) -> Bounds:
    if moment.book is not None:
        return exact(mid_of(moment.book.best_bid, moment.book.best_ask, source.max_spread))
    return UNKNOWN if moment.candle is None else _mid_of_candle(source, moment.candle)


def _mid_of_candle(source: Mid, candle: Candle) -> Bounds:
    if candle.bid is None or candle.ask is None:
        return ABSENT
    bid_low, bid_high = (0, 10_000) if isinstance(candle.bid, msgspec.UnsetType) else candle.bid[1:3]
    ask_low, ask_high = (0, 10_000) if isinstance(candle.ask, msgspec.UnsetType) else candle.ask[1:3]
    prices_throughout = bid_low > 0 and ask_low > 0 and ask_high < 10_000
    sure = prices_throughout and ask_high - bid_low <= source.max_spread
    return Bounds(bid_low + ask_low, bid_high + ask_high, Presence.PRESENT if sure else Presence.MAYBE)


def mid_of(bid_price: int | None, ask_price: int | None, max_spread: int) -> int | None:
    """Half centi-cents, None when a side is absent or the spread is too wide."""
    if bid_price is None or ask_price is None or ask_price - bid_price > max_spread:
        return None
    return bid_price + ask_price


def exact(value: int | None) -> Bounds:
    return ABSENT if value is None else Bounds(value, value, Presence.PRESENT)


def less(one: Bounds, other: Bounds) -> Bounds:
    """The difference of two signals, present as far as both are."""
    return Bounds(one.lo - other.hi, one.hi - other.lo, min(one.presence, other.presence))


def _executable(book: Ladder, source: Executable, *, bids: bool) -> int | None:
    """The best price at which at least `min_size` is offered, levels at that price and better added up."""
    levels = book.bid_levels if bids else book.ask_levels
    enough = [price for price, _ in levels if _offered(levels, price, bids=bids) >= source.min_size]
    if not enough:
        return None
    return 2 * (max(enough) if bids else min(enough))


def _offered(levels: tuple[tuple[int, int], ...], at: int, *, bids: bool) -> int:
    return sum(size for price, size in levels if (price >= at if bids else price <= at))
