"""`at`, `average` and `realized`: what is measured once the window is over (section 4)."""

from __future__ import annotations

from collections.abc import Sequence

from relayer.conditions.decision import Decision, Judgement
from relayer.conditions.events import Candle
from relayer.conditions.signal import FULL, Bounds, Level, Presence, Signal, States, Truth, closing_mid
from relayer.conditions.spec import Mid, Realized
from relayer.domain.feeds import Trade
from relayer.domain.units import Millis
from relayer.domain.verdicts import Answer


class _Measure:
    """Decides nothing before the window is over, and takes neither trades nor attained prices."""

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        """Trades say nothing about a book."""

    def on_candle(self, candle: Candle) -> None:
        """A mid attains nothing."""

    def decision(self) -> Decision | None:
        return None


class Standing(_Measure):
    """`at`: the value of the last trading instant until the time."""

    def __init__(self, level: Level, at_ms: Millis) -> None:
        self._level = level
        self._at_ms = at_ms
        self._last: Bounds | None = None

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        if from_ms <= self._at_ms:
            self._last = self._level.signal(states)

    def judge(self) -> Judgement:
        if self._last is None:
            return Judgement(Answer.UNKNOWN, "nothing was traded in the window until the time")
        if self._last.presence is Presence.ABSENT:
            return Judgement(Answer.UNKNOWN, "at the time there was no price")
        truth = self._level.truth(self._last)
        if truth is Truth.MAYBE:
            return Judgement(Answer.UNKNOWN, "the data do not show the price at the time")
        if truth is Truth.FALSE:
            return Judgement(Answer.NO, "the price stood on the other side of the level")
        halves = self._level.nearest(self._last, Truth.TRUE)
        return Judgement(Answer.YES, "the price stood at or beyond the level", halves)


class Mean(_Measure):
    """`average`: time-weighted sums of both bounds."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self._spent_ms = 0
        self._absent_ms = 0
        self._low = 0
        self._high = 0

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        lo, hi, presence = self._level.signal(states)
        length = to_ms - from_ms
        self._spent_ms += length
        if presence is Presence.ABSENT:
            self._absent_ms += length
        elif presence is Presence.MAYBE:
            self._high += FULL * length
        else:
            self._low += lo * length
            self._high += hi * length

    def judge(self) -> Judgement:
        counted = self._spent_ms - self._absent_ms
        if counted == 0 or self._absent_ms * 10 > self._spent_ms:
            return Judgement(Answer.UNKNOWN, f"without a price for {self._absent_ms} ms of {self._spent_ms} ms")
        level = self._level._replace(halves=self._level.halves * counted)
        satisfied = [level.met_by(total) for total in (self._low, self._high)]
        if all(satisfied):
            return Judgement(Answer.YES, "the average lies at or beyond the level")
        if any(satisfied):
            return Judgement(Answer.UNKNOWN, "what the data do not show could move the average across the level")
        return Judgement(Answer.NO, "the average lies on the other side of the level")


class Squares(_Measure):
    """`realized`: the sum of squared differences of neighbouring samples, between two bounds."""

    def __init__(self, test: Realized, source: Mid, signal: Signal, start_ms: Millis, end_ms: Millis) -> None:
        self._amount = (2 * test.amount) ** 2
        self._step_ms = test.step_ms
        self._source = source
        self._signal = signal
        self._next_ms = int(start_ms)
        self._end_ms = end_ms
        self._last: int | None = None
        self._any = False
        self._low = 0
        self._high = 0

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        while self._next_ms <= to_ms and self._next_ms <= self._end_ms:
            if self._next_ms > from_ms:
                self._sample(self._bounds(states, self._next_ms))
            self._next_ms += self._step_ms

    def judge(self) -> Judgement:
        if self._low > self._amount:
            return Judgement(Answer.YES, "the samples moved by more than the amount")
        if self._high > self._amount:
            return Judgement(Answer.UNKNOWN, "samples that the data do not show may have moved by more")
        return Judgement(Answer.NO, "the samples did not move by more than the amount")

    def _bounds(self, states: States, at_ms: int) -> Bounds:
        """The value in force just before `at_ms`."""
        candle = states[0].candle
        if candle is not None and candle.to_ms == at_ms:
            return closing_mid(self._source, candle)
        return self._signal(states)

    def _sample(self, bounds: Bounds) -> None:
        if bounds.presence is Presence.ABSENT:
            return
        exact = bounds.presence is Presence.PRESENT and bounds.lo == bounds.hi
        value = bounds.lo if exact else None
        if self._any:
            if value is None or self._last is None:
                self._high += FULL**2
            else:
                self._low += (value - self._last) ** 2
                self._high += (value - self._last) ** 2
        self._any, self._last = True, value
