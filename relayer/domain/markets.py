"""Who quotes, and our name for one question."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Self


class Venue(StrEnum):
    KALSHI = "kalshi"
    KALSHI_DEMO = "kalshi-demo"
    KALSHI_SANDBOX = "kalshi-sandbox"
    POLYMARKET = "polymarket"
    PNP = "pnp"


@dataclass(frozen=True, slots=True)
class MarketId:
    """`venue:ticker`, the ticker in the venue's own spelling."""

    venue: Venue
    ticker: str

    def __str__(self) -> str:
        return f"{self.venue}:{self.ticker}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Inverse of `str`. Raises ValueError for an unknown venue or an empty ticker."""
        venue, _, ticker = text.partition(":")
        if not ticker:
            raise ValueError(f"market {text!r} must be written venue:ticker")
        try:
            return cls(Venue(venue), ticker)
        except ValueError:
            raise ValueError(f"venue {venue!r} of market {text!r} is none of {', '.join(Venue)}") from None

    def feed_id(self) -> bytes:
        """SHA-256 of `venue:ticker`: the id of the market's feed on a board."""
        return hashlib.sha256(str(self).encode()).digest()


class MarketStatus(IntEnum):
    """A market's state in its venue; the numbers are those of a board slot. Only ACTIVE is trading."""

    UNKNOWN = 0
    INITIALIZED = 1
    ACTIVE = 2
    PAUSED = 3
    CLOSED = 4
    DETERMINED = 5
    DISPUTED = 6
    AMENDED = 7
    FINAL = 8
