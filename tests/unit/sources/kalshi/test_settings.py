"""Environments and what belongs together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from relayer.domain.markets import Venue
from relayer.sources.kalshi.settings import KalshiSettings


@pytest.mark.parametrize(
    ("environment", "venue", "host"),
    [
        ("production", Venue.KALSHI, "https://external-api.kalshi.com/trade-api/v2"),
        ("demo", Venue.KALSHI_DEMO, "https://external-api.demo.kalshi.co/trade-api/v2"),
    ],
)
def test_an_environment_brings_its_addresses(environment: Any, venue: Venue, host: str) -> None:
    settings = KalshiSettings(environment=environment)
    assert (settings.venue, settings.rest) == (venue, host)
    assert settings.ws.startswith("wss://external-api-ws.")


def test_the_sandbox_needs_its_addresses() -> None:
    with pytest.raises(ValidationError, match="set the rest_url and ws_url that `relayer sandbox` prints"):
        KalshiSettings(environment="sandbox")
    settings = KalshiSettings(environment="sandbox", rest_url="http://127.0.0.1:1/v2", ws_url="ws://127.0.0.1:1/ws")
    assert (settings.venue, settings.rest, settings.ws) == (
        Venue.KALSHI_SANDBOX,
        "http://127.0.0.1:1/v2",
        "ws://127.0.0.1:1/ws",
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rest_url": "http://127.0.0.1/v2/"}, "rest_url is written https://host/path, without a slash at the end"),
        ({"ws_url": "https://127.0.0.1/ws"}, "ws_url is written wss://host/path"),
        ({"rest_url": "127.0.0.1"}, "rest_url is written"),
        ({"key_id": "x"}, "key_id and key_file belong together: set both, or neither"),
        ({"keyfile": "x"}, "Extra inputs are not permitted"),
        ({"environment": "live"}, "'production', 'demo' or 'sandbox'"),
    ],
)
def test_what_cannot_work_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        KalshiSettings(**wrong)
