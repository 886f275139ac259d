"""What one line of the bench table is, and what measuring it gives. How ratios are taken is `timing.py`'s."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: rounds of candidate and baseline, and the share of the full size that each takes."""

    rounds: int = 15
    share: float = 1.0

    def of(self, full: int) -> int:
        return max(1, round(full * self.share))


@dataclass(frozen=True, slots=True)
class Measured:
    """value: of the best round. worst: of the worst one, None where nothing is timed. note: what lies behind it."""

    value: float
    worst: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """goal: a bound that the value keeps `at_most`, else at least."""

    id: str
    what: str
    goal: float
    unit: str
    measure: Callable[[Effort], Measured]
    at_most: bool = True

    def met(self, value: float) -> bool:
        return value <= self.goal if self.at_most else value >= self.goal
