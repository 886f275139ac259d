"""Direct mode: PNP markets that name our key are bound to specs, activated, and settled once, whatever crashes.

Every act is an `Intent` in the store before its first transaction is signed, and every transaction is a `Submission`
there before its bytes leave. What the chain shows afterwards decides, not what was sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from relayer.conditions.spec import Spec
from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, TransientError, UsageError
from relayer.domain.intents import Act, Intent, IntentState, Submission, SubmissionState
from relayer.domain.markets import MarketId, Venue
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import Millis
from relayer.services.admission import refusal
from relayer.services.corroborator import Corroborator
from relayer.services.feeds import FeedTable
from relayer.services.forcing import alarm
from relayer.services.judge import Armed, Judge
from relayer.services.settings import ResolverSettings
from relayer.services.specs import SpecFolder, Unbound, bind
from relayer.telemetry.metrics import MARKET_STATES, Metrics

log = logging.getLogger(__name__)

_RETRY_S = (1.0, 300.0)
"""First and longest pause between attempts at one act, wall time; doubled each time."""


class PnpMarkets(Protocol):
    """PNP's side of the chain (`chain.pnp_gateway`)."""

    async def markets(self) -> list[PnpMarket]: ...
    async def market(self, address: str, *, finalized: bool = False) -> PnpMarket | None: ...
    async def build(self, intent: Intent, market: PnpMarket) -> Submission: ...
    async def deliver(self, submission: Submission) -> Submission: ...
    async def recover(self, submission: Submission) -> Submission: ...
    async def cluster_time_ms(self) -> Millis: ...


class IntentStore(Protocol):
    """What the resolver keeps across restarts (`store`)."""

    async def open_intents(self) -> list[Intent]: ...
    async def put_intent(self, intent: Intent) -> Intent: ...
    async def finish_intent(self, key: str, state: IntentState, note: str = "") -> None: ...
    async def record_submission(self, submission: Submission) -> None: ...
    async def update_submission(self, submission: Submission) -> None: ...
    async def submissions(self, intent_key: str) -> list[Submission]: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One market as the last walk left it. `state` as in the metric of markets; `armed` if a spec is bound to it."""

    market: PnpMarket
    state: str
    why: str
    armed: Armed | None


class Resolver:
    """Walks all markets that name us, every few seconds; each act under way is one task of its own."""

    def __init__(
        self,
        *,
        pnp: PnpMarkets,
        store: IntentStore,
        judge: Judge,
        specs: SpecFolder,
        corroborator: Corroborator,
        venue: Venue,
        settings: ResolverSettings,
        feeds: FeedTable,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._pnp = pnp
        self._store = store
        self._judge = judge
        self._specs = specs
        self._corroborator = corroborator
        self._venue = venue
        self._settings = settings
        self._feeds = feeds
        self._clock = clock
        self._metrics = metrics
        self._acts: dict[str, asyncio.Task[None]] = {}
        self._said: dict[str, tuple[str, str]] = {}
        self._seen: dict[str, tuple[PnpMarket, Armed | None]] = {}
        self._alarmed: set[str] = set()
        self._walked = False

    async def run(self) -> None:
        """Take up what an earlier process left open, then serve for ever; an unreachable cluster is waited for."""
        try:
            for intent in await self._store.open_intents():
                self._pursue(intent)
            while True:
                await self._walk_or_say_why()
                await asyncio.sleep(self._settings.poll_interval_s)
        finally:
            for task in self._acts.values():
                task.cancel()
            await asyncio.gather(*self._acts.values(), return_exceptions=True)

    def seen(self) -> list[Seen]:
        """Every market that names us as the last walk found it."""
        return [
            Seen(market, *self._said[address], armed)
            for address, (market, armed) in self._seen.items()
            if address in self._said
        ]

    def needed(self) -> set[MarketId] | None:
        """Parents of the markets that are not settled yet; None while that is not known of all of them."""
        if not self._walked:
            return None
        open_now = [(address, armed) for address, (market, armed) in self._seen.items() if not market.resolved]
        if any(armed is None and self._said.get(address, ("", ""))[0] == "held" for address, armed in open_now):
            return None
        return {leg for _, armed in open_now if armed for leg in armed.spec.legs}

    async def _walk_or_say_why(self) -> None:
        try:
            await self.walk()
        except TransientError as error:
            log.warning("walk not finished", extra={"reason": str(error)})
            self._metrics.errors.labels("resolver").inc()

    async def walk(self) -> None:
        """Look once at every market that names us, and start what is due."""
        cluster_ms = await self._pnp.cluster_time_ms()
        specs = self._specs.by_hash()
        states: Counter[str] = Counter()
        for market in await self._pnp.markets():
            state, why = await self._serve_alone(market, bind(market.question, specs), cluster_ms)
            states[state] += 1
            self._say(market.address, state, why)
        for state in MARKET_STATES:
            self._metrics.markets.labels(state).set(states[state])
        self._walked = True

    async def _serve_alone(self, market: PnpMarket, spec: Spec | Unbound, cluster_ms: Millis) -> tuple[str, str]:
        """One market's trouble stays its own."""
        try:
            return await self._serve(market, spec, cluster_ms)
        except (TransientError, PermanentError, UsageError) as error:
            self._metrics.errors.labels("resolver").inc()
            return "held", str(error)

    async def _serve(self, market: PnpMarket, spec: Spec | Unbound, cluster_ms: Millis) -> tuple[str, str]:
        """Do what is due for one market; returns its state and why it is so."""
        self._seen[market.address] = (market, None)
        if isinstance(spec, Unbound):
            return "unbound", spec.reason
        if strangers := [str(leg) for leg in spec.legs if leg.venue != self._venue]:
            return "refused", f"its parent {strangers[0]} is on a venue that is not watched (that is {self._venue})"
        armed = await self._judge.arm(spec)
        self._seen[market.address] = (market, armed)
        self._alarm_if_cheap(market, spec)
        if market.resolved:
            return await self._already_resolved(market, armed)
        if not market.resolvable:
            return await self._activate_if_admitted(market, armed)
        await self._corroborator.meet(spec)
        outcome = armed.outcome(self._clock.now_ms())
        if outcome is None:
            return "open", armed.verdict().reason
        if waits := self._waits_for(market, armed, cluster_ms):
            return "decided", waits
        if objection := await self._corroborator.objection(spec, armed.verdict(), outcome):
            return objection.state, objection.why
        self._pursue(Intent(Act.SETTLE, market.address, spec.hash, outcome, self._clock.now_ms()))
        return "settling", f"as {outcome}"

    def _alarm_if_cheap(self, market: PnpMarket, spec: Spec) -> None:
        """Once a market: who can force its answer for less than it pays may do so."""
        if market.resolved or market.address in self._alarmed:
            return
        parents = [self._feeds.feed(leg) for leg in spec.legs]
        if why := alarm(market, spec, parents, self._settings.dollar_mints):
            self._alarmed.add(market.address)
            log.error("stake above the cost of forcing", extra={"market": market.address, "reason": why})

    async def _activate_if_admitted(self, market: PnpMarket, armed: Armed) -> tuple[str, str]:
        why = refusal(
            market,
            armed.spec,
            armed.verdict(),
            unheard=self._judge.unheard(armed.spec),
            now_ms=self._clock.now_ms(),
            settings=self._settings,
        )
        if why := why or await self._corroborator.meet(armed.spec):
            return "refused", why
        self._pursue(Intent(Act.ACTIVATE, market.address, armed.spec.hash, None, self._clock.now_ms()))
        return "activating", "its question is the spec's text and its verdict is pending"

    def _waits_for(self, market: PnpMarket, armed: Armed, cluster_ms: Millis) -> str | None:
        if cluster_ms < market.end_ms:
            return "waits for the market's end time on the cluster's clock"
        decided_ms = armed.verdict().decided_at or 0
        if self._clock.now_ms() < decided_ms + self._settings.settle_delay_s * 1000:
            return "waits for settle_delay_s"
        return None

    async def _already_resolved(self, market: PnpMarket, armed: Armed) -> tuple[str, str]:
        """Somebody settled it: we, with the intent still open after a crash, or PNP's own keys."""
        now_ms = self._clock.now_ms()
        outcome = armed.outcome(now_ms)
        if outcome is None:
            return "settled", f"as {market.winner} by somebody else, before our verdict: {armed.verdict().reason}"
        intent = Intent(Act.SETTLE, market.address, armed.spec.hash, outcome, now_ms)
        if intent.key in self._acts:
            return "settling", "waits for the chain to finalize it"
        stored = await self._store.put_intent(intent)
        if stored.state is IntentState.OPEN:
            self._pursue(stored)
            return "settling", "found settled, checking who and how"
        if outcome != market.winner:
            return "contradicted", f"it was settled {market.winner} and our verdict is {outcome}"
        return "settled", f"as {market.winner}"

    def _pursue(self, intent: Intent) -> None:
        """Make one act true in a task of its own, unless that is under way."""
        if intent.key not in self._acts:
            task = asyncio.create_task(self._pursue_until_done(intent), name=intent.key)
            self._acts[intent.key] = task
            task.add_done_callback(lambda _: self._acts.pop(intent.key, None))

    async def _pursue_until_done(self, intent: Intent) -> None:
        pause, longest = _RETRY_S
        while True:
            try:
                await self._attempt(intent)
                return
            except (TransientError, PermanentError) as error:
                log.warning("act not done", extra={"intent": intent.key, "reason": str(error), "again_in_s": pause})
            except Exception:  # one market fails alone: a defect here must not stop the others
                log.exception("act failed unexpectedly", extra={"intent": intent.key, "again_in_s": pause})
            self._metrics.errors.labels("resolver").inc()
            if intent.act is Act.ACTIVATE:
                return  # the next walk asks again whether it may still be activated
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _attempt(self, wanted: Intent) -> None:
        """One round: finish what is in flight, look at the chain, send only if it still does not show the act."""
        intent = await self._store.put_intent(wanted)
        if intent.state is not IntentState.OPEN:
            return
        for submission in await self._store.submissions(intent.key):
            if submission.state in (SubmissionState.SENT, SubmissionState.CONFIRMED):
                await self._store.update_submission(await self._pnp.recover(submission))
        if await self._finished(intent):
            return
        market = await self._pnp.market(intent.market)
        if market is None:
            raise PermanentError(f"Market {intent.market} is not on chain; nothing can be sent for it.")
        submission = await self._pnp.build(intent, market)
        await self._store.record_submission(submission)
        delivered = await self._pnp.deliver(submission)
        await self._store.update_submission(delivered)
        if not await self._finished(intent):
            raise TransientError(
                f"Transaction {delivered.signature} is {delivered.state} and market {intent.market} does not show "
                f"the act yet. {delivered.error}".rstrip()
            )

    async def _finished(self, intent: Intent) -> bool:
        """Close the intent if the finalized chain shows the act, whoever did it."""
        market = await self._pnp.market(intent.market, finalized=True)
        if market is None:
            return False
        if intent.act is Act.ACTIVATE:
            done = market.resolvable or market.resolved
            if done:
                await self._store.finish_intent(intent.key, IntentState.DONE)
            return done
        if market.resolved:
            await self._close_settlement(intent, market)
        return market.resolved

    async def _close_settlement(self, intent: Intent, market: PnpMarket) -> None:
        ours = await self._landed(intent)
        if market.winner != intent.outcome:
            state, label = IntentState.CONTRADICTED, "contradicted"
        else:
            state, label = IntentState.DONE, "settled" if ours else "settled_elsewhere"
        await self._store.finish_intent(intent.key, state, f"{label} as {market.winner}")
        self._metrics.resolutions.labels(label).inc()
        log.info("resolved", extra={"market": market.address, "winner": market.winner, "how": label})

    async def _landed(self, intent: Intent) -> bool:
        landed = (SubmissionState.CONFIRMED, SubmissionState.FINALIZED)
        return any(submission.state in landed for submission in await self._store.submissions(intent.key))

    def _say(self, address: str, state: str, why: str) -> None:
        """One line for each change of a market's state."""
        if self._said.get(address) != (state, why):
            self._said[address] = (state, why)
            level = logging.ERROR if state == "contradicted" else logging.INFO
            log.log(level, "market", extra={"market": address, "state": state, "why": why})
