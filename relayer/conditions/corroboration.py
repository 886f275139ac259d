"""Does what the venue says afterwards fit a verdict (`conditions.md` section 6, rule 4)? Pure.

The question is put once more, to a path made of the venue's own history alone: its trades, and its candles as bounds of
one gap. A level or an amount may miss by one tick a price, since rounding and the order of one millisecond may differ.
Asking the venue, and what becomes of a contradiction, is left to the services.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from relayer.conditions.events import Candle, Event, Gap, Path, Status
from relayer.conditions.replay import judge
from relayer.conditions.spec import (
    At,
    Average,
    Direction,
    Hold,
    Range,
    Reach,
    Realized,
    Resolves,
    Spec,
    Test,
    Trades,
    Unit,
)
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketFacts, MarketId
from relayer.domain.units import NEVER, Millis, Price, rfc3339
from relayer.domain.verdicts import Answer, Outcome, Verdict

MINUTE_MS = 60_000
_TICK = Price(100)
"""Kalshi's usual tick of one cent; where the venue's is finer this is the more lenient."""


_OPPOSITE = {Outcome.YES: Answer.NO, Outcome.NO: Answer.YES}


class Agreement(StrEnum):
    """What the venue's own history says of a verdict."""

    FITS = "fits"
    CONTRADICTS = "contradicts"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class History:
    """What a venue says afterwards of one market: all its trades and the minute candles it has, oldest first."""

    facts: MarketFacts
    trades: Sequence[Trade]
    candles: Sequence[Candle]


def until_ms(spec: Spec, verdict: Verdict) -> Millis:
    """End of the minute in question: that of the deciding instant, else the last one that the test looks at."""
    last = _instant(spec, verdict)
    return Millis(last - last % MINUTE_MS + MINUTE_MS)


def corroborate(
    spec: Spec, verdict: Verdict, outcome: Outcome, histories: Mapping[MarketId, History]
) -> tuple[Agreement, str]:
    """Whether acting on `outcome` fits the histories of the spec's legs, and a sentence that says why (not)."""
    if isinstance(spec.test, Resolves):
        return _by_result(spec.test.result, verdict, outcome, histories[spec.legs[0]].facts)
    if missing := _missing(spec, verdict, histories):
        return Agreement.UNAVAILABLE, missing
    until = until_ms(spec, verdict)
    asked = _eased(spec, outcome)
    if _in_window(spec, verdict):
        asked = replace(asked, end_ms=Millis(min(spec.end_ms, until)))
    found = judge(asked, {leg: _path(history, until) for leg, history in histories.items()})
    if found.answer is _OPPOSITE[outcome]:
        return Agreement.CONTRADICTS, f"the venue's own history says {found.answer}: {found.reason}"
    return Agreement.FITS, "the venue's own history allows it"


def _by_result(wanted: Outcome, verdict: Verdict, outcome: Outcome, facts: MarketFacts) -> tuple[Agreement, str]:
    if not facts.final and verdict.answer is Answer.PENDING:
        return Agreement.FITS, f"the venue has no final result of {facts.market} yet"
    if not facts.final:
        return Agreement.CONTRADICTS, f"the venue does not call the result of {facts.market} final any more"
    if facts.result not in tuple(Outcome):
        return Agreement.FITS, f"the venue's result is {facts.result!r}, neither yes nor no"
    says = Outcome.YES if facts.result == wanted else Outcome.NO
    if says != outcome:
        return Agreement.CONTRADICTS, f"the venue's final result of {facts.market} is {facts.result}"
    return Agreement.FITS, "the venue's final result is the same"


def _in_window(spec: Spec, verdict: Verdict) -> bool:
    """Decided by something that happened, not by the window being over."""
    happened = {Reach: Answer.YES, Range: Answer.YES, Hold: Answer.NO}
    return verdict.answer is happened.get(type(spec.test))


def _instant(spec: Spec, verdict: Verdict) -> int:
    decided_ms = verdict.decided_at if verdict.decided_at is not None else spec.end_ms
    if isinstance(spec.test, At) or (_in_window(spec, verdict) and not spec.held_ms):
        return decided_ms
    return decided_ms - 1


def _missing(spec: Spec, verdict: Verdict, histories: Mapping[MarketId, History]) -> str | None:
    """Why nothing can be said: no candle tells of the instant. Trades are complete without one.

    Venues leave quiet minutes out, so one before the instant will do, unless a price moved at the instant itself.
    """
    if isinstance(spec.price, Trades):
        return None
    at_ms = _instant(spec, verdict)
    moved = _in_window(spec, verdict) and not spec.held_ms and at_ms > spec.start_ms and len(spec.legs) == 1
    for market, history in histories.items():
        last = min(at_ms, history.facts.close_ms - 1)
        if not any(candle.at_ms <= last and (candle.to_ms > last or not moved) for candle in history.candles):
            return f"the venue has no candle of {market} that tells of {rfc3339(Millis(last))}"
    return None


def _path(history: History, until: Millis) -> Path:
    """One gap from ever to the minute's end, in which trades are complete, until the market closed.

    Candles that start after the close show the settled price and no market's.
    """
    closed = history.facts.close_ms
    candles = [one for one in history.candles if one.at_ms < closed and one.to_ms <= until]
    events: list[Event] = [Gap(NEVER, until, True), *candles, *(one for one in history.trades if one.at_ms < until)]
    if closed < until:
        events.append(Status(closed, False))
    events.sort(key=lambda event: event.at_ms)
    return Path(tuple(events), until, until, until)


def _eased(spec: Spec, outcome: Outcome) -> Spec:
    """The same question with the outcome a tick easier to have."""
    return replace(spec, test=_shifted(spec.test, _TICK if outcome is Outcome.YES else -_TICK))


def _shifted(test: Test, by: int) -> Test:
    """`by` makes a yes easier where it is positive. Relative amounts and sums of squares are asked as they stand."""
    match test:
        case Reach() | Hold() | At() | Average():
            lower = -by if test.direction is not Direction.DOWN else by
            return replace(test, level=Price(test.level + lower))
        case Range(unit=Unit.POINTS):
            return replace(test, amount=test.amount - 2 * by)
        case Range() | Realized() | Resolves():
            return test
