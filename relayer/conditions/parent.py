"""One market of the engine: passes on what is told of it to all that look at it."""

from __future__ import annotations

from relayer.conditions.condition import Condition
from relayer.conditions.group import Group
from relayer.conditions.signal import Quoted
from relayer.conditions.spec import Executable, Mid
from relayer.conditions.steady import UNREACHED, Steady
from relayer.conditions.track import LONG_AGO
from relayer.domain.feeds import Candle, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price

Handle = int
"""Names an armed spec until it is disarmed."""


class Parent:
    """One market: what stands now, and all that look at it.

    Told like a `Condition`, always of the same market. A quote that repeats the last one's best prices goes no further
    while nobody needs it: `note` tells of the newest such one before anything else is told or asked.
    """

    __slots__ = (
        "_ask",
        "_bid",
        "_due_ms",
        "_followed",
        "_instant",
        "_moved_ms",
        "_others",
        "_result",
        "_sized",
        "_status",
        "_touched",
        "groups",
        "heard_ms",
        "market",
        "own",
    )

    def __init__(self, market: MarketId, touched: set[Handle]) -> None:
        self.market = market
        self.groups: dict[Executable | Mid, Group] = {}
        self.own: dict[Handle, Condition] = {}
        self.heard_ms = LONG_AGO
        self._touched = touched
        self._status = MarketStatus.ACTIVE
        self._result: tuple[Millis, str, bool] | None = None
        self._followed: tuple[Steady, ...] = ()
        """Of the groups that look at the best prices."""
        self._sized: tuple[Group, ...] = ()
        """Those that look deeper."""
        self._instant: tuple[Condition, ...] = ()
        """Of `own`, those that repeated best prices tell nothing more."""
        self._others: tuple[Condition, ...] = ()
        self._moved_ms = LONG_AGO
        self._bid: Price | None = None
        self._ask: Price | None = None
        self._due_ms: int = LONG_AGO
        """Before it a quote with these best prices goes no further."""

    def introduce(self, listener: Group | Condition, market: MarketId, standing: Quoted | None = None) -> None:
        """To one that comes late: nothing is proven so far, but what stands now is told, the book if it is known."""
        if self.heard_ms == LONG_AGO:
            return
        listener.on_gap(market, LONG_AGO, self.heard_ms, False)
        listener.on_status(market, self.heard_ms, self._status, None)
        if self._result:
            listener.on_result(market, *self._result)
        if standing is not None:
            listener.on_book(market, self.heard_ms, standing)

    def take(self, source: Executable | Mid, group: Group) -> None:
        """Tell this group too."""
        self._look_at({**self.groups, source: group})

    def drop(self, group: Group) -> None:
        """Tell this group nothing any more."""
        self._look_at({source: kept for source, kept in self.groups.items() if kept is not group})

    def adopt(self, handle: Handle, condition: Condition) -> None:
        """Tell this condition too."""
        self.note()
        self.own[handle] = condition
        self._sort_own()

    def release(self, handle: Handle) -> None:
        """Tell this condition nothing any more."""
        del self.own[handle]
        self._sort_own()

    @property
    def proven(self) -> bool:
        """Whether something later than the last quote that went on has been heard."""
        return self.heard_ms > self._moved_ms

    def note(self) -> None:
        """Let everybody hear of quotes that went no further."""
        if self._due_ms > LONG_AGO:
            self._due_ms = LONG_AGO
            for steady in self._followed:
                steady.heard_ms = max(steady.heard_ms, self.heard_ms)
            for condition in self._instant:
                condition.on_best(self.market, self.heard_ms, (self._bid, self._ask))

    def on_book(self, market: MarketId, at_ms: Millis, book: Quoted) -> None:
        bid, ask = book.best_bid, book.best_ask
        if bid == self._bid and ask == self._ask and self.heard_ms <= at_ms < self._due_ms:
            self.heard_ms = at_ms
        else:
            self._on_other_book(market, at_ms, book, bid, ask)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        for condition in self._touch():
            condition.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        listeners = self._listeners()
        self.heard_ms = max(self.heard_ms, at_ms)
        self._status = status
        for listener in listeners:
            listener.on_status(market, at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        listeners = self._listeners()
        self.heard_ms = max(self.heard_ms, at_ms)
        self._result = at_ms, result, final
        for listener in listeners:
            listener.on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, trades: bool) -> None:
        for listener in self._listeners():
            listener.on_gap(market, from_ms, to_ms, trades)

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        for listener in self._listeners():
            listener.on_candle(market, candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        listeners = self._listeners()
        self.heard_ms = max(self.heard_ms, at_ms)
        for listener in listeners:
            listener.on_watermark(market, at_ms)

    def prove(self, book_ms: Millis, trades_ms: Millis) -> None:
        """Nothing before these moments is missing of book and trades."""
        for listener in self._listeners():
            listener.prove(self.market, trades_ms if listener.by_trades else book_ms)

    def _look_at(self, groups: dict[Executable | Mid, Group]) -> None:
        self.note()
        self.groups = groups
        self._followed = tuple(group.steady for group in groups.values() if group.size is None)
        self._sized = tuple(group for group in groups.values() if group.size is not None)

    def _on_other_book(
        self, market: MarketId, at_ms: Millis, book: Quoted, bid: Price | None, ask: Price | None
    ) -> None:
        late = at_ms < self.heard_ms
        again = self._due_ms > LONG_AGO and at_ms > self.heard_ms and bid == self._bid and ask == self._ask
        if late:
            self.note()
        else:
            self.heard_ms = at_ms
        self._bid, self._ask, self._due_ms = bid, ask, UNREACHED
        for steady in self._followed:
            due_ms = steady.follow(at_ms, bid, ask)
            if due_ms < self._due_ms:
                self._due_ms = due_ms
        if self._due_ms == LONG_AGO or not again:
            self._moved_ms = at_ms
            for condition in self._instant:
                condition.on_best(market, at_ms, (bid, ask))
        if late or self._sized or self._others:
            self._due_ms = LONG_AGO
            listeners: list[Group | Condition] = [*self._sized, *self._others]
            for listener in listeners:
                listener.on_book(market, at_ms, book)
        self._touched.update(self.own)

    def _sort_own(self) -> None:
        self._instant = tuple(condition for condition in self.own.values() if condition.instant)
        self._others = tuple(condition for condition in self.own.values() if not condition.instant)

    def _listeners(self) -> list[Group | Condition]:
        self.note()
        return [*self.groups.values(), *self._touch()]

    def _touch(self) -> list[Condition]:
        self._touched.update(self.own)
        return list(self.own.values())
