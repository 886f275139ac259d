"""Domain types from Kalshi's wire types: the only place where its units, sides and times are converted.

Everything raises ValueError for what cannot be a price, a size or a time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from decimal import Decimal

from msgspec import UNSET

from relayer.domain.feeds import Candle, Ohlc, Trade
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus, Venue
from relayer.domain.units import (
    PRICE_MAX,
    Millis,
    Size,
    dollars,
    millis_from_rfc3339,
    price_from_dollars,
    size_from_contracts,
)
from relayer.sources.kalshi import wire

PRICES: dict[str, int] = {dollars(price): price for price in range(PRICE_MAX + 1)}
"""The venue's normal spelling of every price there is: no arithmetic and no rounding on the hot path."""
SIZES: dict[str, int] = {}
"""Spellings met lately of sizes above 0, filled by `size`."""
CHANGES: dict[str, int] = {}
"""Spellings met lately of changes of sizes, filled by `size_change`."""
_SIZES_KEPT = 50_000

MINUTE_MS = 60_000
"""The finest candle."""

STATUSES = {
    "initialized": MarketStatus.INITIALIZED,
    "active": MarketStatus.ACTIVE,
    "inactive": MarketStatus.PAUSED,
    "closed": MarketStatus.CLOSED,
    "determined": MarketStatus.DETERMINED,
    "disputed": MarketStatus.DISPUTED,
    "amended": MarketStatus.AMENDED,
    "finalized": MarketStatus.FINAL,
    "settled": MarketStatus.FINAL,  # seen in live bodies though undocumented
}


def bid_price(text: str) -> int:
    """Centi-cents, finer prices rounded down."""
    price = PRICES.get(text)
    return price_from_dollars(text, rounding="down") if price is None else price


def ask_price(text: str) -> int:
    """Centi-cents, finer prices rounded up."""
    price = PRICES.get(text)
    return price_from_dollars(text, rounding="up") if price is None else price


def ask_of_no_bid(text: str) -> int:
    """YES ask that a NO bid at this NO price amounts to."""
    return PRICE_MAX - bid_price(text)


def size(text: str) -> int:
    """Centi-contracts of a level, not below 0."""
    count = SIZES.get(text) or _exact_size(text)
    if count < 0:
        raise ValueError(f"a level of {text} contracts")
    return _remembered(SIZES, text, count)


def size_change(text: str) -> int:
    """Centi-contracts that a level gains, negative for a fall."""
    return _remembered(CHANGES, text, _exact_size(text))


def _remembered(table: dict[str, int], text: str, count: int) -> int:
    if count:
        if len(table) >= _SIZES_KEPT:
            table.clear()
        table[text] = count
    return count


def _exact_size(text: str) -> int:
    """Finer amounts than 0.01 are refused: added up, their rounding would show."""
    whole, _, fraction = text.partition(".")
    if len(fraction) == 2 and len(text) <= 18 and text.isascii() and fraction.isdigit() and _is_integer(whole):
        return int(whole + fraction)  # as the venue writes it
    count = size_from_contracts(text)
    if Decimal(text) * 100 != count:
        raise ValueError(f"size {text!r} is finer than 0.01 contract")
    return count


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def sizes_by_price(levels: wire.Levels, price_of: Callable[[str], int]) -> dict[int, int]:
    """One side of a snapshot; `price_of` is `bid_price`, `ask_price` or `ask_of_no_bid`, as the side demands."""
    if price_of is not ask_of_no_bid:
        try:
            sizes = {PRICES[price]: SIZES[count] for price, count in levels}
        except KeyError:
            pass
        else:
            if len(sizes) == len(levels):
                return sizes
    return _added_up([(price_of(price), size(count)) for price, count in levels])


def rest_book(book: wire.BookFp) -> tuple[dict[int, int], dict[int, int]]:
    """Bids and asks of a REST order book, whose NO bids carry NO prices."""
    bids = sizes_by_price(book.yes_dollars or [], bid_price)
    return bids, sizes_by_price(book.no_dollars or [], ask_of_no_bid)


def _added_up(levels: list[tuple[int, int]]) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for price, count in levels:
        if count:
            sizes[price] = sizes.get(price, 0) + count
    return sizes


def change(msg: wire.DeltaMsg) -> tuple[bool, int, int]:
    """Whether it is a bid, its YES price (of a subscription with `use_yes_price`), and the change of its size."""
    is_bid = msg.side == "yes"
    return is_bid, (bid_price if is_bid else ask_price)(msg.price_dollars), size_change(msg.delta_fp)


def trade(msg: wire.TradeMsg) -> Trade:
    at_ms = msg.ts_ms or msg.ts * 1000
    if at_ms <= 0:
        raise ValueError("a trade without a time")
    price = price_from_dollars(msg.yes_price_dollars, rounding="half_up")
    return Trade(msg.trade_id, Millis(at_ms), price, _size_traded(msg.count_fp), msg.is_block_trade)


def _size_traded(text: str) -> Size:
    count = size_from_contracts(text)
    if count < 0:
        raise ValueError(f"a trade of {text} contracts")
    return count


def best_prices(msg: wire.TickerMsg) -> tuple[int, int, int]:
    """Best bid, best ask and exchange time of a ticker frame; a bid of 0, an ask of 0 or 10000 is an empty side."""
    at_ms = msg.ts_ms or msg.ts * 1000
    if at_ms <= 0:
        raise ValueError("a ticker without a time")
    return bid_price(msg.yes_bid_dollars), ask_price(msg.yes_ask_dollars), at_ms


def rest_trade(row: wire.RestTrade) -> Trade:
    at_ms = millis_from_rfc3339(row.created_time)
    price = price_from_dollars(row.yes_price_dollars, rounding="half_up")
    return Trade(row.trade_id, at_ms, price, _size_traded(row.count_fp), row.is_block_trade)


def candle(row: wire.LiveCandle | wire.PastCandle) -> Candle:
    """A minute candle of either endpoint: best prices alone, since block trades may move what it says of trades."""
    to_ms = row.end_period_ts * 1000
    bid, ask = _ohlc(row.yes_bid, bid_price), _ohlc(row.yes_ask, ask_price)
    no_bid, no_ask = bid[2] == 0, ask[1] == PRICE_MAX or ask[2] == 0
    return Candle(Millis(to_ms - MINUTE_MS), Millis(to_ms), None if no_bid else bid, None if no_ask else ask, UNSET)


def _ohlc(side: wire.LiveOhlc | wire.PastOhlc, price_of: Callable[[str], int]) -> Ohlc:
    if isinstance(side, wire.LiveOhlc):
        texts = (side.open_dollars, side.low_dollars, side.high_dollars, side.close_dollars)
    else:
        texts = (side.open, side.low, side.high, side.close)
    opened, low, high, closed = (price_of(text or "") for text in texts)
    if not low <= min(opened, closed) <= max(opened, closed) <= high:
        raise ValueError(f"open {opened}, low {low}, high {high}, close {closed} contradict each other")
    return opened, low, high, closed


def facts(venue: Venue, market: wire.Market) -> MarketFacts:
    """An unknown status word becomes UNKNOWN, which is not trading."""
    status = STATUSES.get(market.status, MarketStatus.UNKNOWN)
    final = status is MarketStatus.FINAL and bool(market.result) and bool(market.settlement_value_dollars)
    return MarketFacts(
        market=MarketId(venue, market.ticker),
        title=" - ".join(part for part in (market.title, market.yes_sub_title) if part),
        event=market.event_ticker,
        status=status,
        open_ms=millis_from_rfc3339(market.open_time),
        close_ms=millis_from_rfc3339(market.close_time),
        result=market.result,
        final=final,
        settled_ms=millis_from_rfc3339(market.settlement_ts) if market.settlement_ts else None,
        rules_hash=_rules_hash(market),
        provisional=market.is_provisional,
        shard=market.exchange_index,
    )


def _rules_hash(market: wire.Market) -> str:
    strikes = (market.floor_strike, market.cap_strike, market.functional_strike, market.custom_strike)
    rules = [
        market.rules_primary,
        market.rules_secondary,
        market.strike_type,
        *(json.loads(bytes(strike)) for strike in strikes),
        market.settlement_bounds_type,
        market.settlement_floor_dollars,
        market.notional_value_dollars,
    ]
    return hashlib.sha256(json.dumps(rules, sort_keys=True).encode()).hexdigest()


def is_trading(status: wire.ExchangeStatus, shard: int) -> bool:
    """Whether the exchange takes orders on this shard; the top-level flags speak for shards that are not listed."""
    for one in status.exchange_index_statuses:
        if one.exchange_index == shard:
            return one.exchange_active and one.trading_active
    return status.exchange_active and status.trading_active
