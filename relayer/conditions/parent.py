"""One market of the engine: passes on what is told of it to all that look at it."""

from __future__ import annotations

from relayer.conditions.condition import Condition
from relayer.conditions.group import Group
from relayer.conditions.signal import Quoted
from relayer.conditions.spec import Executable, Mid
from relayer.conditions.track import LONG_AGO
from relayer.domain.feeds import Candle, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis

Handle = int
"""Names an armed spec until it is disarmed."""


class Parent:
    """One market: what stands now, and all that look at it.

    Told like a `Condition`, always of the same market; who holds it spares the look-up of every event.
    """

    def __init__(self, touched: set[Handle]) -> None:
        self.groups: dict[Executable | Mid, Group] = {}
        self.own: dict[Handle, Condition] = {}
        self.heard_ms = LONG_AGO
        self._touched = touched
        self._status = MarketStatus.ACTIVE
        self._result: tuple[Millis, str, bool] | None = None

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

    def drop(self, group: Group) -> None:
        """Tell this group nothing any more."""
        self.groups = {source: kept for source, kept in self.groups.items() if kept is not group}

    def on_book(self, market: MarketId, at_ms: Millis, book: Quoted) -> None:
        if at_ms > self.heard_ms:
            self.heard_ms = at_ms
        for group in self.groups.values():
            group.on_book(market, at_ms, book)
        if self.own:
            for condition in self._touch():
                condition.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        for condition in self._touch():
            condition.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self.heard_ms = max(self.heard_ms, at_ms)
        self._status = status
        for listener in self._listeners():
            listener.on_status(market, at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self.heard_ms = max(self.heard_ms, at_ms)
        self._result = at_ms, result, final
        for listener in self._listeners():
            listener.on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, trades: bool) -> None:
        for listener in self._listeners():
            listener.on_gap(market, from_ms, to_ms, trades)

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        for listener in self._listeners():
            listener.on_candle(market, candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self.heard_ms = max(self.heard_ms, at_ms)
        for listener in self._listeners():
            listener.on_watermark(market, at_ms)

    def _listeners(self) -> list[Group | Condition]:
        return [*self.groups.values(), *self._touch()]

    def _touch(self) -> list[Condition]:
        self._touched.update(self.own)
        return list(self.own.values())
