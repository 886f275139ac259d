"""Market facts as Kalshi's REST would have them, by keyword."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from relayer.domain.markets import MarketFacts, MarketId, MarketStatus, Venue
from relayer.domain.units import Millis

NOW_MS = 1_790_000_000_000
OPEN_MS = NOW_MS - 3_600_000
CLOSE_MS = NOW_MS + 3_600_000


def facts(ticker: str, **changed: Any) -> MarketFacts:
    """A market that trades from an hour before `NOW_MS` to an hour after."""
    usual = MarketFacts(
        market=MarketId(Venue.KALSHI, ticker),
        title=ticker,
        event="KXDEMO-26DEC31",
        status=MarketStatus.ACTIVE,
        open_ms=Millis(OPEN_MS),
        close_ms=Millis(CLOSE_MS),
        result="",
        final=False,
        settled_ms=None,
        rules_hash="",
        provisional=False,
    )
    return replace(usual, **changed)
