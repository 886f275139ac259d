"""`[resolver]`: which PNP markets this relayer serves, and when it acts."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from solders.pubkey import Pubkey


def _address(text: str) -> str:
    try:
        return str(Pubkey.from_string(text))
    except ValueError:
        raise ValueError(f"{text!r} is not a Solana address (32 bytes in base58)") from None


def _spec_hash(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError(
            f"{text!r} is not a spec hash (64 hex digits in small letters; `relayer specs hash FILE` prints it)"
        )
    return text


class ResolverSettings(BaseModel):
    """Direct mode: markets whose custom oracle is the key `[keys] oracle`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    specs_dir: Path | None = None
    """Folder with one JSON spec a file. Without it no market is served and the relayer only publishes prices."""
    allowed_creators: tuple[Annotated[str, AfterValidator(_address)], ...] = ()
    """Addresses (base58) whose markets may be activated. Activation is irrevocable: none is allowed by default."""
    poll_interval_s: float = Field(default=5.0, gt=0)
    """How often PNP's accounts are read, wall time. A new market must be activated within PNP's buffer (15 minutes)."""
    settle_delay_s: float = Field(default=120.0, ge=0)
    """Exchange time that passes between the verdict's moment and settling on it."""
    released_specs: frozenset[Annotated[str, AfterValidator(_spec_hash)]] = frozenset()
    """Spec hashes (64 hex digits) that are settled although the venue's history or its changed terms hold them."""
    dollar_mints: tuple[Annotated[str, AfterValidator(_address)], ...] = (
        "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    )
    """Collateral worth a dollar (mints, base58): its stakes are compared with what forcing an answer costs. Default:
    USDC."""
    floor_held_s: int = Field(default=0, ge=0)
    """Markets whose spec looks at a book and asks for less `held_s` are not activated."""
    floor_min_size: Decimal = Field(default=Decimal("0.01"), ge=Decimal("0.01"), max_digits=12, decimal_places=2)
    """Markets whose spec asks for fewer contracts (`min_size`) are not activated."""
    floor_min_trades: int = Field(default=1, ge=1)
    """Markets whose spec counts trades and asks for fewer (`min_trades`) are not activated."""
