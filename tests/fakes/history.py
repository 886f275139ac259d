"""A venue's own history at the corroborator's port: wide candles that allow everything, unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import UNSET

from relayer.domain.errors import TransientError
from relayer.domain.feeds import Candle, Ohlc, Trade
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus
from relayer.domain.units import Millis
from tests.fakes.kalshi_facts import facts

MINUTE_MS = 60_000
WIDE: Ohlc = (5000, 0, 10_000, 5000)


@dataclass
class FakeHistory:
    """`bid` is what every minute's candle says of the bid. `trouble` is raised by every call."""

    open_ms: int = 0
    close_ms: int = 1 << 50
    status: MarketStatus = MarketStatus.ACTIVE
    result: str = ""
    final: bool = False
    rules_hash: str = "rules"
    provisional: bool = False
    bid: Ohlc | None = WIDE
    missing: bool = False
    trouble: TransientError | None = None
    traded: list[Trade] = field(default_factory=list)
    calls: int = 0

    async def market(self, market: MarketId) -> MarketFacts:
        self.calls += 1
        if self.trouble:
            raise self.trouble
        return facts(
            market.ticker,
            status=self.status,
            open_ms=Millis(self.open_ms),
            close_ms=Millis(self.close_ms),
            result=self.result,
            final=self.final,
            rules_hash=self.rules_hash,
            provisional=self.provisional,
        )

    async def trades(self, market: MarketId, *, from_ms: int, to_ms: int) -> list[Trade]:
        return [trade for trade in self.traded if from_ms <= trade.at_ms < to_ms]

    async def candles(self, market: MarketId, *, from_ms: int, to_ms: int) -> list[Candle]:
        starts = range(from_ms // MINUTE_MS * MINUTE_MS, to_ms, MINUTE_MS)
        if self.missing:
            return []
        return [Candle(Millis(at), Millis(at + MINUTE_MS), self.bid, WIDE, UNSET) for at in starts]
