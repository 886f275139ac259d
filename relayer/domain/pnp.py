"""A PNP market as its accounts show it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from relayer.domain.units import Millis
from relayer.domain.verdicts import Outcome


class PnpKind(StrEnum):
    V2 = "v2"
    """AMM market."""
    V3 = "v3"
    """P2P (parimutuel) market."""


@dataclass(frozen=True, slots=True)
class PnpMarket:
    """The facts of one market that activation and settlement need. Addresses in base58, times from whole seconds."""

    address: str
    kind: PnpKind
    market_id: int
    creator: str
    oracle: str
    """Custom oracle of the market's extension."""
    question: str
    created_ms: Millis
    end_ms: Millis
    resolvable: bool
    resolved: bool
    winner: Outcome | None
    collateral_mint: str
    """V2 activation creates mints and vaults for it."""
    stake: int = 0
    """Collateral that the answer decides about, base units: in the curve (V2), in both pots (V3)."""
    decimals: int | None = None
    """Of the collateral, base units to tokens; None where its mint was not read."""
