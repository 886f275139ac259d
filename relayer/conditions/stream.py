"""All thresholds on one side of one signal: windows that begin and end, dwells that complete.

A threshold waits for a price at or above its level. Every comparison is turned into that: prices of asks and of lost
levels are told negated (`group.py`), so one set of stairs and lanes serves both directions, reach and hold.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from relayer.conditions.lane import Lane, threshold
from relayer.conditions.oriented import oriented
from relayer.conditions.rows import Mark, Rows
from relayer.conditions.signal import Bounds, Presence
from relayer.conditions.stairs import HIGHEST, LOWEST, Stairs
from relayer.conditions.steady import UNREACHED
from relayer.conditions.track import LONG_AGO

_ROW_BITS = 30
_ROWS = (1 << _ROW_BITS) - 1
_NO_CANDLE = (0, 0)


class Stream:
    """Told the spans of a signal in order.

    The certain price is the one surely there, the possible price the one that cannot be excluded; where the book is
    observed they are one. What is certain by a candle follows at the end of the candle; so that a stretch behind it
    need not wait for that, a third price, the shown one, is what is certain without candles: kept from the first on.
    """

    __slots__ = (
        "_absent",
        "_candle",
        "_certain",
        "_ends",
        "_lanes",
        "_news",
        "_possible",
        "_rows",
        "_shown",
        "_shown_lanes",
        "_sign",
        "_starts",
        "_turn_ms",
        "_zero",
        "over",
        "quiet_ms",
        "up",
    )

    def __init__(self, rows: Rows, news: list[int], *, up: bool, hold: bool) -> None:
        self.up = up
        self._absent, self._zero = oriented(None, up=up, hold=hold), oriented(0, up=up, hold=hold)
        self._sign = oriented(1, up=up, hold=hold) - self._zero
        self.quiet_ms: int = UNREACHED
        """Before it nothing completes and no window turns, unless the price moves."""
        self.over: list[int] = []
        """Rows whose windows have ended, until somebody takes them."""
        self._rows = rows
        self._news = news
        self._certain, self._possible = Stairs(), Stairs()
        self._lanes: dict[int, tuple[Lane, Lane]] = {}
        self._shown: Stairs | None = None
        self._shown_lanes: dict[int, Lane] = {}
        self._candle = _NO_CANDLE
        self._starts, self._ends = array("q"), array("q")
        self._turn_ms: int = UNREACHED

    def add(self, row: int) -> None:
        """Arm a row whose window has not begun."""
        insort(self._starts, self._rows.start_s[row] << _ROW_BITS | row)
        insort(self._ends, self._rows.end_s[row] << _ROW_BITS | row)
        self._set_turn()

    def remove(self, row: int) -> None:
        """Forget a row, wherever it is."""
        for agenda, moments in ((self._starts, self._rows.start_s), (self._ends, self._rows.end_s)):
            entry = moments[row] << _ROW_BITS | row
            at = bisect_left(agenda, entry)
            if at < len(agenda) and agenda[at] == entry:
                del agenda[at]
        if row in self.over:
            self.over.remove(row)
        self._leave(row)
        self._set_turn()

    def running(self) -> list[int]:
        """Rows whose windows have not ended."""
        return [entry & _ROWS for entry in self._ends]

    def kinds(self) -> tuple[list[int], list[int] | None]:
        """The dwells waited for, in seconds; of the shown price too, None before the first candle."""
        return list(self._lanes), None if self._shown is None else list(self._shown_lanes)

    def prepare(self, held_s: Iterable[int], shown_s: Iterable[int] | None) -> None:
        """Inverse of `kinds`, for a fresh stream whose state is about to be restored."""
        self._lanes = {held: (Lane(held * 1000), Lane(held * 1000)) for held in held_s}
        if shown_s is not None:
            self._shown = Stairs()
            self._shown_lanes = {held: Lane(held * 1000) for held in shown_s}

    def tell(self, from_ms: int, to_ms: int, halves: int | None, moment: int) -> None:
        """One span of trading time with an observed signal (None: absent); it begins at `moment` of trading time."""
        self.move(halves, moment)
        self.go_on(from_ms, to_ms, moment)

    def move(self, halves: int | None, moment: int) -> None:
        """An observed signal from this moment of trading time on, for `go_on` to judge."""
        price = self._absent if halves is None else self._zero + self._sign * halves
        self._certain.move(price, moment)
        self._possible.move(price, moment)
        if self._shown is not None:
            self._shown.move(price, moment)

    def go_on(self, from_ms: int, to_ms: int, moment: int) -> None:
        """Judge a span of trading time in which the prices stay as they were moved."""
        self._walk(from_ms, to_ms, moment)
        due = min((lane.due(stairs) for lane, stairs in self._looking()), default=UNREACHED)
        self.quiet_ms = min(self._turn_ms, from_ms + due - moment)

    def tell_bounded(self, from_ms: int, to_ms: int, bounds: Bounds, candle_end_ms: int, moment: int) -> None:
        """One span of trading time that a candle bounds."""
        if self._shown is None:
            self._shown = self._certain.copy()
            self._shown_lanes = {held_s: certain.copy() for held_s, (certain, _) in self._lanes.items()}
        prices = [self._absent] if bounds.presence is not Presence.PRESENT else []
        if bounds.presence is not Presence.ABSENT:
            prices += [self._zero + self._sign * halves for halves in (bounds.lo, bounds.hi)]
        self._candle = candle_end_ms, moment + to_ms - from_ms
        self._tell(from_ms, to_ms, min(prices), max(prices), moment)

    def tell_unknown(self, from_ms: int, to_ms: int, moment: int) -> None:
        """One span of trading time in which nothing is certain and everything is possible."""
        self._tell(from_ms, to_ms, LOWEST, HIGHEST, moment)

    def pause(self, to_ms: int, moment: int) -> None:
        """A span that is not trading, until `to_ms`: windows begin and end in it, no dwell accrues."""
        if to_ms >= self._turn_ms:
            self._begin(to_ms - 1, moment)
            self._end(to_ms)
            self.quiet_ms = LONG_AGO

    def _tell(self, from_ms: int, to_ms: int, certain: int, possible: int, moment: int) -> None:
        """One span of trading time that is not observed."""
        self._certain.move(certain, moment)
        self._possible.move(possible, moment)
        if self._shown is not None:
            self._shown.move(LOWEST, moment)
        self.go_on(from_ms, to_ms, moment)

    @property
    def shortest_ms(self) -> int:
        """The shortest dwell waited for, but for none at all."""
        return min((held_s * 1000 for held_s in self._lanes if held_s), default=UNREACHED)

    @property
    def band(self) -> tuple[int, int]:
        """Between these two, in half centi-cents, nobody has what he waits for who waits for no dwell.

        What is not certain yet holds all that is not possible yet.
        """
        at_once = [self._lanes[0][0].lowest] if 0 in self._lanes else []
        at_once += [self._shown_lanes[0].lowest] if 0 in self._shown_lanes else []
        halves = self._sign * (min(at_once, default=HIGHEST) - self._zero)
        return (-1, halves) if self._sign > 0 else (halves, UNREACHED)

    def _looking(self) -> Iterator[tuple[Lane, Stairs]]:
        for certain, possible in self._lanes.values():
            yield certain, self._certain
            yield possible, self._possible
        if self._shown is not None:
            for lane in self._shown_lanes.values():
                yield lane, self._shown

    def _walk(self, from_ms: int, to_ms: int, moment: int) -> None:
        """From turn to turn: the dwells of a stretch of time complete before the windows that end with it."""
        while from_ms < to_ms:
            self._begin(from_ms, moment)
            cut_ms = min(to_ms, self._turn_ms)
            self._complete(from_ms, cut_ms, moment)
            self._end(cut_ms)
            moment += cut_ms - from_ms
            from_ms = cut_ms

    def _begin(self, at_ms: int, moment: int) -> None:
        """Windows that have begun by this moment enter their lanes."""
        for row in self._take(self._starts, at_ms):
            certain, possible = self._lanes_of(row)
            entry = threshold(self._rows.level[row], row)
            certain.enter(entry, self._certain, moment)
            possible.enter(entry, self._possible, moment)
            if self._shown is not None:
                self._shown_lane_of(row).enter(entry, self._shown, moment)

    def _end(self, at_ms: int) -> None:
        """Windows that have ended by this moment leave."""
        for row in self._take(self._ends, at_ms):
            self._leave(row)
            self.over.append(row)

    def _take(self, agenda: array[int], until_ms: int) -> list[int]:
        count = bisect_left(agenda, (until_ms // 1000 + 1) << _ROW_BITS)
        if not count:
            return []
        rows = [entry & _ROWS for entry in agenda[:count]]
        del agenda[:count]
        self._set_turn()
        return rows

    def _leave(self, row: int) -> None:
        if not self._rows.mark[row] & Mark.FOUND:
            for lane in self._lanes_of(row):
                lane.leave(threshold(self._rows.level[row], row))
        if self._shown is not None:
            self._shown_lane_of(row).leave(threshold(self._rows.level[row], row))

    def _complete(self, from_ms: int, to_ms: int, moment: int) -> None:
        until = moment + to_ms - from_ms
        for held_s, (certain, possible) in self._lanes.items():
            for done in certain.take(self._certain, until):
                at_ms = from_ms + max(done.moment - moment, 0)
                self._rows.find(
                    done.row, max(at_ms, self._follows_ms(done.moment - held_s * 1000)), self._certain.price
                )
                self._news.append(done.row)
            for done in possible.take(self._possible, until):
                self._rows.mark[done.row] |= Mark.POSSIBLE
        if self._shown is not None:
            for lane in self._shown_lanes.values():
                for done in lane.take(self._shown, until):
                    self._rows.find(done.row, from_ms + max(done.moment - moment, 0), self._shown.price)

    def _follows_ms(self, begun: int) -> int:
        """The end of the last candle, if a stretch that began at this moment saw any of it."""
        end_ms, seen_until = self._candle
        return end_ms if begun < seen_until else 0

    def _lanes_of(self, row: int) -> tuple[Lane, Lane]:
        held_s = self._rows.held_s[row]
        if held_s not in self._lanes:
            self._lanes[held_s] = Lane(held_s * 1000), Lane(held_s * 1000)
        return self._lanes[held_s]

    def _shown_lane_of(self, row: int) -> Lane:
        held_s = self._rows.held_s[row]
        if held_s not in self._shown_lanes:
            self._shown_lanes[held_s] = Lane(held_s * 1000)
        return self._shown_lanes[held_s]

    def _set_turn(self) -> None:
        turns = [agenda[0] >> _ROW_BITS for agenda in (self._starts, self._ends) if agenda]
        self._turn_ms = min(turns) * 1000 if turns else UNREACHED
        self.quiet_ms = min(self.quiet_ms, self._turn_ms)
