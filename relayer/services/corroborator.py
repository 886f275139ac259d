"""Before anything irrevocable: is the parent still what was agreed, and does its venue's own history fit the verdict?

What fits is `conditions.corroboration`; here it is asked for, again and again where it cannot be had, and a
contradiction holds the market until an operator has looked at it (`conditions.md` section 6, rules 4 and 5).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from relayer.conditions.corroboration import MINUTE_MS, Agreement, History, corroborate, until_ms
from relayer.conditions.spec import Spec
from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.feeds import Candle, Trade
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus, Terms
from relayer.domain.units import Millis, rfc3339
from relayer.domain.verdicts import Outcome, Verdict
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

SETTLES_MS = 120_000
"""How long after a minute its history is asked for; a venue may still be counting before."""
_ASK_EVERY_S = 15.0
_GIVE_UP_S = 1800.0
_RELEASE = "look at it, and list the spec in [resolver] released_specs to go on all the same"


class VenueHistory(Protocol):
    """What a venue says afterwards (`sources.kalshi.history`). Raises TransientError and PermanentError."""

    async def market(self, market: MarketId) -> MarketFacts: ...
    async def trades(self, market: MarketId, *, from_ms: int, to_ms: int) -> list[Trade]: ...
    async def candles(self, market: MarketId, *, from_ms: int, to_ms: int) -> list[Candle]: ...


class TermsStore(Protocol):
    """Keeps the terms under which a spec was first judged (`store`)."""

    async def first_terms(self, spec_hash: str, market: MarketId, now: Terms) -> Terms: ...


@dataclass(frozen=True, slots=True)
class Objection:
    """Why nothing is done now. `state` as in the metric of markets: decided (waits) or held."""

    state: str
    why: str


@dataclass(slots=True)
class _Inquiry:
    """A verdict that the venue has not confirmed so far, in wall seconds."""

    first_s: float
    asked_s: float
    objection: Objection | None = None


class Corroborator:
    """Asks at most every 15 s of wall time a spec; what once fitted is not asked again.

    released: hashes of specs that an operator has looked at. agreed: whether two connections with unbroken sequence
    heard the same of a market at a time, which has to do where its venue stays silent for half an hour.
    """

    def __init__(
        self,
        *,
        history: VenueHistory,
        store: TermsStore,
        clock: Clock,
        metrics: Metrics,
        released: Collection[str] = (),
        agreed: Callable[[MarketId, Millis], bool] = lambda _market, _at_ms: False,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._history = history
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._released = frozenset(released)
        self._agreed = agreed
        self._wall_s = wall_s
        self._known: set[str] = set()
        self._fits: set[tuple[str, Outcome]] = set()
        self._inquiries: dict[str, _Inquiry] = {}

    async def meet(self, spec: Spec) -> str | None:
        """Keep the terms of a spec's parents from the first time on; returns why no market should open on them.

        Raises TransientError and PermanentError while the venue does not tell.
        """
        if spec.hash in self._known:
            return None
        for leg in spec.legs:
            facts = await self._history.market(leg)
            if facts.provisional:
                return f"its parent {leg} is provisional: the venue may take it away untraded"
            await self._store.first_terms(spec.hash, leg, facts.terms)
        self._known.add(spec.hash)
        return None

    async def objection(self, spec: Spec, verdict: Verdict, outcome: Outcome) -> Objection | None:
        """Why `outcome` must not be acted on now; None: go on."""
        if spec.hash in self._released or (spec.hash, outcome) in self._fits:
            return None
        if (due_ms := until_ms(spec, verdict) + SETTLES_MS) > self._clock.now_ms():
            return Objection("decided", f"waits until {rfc3339(Millis(due_ms))} to ask the venue for its own history")
        now_s = self._wall_s()
        inquiry = self._inquiries.setdefault(spec.hash, _Inquiry(now_s, now_s))
        if inquiry.objection and now_s < inquiry.asked_s + _ASK_EVERY_S:
            return inquiry.objection
        inquiry.asked_s = now_s
        found = await self._ask(spec, verdict, outcome, inquiry)
        if found is None:
            self._fits.add((spec.hash, outcome))
            del self._inquiries[spec.hash]
            return None
        if found.state == "held" and found != inquiry.objection:
            log.error("held", extra={"spec": spec.hash, "reason": found.why})
        inquiry.objection = found
        return found

    async def _ask(self, spec: Spec, verdict: Verdict, outcome: Outcome, inquiry: _Inquiry) -> Objection | None:
        try:
            histories = {leg: await self._fetch(spec, verdict, leg) for leg in spec.legs}
            changed = [await self._changed(spec, history.facts) for history in histories.values()]
        except (TransientError, PermanentError) as error:
            self._metrics.corroborations.labels(Agreement.UNAVAILABLE).inc()
            return self._unavailable(spec, verdict, inquiry, str(error))
        if any(changed):
            return _held(next(filter(None, changed)))
        agreement, why = corroborate(spec, verdict, outcome, histories)
        self._metrics.corroborations.labels(agreement).inc()
        if agreement is Agreement.CONTRADICTS:
            return _held(f"our verdict is {outcome}, but {why}")
        if agreement is Agreement.UNAVAILABLE:
            return self._unavailable(spec, verdict, inquiry, why)
        log.info("corroborated", extra={"spec": spec.hash, "outcome": outcome, "why": why})
        return None

    async def _fetch(self, spec: Spec, verdict: Verdict, leg: MarketId) -> History:
        facts = await self._history.market(leg)
        if spec.price is None:
            return History(facts, (), ())
        from_ms, to_ms = spec.start_ms - MINUTE_MS, until_ms(spec, verdict)
        trades = await self._history.trades(leg, from_ms=from_ms, to_ms=to_ms)
        return History(facts, trades, await self._history.candles(leg, from_ms=from_ms, to_ms=to_ms))

    async def _changed(self, spec: Spec, facts: MarketFacts) -> str | None:
        """How the parent is not what was agreed. That a decided market closed early is no change of its terms."""
        first = await self._store.first_terms(spec.hash, facts.market, facts.terms)
        if first.rules_hash != facts.rules_hash:
            return f"the rules or strikes of its parent {facts.market} have changed since it was first judged"
        ended = facts.status >= MarketStatus.CLOSED and facts.close_ms < first.close_ms
        if first.close_ms != facts.close_ms and not ended:
            return (
                f"its parent {facts.market} closes {rfc3339(facts.close_ms)} now; "
                f"when it was first judged that was {rfc3339(first.close_ms)}"
            )
        return None

    def _unavailable(self, spec: Spec, verdict: Verdict, inquiry: _Inquiry, why: str) -> Objection | None:
        if inquiry.asked_s < inquiry.first_s + _GIVE_UP_S:
            return Objection("decided", f"it is not corroborated yet: {why}; the venue is asked again")
        at_ms = Millis(until_ms(spec, verdict) - MINUTE_MS)
        if all(self._agreed(leg, at_ms) for leg in spec.legs):
            log.warning("not corroborated, two connections agree", extra={"spec": spec.hash, "reason": why})
            return None
        return _held(f"the venue has not confirmed it for half an hour: {why}")


def _held(why: str) -> Objection:
    return Objection("held", f"{why}; {_RELEASE}")
