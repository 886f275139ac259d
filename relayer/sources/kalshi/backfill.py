"""Fetches what fills the gaps of the paths that matter: trades, exactly, and candles, which bound the book.

Eternal, one call at a time with a pause after each, so that live needs come first. What becomes of the answers is
`path`'s business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, TransientError
from relayer.sources.kalshi.candles import LOOK_AROUND_MS, bounding
from relayer.sources.kalshi.client import KalshiClient
from relayer.sources.kalshi.path import COMPLETE_AFTER_MS, Hole, MarketPath, Paths
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.5
_PAUSE_S = 0.1
"""Wall time between two calls: at most half of what the lowest tier may spend."""
_ASK_AGAIN_MS = 30_000

T = TypeVar("T")


class Backfill:
    """Works off the holes of `paths`."""

    def __init__(self, *, paths: Paths, client: KalshiClient, clock: Clock, metrics: Metrics) -> None:
        self._paths = paths
        self._client = client
        self._clock = clock
        self._metrics = metrics
        self._reachable = True

    async def run(self) -> None:
        """Fill holes for ever; ends only by cancellation or a defect."""
        while True:
            await self.fill_due()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def fill_due(self) -> None:
        """Ask once for whatever is due; what cannot be had is asked for again, or given up.

        Once a call has failed the rest is left for the next time, for it would most likely fail too; then it comes
        first, since what has waited longest does.
        """
        self._reachable = True
        now_ms = self._clock.now_ms()
        due = [(path, holes) for path in self._paths if (holes := path.due(now_ms))]
        for path, holes in sorted(due, key=lambda one: min(hole.due_ms for hole in one[1])):
            await self._fill(path, holes)

    async def _fill(self, path: MarketPath, holes: Sequence[Hole]) -> None:
        if not self._reachable:
            return
        now_ms = self._clock.now_ms()
        for hole in holes:
            hole.ask(now_ms)
        await self._fill_trades(path, [hole for hole in holes if hole.trades is None], now_ms)
        await self._fill_candles(path, [hole for hole in holes if hole.candles is None], now_ms)
        for hole in holes:
            if not hole.open:
                told = {"market": str(path.market), "from": hole.from_ms, "to": hole.to_ms, "filled_by": hole.fate}
                log.info("gap closed", extra=told)
            else:
                hole.due_ms = now_ms + _ASK_AGAIN_MS

    async def _fill_trades(self, path: MarketPath, holes: Sequence[Hole], now_ms: int) -> None:
        if not holes:
            return
        from_ms, to_ms = min(hole.trades_from_ms for hole in holes), max(hole.trades_to_ms for hole in holes)
        ticker = path.market.ticker
        trades = await self._ask(path, lambda: self._client.trades(ticker, from_ms=from_ms, to_ms=to_ms))
        for hole in holes:
            if trades is not None:
                path.fill_trades(hole, [one for one in trades if hole.trades_from_ms <= one.at_ms < hole.trades_to_ms])
                self._metrics.fillings.labels("trades", "whole").inc()
            elif hole.overdue(now_ms):
                path.fill_trades(hole, None)
                self._metrics.fillings.labels("trades", "none").inc()

    async def _fill_candles(self, path: MarketPath, holes: Sequence[Hole], now_ms: int) -> None:
        if not holes:
            return
        from_ms = min(hole.from_ms for hole in holes) - LOOK_AROUND_MS
        to_ms = min(max(hole.to_ms for hole in holes) + LOOK_AROUND_MS, now_ms - COMPLETE_AFTER_MS)
        ticker = path.market.ticker
        found = await self._ask(path, lambda: self._client.candle_history(ticker, from_ms=from_ms, to_ms=to_ms))
        for hole in holes:
            candles = bounding(found or [], hole.from_ms, hole.to_ms, ended=hole.ended)
            path.fill_candles(hole, candles, last=hole.overdue(now_ms))
            if hole.candles is not None:
                extent = "whole" if hole.candles else "part" if hole.covered_ms else "none"
                self._metrics.fillings.labels("candles", extent).inc()

    async def _ask(self, path: MarketPath, call: Callable[[], Awaitable[T]]) -> T | None:
        """The answer, or None if there is none now."""
        if not self._reachable:
            return None
        try:
            return await call()
        except (TransientError, PermanentError) as error:
            self._reachable = not isinstance(error, TransientError)
            self._metrics.errors.labels("kalshi").inc()
            log.warning("gap not filled yet", extra={"market": str(path.market), "reason": str(error)})
            return None
        finally:
            await asyncio.sleep(_PAUSE_S)
