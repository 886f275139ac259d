"""How far the venue's clock is from ours, from the HTTP `Date` of its answers: an interval, never a guess."""

from __future__ import annotations

from collections import deque
from email.utils import parsedate_to_datetime


class VenueTime:
    """Bounds of (venue clock - our clock), in milliseconds, over the last answers.

    A `Date` is cut to whole seconds, so one answer bounds the offset to a second plus the round trip; several
    narrow it. Bounds that contradict each other mean that a clock was set: then only the newest counts.
    """

    def __init__(self) -> None:
        self._bounds: deque[tuple[float, float]] = deque(maxlen=32)
        self.offset_ms: tuple[float, float] = (0.0, 0.0)

    def observe(self, date: str, *, sent_ms: float, received_ms: float) -> None:
        """Learn from one answer, sent and received at these wall times. A malformed date teaches nothing."""
        try:
            venue_ms = parsedate_to_datetime(date).timestamp() * 1000
        except ValueError:
            return
        self._bounds.append((venue_ms - received_ms, venue_ms + 1000 - sent_ms))
        low, high = max(low for low, _ in self._bounds), min(high for _, high in self._bounds)
        if low > high:
            low, high = self._bounds[-1]
            self._bounds = deque([(low, high)], maxlen=32)
        self.offset_ms = (low, high)

    def earliest(self, local_ms: float) -> int:
        """The least that the venue's clock can show now."""
        return int(local_ms + self.offset_ms[0])

    def latest(self, local_ms: float) -> int:
        """The most that the venue's clock can show now."""
        return int(local_ms + self.offset_ms[1]) + 1
