"""Since when a price has been at or above each level, for all levels at once.

The higher the level, the later its run began: the runs of all levels are a staircase, and a move touches only the
steps between the old price and the new one.
"""

from __future__ import annotations

from bisect import bisect_left

LOWEST = 0
HIGHEST = 1 << 17
"""Prices are positive integers between these two, which stand for a price below and above every level."""


class Stairs:
    """`moments` are of trading time, ms; each step begins above the step before it and reaches up to its top."""

    __slots__ = ("_moments", "_tops")

    def __init__(self) -> None:
        self._tops = [LOWEST]
        self._moments = [0]

    def copy(self) -> Stairs:
        """Stairs that go on by themselves."""
        other = Stairs()
        other._tops, other._moments = self._tops[:], self._moments[:]
        return other

    @property
    def price(self) -> int:
        return self._tops[-1]

    def move(self, price: int, moment: int) -> None:
        """The price from `moment` on."""
        tops = self._tops
        if price > tops[-1]:
            tops.append(price)
            self._moments.append(moment)
        elif price < tops[-1]:
            step = bisect_left(tops, price)
            tops[step] = price
            del tops[step + 1 :], self._moments[step + 1 :]

    def since(self, level: int) -> int | None:
        """When the run at or above the level began that goes on now."""
        if level > self._tops[-1]:
            return None
        return self._moments[bisect_left(self._tops, level)]
