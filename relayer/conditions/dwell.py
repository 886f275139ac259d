"""`reach` and `hold`: does the signal stay on one side of a level for a stretch of `held_s` (section 4).

The two are mirror images: reach waits for a stretch all true, hold breaks on a stretch all false.
"""

from __future__ import annotations

from dataclasses import dataclass

from relayer.conditions.signal import Level, Truth, halves_text
from relayer.conditions.track import Sides, Sight
from relayer.domain.units import Millis


@dataclass(frozen=True, slots=True)
class Stretch:
    """The stretch that decides: its end (with `held_s` 0 its one instant) and the signal at its last instant."""

    end_ms: Millis
    value: str | None


class Dwell:
    """Consecutive trading time in which one level compares as `wanted`, span by span."""

    def __init__(self, level: Level, held_ms: int, wanted: Truth) -> None:
        self.found: Stretch | None = None
        """The first stretch in which every comparison is `wanted`."""
        self.possible = False
        """Whether some stretch holds no comparison that is surely not `wanted`."""
        self._level = level
        self._held_ms = held_ms
        self._wanted = wanted
        self._run_ms = 0
        self._possible_run_ms = 0

    def on_span(self, from_ms: Millis, to_ms: Millis, sight: Sight, sides: Sides | None) -> None:
        """A span of trading time inside the window."""
        if self.found is not None:
            return
        truth = self._level.truth(sight, sides)
        if truth is self._wanted:
            self._find(from_ms, to_ms, sides)
            self._run_ms += to_ms - from_ms
        else:
            self._run_ms = 0
        if truth is self._wanted or truth is Truth.MAYBE:
            self._possible_run_ms += to_ms - from_ms
            self.possible = self.possible or self._possible_run_ms >= self._held_ms
        else:
            self._possible_run_ms = 0

    def _find(self, from_ms: Millis, to_ms: Millis, sides: Sides | None) -> None:
        end_ms = Millis(from_ms + max(self._held_ms - self._run_ms, 0))
        if end_ms <= to_ms:
            value = self._level.value(sides) if sides else None
            self.found = Stretch(end_ms, None if value is None else halves_text(value))
