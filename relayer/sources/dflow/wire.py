"""DFlow's bodies and frames as they are on the wire. REST objects are camelCase, frames snake_case."""

from __future__ import annotations

import msgspec


class Rail(msgspec.Struct, rename="camel"):
    """A market's accounts for one settlement mint."""

    market_ledger: str
    yes_mint: str
    no_mint: str
    is_initialized: bool = False
    redemption_status: str | None = None
    scalar_outcome_pct: int | None = None


class Market(msgspec.Struct, rename="camel"):
    """Prices are dollars of the shared Kalshi book, null without orders; there is no time anywhere."""

    ticker: str
    status: str
    result: str = ""
    yes_bid: str | None = None
    yes_ask: str | None = None
    accounts: dict[str, Rail] = {}


class MarketsBody(msgspec.Struct):
    markets: list[Market]


class PriceFrame(msgspec.Struct):
    """Of channel `prices`; other channels are not subscribed."""

    channel: str
    market_ticker: str
    yes_bid: str | None = None
    yes_ask: str | None = None
