"""`[kalshi]`: which Kalshi to watch, and with which key."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from relayer.domain.markets import Venue

# Recommended hosts since May 2026 (docs.kalshi.com/getting_started/api_environments). The older shared hosts still
# answer, but one process must not mix them.
_URLS = {
    "production": (
        "https://external-api.kalshi.com/trade-api/v2",
        "wss://external-api-ws.kalshi.com/trade-api/ws/v2",
    ),
    "demo": (
        "https://external-api.demo.kalshi.co/trade-api/v2",
        "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2",
    ),
}
_VENUES = {"production": Venue.KALSHI, "demo": Venue.KALSHI_DEMO, "sandbox": Venue.KALSHI_SANDBOX}


class KalshiSettings(BaseModel):
    """One Kalshi environment; keys of one never work on another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["production", "demo", "sandbox"] = "production"
    """Decides the venue's name in market ids (`kalshi`, `kalshi-demo`, `kalshi-sandbox`) and the default URLs."""
    rest_url: str = ""
    """REST base with its path prefix, without a trailing slash. Empty = the environment's own; the sandbox has none."""
    ws_url: str = ""
    """WebSocket address. Empty = the environment's own; the sandbox has none."""
    key_id: str = ""
    """Id of the API key, a UUID. A key with scope `read` is enough. The WebSocket always needs one."""
    key_file: Path | None = None
    """PEM file of the key's private half, RSA or Ed25519, as Kalshi hands it out. Readable by this user alone."""
    request_timeout_s: float = Field(default=10, gt=0, le=60)
    """Wall seconds for one REST answer; Kalshi normally takes 0.2 to 3."""
    connections: int = Field(default=4, ge=1, le=50)
    """WebSocket connections that share the watched markets, each made once it has one. A market that an armed
    condition depends on is heard on two of them, so with 1 no market can be. Kalshi allows a key 200."""
    ticker_check: bool = True
    """Whether to subscribe ticker frames too, and hold the best prices of markets on one connection against them."""
    cross_check_interval_s: float = Field(default=10, ge=1, le=3600)
    """Wall seconds between two comparisons of up to 20 books with REST; one request each."""
    silence_timeout_s: float = Field(default=10, ge=5, le=120)
    """Wall seconds without any frame, ping or pong before a socket counts as dead. A quiet one is pinged before."""
    reply_timeout_s: float = Field(default=5, gt=0, le=60)
    """Wall seconds for a WebSocket command's answer before the subscription is made anew."""
    status_interval_s: float = Field(default=60, ge=5, le=600)
    """Seconds between two REST reads of every watched market's status; Kalshi announces not all changes."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.environment == "sandbox" and not (self.rest_url and self.ws_url):
            raise ValueError(
                "the sandbox has no fixed address: set the rest_url and ws_url that `relayer sandbox` prints"
            )
        for name, schemes in (("rest_url", ("http", "https")), ("ws_url", ("ws", "wss"))):
            url = urlsplit(getattr(self, name))
            if url.geturl() and (url.scheme not in schemes or not url.hostname or url.path.endswith("/")):
                raise ValueError(f"{name} is written {schemes[1]}://host/path, without a slash at the end")
        if bool(self.key_id) != bool(self.key_file):
            raise ValueError("key_id and key_file belong together: set both, or neither")
        return self

    @property
    def venue(self) -> Venue:
        return _VENUES[self.environment]

    @property
    def rest(self) -> str:
        """REST base in force."""
        return self.rest_url or _URLS[self.environment][0]

    @property
    def ws(self) -> str:
        """WebSocket address in force."""
        return self.ws_url or _URLS[self.environment][1]
