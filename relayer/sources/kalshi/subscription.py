"""What a session keeps of each of its subscriptions: its sequence, how far it is proven, what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BOOK, TRADE, LIFECYCLE, TICKER = "orderbook_delta", "trade", "market_lifecycle_v2", "ticker"

VENUE_LAG_MS = 1_000
"""How much later than its time a frame may be sent, over all markets: recorded frames took 166 to 201 ms in all."""


@dataclass(slots=True, eq=False)
class Question:
    """A command whose answer, coming in sequence, proves completeness up to its sending.

    next_seq: of its subscription as it was sent. heard: what the whole connection had heard by then.
    """

    id: int
    next_seq: int | None
    heard: Mapping[int, int | None]
    sent_ms: int
    sent_s: float


@dataclass(slots=True, eq=False)
class Subscription:
    """One sequence.

    newest_ms: the newest time in it, of a frame or of a question that was answered. anew: it replaces one that fell
    silent or died.
    """

    channel: str
    sid: int
    next_seq: int | None
    anew: bool
    heard_ms: int
    newest_ms: int = 0
    heard_seq: int | None = None
    ask_from_s: float = 0.0
    question: Question | None = None

    @property
    def proven_ms(self) -> int:
        """Everything before it has been heard."""
        return self.newest_ms - VENUE_LAG_MS


@dataclass(slots=True)
class Request:
    """A subscription asked for."""

    channel: str
    tickers: list[str]
    anew: bool
    sent_s: float
