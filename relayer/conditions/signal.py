"""The price a test looks at: which sides of a book it reads, and how it compares with a level (section 3).

Values are in half centi-cents, so that a mid is exact.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from relayer.conditions.spec import Direction, Executable, Mid
from relayer.conditions.track import Sides, Sight
from relayer.domain.units import PRICE_MAX, Price, Size, dollars


class Truth(Enum):
    """A comparison with a level at one instant."""

    TRUE = 1
    FALSE = 0
    MAYBE = -1


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


class Level:
    """One direction of one level on a book signal: UP looks at the bid, DOWN at the ask, a mid at both."""

    def __init__(self, source: Executable | Mid, direction: Direction, level: int) -> None:
        self._source = source
        self._up = direction is Direction.UP
        self._halves = 2 * level

    def value(self, sides: Sides) -> int | None:
        """Half centi-cents, None when absent."""
        bid, ask = sides
        if isinstance(self._source, Executable):
            side = bid if self._up else ask
            return None if side is None else 2 * side
        if bid is None or ask is None or ask - bid > self._source.max_spread:
            return None
        return bid + ask

    def truth(self, sight: Sight, sides: Sides | None) -> Truth:
        """Whether the signal meets the level at an instant of trading time."""
        if sight is not Sight.OBSERVED or sides is None:
            return Truth.MAYBE
        value = self.value(sides)
        if value is None:
            return Truth.FALSE
        return Truth.TRUE if (value >= self._halves if self._up else value <= self._halves) else Truth.FALSE


def levels_of(source: Executable | Mid, direction: Direction, level: int) -> tuple[Level, ...]:
    """The levels to judge, each alone: two for `either`."""
    if direction is not Direction.EITHER:
        return (Level(source, direction, level),)
    return Level(source, Direction.UP, level), Level(source, Direction.DOWN, PRICE_MAX - level)
