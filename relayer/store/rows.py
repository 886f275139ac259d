"""Rows of the tables to domain nouns and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from relayer.domain.intents import Act, Intent, IntentState, Submission, SubmissionState
from relayer.domain.units import BlockHeight, Millis, Slot
from relayer.domain.verdicts import Answer, Coverage, Outcome, Verdict, Witness


def latch_row(spec_hash: str, verdict: Verdict) -> dict[str, Any]:
    witness = verdict.witness
    return {
        "spec_hash": spec_hash,
        "answer": verdict.answer.value,
        "decided_ms": verdict.decided_at,
        "reason": verdict.reason,
        "witness_ms": witness.at_ms if witness else None,
        "witness_price": witness.price if witness else None,
        **asdict(verdict.coverage),
    }


def verdict_of(row: Row[Any]) -> Verdict:
    return Verdict(
        answer=Answer(row.answer),
        decided_at=None if row.decided_ms is None else Millis(row.decided_ms),
        reason=row.reason,
        witness=None if row.witness_ms is None else Witness(Millis(row.witness_ms), row.witness_price),
        coverage=Coverage(row.window_ms, row.observed_ms, row.bounded_ms, row.unknown_ms, row.not_trading_ms),
    )


def intent_row(intent: Intent) -> dict[str, Any]:
    return {"key": intent.key, **asdict(intent)}


def intent_of(row: Row[Any]) -> Intent:
    return Intent(
        act=Act(row.act),
        market=row.market,
        spec_hash=row.spec_hash,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        created_ms=Millis(row.created_ms),
        state=IntentState(row.state),
        note=row.note,
    )


def submission_of(row: Row[Any]) -> Submission:
    return Submission(
        signature=row.signature,
        intent_key=row.intent_key,
        wire=row.wire,
        last_valid_block_height=BlockHeight(row.last_valid_block_height),
        blockhash_slot=Slot(row.blockhash_slot),
        state=SubmissionState(row.state),
        error=row.error,
    )
