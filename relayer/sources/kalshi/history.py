"""What Kalshi says afterwards of a market, live or archived: the second look before anything irrevocable.

Filling the gaps of a path while it is watched is `backfill`'s part.
"""

from __future__ import annotations

from relayer.domain.feeds import Candle, Trade
from relayer.domain.markets import MarketFacts, MarketId
from relayer.sources.kalshi.candles import LOOK_AROUND_MS, bounding
from relayer.sources.kalshi.client import KalshiClient


class KalshiHistory:
    """Each call raises TransientError while Kalshi does not answer, PermanentError for what it refuses."""

    def __init__(self, client: KalshiClient) -> None:
        self._client = client

    async def market(self, market: MarketId) -> MarketFacts:
        """What Kalshi says of a market now."""
        return await self._client.market(market.ticker)

    async def trades(self, market: MarketId, *, from_ms: int, to_ms: int) -> list[Trade]:
        """All trades in `[from_ms, to_ms)`, oldest first."""
        return await self._client.trades(market.ticker, from_ms=from_ms, to_ms=to_ms)

    async def candles(self, market: MarketId, *, from_ms: int, to_ms: int) -> list[Candle]:
        """Minute candles that overlap `[from_ms, to_ms)`, oldest first, quiet minutes included."""
        wide = {"from_ms": from_ms - LOOK_AROUND_MS, "to_ms": to_ms + LOOK_AROUND_MS}
        found = await self._client.candle_history(market.ticker, **wide)
        return bounding(found, from_ms, to_ms, ended=False)
