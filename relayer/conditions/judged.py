"""Answer, moment, reason and witness: the parts of a verdict that are said alike by every evaluator."""

from __future__ import annotations

from typing import NamedTuple

from relayer.conditions.decision import Decision
from relayer.conditions.signal import halves_text
from relayer.domain.units import Millis, rfc3339
from relayer.domain.verdicts import Answer, Outcome, Witness


class Judged(NamedTuple):
    answer: Answer
    decided_at: Millis | None
    reason: str
    witness: Witness | None = None


NOT_OVER = Judged(Answer.PENDING, None, "the window is not over")


def too_little(over_ms: Millis, trading_ms: int) -> Judged:
    """The window is over and held no trading time, or less than a stretch takes."""
    return Judged(Answer.UNKNOWN, over_ms, f"the window holds {trading_ms} ms of trading time, too little")


def judge_decision(decision: Decision, answer: Answer) -> Judged:
    """What the path showed for certain, whatever comes."""
    witness = witness_of(decision.at_ms, decision.halves)
    price = "no price" if witness.price is None else f"the price {witness.price}"
    return Judged(answer, decision.at_ms, f"certain by {rfc3339(decision.at_ms)} with {price}", witness)


def judge_result(wanted: Outcome, result: str | None, final_ms: Millis | None) -> Judged:
    """`outcome`: the parent's latest result, final since `final_ms`."""
    if final_ms is None:
        said = "the parent has no result" if result is None else f"the result {result!r} is not final"
        return Judged(Answer.PENDING, None, said)
    if result not in list(Outcome):
        return Judged(Answer.UNKNOWN, final_ms, f"the final result {result!r} is neither yes nor no")
    answer = Answer.YES if result == wanted else Answer.NO
    return Judged(answer, final_ms, f"the final result is {result}")


def witness_of(at_ms: Millis, halves: int | None) -> Witness:
    """The price in half centi-cents, None for an absent one."""
    return Witness(at_ms, None if halves is None else halves_text(halves))
