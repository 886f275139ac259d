"""Acts that should become true on chain, and the signed attempts at them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from relayer.domain.units import BlockHeight, Millis, Slot
from relayer.domain.verdicts import Outcome


class Act(StrEnum):
    ACTIVATE = "activate"
    SETTLE = "settle"


class IntentState(StrEnum):
    OPEN = "open"
    DONE = "done"
    """The chain shows it, finalized."""
    CONTRADICTED = "contradicted"
    """The chain shows another winner."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One act for one market. Stored before anything is sent; (act, market) is its idempotency key."""

    act: Act
    market: str
    """Address of the PNP market, base58."""
    spec_hash: str
    outcome: Outcome | None
    created_ms: Millis
    state: IntentState = IntentState.OPEN
    note: str = ""

    @property
    def key(self) -> str:
        return f"{self.act}:{self.market}"


class SubmissionState(StrEnum):
    SENT = "sent"
    """No answer is not a failure: stays so until the chain says otherwise."""
    CONFIRMED = "confirmed"
    FINALIZED = "finalized"
    FAILED = "failed"
    """It landed with an error; the same bytes will never succeed."""
    EXPIRED = "expired"
    """Block height passed and no history shows it."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One signed attempt. `wire` is the whole transaction: re-sending means sending these bytes again."""

    signature: str
    intent_key: str
    wire: bytes
    last_valid_block_height: BlockHeight
    blockhash_slot: Slot
    state: SubmissionState = SubmissionState.SENT
    error: str = ""
