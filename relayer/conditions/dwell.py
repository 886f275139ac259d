"""`reach` and `hold` on books: does the signal stay on one side of a level for a stretch of `held_s` (section 4).

The two are mirror images: reach waits for a stretch all true, hold breaks on a stretch all false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relayer.conditions.decision import Decision, Judgement
from relayer.conditions.events import Candle
from relayer.conditions.signal import Bounds, Level, Presence, States, Truth
from relayer.conditions.track import LONG_AGO
from relayer.domain.feeds import Trade
from relayer.domain.units import NO_ASK, NO_BID, Millis
from relayer.domain.verdicts import Answer


@dataclass(slots=True)
class Open:
    """A stretch under way: trading time spent in it, and the moment before which a candle in it is not known."""

    spent_ms: int
    follows_ms: int


class Dwell:
    """Consecutive trading time in which one level compares as `wanted`."""

    def __init__(self, level: Level, held_ms: int, wanted: Truth) -> None:
        self.found: Decision | None = None
        """The stretch all `wanted` that is certain first."""
        self.possible = False
        """Whether some stretch holds no comparison that is surely not `wanted`."""
        self._level = level
        self._held_ms = held_ms
        self._wanted = wanted
        self._open: list[Open] = []
        self._after_candle = True
        self._possible_ms = 0
        self.run_ms = 0
        """Trading time all `wanted` up to now."""
        self.longest_ms = 0

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        if self.found is not None and self.found.at_ms <= from_ms:
            return
        bounds = self._level.signal(states)
        truth = self._level.truth(bounds)
        if truth is self._wanted:
            self.run_ms += to_ms - from_ms
            self.longest_ms = max(self.longest_ms, self.run_ms)
            self._lengthen(from_ms, to_ms, bounds, follows(states))
        else:
            self.run_ms = 0
            self._open.clear()
            self._after_candle = True
        if truth is self._wanted or truth is Truth.MAYBE:
            self._possible_ms += to_ms - from_ms
            self.possible = self.possible or self._possible_ms >= self._held_ms
        else:
            self._possible_ms = 0

    def on_instant(self, at_ms: Millis, bounds: Bounds) -> None:
        """An observed instant at an unknown time, which follows at `at_ms`."""
        if self._level.truth(bounds) is self._wanted:
            self.found = Decision.earlier(self.found, Decision(at_ms, bounds.lo))

    def _lengthen(self, from_ms: Millis, to_ms: Millis, bounds: Bounds, follows_ms: int) -> None:
        """A stretch may begin where the run does, or later: behind a candle, so as not to wait for its end."""
        if self._after_candle:
            self._open.append(Open(0, LONG_AGO))
        self._after_candle = follows_ms > LONG_AGO
        for stretch in self._open:
            stretch.follows_ms = max(stretch.follows_ms, follows_ms)
            end_ms = from_ms + max(self._held_ms - stretch.spent_ms, 0)
            if end_ms <= to_ms:
                value = self._level.nearest(bounds, self._wanted)
                done = Decision(Millis(max(end_ms, stretch.follows_ms)), value)
                self.found = Decision.earlier(self.found, done)
            stretch.spent_ms += to_ms - from_ms
        if self.found is not None:
            self._open = [stretch for stretch in self._open if stretch.spent_ms < self._held_ms]


def follows(states: States) -> int:
    """Whatever follows from a candle follows at its end."""
    ends = [state.candle.to_ms for state in states if state.candle is not None]
    return max(ends) if ends else LONG_AGO


class Crossing:
    """`reach` (any level, all true) or `hold` (broken when every level was lost)."""

    def __init__(self, levels: Sequence[Level], held_ms: int, *, hold: bool) -> None:
        self._hold = hold
        wanted = Truth.FALSE if hold else Truth.TRUE
        self._dwells = [Dwell(level, held_ms, wanted) for level in levels]
        self._levels = levels

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        for dwell in self._dwells:
            dwell.on_span(from_ms, to_ms, states)

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        """Trades say nothing about a book."""

    def on_candle(self, candle: Candle) -> None:
        """The lows and highs that are prices were attained."""
        for dwell, level in zip(self._dwells, self._levels, strict=True):
            for price in attained(candle, bid=level.up):
                dwell.on_instant(candle.to_ms, Bounds(2 * price, 2 * price, Presence.PRESENT))

    def dwelt(self) -> list[tuple[int, int]]:
        """Of every level: how long the signal is on the wanted side of it now, and was at most, in trading time."""
        return [(dwell.run_ms, dwell.longest_ms) for dwell in self._dwells]

    def decision(self) -> Decision | None:
        return crossing_decision([dwell.found for dwell in self._dwells], hold=self._hold)

    def judge(self) -> Judgement:
        return crossing_judgement([dwell.possible for dwell in self._dwells], hold=self._hold)


def crossing_decision(found: Sequence[Decision | None], *, hold: bool) -> Decision | None:
    """Of every level the stretch found: one decides `reach`, `hold` is broken when all are lost."""
    certain = [decision for decision in found if decision]
    if hold:
        return max(certain, key=_moment) if len(certain) == len(found) else None
    return min(certain, key=_moment, default=None)


def crossing_judgement(possible: Sequence[bool], *, hold: bool) -> Judgement:
    """Once the window is over without a decision; possible: of every level, whether there may be a stretch."""
    if hold:
        if all(possible):
            return Judgement(Answer.UNKNOWN, "where the data do not show it the level may have been lost")
        return Judgement(Answer.YES, "the level was held until the window was over")
    if any(possible):
        return Judgement(Answer.UNKNOWN, "where the data do not show it the level may have been reached")
    return Judgement(Answer.NO, "the window is over and the level was not reached")


def attained(candle: Candle, *, bid: bool) -> list[int]:
    """Low and high of one side of a candle, those that are prices."""
    side = candle.bid if bid else candle.ask
    if not isinstance(side, tuple):
        return []
    return [price for price in side[1:3] if price > NO_BID and (bid or price < NO_ASK)]


def _moment(decision: Decision) -> Millis:
    return decision.at_ms
