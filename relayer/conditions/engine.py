"""Many armed specs in one process: what an event costs does not depend on how many there are.

`reach` and `hold` of one parent's book, and `outcome`, share what they look at (`group.py`), as long as they are armed
before their window begins. Every other spec has a `Condition` of its own, behind the same calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from relayer.conditions.arming import attains
from relayer.conditions.condition import Condition
from relayer.conditions.decision import Decision
from relayer.conditions.dwell import crossing_decision, crossing_judgement
from relayer.conditions.group import Group
from relayer.conditions.judged import NOT_OVER, Judged, judge_decision, judge_result, too_little
from relayer.conditions.oriented import levels_asked
from relayer.conditions.parent import Handle, Parent
from relayer.conditions.rows import Mark, Rows
from relayer.conditions.signal import Quoted
from relayer.conditions.spec import Executable, Hold, Mid, Reach, Resolves, Spec, Trades
from relayer.conditions.track import Sight
from relayer.domain.feeds import Candle, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Size
from relayer.domain.verdicts import Answer, Coverage, Outcome, Verdict

_OUTCOME = Executable(Size(1), 1)
"""What the coverage of an outcome looks at: any book. Nobody else has this key, for it waits for no candles."""


class Engine:
    """All armed specs. Events come market first, each market's in order of time, as a `Condition` takes them.

    candles_follow: as of a `Condition`; those that are handed over must be made alike. candles: some are told, before
    what lies behind their gaps unless they follow.
    """

    def __init__(self, *, candles_follow: bool = False, candles: bool = False) -> None:
        self.candles_follow = candles_follow
        self._candles = candles or candles_follow
        self.rows = Rows()
        self.news: list[int] = []
        self.groups: dict[int, Group] = {}
        self.next_group = 0
        self.parents: dict[MarketId, Parent] = {}
        self.own: dict[Handle, Condition] = {}
        self.touched: set[Handle] = set()
        self.owned = 0

    def parent(self, market: MarketId) -> Parent:
        """Takes the events of one market without the look-up; made on first use."""
        found = self.parents.get(market)
        if found is None:
            found = self.parents[market] = Parent(market, self.touched)
        return found

    def group(self, market: MarketId, source: Executable | Mid, standing: Quoted | None = None) -> Group:
        """Who looks at this signal; made on first use. standing: the book that is known to stand now."""
        parent = self.parent(market)
        if source not in parent.groups:
            follow = self.candles_follow and source != _OUTCOME
            group = Group(market, source, self.rows, self.news, self.next_group, candles_follow=follow)
            self.groups[self.next_group] = group
            self.next_group += 1
            parent.introduce(group, market, standing)
            parent.take(source, group)
        return parent.groups[source]

    def adopt(self, handle: Handle, condition: Condition) -> None:
        """Drive on a condition that has heard all that it needs."""
        for leg in condition.spec.legs:
            self.parent(leg).adopt(handle, condition)
        self.own[handle] = condition
        self.touched.add(handle)

    def arm(
        self, spec: Spec, told: Condition | None = None, *, standing: Mapping[MarketId, Quoted] | None = None
    ) -> Handle:
        """Judge a spec from now on. Raises UsageError for what cannot be evaluated yet.

        told: a condition of this spec that has heard of the past, to be driven on. Without it a window that has begun
        knows nothing of what went before, except where the book's signal is followed already. standing: the books that
        are known to stand now, for who has not heard of them.
        """
        books = standing or {}
        shareable = _shareable(spec, candles=self._candles)
        if told is None and shareable and self.parent(spec.legs[0]).heard_ms <= spec.start_ms:
            market = spec.legs[0]
            self.parent(market).note()
            return self._share(spec, self.group(market, _signal_of(spec), books.get(market)))
        condition = told or Condition(spec, candles_follow=self.candles_follow)
        if told is None:
            for leg in spec.legs:
                self.parent(leg).introduce(condition, leg, books.get(leg))
        self.owned += 1
        self.adopt(-self.owned, condition)
        return -self.owned

    def disarm(self, handle: Handle) -> None:
        """Forget a spec. Raises KeyError for one that is not armed."""
        if handle in self.own:
            for leg in self.own.pop(handle).spec.legs:
                self.parents[leg].release(handle)
            self.touched.discard(handle)
            return
        rows = self._armed_rows(handle)
        group = self.groups[self.rows.group[rows[0]]]
        for row in rows:
            group.remove(row)
            self.rows.free(row)
        self.news[:] = [row for row in self.news if self.rows.mark[row] & Mark.ARMED]
        if group.idle:
            del self.groups[group.number]
            self.parents[group.market].drop(group)

    def decided(self) -> list[Handle]:
        """Those whose verdict is no longer pending, each once: ask for it.

        A final result that is taken back may bring one a second time.
        """
        rows = dict.fromkeys(map(self.rows.handle, self.news))
        touched = list(self.touched)
        self.news.clear()
        self.touched.clear()
        own = [handle for handle in touched if self._is_decided(handle)]
        return [row for row in rows if self._is_news(row)] + own

    def verdict(self, handle: Handle) -> Verdict:
        """The verdict from all that was told so far. Raises KeyError for one that is not armed."""
        if handle in self.own:
            for leg in self.own[handle].spec.legs:
                self.parents[leg].note()
            return self.own[handle].verdict()
        row = self._armed_rows(handle)[0]
        group = self.groups[self.rows.group[row]]
        self.parents[group.market].note()
        group.flush()
        spent = group.sights.within(*self._window(row))
        return Verdict(*self._judge(handle, group, spent), self._coverage(row, group, spent))

    def on_book(self, market: MarketId, at_ms: Millis, book: Quoted) -> None:
        """The book from `at_ms` on; read at once, not kept."""
        parent = self.parents.get(market)
        if parent is None:
            parent = self.parent(market)
        parent.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        """One trade, block trades included."""
        self.parent(market).on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        """Status from `at_ms` on; `since_ms`: the last moment at which the old one is sure."""
        self.parent(market).on_status(market, at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        """The venue's result in the venue's word."""
        self.parent(market).on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, trades: bool) -> None:
        """Nothing is proven in `[from_ms, to_ms)`; `trades`: every trade inside is told all the same."""
        self.parent(market).on_gap(market, from_ms, to_ms, trades)

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        """A venue candle, which bounds what gaps leave open."""
        self.parent(market).on_candle(market, candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        """Everything before `at_ms` has been told."""
        self.parent(market).on_watermark(market, at_ms)

    def prove(self, market: MarketId, book_ms: Millis, trades_ms: Millis) -> None:
        """Nothing before these moments is missing of book and trades, though the watermark is not there yet."""
        self.parent(market).prove(book_ms, trades_ms)

    def _share(self, spec: Spec, group: Group) -> Handle:
        rows = [self._add(spec, group.number, mark, level) for mark, level in _asked(spec)]
        if len(rows) == 2:
            self.rows.join(*rows)
        for row in rows:
            group.add(row)
        return min(rows)

    def _add(self, spec: Spec, group: int, mark: int, level: int) -> int:
        held_s, start_s, end_s = (ms // 1000 for ms in (spec.held_ms, spec.start_ms, spec.end_ms))
        return self.rows.add(mark | Mark.ARMED, group, level, held_s, start_s, end_s)

    def _armed_rows(self, handle: Handle) -> list[int]:
        rows = self.rows
        if not 0 <= handle < len(rows.mark) or not rows.mark[handle] & Mark.ARMED or rows.handle(handle) != handle:
            raise KeyError(handle)
        return rows.levels(handle)

    def _window(self, row: int) -> tuple[int, int]:
        return self.rows.start_s[row] * 1000, self.rows.end_s[row] * 1000

    def _judge(self, handle: Handle, group: Group, spent: tuple[int, ...]) -> Judged:
        track, mark = group.track, self.rows.mark[handle]
        if mark & Mark.RESULT:
            return judge_result(Outcome.YES if mark & Mark.WANTS_YES else Outcome.NO, track.result, track.final_ms)
        if (decision := self._decision(handle)) is not None:
            return judge_decision(decision, Answer.NO if mark & Mark.HOLD else Answer.YES)
        end_ms = Millis(self._window(handle)[1])
        if track.final_ms is None and track.watermark_ms < end_ms:
            return NOT_OVER
        over_ms = end_ms if track.final_ms is None else min(end_ms, track.final_ms)
        trading_ms = sum(spent) - spent[Sight.NOT_TRADING]
        if trading_ms == 0 or trading_ms < self.rows.held_s[handle] * 1000:
            return too_little(over_ms, trading_ms)
        possible = [bool(self.rows.mark[row] & Mark.POSSIBLE) for row in self.rows.levels(handle)]
        judgement = crossing_judgement(possible, hold=bool(mark & Mark.HOLD))
        return Judged(judgement.answer, over_ms, judgement.reason)

    def _decision(self, handle: Handle) -> Decision | None:
        found = [self.rows.found(row) for row in self.rows.levels(handle)]
        return crossing_decision(found, hold=bool(self.rows.mark[handle] & Mark.HOLD))

    def _is_found(self, handle: Handle) -> bool:
        """Whether there is a decision: of one level, to break a hold of all."""
        found = [self.rows.mark[row] & Mark.FOUND for row in self.rows.levels(handle)]
        return all(found) if self.rows.mark[handle] & Mark.HOLD else any(found)

    def _is_decided(self, handle: Handle) -> bool:
        """Of an own condition; one that waits for a quote to be proven is asked again."""
        if self.verdict(handle).answer is not Answer.PENDING:
            return True
        if not all(self.parents[leg].proven for leg in self.own[handle].spec.legs):
            self.touched.add(handle)
        return False

    def _is_news(self, handle: Handle) -> bool:
        """What a final result decided may be taken back with it; what the path or the clock did stands."""
        if self.rows.mark[handle] & Mark.REPORTED:
            return False
        track = self.groups[self.rows.group[handle]].track
        over = not self.rows.mark[handle] & Mark.RESULT and track.watermark_ms >= self._window(handle)[1]
        if over or self._is_found(handle):
            self.rows.mark[handle] |= Mark.REPORTED
            return True
        return track.final_ms is not None

    def _coverage(self, handle: Handle, group: Group, spent: tuple[int, ...]) -> Coverage:
        start_ms, end_ms = self._window(handle)
        final_ms = group.track.final_ms
        after_final_ms = 0 if final_ms is None else max(end_ms - max(final_ms, start_ms), 0)
        return Coverage(
            window_ms=end_ms - start_ms,
            observed_ms=spent[Sight.OBSERVED],
            bounded_ms=spent[Sight.BOUNDED],
            unknown_ms=spent[Sight.UNKNOWN],
            not_trading_ms=spent[Sight.NOT_TRADING] + after_final_ms,
        )


def _shareable(spec: Spec, *, candles: bool) -> bool:
    """What a candle attains is not shared: it must lie in the window of each spec."""
    if len(spec.legs) == 2 or isinstance(spec.price, Trades) or (candles and attains(spec)):
        return False
    return isinstance(spec.test, Reach | Hold | Resolves)


def _signal_of(spec: Spec) -> Executable | Mid:
    """What all dwells share."""
    return replace(spec.price, held_ms=0) if isinstance(spec.price, Executable | Mid) else _OUTCOME


def _asked(spec: Spec) -> list[tuple[int, int]]:
    """Marks and oriented level of every row that a spec takes."""
    match spec.test:
        case Resolves(result):
            return [(Mark.RESULT | (Mark.WANTS_YES if result is Outcome.YES else 0), 0)]
        case Reach() | Hold():
            hold = Mark.HOLD if isinstance(spec.test, Hold) else 0
            return [(hold | (Mark.UP if up else 0), level) for up, level in levels_asked(spec.test)]
    raise ValueError(f"{spec.test} is not shared")
