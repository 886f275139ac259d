"""Venue frames on their way to many connections: encoded once, numbered per connection."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property

import msgspec

from relayer.sandbox.book import DOLLAR, dollars


class _Named(msgspec.Struct):
    market_ticker: str | None = None


_NAMED = msgspec.json.Decoder(_Named)


class VenueFrame:
    """`msg` is the object's text with NO levels in NO prices; `ticker` is None for frames about no single market."""

    def __init__(self, channel: str, kind: str, msg: bytes) -> None:
        self.channel, self.kind, self.msg = channel, kind, msg
        self.ticker = _NAMED.decode(msg).market_ticker

    def shown(self, yes_prices: bool) -> bytes:
        return self._yes_priced if yes_prices and self.channel == "orderbook_delta" else self.msg

    @cached_property
    def _yes_priced(self) -> bytes:
        return turned_msg(self.msg)


def turned_msg(msg: bytes) -> bytes:
    """An order-book `msg` with its NO levels in the other convention: NO prices become YES prices, and back."""
    fields = msgspec.json.decode(msg)
    if fields.get("side") == "no":
        fields["price_dollars"] = _turned(fields["price_dollars"])
    if "no_dollars_fp" in fields:
        fields["no_dollars_fp"] = [[_turned(price), size] for price, size in fields["no_dollars_fp"]]
    return msgspec.json.encode(fields)


def _turned(price: str) -> str:
    """What a YES buyer pays for meeting a NO bid at `price`."""
    return dollars(DOLLAR - int(Decimal(price) * DOLLAR))
