"""What a board slot shows of a market (`deploy/program`), on its way out and read back."""

from __future__ import annotations

from dataclasses import dataclass

from relayer.domain.markets import MarketStatus
from relayer.domain.units import NEVER, NO_ASK, NO_BID, Millis, Price


@dataclass(frozen=True, slots=True)
class FeedState:
    """One feed's newest value. `as_of_ms` is the feed's watermark: a quiet feed stays fresh."""

    bid: Price = NO_BID
    ask: Price = NO_ASK
    last: Price = NO_BID
    """Price of the last trade, 0 = none."""
    status: MarketStatus = MarketStatus.UNKNOWN
    size_bits: int = 0
    """Bit length of the whole contracts on the thinner side; 0 = under one."""
    as_of_ms: Millis = NEVER


@dataclass(frozen=True, slots=True)
class FeedUpdate:
    """A value to write into the slot at `index` of a board."""

    index: int
    state: FeedState
