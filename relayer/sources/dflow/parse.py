"""Prices and statuses from DFlow's wire types. Raises ValueError for what cannot be a price."""

from __future__ import annotations

from dataclasses import dataclass

from relayer.domain.markets import MarketStatus
from relayer.domain.units import PRICE_MAX, Price, price_from_dollars
from relayer.sources.dflow import wire

STATUSES = {
    "initialized": MarketStatus.INITIALIZED,
    "active": MarketStatus.ACTIVE,
    "inactive": MarketStatus.PAUSED,
    "closed": MarketStatus.CLOSED,
    "determined": MarketStatus.DETERMINED,
    "finalized": MarketStatus.FINAL,
}


@dataclass(frozen=True, slots=True)
class Prices:
    """Best YES prices, None for an empty side. Sizes are not told."""

    bid: Price | None
    ask: Price | None


def prices(told: wire.Market | wire.PriceFrame) -> Prices:
    """A bid of 0 and an ask of 1 are empty sides; a crossed pair is an error."""
    bid = None if told.yes_bid is None else price_from_dollars(told.yes_bid, rounding="down")
    ask = None if told.yes_ask is None else price_from_dollars(told.yes_ask, rounding="up")
    bid, ask = bid or None, None if ask in (0, PRICE_MAX) else ask
    if bid is not None and ask is not None and bid >= ask:
        raise ValueError(f"bid {bid} is not below ask {ask}")
    return Prices(bid, ask)
