"""The price loop: newest values of the listed feeds, through the policy, to the board. Latest value wins.

Nothing is queued: a flush looks at the present state of every feed, and a slow chain makes prices newer, not later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import TransientError
from relayer.domain.markets import MarketId
from relayer.prices.policy import PolicySettings, PushReason, decide, differs
from relayer.services.feeds import Feed, FeedTable
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class PriceBoard(Protocol):
    """Where prices go (`chain.board_gateway`)."""

    async def publish(self, updates: Sequence[FeedUpdate]) -> None:
        """Sign and send now; raises TransientError when nothing could be sent."""

    def take_lost(self) -> set[int]:
        """Slots whose newest sent value did not land, each told once."""


class _Slot:
    """One listed feed and what the board was last sent of it.

    seen: the feed's changes up to which it was judged, and held. moved: it was held at another value than was sent.
    due_ms, nearly_ms: watermarks from which its age alone makes it due, and ready to ride along.
    """

    __slots__ = ("due_ms", "feed", "index", "moved", "nearly_ms", "seen", "sent", "state")

    def __init__(self, feed: Feed, index: int) -> None:
        self.feed = feed
        self.index = index
        self.state = FeedState()
        self.forget()

    def forget(self) -> None:
        """Nothing was sent."""
        self.sent: FeedState | None = None
        self.due_ms = self.nearly_ms = 1.0
        self.seen = -1
        self.moved = False

    def keep(self, settings: PolicySettings) -> None:
        """Its state was sent."""
        self.sent = self.state
        self.due_ms = self.state.as_of_ms + settings.heartbeat_s * 1000
        self.nearly_ms = self.state.as_of_ms + settings.heartbeat_s * 1000 * settings.ride_along
        self.seen, self.moved = self.feed.changes, False

    def hold(self, reason: PushReason) -> None:
        """Its state was judged and held. Where only its age speaks against it, it is judged until that changes."""
        self.moved = self.sent is not None and differs(self.state, self.sent)
        self.seen = -1 if self.moved and reason is PushReason.STALE else self.feed.changes

    def held(self) -> PushReason | None:
        """Why it is held without being judged again; None where it must be judged."""
        feed = self.feed
        if feed.changes != self.seen or feed.watermark_ms >= self.due_ms:
            return None
        older = self.sent is None or feed.watermark_ms <= self.sent.as_of_ms
        return PushReason.STALE if older else PushReason.FRESH


class Publisher:
    """Owns what each board slot was last sent. A flush costs what has changed since the last, not what is listed."""

    def __init__(
        self,
        *,
        feeds: FeedTable,
        indexes: Mapping[MarketId, int],
        board: PriceBoard,
        settings: PolicySettings,
        metrics: Metrics,
    ) -> None:
        self._slots = [_Slot(feeds.feed(market), index) for market, index in indexes.items()]
        self._board = board
        self._settings = settings
        self._metrics = metrics
        self._decisions = {reason: metrics.decisions.labels(reason) for reason in PushReason}

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
        pushes = self._wanted()
        if not pushes:
            return 0
        pushes += self._riders(pushes)
        self._metrics.stage.labels("decide").observe(time.perf_counter() - started)
        await self._board.publish([FeedUpdate(slot.index, slot.state) for slot in pushes])
        for slot in pushes:
            slot.keep(self._settings)
        return len(pushes)

    def _forget(self, lost: set[int]) -> None:
        """A value that did not land was not sent: its feed is due again, with whatever is newest then."""
        for slot in self._slots if lost else ():
            if slot.index in lost:
                slot.forget()

    def _wanted(self) -> list[_Slot]:
        wanted = []
        reasons: Counter[PushReason] = Counter()
        for slot in self._slots:
            reason = slot.held()
            if reason is None:
                slot.state = slot.feed.state()
                decision = decide(slot.state, slot.sent, self._settings)
                reason = decision.reason
                if decision.push:
                    wanted.append(slot)
                    log.debug("push", extra={"market": str(slot.feed.market), "reason": reason})
                else:
                    slot.hold(reason)
            reasons[reason] += 1
        for reason, count in reasons.items():
            self._decisions[reason].inc(count)
        return wanted

    def _riders(self, pushes: Sequence[_Slot]) -> list[_Slot]:
        """Feeds nearly due: they cost little in a transaction that goes out anyway."""
        going = set(map(id, pushes))
        near = [
            slot
            for slot in self._slots
            if (slot.moved or slot.feed.watermark_ms >= slot.nearly_ms) and id(slot) not in going
        ]
        for slot in near:
            slot.state = slot.feed.state()
        share = self._settings.ride_along
        return [slot for slot in near if decide(slot.state, slot.sent, self._settings, share=share).push]
