"""`[dflow]`: a second opinion on Kalshi's prices, or their first source, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from relayer.domain.errors import UsageError
from relayer.domain.markets import Venue

_VENUES = {"production": Venue.KALSHI, "sandbox": Venue.KALSHI_SANDBOX}
_REST_URL = "https://prediction-markets-api.dflow.net/api/v1"
_WS_URL = "wss://prediction-markets-api.dflow.net/api/v1/ws"


class DflowSettings(BaseModel):
    """DFlow's prediction-market metadata API. Whether its hosts still answer is not certain: the default is off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["off", "second", "first"] = "off"
    """`second` compares with Kalshi and alarms. `first` publishes DFlow's prices without a connection to Kalshi: for
    boards alone, since such prices can never decide a market."""
    environment: Literal["production", "sandbox"] = "production"
    """Whose markets these are: `kalshi` or `kalshi-sandbox` in market ids. DFlow mirrors no Kalshi demo."""
    rest_url: str = _REST_URL
    """Metadata REST base, without a slash at the end. The sandbox's own is printed by `relayer sandbox`."""
    ws_url: str = _WS_URL
    """Metadata WebSocket."""
    api_key: SecretStr | None = None
    """Sent as `x-api-key`; the production hosts ask for it. Rather RELAYER_DFLOW__API_KEY than the file."""
    api_key_file: Path | None = None
    """File that holds the key alone, instead of `api_key`. Readable by this user alone."""
    request_timeout_s: float = Field(default=10, gt=0, le=60)
    """Wall seconds for one REST answer."""
    snapshot_interval_s: float = Field(default=15, ge=1, le=600)
    """Wall seconds between two REST reads of all prices: the stream numbers nothing, so losses show nowhere else."""
    silence_timeout_s: float = Field(default=25, ge=1, le=120)
    """Wall seconds without a frame, although REST shows that prices moved, or without a pong, before a socket counts
    as dead."""
    stale_after_s: float = Field(default=60, ge=1, le=3600)
    """Age, in wall seconds, from which a price is no opinion any more."""
    tolerance_points: float = Field(default=1.0, ge=0, le=100)
    """Largest difference of best bid or best ask, in points (cents of a dollar), that still counts as agreement."""
    contradiction_after_s: float = Field(default=10, ge=0, le=600)
    """Wall seconds that a larger difference must last before it is called a contradiction: the two feeds never arrive
    together."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.environment == "sandbox" and (self.rest_url == _REST_URL or self.ws_url == _WS_URL):
            raise ValueError(
                "the sandbox has no fixed address: set the rest_url and ws_url that `relayer sandbox` prints"
            )
        for name, schemes in (("rest_url", ("http", "https")), ("ws_url", ("ws", "wss"))):
            url = urlsplit(getattr(self, name))
            if url.scheme not in schemes or not url.hostname or url.path.endswith("/"):
                raise ValueError(f"{name} is written {schemes[1]}://host/path, without a slash at the end")
        if self.api_key and self.api_key_file:
            raise ValueError("api_key and api_key_file say the same: set one of them")
        return self

    @property
    def venue(self) -> Venue:
        return _VENUES[self.environment]

    @property
    def tolerance(self) -> int:
        """`tolerance_points` in centi-cents."""
        return round(self.tolerance_points * 100)

    def key_header(self) -> dict[str, str]:
        """For REST requests and the WebSocket handshake alike. Raises UsageError for what is no key."""
        name, key = ("dflow.api_key", self.api_key.get_secret_value()) if self.api_key else self._key_in_file()
        if not key.isascii() or not key.isprintable():
            raise UsageError(f"{name} is not one line of plain characters: set the key as DFlow gave it.")
        return {"x-api-key": key} if key else {}

    def _key_in_file(self) -> tuple[str, str]:
        """Name and key; no key where no file is set."""
        if self.api_key_file is None:
            return "", ""
        name = f"dflow.api_key_file {self.api_key_file}"
        try:
            key = self.api_key_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{name} cannot be read: {_why(error)}.") from error
        if not key:
            raise UsageError(f"{name} is empty: write the key into it.")
        return name, key


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "unknown" if isinstance(error, OSError) else "it is no text"
