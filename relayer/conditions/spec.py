"""A spec: what one derivative market asks of its parent, as frozen values, with its one canonical spelling and hash.

Reading and refusing documents is `parse.py`; the sentence that PNP shows is `question.py`. Times are milliseconds,
prices centi-cents, sizes centi-contracts (`relayer.domain.units`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from relayer.domain.markets import MarketId
from relayer.domain.units import Millis, Price, Size
from relayer.domain.verdicts import Outcome


class Kind(StrEnum):
    """What the question is for; it decides which tests it may use."""

    MOMENTUM = "momentum"
    TIMING = "timing"
    VOLATILITY = "volatility"
    OUTCOME = "outcome"
    TRAJECTORY = "trajectory"
    CASCADE = "cascade"
    ARBITRAGE = "arbitrage"


class Direction(StrEnum):
    UP = "up"
    """At or above the level."""
    DOWN = "down"
    """At or below the level."""
    EITHER = "either"
    """UP at `level` or DOWN at 1 - `level`, each judged alone; on a spread UP in both orders of the legs."""


class Unit(StrEnum):
    POINTS = "points"
    RELATIVE = "relative"


@dataclass(frozen=True, slots=True)
class Spread:
    """Two parents; the signal is the price of `short` less that of `long`."""

    long: MarketId
    short: MarketId


@dataclass(frozen=True, slots=True)
class Trades:
    min_size: Size
    min_trades: int
    within_ms: int
    held_ms: int = 0


@dataclass(frozen=True, slots=True)
class Executable:
    min_size: Size
    held_ms: int


@dataclass(frozen=True, slots=True)
class Mid:
    max_spread: Price
    held_ms: int


Source = Trades | Executable | Mid


@dataclass(frozen=True, slots=True)
class Reach:
    direction: Direction
    level: Price


@dataclass(frozen=True, slots=True)
class Hold:
    direction: Direction
    level: Price


@dataclass(frozen=True, slots=True)
class Range:
    unit: Unit
    amount: int
    """Ten-thousandths: of a dollar for points, of the low for relative."""
    horizon_ms: int


@dataclass(frozen=True, slots=True)
class At:
    direction: Direction
    level: Price
    at_ms: Millis


@dataclass(frozen=True, slots=True)
class Average:
    direction: Direction
    level: Price


@dataclass(frozen=True, slots=True)
class Realized:
    amount: int
    """Ten-thousandths of a dollar."""
    step_ms: int


@dataclass(frozen=True, slots=True)
class Resolves:
    result: Outcome


Test = Reach | Hold | Range | At | Average | Realized | Resolves


@dataclass(frozen=True, slots=True)
class Spec:
    """One question. Equal specs have equal canonical bytes and the other way round."""

    kind: Kind
    parent: MarketId | Spread
    start_ms: Millis
    end_ms: Millis
    price: Source | None
    """None for `Resolves`, which looks at no price."""
    test: Test
    answer: Outcome
    """What holds when the verdict stays unknown, `after_days` after the moment of over."""
    after_days: int
    canonical: bytes
    """The document by RFC 8785 (JCS)."""

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical bytes, 64 hex digits."""
        return hashlib.sha256(self.canonical).hexdigest()

    @property
    def legs(self) -> tuple[MarketId, ...]:
        """The parent, or the two of a spread: long, short."""
        return (self.parent.long, self.parent.short) if isinstance(self.parent, Spread) else (self.parent,)

    @property
    def held_ms(self) -> int:
        return self.price.held_ms if self.price else 0
