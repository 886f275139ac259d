"""How well one market was known over time, for the coverage of every window that looks at it."""

from __future__ import annotations

from array import array
from bisect import bisect_right

from relayer.conditions.track import Sight

_KINDS = len(Sight)


class Sights:
    """Milliseconds spent in each sight, added up at every change. Sights are told as their numbers."""

    __slots__ = ("_from", "_sights", "_spent", "_to")

    def __init__(self) -> None:
        self._from = array("q")
        self._sights = array("b")
        self._spent = array("q")
        """One number a sight for each change: milliseconds before it."""
        self._to = 0

    def __len__(self) -> int:
        """How many changes are kept."""
        return len(self._from)

    def add(self, from_ms: int, to_ms: int, sight: int) -> None:
        """The next span, which begins where the last one ended."""
        if not self._sights or self._sights[-1] != sight:
            self._spent.extend(self._spent_until(from_ms))
            self._from.append(from_ms)
            self._sights.append(sight)
        self._to = to_ms

    def within(self, from_ms: int, to_ms: int) -> tuple[int, ...]:
        """Milliseconds of the window by sight."""
        before = self._spent_until(from_ms)
        return tuple(late - early for early, late in zip(before, self._spent_until(max(from_ms, to_ms)), strict=True))

    def forget(self, before_ms: int) -> None:
        """Windows that begin before this moment are no longer asked about."""
        gone = bisect_right(self._from, before_ms) - 1
        if gone > 0:
            del self._from[:gone], self._sights[:gone], self._spent[: gone * _KINDS]

    def _spent_until(self, at_ms: int) -> list[int]:
        at = bisect_right(self._from, at_ms) - 1
        if at < 0:
            return [0] * _KINDS
        spent = self._spent[at * _KINDS : (at + 1) * _KINDS].tolist()
        spent[self._sights[at]] += max(min(at_ms, self._to) - self._from[at], 0)
        return spent
