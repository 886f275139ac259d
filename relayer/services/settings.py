"""`[resolver]`: which PNP markets this relayer serves, and when it acts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from solders.pubkey import Pubkey


def _address(text: str) -> str:
    try:
        return str(Pubkey.from_string(text))
    except ValueError:
        raise ValueError(f"{text!r} is not a Solana address (32 bytes in base58)") from None


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
