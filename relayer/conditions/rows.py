"""What is kept of each armed threshold: some 80 bytes in columns, since there may be a million.

The spec itself stays with whoever armed it.
"""

from __future__ import annotations

from array import array

from relayer.conditions.decision import Decision
from relayer.conditions.oriented import halves_of
from relayer.domain.units import Millis

ALONE = (1 << 32) - 1
"""In the column of partners: the condition has one level."""


class Mark:
    """Bits of the column of marks; plain integers, for they are looked at very often."""

    FOUND = 1
    POSSIBLE = 2
    """Some stretch may have completed where the data do not show it."""
    REPORTED = 4
    UP = 8
    """The direction of the level."""
    HOLD = 16
    RESULT = 32
    """`outcome`: no level at all."""
    WANTS_YES = 64
    ARMED = 128


class Rows:
    """Columns with one entry a threshold; rows given up are used again."""

    def __init__(self) -> None:
        self.mark = array("B")
        self.group = array("I")
        self.level = array("i")
        self.held_s = array("I")
        self.start_s = array("q")
        self.end_s = array("q")
        self.partner = array("I")
        self._found_ms = array("q")
        self._found_price = array("i")
        self._free: list[int] = []

    def add(self, mark: int, group: int, level: int, held_s: int, start_s: int, end_s: int) -> int:
        """Returns the row."""
        values = (mark, group, level, held_s, start_s, end_s, ALONE, 0, 0)
        if self._free:
            row = self._free.pop()
            for column, value in zip(self._columns(), values, strict=True):
                column[row] = value
            return row
        for column, value in zip(self._columns(), values, strict=True):
            column.append(value)
        return len(self.mark) - 1

    def free(self, row: int) -> None:
        self.mark[row] = 0
        self._free.append(row)

    def find(self, row: int, at_ms: int, price: int) -> None:
        """Keep the decision of one threshold, with the price on its stairs; of two the earlier one."""
        if self.mark[row] & Mark.FOUND and self._found_ms[row] <= at_ms:
            return
        self.mark[row] |= Mark.FOUND
        self._found_ms[row] = at_ms
        self._found_price[row] = price

    def found(self, row: int) -> Decision | None:
        if not self.mark[row] & Mark.FOUND:
            return None
        halves = halves_of(self._found_price[row], up=bool(self.mark[row] & Mark.UP), hold=self.holds(row))
        return Decision(Millis(self._found_ms[row]), halves)

    def holds(self, row: int) -> bool:
        return bool(self.mark[row] & Mark.HOLD)

    def join(self, one: int, other: int) -> None:
        """Two levels of one condition."""
        self.partner[one], self.partner[other] = other, one

    def handle(self, row: int) -> int:
        """The row by which the condition of this level is known: of two the smaller."""
        return min(row, self.partner[row])

    def levels(self, row: int) -> list[int]:
        """The rows of a condition, the direction up first."""
        rows = [row] if self.partner[row] == ALONE else [row, self.partner[row]]
        return sorted(rows, key=lambda one: not self.mark[one] & Mark.UP)

    def _columns(self) -> tuple[array[int], ...]:
        return (
            self.mark,
            self.group,
            self.level,
            self.held_s,
            self.start_s,
            self.end_s,
            self.partner,
            self._found_ms,
            self._found_price,
        )
