"""One market's events in order of time, turned into spans of constant knowledge (`conditions.md` section 2).

A span is told once, when nothing in it can change any more: the state of an instant is that after all events of its
millisecond, so what happens at `known_ms` waits until something later proves that nothing before is missing.
What a span means for a question is left to the listener.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from relayer.domain.units import Millis, Price

LONG_AGO = Millis(-(2**62))

Sides = tuple[Price | None, Price | None]
"""Bid and ask at the size that the question looks at, None for an absent side."""


class Sight(IntEnum):
    """How well an instant is known."""

    NOT_TRADING = 0
    UNKNOWN = 1
    BOUNDED = 2
    OBSERVED = 3


class SpanListener(Protocol):
    def on_span(self, from_ms: Millis, to_ms: Millis, sight: Sight, sides: Sides | None) -> None:
        """`[from_ms, to_ms)`, never empty, each beginning where the last one ended; `sides` where observed."""


class Track:
    """Knowledge of one market. `known_ms`: every instant before it is told; `final`: the governing final result.

    The time from a final result on is kept back: it is not trading, unless a later result takes the finality away.
    """

    def __init__(self, listener: SpanListener) -> None:
        self.known_ms = LONG_AGO
        self.watermark_ms = LONG_AGO
        self.result: str | None = None
        """Word of the latest result."""
        self.final_ms: Millis | None = None
        self._listener = listener
        self._trading = True
        self._sides: Sides | None = None
        self._gaps: list[tuple[Millis, Millis]] = []
        self._kept_back: list[tuple[Millis, Millis, Sight, Sides | None]] = []
        self._statuses: list[bool] = []
        self._quote: Sides | None = None

    def on_quote(self, at_ms: Millis, sides: Sides) -> None:
        self.prove(at_ms)
        if at_ms == self.known_ms:
            self._quote = sides
        else:
            self.on_gap(at_ms, Millis(self.known_ms + 1))

    def on_status(self, at_ms: Millis, trading: bool, since_ms: Millis | None) -> None:
        if since_ms is not None and since_ms < at_ms:
            self.on_gap(since_ms, at_ms)
        self.prove(at_ms)
        self._statuses.append(trading)

    def on_result(self, at_ms: Millis, result: str, final: bool) -> None:
        self.prove(at_ms)
        same = final and self.final_ms is not None and result == self.result
        self.result = result
        if not same:
            self.final_ms = self.known_ms if final else None
            self._release()

    def on_gap(self, from_ms: Millis, to_ms: Millis) -> None:
        """Nothing is proven in `[from_ms, to_ms)`; what is already told stays told."""
        from_ms = max(from_ms, self.known_ms)
        if to_ms <= from_ms:
            return
        self._gaps.append((from_ms, to_ms))
        self._gaps.sort()

    def on_watermark(self, at_ms: Millis) -> None:
        self.prove(at_ms)
        self.watermark_ms = max(self.watermark_ms, at_ms)

    def prove(self, at_ms: Millis) -> None:
        """No event before `at_ms` is missing: tell all until then."""
        if at_ms <= self.known_ms:
            return
        self._settle()
        self._tell_until(at_ms)
        self.known_ms = at_ms

    def _release(self) -> None:
        kept_back, self._kept_back = self._kept_back, []
        for span in kept_back:
            self._listener.on_span(*span)

    def _settle(self) -> None:
        """Apply what happened at `known_ms`, statuses first."""
        for trading in self._statuses:
            if self._trading and not trading:
                self._sides = None
            self._trading = trading
        self._statuses.clear()
        if self._quote is not None:
            if self._trading and not any(start <= self.known_ms < end for start, end in self._gaps):
                self._sides = self._quote
            self._quote = None

    def _tell_until(self, to_ms: Millis) -> None:
        position = self.known_ms
        if self._trading and self._gaps:
            for start, end in self._gaps:
                position = self._tell_gap(position, start, end, to_ms)
        self._gaps = [gap for gap in self._gaps if gap[1] > to_ms]
        if position < to_ms:
            self._tell_state(position, to_ms)

    def _tell_gap(self, position: Millis, start: Millis, end: Millis, to_ms: Millis) -> Millis:
        """Tell from `position` through the part of one gap that lies before `to_ms`; returns the new position."""
        start, end = min(start, to_ms), min(end, to_ms)
        if position < start:
            self._tell_state(position, start)
            position = start
        if position < end:
            self._sides = None
            self._tell(position, end, Sight.UNKNOWN, None)
            position = end
        return position

    def _tell_state(self, from_ms: Millis, to_ms: Millis) -> None:
        if not self._trading:
            self._tell(from_ms, to_ms, Sight.NOT_TRADING, None)
        elif self._sides is None:
            self._tell(from_ms, to_ms, Sight.UNKNOWN, None)
        else:
            self._tell(from_ms, to_ms, Sight.OBSERVED, self._sides)

    def _tell(self, from_ms: Millis, to_ms: Millis, sight: Sight, sides: Sides | None) -> None:
        if self.final_ms is None:
            self._listener.on_span(from_ms, to_ms, sight, sides)
        elif self._kept_back and self._kept_back[-1][2:] == (sight, sides):
            self._kept_back[-1] = (self._kept_back[-1][0], to_ms, sight, sides)
        else:
            self._kept_back.append((from_ms, to_ms, sight, sides))
