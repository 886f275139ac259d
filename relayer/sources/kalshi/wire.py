"""Kalshi's frames and bodies as they are on the wire, field by field; `parse` makes sense of them.

Names follow the AsyncAPI document (2.0.0) and the OpenAPI document (3.31.0). Unknown keys are skipped; keys that Kalshi
leaves out have a default here. Numbers stay text.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Levels = list[tuple[str, str]]


class Frame(msgspec.Struct, tag_field="type", gc=False):
    """What every frame may carry. `sending_ts_ms` exists since October 2026."""

    sid: int = 0
    seq: int = 0
    id: int = 0
    sending_ts_ms: int | None = None


class SnapshotMsg(msgspec.Struct, gc=False):
    """A side that is empty is left out, so both may be.

    Books of the years in cents and of perpetual futures name their sides otherwise and would look empty: refused.
    """

    market_ticker: str
    yes_dollars_fp: Levels = []
    no_dollars_fp: Levels = []
    yes: None = None
    no: None = None
    bid: None = None
    ask: None = None


class Snapshot(Frame, tag="orderbook_snapshot", kw_only=True, gc=False):
    msg: SnapshotMsg


class DeltaMsg(msgspec.Struct, gc=False):
    """`delta_fp` is a signed change of the level's size. Without `ts_ms` there is its older form: `time_of_change`."""

    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: Literal["yes", "no"]
    ts_ms: int = 0


class Delta(msgspec.Struct, tag_field="type", tag="orderbook_delta", gc=False):
    """Nine frames in ten: nothing of it is decoded that is not needed."""

    msg: DeltaMsg
    sid: int = 0
    seq: int = 0


class TradeMsg(msgspec.Struct):
    trade_id: str
    market_ticker: str
    yes_price_dollars: str
    count_fp: str
    ts_ms: int = 0
    ts: int = 0
    is_block_trade: bool = False


class TradeFrame(Frame, tag="trade", kw_only=True):
    msg: TradeMsg


class TickerMsg(msgspec.Struct, gc=False):
    """Best YES prices, "0.0000" and "1.0000" for an empty side; `ts` is the older form of `ts_ms`, in seconds."""

    market_ticker: str
    yes_bid_dollars: str
    yes_ask_dollars: str
    ts_ms: int = 0
    ts: int = 0


class Ticker(Frame, tag="ticker", kw_only=True, gc=False):
    """Never numbered: that one is missing cannot be noticed."""

    msg: TickerMsg


class LifecycleMsg(msgspec.Struct):
    """`*_ts` are Unix seconds; each event type carries its own."""

    market_ticker: str
    event_type: str
    close_ts: int | None = None
    determination_ts: int | None = None
    settled_ts: int | None = None
    result: str = ""


class Lifecycle(Frame, tag="market_lifecycle_v2", kw_only=True):
    msg: LifecycleMsg


class SubscribedMsg(msgspec.Struct):
    channel: str
    sid: int


class Subscribed(Frame, tag="subscribed", kw_only=True):
    msg: SubscribedMsg


class Ok(Frame, tag="ok"):
    """Answer to a command on a subscription; takes a number of its sequence."""


class Unsubscribed(Frame, tag="unsubscribed"):
    pass


class ErrorMsg(msgspec.Struct):
    code: int = 0
    msg: str = ""


class Error(Frame, tag="error", kw_only=True):
    msg: ErrorMsg


KnownFrame = Snapshot | Delta | TradeFrame | Ticker | Lifecycle | Subscribed | Ok | Unsubscribed | Error
FRAME_TYPES: dict[type[KnownFrame], str] = {
    Snapshot: "orderbook_snapshot",
    Delta: "orderbook_delta",
    TradeFrame: "trade",
    Ticker: "ticker",
    Lifecycle: "market_lifecycle_v2",
    Subscribed: "subscribed",
    Ok: "ok",
    Unsubscribed: "unsubscribed",
    Error: "error",
}
decode_frame = msgspec.json.Decoder(KnownFrame).decode


class _OldTimeMsg(msgspec.Struct):
    ts: str = ""


class _OldTime(msgspec.Struct):
    msg: _OldTimeMsg


def time_of_change(text: str | bytes) -> str:
    """`ts` of an order-book change, RFC 3339; nothing if it has none or one of another type."""
    try:
        return msgspec.json.decode(text, type=_OldTime).msg.ts
    except UNREADABLE:
        return ""


class _AnyMsg(msgspec.Struct):
    market_ticker: str = ""


class AnyFrame(msgspec.Struct):
    """What can be read of a frame that is unknown or malformed."""

    type: str = ""
    sid: int = 0
    seq: int = 0
    msg: _AnyMsg | None = None


class _Envelope(msgspec.Struct):
    type: str = ""
    sid: int = 0
    seq: int = 0


UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises at text that is no such frame or body: wrong JSON or shape, broken UTF-8, endless nesting."""


def what_can_be_read(text: str | bytes) -> AnyFrame:
    """As much as possible of a frame that `decode_frame` refused; nothing is an empty `AnyFrame`."""
    try:
        return msgspec.json.decode(text, type=AnyFrame)
    except UNREADABLE:
        pass
    try:
        envelope = msgspec.json.decode(text, type=_Envelope)
    except UNREADABLE:
        return AnyFrame()
    return AnyFrame(envelope.type, envelope.sid, envelope.seq)


class Market(msgspec.Struct):
    """Market object of all REST bodies; only what the relayer uses."""

    ticker: str
    status: str
    close_time: str
    open_time: str
    event_ticker: str = ""
    market_type: str = "binary"
    title: str = ""
    yes_sub_title: str = ""
    result: str = ""
    settlement_value_dollars: str | None = None
    settlement_ts: str | None = None
    can_close_early: bool = False
    is_provisional: bool = False
    exchange_index: int = 0
    notional_value_dollars: str = "1.0000"
    rules_primary: str = ""
    rules_secondary: str = ""
    strike_type: str = ""
    floor_strike: msgspec.Raw = msgspec.Raw(b"null")
    cap_strike: msgspec.Raw = msgspec.Raw(b"null")
    functional_strike: msgspec.Raw = msgspec.Raw(b"null")
    custom_strike: msgspec.Raw = msgspec.Raw(b"null")
    settlement_bounds_type: str = ""
    settlement_floor_dollars: str | None = None


class MarketBody(msgspec.Struct):
    market: Market


class MarketsBody(msgspec.Struct):
    """Each is a `Market`, kept raw so that one that is odd does not spoil the others."""

    markets: list[msgspec.Raw]
    cursor: str | None = None


class BookFp(msgspec.Struct):
    yes_dollars: Levels | None = None
    no_dollars: Levels | None = None


class BookBody(msgspec.Struct):
    """Bids of both sides, NO bids in NO prices; no time and no sequence number."""

    orderbook_fp: BookFp


class TickerBook(msgspec.Struct):
    ticker: str
    orderbook_fp: BookFp


class BooksBody(msgspec.Struct):
    orderbooks: list[TickerBook]


class RestTrade(msgspec.Struct):
    trade_id: str
    ticker: str
    count_fp: str
    yes_price_dollars: str
    created_time: str
    is_block_trade: bool = False


class TradesBody(msgspec.Struct):
    trades: list[RestTrade]
    cursor: str | None = None


class Event(msgspec.Struct):
    event_ticker: str
    series_ticker: str
    title: str = ""
    mutually_exclusive: bool = False
    collateral_return_type: str = ""
    markets: list[Market] = []


class EventBody(msgspec.Struct):
    event: Event


class Series(msgspec.Struct):
    ticker: str
    title: str = ""
    category: str = ""
    frequency: str = ""


class SeriesBody(msgspec.Struct):
    series: Series


class ShardStatus(msgspec.Struct):
    exchange_index: int
    exchange_active: bool = True
    trading_active: bool = True


class ExchangeStatus(msgspec.Struct):
    """Top-level flags describe shard 0."""

    exchange_active: bool
    trading_active: bool
    exchange_estimated_resume_time: str | None = None
    exchange_index_statuses: list[ShardStatus] = []


class Budget(msgspec.Struct):
    refill_rate: float
    bucket_capacity: float


class AccountLimits(msgspec.Struct):
    """Tokens a second and in store, for GETs (`read`)."""

    read: Budget
    usage_tier: str = ""


class LiveOhlc(msgspec.Struct):
    """One side of a live candle; missing where nothing traded."""

    open_dollars: str | None = None
    low_dollars: str | None = None
    high_dollars: str | None = None
    close_dollars: str | None = None


class PastOhlc(msgspec.Struct):
    """The same behind the archive cutoff, where the keys differ."""

    open: str | None = None
    low: str | None = None
    high: str | None = None
    close: str | None = None


class LiveCandle(msgspec.Struct):
    """`end_period_ts`: inclusive end of the period, Unix seconds."""

    end_period_ts: int
    yes_bid: LiveOhlc
    yes_ask: LiveOhlc


class PastCandle(msgspec.Struct):
    end_period_ts: int
    yes_bid: PastOhlc
    yes_ask: PastOhlc


class TickerCandles(msgspec.Struct):
    market_ticker: str
    candlesticks: list[LiveCandle]


class CandlesBody(msgspec.Struct):
    markets: list[TickerCandles]


class PastCandlesBody(msgspec.Struct):
    candlesticks: list[PastCandle]


class Cutoff(msgspec.Struct):
    """What settled (markets and their candles) or traded before these times is behind `/historical`."""

    market_settled_ts: str
    trades_created_ts: str


class Hours(msgspec.Struct):
    """Eastern Time, HH:MM; 00:00 as a closing time ends the day."""

    open_time: str
    close_time: str


class WeeklyHours(msgspec.Struct):
    start_time: str
    end_time: str
    monday: list[Hours]
    tuesday: list[Hours]
    wednesday: list[Hours]
    thursday: list[Hours]
    friday: list[Hours]
    saturday: list[Hours]
    sunday: list[Hours]


class MaintenanceWindow(msgspec.Struct):
    start_datetime: str
    end_datetime: str


class Schedule(msgspec.Struct):
    standard_hours: list[WeeklyHours]
    maintenance_windows: list[MaintenanceWindow]


class ScheduleBody(msgspec.Struct):
    schedule: Schedule
