"""What every test of a path is to the condition that drives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from relayer.conditions.events import Candle
from relayer.conditions.signal import States
from relayer.domain.feeds import Trade
from relayer.domain.units import Millis
from relayer.domain.verdicts import Answer


@dataclass(frozen=True, slots=True)
class Decision:
    """What the path showed for certain: the moment, and the value that completed it (None: an absent signal)."""

    at_ms: Millis
    halves: int | None

    @classmethod
    def earlier(cls, one: Decision | None, other: Decision | None) -> Decision | None:
        """The earlier of two, the first of two at the same moment."""
        if one is None or other is None:
            return one or other
        return other if other.at_ms < one.at_ms else one


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer once the window is over; `halves`: the witness of a yes of `at`."""

    answer: Answer
    reason: str
    halves: int | None = None


class PathTest(Protocol):
    """One test, told the known time of its window bit by bit in order."""

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        """Trading time inside the window with one state throughout."""

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        """The trades of one millisecond of the window that count, told before the span that begins there."""

    def on_candle(self, candle: Candle) -> None:
        """A candle wholly in its gap, the window and trading time, told once its last instant is."""

    def decision(self) -> Decision | None:
        """What is certain before the window is over."""

    def judge(self) -> Judgement:
        """The answer once the window is over, without a decision."""
