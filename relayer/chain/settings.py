"""What an operator may set about the cluster, the keys and the board; where the values come from is `settings.py`'s."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SecretStr
from solders.pubkey import Pubkey

from relayer.domain.markets import MarketId

Commitment = Literal["processed", "confirmed", "finalized"]


def endpoint_name(url: str) -> str:
    """`host:port` of a URL: what may be printed of it, since providers put their keys in user, path and query."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _checked_url(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an endpoint is written http://host:port or https://host/path")
    return url


def _checked_address(address: str) -> str:
    try:
        return str(Pubkey.from_string(address))
    except ValueError:
        raise ValueError(f"{address!r} is not a Solana address (32 bytes in base58)") from None


def _checked_name(name: str) -> str:
    if len(name.encode()) > 16:
        raise ValueError(f"{name!r} is longer than 16 bytes")
    return name


EndpointUrl = Annotated[
    SecretStr,
    AfterValidator(_checked_url),
    PlainSerializer(lambda url: endpoint_name(url.get_secret_value()), return_type=str),
]
Address = Annotated[str, AfterValidator(_checked_address)]


def _market(value: object) -> object:
    return MarketId.parse(value) if isinstance(value, str) else value


class ClusterSettings(BaseModel):
    """`[cluster]`: the Solana endpoints, the programs, and how transactions are paid and followed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpc_urls: tuple[EndpointUrl, ...] = Field(min_length=1)
    """JSON-RPC endpoints, best first. Writes go to all of them, reads fail over in this order; with two or more a
    transaction counts as expired only when two agree. Treated as secrets: only host and port are ever shown."""
    oracle_program: Address
    """Program id of the boards and committees (`deploy/program`)."""
    pnp_program: Address = "8PyE2dizL52ga7ytqLtqRyjwWp4yXEx8M5Z4BAHgHuTb"
    """Program id of PNP; older markets live under other ids."""
    metadata_program: Address = "metaqbxxUerdq28cj1RbAWkYQm3ybzjb6a8bt518x1s"
    """Token metadata program that PNP's V2 activation calls."""
    commitment: Literal["processed", "confirmed"] = "confirmed"
    """Level at which blockhashes and accounts are read. Acts are followed to finalized whatever stands here."""
    request_timeout_s: float = Field(default=10, gt=0, le=120)
    """Wall seconds before a request counts as unanswered."""
    read_attempts: int = Field(default=3, ge=1, le=10)
    """Rounds over all endpoints before a read gives up with "later"."""
    poll_s: float = Field(default=0.7, gt=0, le=30)
    """Wall seconds between two looks at transactions on their way."""
    resend_s: float = Field(default=1.5, gt=0, le=30)
    """Wall seconds between two sendings of the same bytes."""
    blockhash_refresh_s: float = Field(default=2, gt=0, le=20)
    """Wall seconds after which price transactions take a newer blockhash; one lives about 30 to 60 s."""
    compute_price_floor_micro_lamports: int = Field(default=0, ge=0)
    """Least priority fee, micro-lamports a compute unit."""
    compute_price_cap_micro_lamports: int = Field(default=100_000, ge=0)
    """Highest priority fee, micro-lamports a compute unit, whatever the recent fees are."""
    compute_margin: float = Field(default=1.2, ge=1, le=5)
    """Compute limit asked for, over the units that simulation and history show."""
    max_sends_in_flight: int = Field(default=32, ge=1, le=1024)
    """Price transactions handed to the endpoints and not yet answered; beyond it prices wait and grow newer."""
    v1: Literal["off", "auto"] = "auto"
    """Version 1 transactions (4,096 bytes) for prices: where the cluster has them, or never."""


class KeysSettings(BaseModel):
    """`[keys]`: paths of Solana keypair files (JSON, 64 numbers), one a role. Keys themselves are never settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    publisher: Path | None = None
    """Hot key that publishes prices; may do nothing else."""
    oracle: Path | None = None
    """Attesting key; in direct mode the custom oracle of PNP markets."""
    payer: Path | None = None
    """Pays fees and rent. None = the publisher pays."""
    authority: Path | None = None
    """Board authority: creates the board and lists feeds. Not needed to publish; keep it elsewhere."""


class BoardSettings(BaseModel):
    """`[board]`: the board this relayer publishes to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = Field(default=0, ge=0, le=0xFFFF)
    """Number of the board among its authority's boards."""
    name: Annotated[str, AfterValidator(_checked_name)] = ""
    """Shown to readers; at most 16 bytes, written when the board is created."""
    capacity: int = Field(default=1024, ge=1, le=1024)
    """Slots of a newly created board (24 + 40 bytes of rent each)."""
    authority: Address | None = None
    """Address of the board's authority, where its key file is not on this machine."""
    feeds: tuple[Annotated[MarketId, BeforeValidator(_market)], ...] = ()
    """Markets to publish, written `venue:ticker`. Empty = publish nothing and only serve markets."""
