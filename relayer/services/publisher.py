"""The price loop: newest values of the listed feeds, through the policy, to the board. Latest value wins.

Nothing is queued: a flush looks at the present state of every feed, and a slow chain makes prices newer, not later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import TransientError
from relayer.domain.markets import MarketId
from relayer.prices.policy import PolicySettings, PushReason, decide
from relayer.services.feeds import FeedTable
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class PriceBoard(Protocol):
    """Where prices go (`chain.board_gateway`)."""

    async def publish(self, updates: Sequence[FeedUpdate]) -> None:
        """Sign and send now; raises TransientError when nothing could be sent."""

    def take_lost(self) -> set[int]:
        """Slots whose newest sent value did not land, each told once."""


class Publisher:
    """Owns what each board slot was last sent."""

    def __init__(
        self,
        *,
        feeds: FeedTable,
        indexes: Mapping[MarketId, int],
        board: PriceBoard,
        settings: PolicySettings,
        metrics: Metrics,
    ) -> None:
        self._feeds = feeds
        self._indexes = indexes
        self._board = board
        self._settings = settings
        self._metrics = metrics
        self._sent: dict[MarketId, FeedState] = {}

    async def run(self) -> None:
        """Flush for ever, at the policy's interval of wall time."""
        while True:
            await asyncio.sleep(self._settings.flush_interval_s)
            try:
                await self.flush()
            except TransientError as error:
                log.warning("prices not sent", extra={"reason": str(error)})
                self._metrics.errors.labels("publisher").inc()

    async def flush(self) -> int:
        """Push what the policy wants, and what may ride along; returns the number of updates sent."""
        started = time.perf_counter()
        self._forget(self._board.take_lost())
        states = {market: self._feeds.feed(market).state() for market in self._indexes}
        pushes = self._wanted(states)
        if not pushes:
            return 0
        pushes |= self._riders(states, pushes)
        self._metrics.stage.labels("decide").observe(time.perf_counter() - started)
        await self._board.publish([FeedUpdate(self._indexes[market], states[market]) for market in pushes])
        self._sent |= {market: states[market] for market in pushes}
        return len(pushes)

    def _forget(self, lost: set[int]) -> None:
        """A value that did not land was not sent: its feed is due again, with whatever is newest then."""
        for market, index in self._indexes.items():
            if index in lost:
                self._sent.pop(market, None)

    def _wanted(self, states: Mapping[MarketId, FeedState]) -> dict[MarketId, PushReason]:
        wanted = {}
        for market, state in states.items():
            decision = decide(state, self._sent.get(market), self._settings)
            self._metrics.decisions.labels(decision.reason).inc()
            if decision.push:
                wanted[market] = decision.reason
                log.debug("push", extra={"market": str(market), "reason": decision.reason})
        return wanted

    def _riders(
        self, states: Mapping[MarketId, FeedState], pushes: Mapping[MarketId, PushReason]
    ) -> dict[MarketId, PushReason]:
        """Feeds nearly due: they cost little in a transaction that goes out anyway."""
        share = self._settings.ride_along
        near = {
            market: decide(state, self._sent.get(market), self._settings, share=share)
            for market, state in states.items()
            if market not in pushes
        }
        return {market: decision.reason for market, decision in near.items() if decision.push}
