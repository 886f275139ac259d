"""The answer to a second-derivative question, and how well it is known (`conditions.md` sections 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from relayer.domain.units import Millis


class Outcome(StrEnum):
    YES = "yes"
    NO = "no"


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the window is known, in milliseconds; the parts add up to the time known so far."""

    window_ms: int
    observed_ms: int
    bounded_ms: int
    unknown_ms: int
    not_trading_ms: int


@dataclass(frozen=True, slots=True)
class Witness:
    """The instant that completes a verdict; `price` as printed (4 decimals, 5 for a half), None when absent."""

    at_ms: Millis
    price: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one spec says over one path. `decided_at` is exchange time, None while pending."""

    answer: Answer
    decided_at: Millis | None
    reason: str
    witness: Witness | None
    coverage: Coverage
