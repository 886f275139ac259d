"""Thresholds of one signal that wait for the same dwell, sorted, so that a price is compared with the lowest alone.

A threshold is one integer: its level in the high half, its row (who waits) in the low half.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from typing import NamedTuple

from relayer.conditions.stairs import HIGHEST, Stairs
from relayer.conditions.steady import UNREACHED

_ROW_BITS = 32


def threshold(level: int, row: int) -> int:
    return level << _ROW_BITS | row


class Done(NamedTuple):
    """The row has had its dwell at this moment of trading time."""

    row: int
    moment: int


class Lane:
    """All moments are of trading time.

    Of those that wait, each began its window before the run that will decide it. A window that begins inside a run
    waits in a cohort, since its dwell counts from that beginning, unless the run ends first.
    """

    __slots__ = ("_cohorts", "_held_ms", "_waiting")

    def __init__(self, held_ms: int) -> None:
        self._held_ms = held_ms
        self._waiting = array("q")
        self._cohorts: list[tuple[int, array[int]]] = []

    def copy(self) -> Lane:
        """A lane that goes on by itself."""
        other = Lane(self._held_ms)
        other._waiting = self._waiting[:]
        other._cohorts = [(moment, cohort[:]) for moment, cohort in self._cohorts]
        return other

    def enter(self, entry: int, stairs: Stairs, moment: int) -> None:
        """The window of a threshold begins."""
        if entry >> _ROW_BITS > stairs.price:
            insort(self._waiting, entry)
            return
        if not self._cohorts or self._cohorts[-1][0] != moment:
            self._cohorts.append((moment, array("q")))
        insort(self._cohorts[-1][1], entry)

    def leave(self, entry: int) -> None:
        """The window is over, or nobody asks any more."""
        at = bisect_left(self._waiting, entry)
        if at < len(self._waiting) and self._waiting[at] == entry:
            del self._waiting[at]
            return
        for _, cohort in self._cohorts:
            if entry in cohort:
                cohort.remove(entry)
                return

    @property
    def lowest(self) -> int:
        """The lowest level that somebody waits for."""
        return self._waiting[0] >> _ROW_BITS if self._waiting else HIGHEST

    def due(self, stairs: Stairs) -> int:
        """The moment before which nothing can complete if the price stays."""
        due = self._cohorts[0][0] + self._held_ms if self._cohorts else UNREACHED
        if self._waiting:
            since = stairs.since(self._waiting[0] >> _ROW_BITS)
            if since is not None:
                due = min(due, since + self._held_ms)
        return due

    def take(self, stairs: Stairs, moment: int) -> list[Done]:
        """Those whose dwell is complete by `moment`, the price having been the same since the last call."""
        done: list[Done] = []
        while self._cohorts and self._cohorts[0][0] + self._held_ms <= moment:
            self._resolve(*self._cohorts.pop(0), stairs, done)
        taken = 0
        for entry in self._waiting:
            since = stairs.since(entry >> _ROW_BITS)
            if since is None or since + self._held_ms > moment:
                break
            done.append(Done(_row(entry), since + self._held_ms))
            taken += 1
        del self._waiting[:taken]
        return done

    def _resolve(self, begun: int, cohort: array[int], stairs: Stairs, done: list[Done]) -> None:
        for entry in cohort:
            since = stairs.since(entry >> _ROW_BITS)
            if since is not None and since <= begun:
                done.append(Done(_row(entry), begun + self._held_ms))
            else:
                insort(self._waiting, entry)


def _row(entry: int) -> int:
    return entry & ((1 << _ROW_BITS) - 1)
