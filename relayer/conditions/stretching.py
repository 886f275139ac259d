"""High and low of a book signal with `held_s`: minimum and maximum over every stretch, dated at its end (*Swing*)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from relayer.conditions.signal import Bounds, Presence
from relayer.conditions.sliding import SlidingMax, SlidingMin


class Dated(NamedTuple):
    """High and low at each of the dates `first..last`; not known before `follows_ms`."""

    first: int
    last: int
    high: Bounds
    low: Bounds
    follows_ms: int


class Least:
    """The smallest bounds of the spans in sight, absent if one of them is."""

    def __init__(self) -> None:
        self._lo, self._hi, self._presence = SlidingMin(), SlidingMin(), SlidingMin()

    def add(self, end: int, bounds: Bounds) -> None:
        for kept, value in zip((self._lo, self._hi, self._presence), bounds, strict=True):
            kept.add(end, value)

    def expire(self, before: int) -> Bounds:
        """The bounds without the spans that end before `before`."""
        for kept in (self._lo, self._hi, self._presence):
            kept.expire(before)
        return Bounds(self._lo.value, self._hi.value, Presence(self._presence.value))


def _negated(bounds: Bounds) -> Bounds:
    return Bounds(-bounds.hi, -bounds.lo, bounds.presence)


class Stretches:
    """Slides a stretch of `held_ms` along trading time, span by span."""

    def __init__(self, held_ms: int) -> None:
        self._held_ms = held_ms
        self._spent_ms = 0
        self._ends: deque[int] = deque()
        self._high = Least()
        self._negated_low = Least()
        self._follows = SlidingMax()

    def add(self, from_ms: int, to_ms: int, high: Bounds, low: Bounds, follows_ms: int) -> Iterator[Dated]:
        """The stretches that end in `(from_ms, to_ms]`, which is trading time, as dates with the same extremes."""
        start, end = self._spent_ms, self._spent_ms + to_ms - from_ms
        self._spent_ms = end
        self._ends.append(end)
        self._high.add(end, high)
        self._negated_low.add(end, _negated(low))
        self._follows.add(end, follows_ms)
        wall = from_ms - start
        at = max(start + 1, self._held_ms)
        while at <= end:
            gone = at - self._held_ms
            while self._ends[0] <= gone:
                self._ends.popleft()
            after = min(end + 1, self._ends[0] + self._held_ms)
            yield Dated(wall + at, wall + after - 1, *self._extremes(gone + 1))
            at = after

    def _extremes(self, before: int) -> tuple[Bounds, Bounds, int]:
        self._follows.expire(before)
        return self._high.expire(before), _negated(self._negated_low.expire(before)), self._follows.value
