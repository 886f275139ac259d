"""Extremes of what has not yet slid out of sight, kept in amortised constant time."""

from __future__ import annotations

from collections import deque


class SlidingMax:
    """The largest of the values whose date is not yet expired; dates are added in order."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, int]] = deque()

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, date: int, value: int) -> None:
        while self._kept and self._kept[-1][1] <= value:
            self._kept.pop()
        self._kept.append((date, value))

    def expire(self, before: int) -> None:
        """Forget what has a date before `before`."""
        while self._kept and self._kept[0][0] < before:
            self._kept.popleft()

    @property
    def value(self) -> int:
        """Raises IndexError where nothing is left."""
        return self._kept[0][1]


class SlidingMin(SlidingMax):
    """The smallest, likewise."""

    def add(self, date: int, value: int) -> None:
        super().add(date, -value)

    @property
    def value(self) -> int:
        """Raises IndexError where nothing is left."""
        return -self._kept[0][1]
