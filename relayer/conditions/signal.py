"""The price a test looks at: what it reads of a book, its bounds at an instant, and how they compare with a level.

`conditions.md` section 3. Values are in half centi-cents, so that a mid is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, IntEnum
from typing import NamedTuple, Protocol

from msgspec import UnsetType

from relayer.conditions.events import Candle, Side
from relayer.conditions.spec import Direction, Executable, Mid
from relayer.conditions.track import Sides, State
from relayer.domain.units import NO_ASK, NO_BID, PRICE_MAX, Price, Size, dollars

FULL = 2 * PRICE_MAX
"""Half centi-cents of one dollar."""

States = tuple[State, ...]
"""One instant of every leg."""


class Presence(IntEnum):
    ABSENT = 0
    MAYBE = 1
    PRESENT = 2


class Bounds(NamedTuple):
    """The signal of an instant: `lo <= value <= hi` where it is present."""

    lo: int
    hi: int
    presence: Presence


ABSENT = Bounds(0, 0, Presence.ABSENT)
ANYTHING = Bounds(0, FULL, Presence.MAYBE)

Signal = Callable[[States], Bounds]


class Quoted(Protocol):
    """What is read of a book: a source's (`relayer.domain.feeds.BookView`) or a path file's."""

    @property
    def best_bid(self) -> Price | None: ...

    @property
    def best_ask(self) -> Price | None: ...

    def bid_for(self, size: Size) -> Price | None: ...

    def ask_for(self, size: Size) -> Price | None: ...


def read_sides(source: Executable | Mid, book: Quoted) -> Sides:
    """The two prices of a book that the source looks at."""
    if isinstance(source, Executable):
        return book.bid_for(source.min_size), book.ask_for(source.min_size)
    return book.best_bid, book.best_ask


def halves_text(value: int) -> str:
    """Half centi-cents in dollars: 4 decimals, 5 for a half."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    return f"{sign}{dollars(size // 2)}{'5' if size % 2 else ''}"


def high_signal(source: Executable | Mid, *, spread: bool) -> Signal:
    """The signal of direction up: what can be had for YES; of a spread, short above long."""
    if not spread:
        return lambda states: (_mid if isinstance(source, Mid) else _bid)(source, states[0])
    if isinstance(source, Mid):
        return lambda states: _less(_mid(source, states[1]), _mid(source, states[0]))
    return lambda states: _less(_bid(source, states[1]), _ask(source, states[0]))


def low_signal(source: Executable | Mid, *, spread: bool) -> Signal:
    """The signal of direction down: what YES costs; a spread has one signal."""
    if spread or isinstance(source, Mid):
        return high_signal(source, spread=spread)
    return lambda states: _ask(source, states[0])


def _exchanged(signal: Signal) -> Signal:
    return lambda states: signal(states[::-1])


def _bid(source: Executable | Mid, state: State) -> Bounds:
    if state.sides is not None:
        return _exact(state.sides[0])
    return ANYTHING if state.candle is None else _side(source, state.candle.bid, highest=PRICE_MAX)


def _ask(source: Executable | Mid, state: State) -> Bounds:
    if state.sides is not None:
        return _exact(state.sides[1])
    return ANYTHING if state.candle is None else _side(source, state.candle.ask, highest=PRICE_MAX - 1)


def _exact(price: Price | None) -> Bounds:
    return ABSENT if price is None else Bounds(2 * price, 2 * price, Presence.PRESENT)


def _side(source: Executable | Mid, side: Side, *, highest: int) -> Bounds:
    """A candle bounds the best price; a size above the smallest may not be there, nor a side that shows empty.

    highest: the highest number that is a price on this side.
    """
    if side is None:
        return ABSENT
    if isinstance(side, UnsetType):
        return ANYTHING
    _, low, high, _ = side
    sure = isinstance(source, Executable) and source.min_size == 1 and low > NO_BID and high <= highest
    return Bounds(2 * low, 2 * high, Presence.PRESENT if sure else Presence.MAYBE)


def _mid(source: Executable | Mid, state: State) -> Bounds:
    assert isinstance(source, Mid)
    if state.sides is not None:
        bid, ask = state.sides
        if bid is None or ask is None or ask - bid > source.max_spread:
            return ABSENT
        return Bounds(bid + ask, bid + ask, Presence.PRESENT)
    return ANYTHING if state.candle is None else _mid_of(source, state.candle)


def _mid_of(source: Mid, candle: Candle) -> Bounds:
    if candle.bid is None or candle.ask is None:
        return ABSENT
    whole = (NO_BID, NO_BID, PRICE_MAX, PRICE_MAX)
    bid = whole if isinstance(candle.bid, UnsetType) else candle.bid
    ask = whole if isinstance(candle.ask, UnsetType) else candle.ask
    throughout = bid[1] > NO_BID and ask[1] > NO_BID and ask[2] < NO_ASK
    sure = throughout and ask[2] - bid[1] <= source.max_spread
    return Bounds(bid[1] + ask[1], bid[2] + ask[2], Presence.PRESENT if sure else Presence.MAYBE)


def closing_mid(source: Mid, candle: Candle) -> Bounds:
    """The mid of the closes of a candle, absent by the rules of `mid` if they are."""
    if candle.bid is None or candle.ask is None:
        return ABSENT
    if isinstance(candle.bid, UnsetType) or isinstance(candle.ask, UnsetType):
        return ANYTHING
    bid, ask = candle.bid[3], candle.ask[3]
    if bid == NO_BID or ask in (NO_BID, NO_ASK) or ask - bid > source.max_spread:
        return ABSENT
    return Bounds(bid + ask, bid + ask, Presence.PRESENT)


def _less(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(one.lo - other.hi, one.hi - other.lo, min(one.presence, other.presence))


class Truth(Enum):
    """A comparison with a level at one instant."""

    TRUE = 1
    FALSE = 0
    MAYBE = -1


class Level(NamedTuple):
    """One comparison, judged alone."""

    signal: Signal
    up: bool
    halves: int

    def met_by(self, value: int) -> bool:
        return value >= self.halves if self.up else value <= self.halves

    def truth(self, bounds: Bounds) -> Truth:
        if bounds.presence is Presence.ABSENT:
            return Truth.FALSE
        lo, hi = self.met_by(bounds.lo), self.met_by(bounds.hi)
        if not lo and not hi:
            return Truth.FALSE
        return Truth.TRUE if lo and hi and bounds.presence is Presence.PRESENT else Truth.MAYBE

    def nearest(self, bounds: Bounds, wanted: Truth) -> int | None:
        """Of the bounds on the wanted side of the level the nearest to it; None where the signal is absent."""
        if bounds.presence is Presence.ABSENT:
            return None
        fitting = [value for value in bounds[:2] if self.met_by(value) is (wanted is Truth.TRUE)]
        return min(fitting, key=lambda value: abs(value - self.halves))


def levels_of(source: Executable | Mid, direction: Direction, level: int, *, spread: bool) -> tuple[Level, ...]:
    """The comparisons that a direction stands for, each judged alone: two for `either`."""
    high, low = high_signal(source, spread=spread), low_signal(source, spread=spread)
    if direction is Direction.UP:
        return (Level(high, True, 2 * level),)
    if direction is Direction.DOWN:
        return (Level(low, False, 2 * level),)
    if spread:
        return Level(high, True, 2 * level), Level(_exchanged(high), True, 2 * level)
    return Level(high, True, 2 * level), Level(low, False, FULL - 2 * level)
