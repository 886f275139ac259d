"""DFlow's bodies and frames as they are on the wire. REST objects are camelCase, frames snake_case.

Shapes from DFlow's published API pages; no recording exists. Unknown fields are passed over.
"""

from __future__ import annotations

import msgspec


class Rail(msgspec.Struct, rename="camel"):
    """A market's accounts for one settlement mint."""

    market_ledger: str | None = None
    yes_mint: str | None = None
    no_mint: str | None = None
    is_initialized: bool = False


class Market(msgspec.Struct, rename="camel"):
    """Prices are dollars of the shared Kalshi book, null without orders; there is no time anywhere."""

    ticker: str
    status: str
    event_ticker: str = ""
    yes_bid: str | None = None
    yes_ask: str | None = None
    accounts: dict[str, Rail] = {}


class MarketsBody(msgspec.Struct):
    """Markets are kept raw, so that one that is odd does not spoil the others. `cursor`: the next offset."""

    markets: list[msgspec.Raw]
    cursor: int | None = None


class EventBody(msgspec.Struct, rename="camel"):
    ticker: str
    series_ticker: str = ""
    markets: list[msgspec.Raw] = []


class PriceFrame(msgspec.Struct):
    """Of channel `prices`; other channels are not subscribed."""

    channel: str
    market_ticker: str = ""
    yes_bid: str | None = None
    yes_ask: str | None = None
