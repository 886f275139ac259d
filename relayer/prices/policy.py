"""Push a price or hold it, and why. Pure: state, what the board was last sent, and settings go in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from relayer.domain.board import FeedState


class PolicySettings(BaseModel):
    """`[policy]`: when a new price is worth a transaction."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deviation_points: float = Field(default=1.0, gt=0, le=100)
    """Push when bid, ask or last trade moved at least this many points (1 point = 1 % = $0.01)."""
    heartbeat_s: float = Field(default=60.0, gt=0)
    """Push at least this often while the feed proves that it is alive, whatever the price does."""
    ride_along: float = Field(default=0.5, gt=0, le=1)
    """A flush takes along feeds that have reached this share of the deviation or of the heartbeat."""
    flush_interval_s: float = Field(default=0.4, gt=0)
    """Collect pushes this long (wall time) before they are packed into transactions."""


class PushReason(StrEnum):
    FIRST = "first"
    STATUS = "status"
    DEVIATION = "deviation"
    HEARTBEAT = "heartbeat"
    FRESH = "fresh"
    """Hold: the board is close enough and young enough."""
    STALE = "stale"
    """Hold: the feed proves nothing newer than what the board was sent."""


@dataclass(frozen=True, slots=True)
class PushDecision:
    push: bool
    reason: PushReason


_PUSH = {
    reason: PushDecision(True, reason)
    for reason in (PushReason.FIRST, PushReason.STATUS, PushReason.DEVIATION, PushReason.HEARTBEAT)
}
_FRESH = PushDecision(False, PushReason.FRESH)
_STALE = PushDecision(False, PushReason.STALE)


def decide(now: FeedState, sent: FeedState | None, settings: PolicySettings, *, share: float = 1.0) -> PushDecision:
    """Compare the newest value with what the board was last sent.

    share: part of deviation and heartbeat that suffices (`ride_along` when a transaction goes out anyway).
    """
    if sent is None:
        return _PUSH[PushReason.FIRST] if now.as_of_ms > 0 else _STALE
    if now.as_of_ms <= sent.as_of_ms:
        return _STALE
    if now.status != sent.status:
        return _PUSH[PushReason.STATUS]
    if deviation(now, sent) >= settings.deviation_points * 100 * share:
        return _PUSH[PushReason.DEVIATION]
    if now.as_of_ms - sent.as_of_ms >= settings.heartbeat_s * 1000 * share:
        return _PUSH[PushReason.HEARTBEAT]
    return _FRESH


def deviation(now: FeedState, sent: FeedState) -> int:
    """The largest move of bid, ask and last trade, in centi-cents; a side that comes or goes moves all the way."""
    return max(abs(now.bid - sent.bid), abs(now.ask - sent.ask), abs(now.last - sent.last))


def differs(now: FeedState, sent: FeedState) -> bool:
    """Whether a price or the status is another: what may make a value worth sending before its age does."""
    return now.status != sent.status or deviation(now, sent) > 0
