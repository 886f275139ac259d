"""How well one market was known over time, for the coverage of every window that looks at it."""

from __future__ import annotations

from bisect import bisect_right

from relayer.conditions.track import Sight


class Sights:
    """Milliseconds spent in each sight, added up at every change."""

    def __init__(self) -> None:
        self._from: list[int] = []
        self._sights: list[Sight] = []
        self._spent: list[tuple[int, ...]] = []
        self._to = 0

    def add(self, from_ms: int, to_ms: int, sight: Sight) -> None:
        """The next span, which begins where the last one ended."""
        if not self._sights or self._sights[-1] is not sight:
            self._spent.append(self._spent_until(from_ms))
            self._from.append(from_ms)
            self._sights.append(sight)
        self._to = to_ms

    def within(self, from_ms: int, to_ms: int) -> tuple[int, ...]:
        """Milliseconds of the window by sight."""
        before = self._spent_until(from_ms)
        return tuple(late - early for early, late in zip(before, self._spent_until(max(from_ms, to_ms)), strict=True))

    def _spent_until(self, at_ms: int) -> tuple[int, ...]:
        at = bisect_right(self._from, at_ms) - 1
        if at < 0:
            return (0,) * len(Sight)
        spent = list(self._spent[at])
        spent[self._sights[at]] += max(min(at_ms, self._to) - self._from[at], 0)
        return tuple(spent)
