"""The largest `high(a) - low(b)` over dates at most a horizon apart, told date by date (section 4, *Swing*).

What the highs and lows are is `ranging.py`.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from relayer.conditions.decision import Decision
from relayer.conditions.sliding import SlidingMax, SlidingMin
from relayer.conditions.spec import Range, Unit
from relayer.conditions.track import LONG_AGO
from relayer.domain.units import PRICE_MAX, Millis


class Extreme(NamedTuple):
    """A high and a low (half centi-cents, None: there is none) at each of the dates `first..last`, both included.

    `follows_ms`: the moment before which it is not known. `anywhere`: at one unknown date of these instead.
    """

    first: int
    last: int
    high: int | None
    low: int | None
    follows_ms: int = LONG_AGO
    anywhere: bool = False

    @property
    def reaches(self) -> int:
        """The date to which the distance from a later one counts: of an unknown date the worst."""
        return self.first if self.anywhere else self.last


def exceeds(test: Range, high: int, low: int) -> bool:
    """Amounts are exclusive."""
    if test.unit is Unit.POINTS:
        return high - low > 2 * test.amount
    return high * PRICE_MAX > low * (PRICE_MAX + test.amount)


class Extremes:
    """The highest high and the lowest low that a later date can still use."""

    def __init__(self) -> None:
        self._highs = SlidingMax()
        self._lows = SlidingMin()

    def __bool__(self) -> bool:
        return bool(self._highs) or bool(self._lows)

    def add(self, extreme: Extreme) -> None:
        if extreme.high is not None:
            self._highs.add(extreme.reaches, extreme.high)
        if extreme.low is not None:
            self._lows.add(extreme.reaches, extreme.low)

    def within(self, before: int) -> tuple[int | None, int | None]:
        """Highest high and lowest low of the dates not before `before`, which never goes back."""
        self._highs.expire(before)
        self._lows.expire(before)
        return self._highs.value if self._highs else None, self._lows.value if self._lows else None


class Swing:
    """The earliest date at which two extremes exceed the amount; extremes are added in order of date.

    Those that are not known yet at their own date (of a candle) wait in line, since an earlier moment may decide
    without them.
    """

    def __init__(self, test: Range) -> None:
        self.found: Decision | None = None
        self._test = test
        self._known = Extremes()
        self._attained = Extremes()
        self._waiting: deque[Extreme] = deque()

    def add(self, extreme: Extreme) -> None:
        if self.found is not None and self.found.at_ms <= extreme.first:
            return
        date = extreme.last if extreme.anywhere else extreme.first
        while self._waiting and self._waiting[0].follows_ms <= date:
            self._remember(self._waiting.popleft())
        if extreme.follows_ms == LONG_AGO and not self._waiting and not extreme.anywhere:
            self._add_known(extreme)
            return
        for earlier in (self._known, self._attained):
            high, low = earlier.within(date - self._test.horizon_ms)
            self._try(extreme, high, low, max(date, extreme.follows_ms))
        for other in (*self._waiting, extreme):
            self._try_pair(extreme, other)
        self._waiting.append(extreme)

    def _add_known(self, extreme: Extreme) -> None:
        """What most are: known at its own date, with nothing in line before it."""
        before = extreme.first - self._test.horizon_ms
        if self._attained:
            self._try(extreme, *self._attained.within(before), extreme.first)
        self._known.add(extreme)
        self._try(extreme, *self._known.within(before), extreme.first)

    def _remember(self, extreme: Extreme) -> None:
        (self._attained if extreme.anywhere else self._known).add(extreme)

    def _try(self, later: Extreme, high: int | None, low: int | None, at_ms: int) -> None:
        """The later extreme with a high and a low of before."""
        if high is not None and later.low is not None and exceeds(self._test, high, later.low):
            self._find(at_ms, later.low)
        if low is not None and later.high is not None and exceeds(self._test, later.high, low):
            self._find(at_ms, later.high)

    def _try_pair(self, one: Extreme, other: Extreme) -> None:
        date, other_date = _dates(one, other)
        if abs(date - other_date) > self._test.horizon_ms:
            return
        at_ms = max(date, other_date, one.follows_ms, other.follows_ms)
        self._try(one, other.high, other.low, at_ms)

    def _find(self, at_ms: int, value: int) -> None:
        self.found = Decision.earlier(self.found, Decision(Millis(at_ms), value))


def _dates(one: Extreme, other: Extreme) -> tuple[int, int]:
    """The dates of the two that are nearest to each other and earliest; of an unknown date the worst is taken."""
    if one.anywhere and other.anywhere:
        return (one.first, other.last) if one.first <= other.first else (one.last, other.first)
    if one.anywhere:
        return _worst(one, other)
    if other.anywhere:
        return _worst(other, one)[::-1]
    if one.last < other.first:
        return one.last, other.first
    if other.last < one.first:
        return one.first, other.last
    return max(one.first, other.first), max(one.first, other.first)


def _worst(unknown: Extreme, known: Extreme) -> tuple[int, int]:
    """The known date that is best, and of the unknown ones the one farthest from it."""
    middle = (unknown.first + unknown.last) // 2
    date = min(max(middle, known.first), known.last)
    return (unknown.first if date > middle else unknown.last), date
