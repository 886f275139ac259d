"""Who quotes, and our name for one question."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Self, cast
from weakref import WeakValueDictionary

from relayer.domain.units import Millis


class Venue(StrEnum):
    KALSHI = "kalshi"
    KALSHI_DEMO = "kalshi-demo"
    KALSHI_SANDBOX = "kalshi-sandbox"
    POLYMARKET = "polymarket"
    PNP = "pnp"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class MarketId:
    """`venue:ticker`, the ticker in the venue's own spelling.

    There is one object a market, so that it is found in a table by its identity: the hot paths do so at every frame.
    """

    venue: Venue
    ticker: str

    def __new__(cls, venue: Venue, ticker: str) -> Self:
        name = f"{venue}:{ticker}"
        known = _MARKETS.get(name)
        if known is None:
            known = _MARKETS[name] = object.__new__(cls)
        return cast("Self", known)

    def __reduce__(self) -> tuple[type[Self], tuple[Venue, str]]:
        return type(self), (self.venue, self.ticker)

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


_MARKETS: WeakValueDictionary[str, MarketId] = WeakValueDictionary()


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


@dataclass(frozen=True, slots=True)
class Terms:
    """What a derivative market relies on in its parent; a change of it has to be looked at by somebody."""

    rules_hash: str
    close_ms: Millis


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """What a venue says of a market when asked: all times exchange time."""

    market: MarketId
    title: str
    event: str
    status: MarketStatus
    open_ms: Millis
    close_ms: Millis
    result: str
    """The venue's word, empty while undetermined."""
    final: bool
    """The venue calls the result irrevocable."""
    settled_ms: Millis | None
    rules_hash: str
    """SHA-256 in hex of the rules, strikes and bounds: changes when they do."""
    provisional: bool
    """May vanish from the venue untraded: never list a derivative on it."""
    shard: int = 0
    """The venue's matching engine, where it has several that pause one by one."""

    @property
    def terms(self) -> Terms:
        return Terms(self.rules_hash, self.close_ms)
