"""All armed specs in one engine; a verdict is stored the moment it stands, before anybody acts on it.

A restart goes on where the newest checkpoint stood, with what the tape holds since then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol, Self

from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.parent import Handle
from relayer.conditions.spec import Kind, Resolves, Spec
from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, TransientError, UsageError
from relayer.domain.feeds import BookView, Remembered
from relayer.domain.markets import MarketId
from relayer.domain.units import NEVER, Millis
from relayer.domain.verdicts import Answer, Outcome, Verdict
from relayer.services.checkpoint import Checkpoint, packed, unpacked
from relayer.services.corroborator import VenueHistory
from relayer.services.feeds import FeedTable
from relayer.services.hearing import Hearing, Recollection, ToldLine
from relayer.services.past import Lost, tell_past

log = logging.getLogger(__name__)

_SWEEP_S = 0.1
_CHECKPOINT_S = 60.0
_CHECKPOINT = "judge"
_READINGS = 5
"""How often the tape is read on to catch up with what is told meanwhile."""
_DAY_MS = 86_400_000
_NO_TIME = Millis(2**62)


class JudgeStore(Protocol):
    """What the judge keeps across restarts (`store`)."""

    async def latch(self, spec_hash: str, verdict: Verdict) -> Verdict:
        """Durable when it returns; the first verdict of a spec wins and is returned ever after."""

    async def latched(self, spec_hash: str) -> Verdict | None:
        """The verdict latched for this spec, if any."""

    async def put_checkpoint(self, name: str, body: bytes) -> None:
        """Replace the checkpoint of this name."""

    async def checkpoint(self, name: str) -> bytes | None:
        """The newest checkpoint of this name."""


class Memory(Protocol):
    """What was told of markets and survives a restart (`tape.memory`)."""

    async def sync(self) -> None:
        """Durable through everything told so far; raises TransientError while that cannot be had."""

    def place(self) -> int:
        """Where the tape stands now."""

    async def told(self, markets: Collection[str], *, after: int = 0) -> Sequence[ToldLine]:
        """What was told of these markets after a place, in the order in which it was told."""


class Paths(Protocol):
    """Tells `Judge.hearing` of the markets that are needed (`sources`)."""

    def need(self, market: MarketId, from_ms: Millis, remembered: Remembered) -> None:
        """From now on tell of this market, and fill its gaps as far back as `from_ms`. Raises UsageError.

        remembered: what an earlier process told of it, and still stands.
        """

    def remembered(self, market: MarketId) -> Remembered:
        """What a later process has to remember so as to go on from here."""


@dataclass(slots=True)
class Armed:
    """A spec under judgement. `latched` verdicts are never re-opened."""

    spec: Spec
    engine: Engine
    handle: Handle
    latched: Verdict | None = None

    def verdict(self) -> Verdict:
        return self.latched or self.engine.verdict(self.handle)

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
    """Arms specs, asks for what is decided, latches it. `async with` recovers first, and saves at the end.

    hearing: to be told of every market that `paths` is asked for.
    """

    def __init__(
        self,
        *,
        feeds: FeedTable,
        store: JudgeStore,
        clock: Clock,
        paths: Paths,
        memory: Memory | None = None,
        history: VenueHistory | None = None,
    ) -> None:
        self.hearing = Hearing(Engine(candles_follow=True))
        self._feeds = feeds
        self._store = store
        self._memory = memory
        self._history = history
        self._clock = clock
        self._paths = paths
        self._armed: dict[str, Armed] = {}
        self._judged: dict[Handle, Armed] = {}
        self._decided: dict[Handle, None] = {}
        self._restored: set[str] = set()
        """Hashes of specs of which nobody has asked yet whether they were latched after the checkpoint."""
        self._arming = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._recover()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save, unless a defect ended the process: what it left behind may be its work."""
        if kind is None or kind is asyncio.CancelledError:
            await self._save_or_say()

    async def arm(self, spec: Spec) -> Armed:
        """Start judging this spec, or return the judgement under way.

        Raises UsageError for a foreign parent, TransientError and PermanentError where its venue tells no past.
        """
        async with self._arming:
            armed = self._armed.get(spec.hash)
            if armed is None:
                armed = self._armed[spec.hash] = await self._armed_anew(spec)
                log.info("armed", extra={"spec": spec.hash, "latched": armed.latched is not None})
            elif spec.hash in self._restored:
                await self._compare_with_store(armed)
            return armed

    def unheard(self, spec: Spec) -> list[MarketId]:
        """Parents of which no source has told anything yet."""
        return [market for market in spec.legs if not self._feeds.feed(market).watermark_ms]

    async def run(self) -> None:
        """Latch what has been decided, and save what is known now and then, for ever."""
        saved_s = time.monotonic()
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await self.sweep()
            except TransientError as error:
                log.error("verdict held: it cannot be stored", extra={"reason": str(error)})
            if time.monotonic() - saved_s >= _CHECKPOINT_S:
                saved_s = time.monotonic()
                await self._save_or_say()

    async def sweep(self) -> None:
        """Latch what stands decided now. Raises TransientError while the store cannot be written; nothing is lost."""
        self._decided.update(dict.fromkeys(self.hearing.engine.decided()))
        for handle in list(self._decided):
            await self._latch_if_decided(self._judged[handle])
            del self._decided[handle]

    async def save(self) -> None:
        """Make what is known durable, with its place on the tape. Raises TransientError while that cannot be had."""
        body = self._checkpoint()
        if self._memory:
            await self._memory.sync()
        await self._store.put_checkpoint(_CHECKPOINT, body)

    async def _latch_if_decided(self, armed: Armed) -> None:
        verdict = armed.verdict()
        if verdict.answer not in (Answer.YES, Answer.NO):
            return
        if self._memory:
            await self._memory.sync()
        armed.latched = await self._store.latch(armed.spec.hash, verdict)
        self._disarm(armed)
        log.info(
            "decided",
            extra={
                "spec": armed.spec.hash,
                "verdict": verdict.answer,
                "decided_at": verdict.decided_at,
                "reason": verdict.reason,
            },
        )

    def _disarm(self, armed: Armed) -> None:
        armed.engine.disarm(armed.handle)
        del self._judged[armed.handle]

    async def _armed_anew(self, spec: Spec) -> Armed:
        engine = self.hearing.engine
        latched = await self._store.latched(spec.hash)
        if latched is not None:
            return Armed(spec, engine, 0, latched)
        told, remembered = await self._recall(spec)
        armed = Armed(spec, engine, engine.arm(spec, told, standing=self._standing(spec)))
        try:
            self._need(spec, remembered)
        except UsageError:
            engine.disarm(armed.handle)
            raise
        self._judged[armed.handle] = armed
        return armed

    async def _compare_with_store(self, armed: Armed) -> None:
        latched = await self._store.latched(armed.spec.hash)
        self._restored.discard(armed.spec.hash)
        if latched is not None and armed.latched is None:
            armed.latched = latched
            self._decided.pop(armed.handle, None)
            self._disarm(armed)

    def _need(self, spec: Spec, remembered: dict[MarketId, Remembered]) -> None:
        """An outcome's parent matters only for what is still to come."""
        from_ms = _NO_TIME if isinstance(spec.test, Resolves) else Millis(spec.start_ms - 1)
        for market in spec.legs:
            self._paths.need(market, from_ms, remembered[market])

    def _standing(self, spec: Spec) -> dict[MarketId, BookView]:
        feeds = [self._feeds.feed(market) for market in spec.legs]
        return {feed.market: feed.book for feed in feeds if feed.book is not None and feed.book_stands}

    async def _recall(self, spec: Spec) -> tuple[Condition | None, dict[MarketId, Remembered]]:
        """A condition that was told what the tape holds; None where there is nothing to tell, or no need to."""
        nothing = {market: Remembered() for market in spec.legs}
        if self._lies_ahead(spec):
            return None, nothing
        try:
            condition, remembered, complete = await self._remembering(spec, [])
        except UsageError as error:
            log.error("tape not used", extra={"spec": spec.hash, "reason": str(error)})
            return None, nothing
        if not complete:
            standing = self._standing(spec)
            for market in spec.legs:
                self.hearing.engine.parent(market).introduce(condition, market, standing.get(market))
        return condition if remembered != nothing else None, remembered

    async def _remembering(
        self, spec: Spec, filled: Sequence[Lost]
    ) -> tuple[Condition, dict[MarketId, Remembered], bool]:
        """Told the whole tape, and before it of what `filled` lost; once more if there is more that matters."""
        condition = Condition(spec, candles_follow=True)
        if self._history:
            await tell_past(condition, self._history, filled)
        recollection = Recollection(condition, {market: Remembered() for market in spec.legs}, filled=filled)
        complete = await self._read_tape(recollection)
        lost = [
            one
            for one in recollection.lost
            if spec.price and spec.start_ms <= one[1].to_ms and one[1].at_ms < spec.end_ms
        ]
        if self._history and lost and not filled:
            return await self._remembering(spec, lost)
        return condition, recollection.remembered, complete

    def _lies_ahead(self, spec: Spec) -> bool:
        """Whether this process has heard of all parents, and the window begins later."""
        heard = [self.hearing.engine.parent(market).heard_ms for market in spec.legs]
        return all(NEVER < at_ms <= spec.start_ms for at_ms in heard)

    async def _read_tape(self, recollection: Recollection, after: int = 0) -> bool:
        """Until nothing was told since. False: so much is told meanwhile that the newest has not been read."""
        if self._memory is None:
            return True
        markets = [str(market) for market in recollection.remembered]
        for _ in range(_READINGS):
            place = self._memory.place()
            recollection.tell(await self._memory.told(markets, after=after))
            after = place
            if self._memory.place() <= after:
                return True
        return False

    def _checkpoint(self) -> bytes:
        """At one moment, between two events."""
        engine = self.hearing.engine
        legs = {leg for armed in self._judged.values() for leg in armed.spec.legs}
        return packed(
            Checkpoint(
                place=self._memory.place() if self._memory else 0,
                specs={handle: armed.spec for handle, armed in self._judged.items()},
                decided=list(self._decided),
                remembered={leg: self._remembered(leg) for leg in legs},
                engine=engine,
            )
        )

    def _remembered(self, market: MarketId) -> Remembered:
        """What stands for good, and how far books were heard beyond that."""
        known, heard_ms = self._paths.remembered(market), self.hearing.engine.parent(market).heard_ms
        return replace(known, book_ms=Millis(heard_ms + 1)) if heard_ms > known.trades_ms else known

    async def _recover(self) -> None:
        """Go on from the newest checkpoint. One that is of no use is said and left: then specs are armed anew."""
        body = await self._store.checkpoint(_CHECKPOINT)
        if body is None:
            return
        try:
            checkpoint = unpacked(body)
            recollection = Recollection(checkpoint.engine, checkpoint.remembered)
            await self._read_tape(recollection, checkpoint.place)
        except (PermanentError, UsageError) as error:
            log.error("checkpoint not used: specs are judged from the whole tape", extra={"reason": str(error)})
            return
        self._go_on(checkpoint)

    def _go_on(self, checkpoint: Checkpoint) -> None:
        self.hearing.engine = checkpoint.engine
        self._decided = dict.fromkeys(checkpoint.decided)
        for handle, spec in checkpoint.specs.items():
            self._judged[handle] = self._armed[spec.hash] = Armed(spec, checkpoint.engine, handle)
            self._restored.add(spec.hash)
            self._need(spec, checkpoint.remembered)
        log.info("went on from a checkpoint", extra={"specs": len(checkpoint.specs), "place": checkpoint.place})

    async def _save_or_say(self) -> None:
        try:
            await self.save()
        except TransientError as error:
            log.error("checkpoint not written", extra={"reason": str(error)})
