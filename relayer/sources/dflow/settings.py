"""`[dflow]`: a second opinion on Kalshi's prices, or their only source, or nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from relayer.domain.markets import Venue

_VENUES = {"production": Venue.KALSHI, "sandbox": Venue.KALSHI_SANDBOX}


class DflowSettings(BaseModel):
    """DFlow's prediction-market metadata API. Whether its hosts still answer is not certain: the default is off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: Literal["off", "second", "only"] = "off"
    """`second` compares with Kalshi and alarms; `only` publishes DFlow's prices, which can never decide a market."""
    environment: Literal["production", "sandbox"] = "production"
    """Whose markets these are: `kalshi` or `kalshi-sandbox` in market ids."""
    rest_url: str = "https://prediction-markets-api.dflow.net/api/v1"
    """Metadata REST base, without a slash at the end."""
    ws_url: str = "wss://prediction-markets-api.dflow.net/api/v1/ws"
    """Metadata WebSocket."""
    api_key: SecretStr | None = None
    """Sent as `x-api-key`. The production hosts ask for it."""
    request_timeout_s: float = Field(default=10, gt=0, le=60)
    """Wall seconds for one REST answer."""
    snapshot_interval_s: float = Field(default=15, ge=1, le=600)
    """Wall seconds between two REST reads of all prices: the stream numbers nothing, so losses show nowhere else."""
    stale_after_s: float = Field(default=60, ge=1, le=3600)
    """Age, in wall seconds, from which a price is no opinion any more."""

    @property
    def venue(self) -> Venue:
        return _VENUES[self.environment]
