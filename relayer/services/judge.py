"""One armed condition per spec; its verdict is stored the moment it stands, before anybody acts on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from relayer.conditions.condition import Condition
from relayer.conditions.path import read_path
from relayer.conditions.replay import tell_all
from relayer.conditions.spec import Kind, Spec, Trades
from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError, UsageError
from relayer.domain.markets import MarketId
from relayer.domain.units import NEVER, Millis
from relayer.domain.verdicts import Answer, Outcome, Verdict
from relayer.services.feeds import FeedTable

log = logging.getLogger(__name__)

_SWEEP_S = 0.1
_DAY_MS = 86_400_000


class VerdictStore(Protocol):
    """What the judge keeps across restarts (`store`)."""

    async def latch(self, spec_hash: str, verdict: Verdict) -> Verdict:
        """Durable when it returns; the first verdict of a spec wins and is returned ever after."""

    async def latched(self, spec_hash: str) -> Verdict | None:
        """The verdict latched for this spec, if any."""


class Memory(Protocol):
    """What was told of markets and survives a restart (`tape.memory`)."""

    async def sync(self) -> None:
        """Durable through everything told so far; raises TransientError while that cannot be had."""

    async def path_lines(self, markets: Collection[str]) -> list[bytes]:
        """What was told of these markets, as the lines of a path file."""


@dataclass(slots=True)
class Armed:
    """A spec under judgement. `latched` verdicts are never re-opened."""

    spec: Spec
    condition: Condition
    latched: Verdict | None = None

    def verdict(self) -> Verdict:
        return self.latched or self.condition.verdict()

    def outcome(self, now_ms: Millis) -> Outcome | None:
        """The answer to act on: the verdict's, or the spec's `otherwise` once its days have passed."""
        verdict = self.verdict()
        if verdict.answer in (Answer.YES, Answer.NO):
            return Outcome(verdict.answer) if self.latched else None
        over_ms = verdict.decided_at
        if over_ms is None and self.spec.kind is Kind.OUTCOME:
            over_ms = self.spec.end_ms
        if over_ms is None or now_ms < over_ms + self.spec.after_days * _DAY_MS:
            return None
        return self.spec.answer


class Judge:
    """Arms conditions, sweeps them, latches decided verdicts."""

    def __init__(
        self,
        *,
        feeds: FeedTable,
        store: VerdictStore,
        clock: Clock,
        watch: Callable[[list[MarketId]], None],
        memory: Memory | None = None,
    ) -> None:
        self._feeds = feeds
        self._store = store
        self._memory = memory
        self._clock = clock
        self._watch = watch
        self._armed: dict[str, Armed] = {}

    async def arm(self, spec: Spec) -> Armed:
        """Start judging this spec, or return the judgement under way. Raises UsageError for a foreign parent."""
        if spec.hash in self._armed:
            return self._armed[spec.hash]
        latched = await self._store.latched(spec.hash)
        armed = Armed(spec, Condition(spec), latched)
        if latched is None:
            self._watch(list(spec.legs))
            await self._remember(armed)
            self._attach(armed)
        self._armed[spec.hash] = armed
        log.info("armed", extra={"spec": spec.hash, "latched": latched is not None})
        return armed

    def unheard(self, spec: Spec) -> list[MarketId]:
        """Parents of which no source has told anything yet."""
        return [market for market in spec.legs if not self._feeds.feed(market).watermark_ms]

    async def run(self) -> None:
        """Latch what has been decided, for ever."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await self.sweep()
            except TransientError as error:
                log.error("verdict held: it cannot be stored", extra={"reason": str(error)})

    async def sweep(self) -> None:
        """Latch what stands decided now. Raises TransientError while the store cannot be written; nothing is lost."""
        for armed in list(self._armed.values()):
            if armed.latched is None:
                await self._latch_if_decided(armed)

    async def _latch_if_decided(self, armed: Armed) -> None:
        verdict = armed.condition.verdict()
        if verdict.answer not in (Answer.YES, Answer.NO):
            return
        if self._memory:
            await self._memory.sync()
        armed.latched = await self._store.latch(armed.spec.hash, verdict)
        self._detach(armed)
        log.info(
            "decided",
            extra={
                "spec": armed.spec.hash,
                "verdict": verdict.answer,
                "decided_at": verdict.decided_at,
                "reason": verdict.reason,
            },
        )

    async def _remember(self, armed: Armed) -> None:
        """Tell the condition what the tape holds; a tape that cannot be read leaves that time unproven."""
        if self._memory is None:
            return
        lines = await self._memory.path_lines([str(leg) for leg in armed.spec.legs])
        try:
            tell_all(armed.condition, read_path(lines, armed.spec.legs, name="the tape"))
        except UsageError as error:
            log.error("tape not used", extra={"spec": armed.spec.hash, "reason": str(error)})
            armed.condition = Condition(armed.spec)

    def _attach(self, armed: Armed) -> None:
        """Subscribe to the parents. What the tape does not hold is unproven; what stands now is told as it stands.

        A book would prove the trades before it, and the venue may still be about to tell some: a condition on trades
        hears of them and of watermarks alone.
        """
        by_book = not isinstance(armed.spec.price, Trades)
        for market in armed.spec.legs:
            feed = self._feeds.feed(market)
            if feed.watermark_ms:
                armed.condition.on_gap(market, NEVER, feed.watermark_ms, False)
                armed.condition.on_status(market, feed.watermark_ms, feed.status, None)
                if feed.result:
                    armed.condition.on_result(market, *feed.result)
                if feed.book and by_book:
                    armed.condition.on_book(market, feed.watermark_ms, feed.book)
            feed.listeners.append(armed.condition)
            if by_book:
                feed.book_listeners.append(armed.condition)

    def _detach(self, armed: Armed) -> None:
        for market in armed.spec.legs:
            feed = self._feeds.feed(market)
            for listeners in (feed.listeners, feed.book_listeners):
                if armed.condition in listeners:
                    listeners.remove(armed.condition)
