"""What the simulated venue knows at one moment: market objects, books and trades, as the tape has told them so far.

It applies tape records and answers in wire shape; when to apply, and to whom to tell it, is for others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from relayer.domain.errors import UsageError
from relayer.domain.units import Millis, rfc3339
from relayer.sandbox.book import DOLLAR, Book, WireLevels, contracts, dollars
from relayer.sandbox.candles import Best, Candles
from relayer.tape.replay import FrameRecord, Record, RestRecord

API = "/trade-api/v2"
MARKETS_PATH = f"{API}/markets/"
QUOTED = frozenset({"active", "inactive"})
"""Statuses whose market object shows the book; the others were recorded with an empty one."""

CHANNELS = {
    "orderbook_snapshot": "orderbook_delta",
    "orderbook_delta": "orderbook_delta",
    "trade": "trade",
    "market_lifecycle_v2": "market_lifecycle_v2",
    "event_lifecycle": "market_lifecycle_v2",
    "event_fee_update": "market_lifecycle_v2",
}
"""Frame types a tape may hold, and the channel that carries each."""

Json = dict[str, Any]


class Delta(msgspec.Struct):
    market_ticker: str
    price_dollars: str
    delta_fp: str
    side: str
    market_id: str = ""


class Snapshot(msgspec.Struct):
    market_ticker: str
    market_id: str = ""
    yes_dollars_fp: WireLevels = []
    no_dollars_fp: WireLevels = []


class TradeMsg(msgspec.Struct, omit_defaults=True):
    market_ticker: str
    trade_id: str
    yes_price_dollars: str
    no_price_dollars: str
    count_fp: str
    ts_ms: int
    taker_side: str = ""
    taker_outcome_side: str = ""
    taker_book_side: str = ""
    is_block_trade: bool = False


class Names(msgspec.Struct):
    """What lists and filters need of a Market object, whatever else it has."""

    ticker: str
    event_ticker: str
    status: str


class Listed(msgspec.Struct):
    market: Names


@dataclass(slots=True)
class Tally:
    """A market's trades so far: volume in contracts, price and size of the last one."""

    volume: Decimal = field(default_factory=Decimal)
    price: str = "0.0000"
    size: str = "0.00"


_LISTED = msgspec.json.Decoder(Listed)
_DELTA = msgspec.json.Decoder(Delta)
_SNAPSHOT = msgspec.json.Decoder(Snapshot)
_TRADE = msgspec.json.Decoder(TradeMsg)


class VenueState:
    """The venue's memory. `apply` raises UsageError for a record that contradicts what came before it."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.markets: dict[str, Json] = {}
        self.books: dict[str, Book] = {}
        self.changes: dict[str, int] = {}
        """How often each book has changed."""
        self.market_ids: dict[str, str] = {}
        self.trades: list[Json] = []
        self.candles = Candles()
        self.top_moved = False
        """Whether the last frame changed a best price or size, or the last trade: what a ticker frame shows."""
        self._tops: dict[str, tuple[Best, Best]] = {}
        self._tallies: dict[str, Tally] = {}

    def apply(self, record: Record) -> None:
        try:
            if isinstance(record, RestRecord):
                self._apply_body(record)
            else:
                self._apply_frame(record)
        except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
            what = record.path if isinstance(record, RestRecord) else record.type
            raise UsageError(f"The tape's {what} of {rfc3339(record.at_ms)} cannot be applied: {error}.") from error

    def _apply_body(self, record: RestRecord) -> None:
        ticker = record.path.removeprefix(MARKETS_PATH)
        if ticker != record.path and "/" not in ticker:
            status = _LISTED.decode(record.body).market.status
            self.markets[ticker] = msgspec.json.decode(record.body)["market"]
            self.candles.set_trading(ticker, record.at_ms, trading=status in {*QUOTED, "initialized"})
        else:
            self.bodies[record.path] = record.body

    def _apply_frame(self, record: FrameRecord) -> None:
        self.top_moved = False
        match record.type:
            case "orderbook_delta":
                delta = _DELTA.decode(record.msg)
                book = self.book(delta.market_ticker)
                book.change(delta.side, delta.price_dollars, delta.delta_fp)
                self._booked(delta.market_ticker, delta.market_id, book, record.at_ms)
            case "orderbook_snapshot":
                shown = _SNAPSHOT.decode(record.msg)
                book = self.book(shown.market_ticker)
                book.replace("yes", shown.yes_dollars_fp)
                book.replace("no", shown.no_dollars_fp)
                self._booked(shown.market_ticker, shown.market_id, book, record.at_ms)
            case "trade":
                self._traded(_TRADE.decode(record.msg))
            case kind if kind not in CHANNELS:
                raise ValueError(f"frame type {kind!r} is none of {', '.join(CHANNELS)}")

    def _booked(self, ticker: str, market_id: str, book: Book, at_ms: int) -> None:
        self.market_ids[ticker] = market_id
        self.changes[ticker] = self.changes.get(ticker, 0) + 1
        top = (book.best("yes"), book.best("no"))
        self.top_moved = self._tops.get(ticker) != top
        if self.top_moved:
            self._tops[ticker] = top
            self.candles.quote(ticker, at_ms, *top)

    def _traded(self, trade: TradeMsg) -> None:
        fields = msgspec.to_builtins(trade)
        del fields["market_ticker"], fields["ts_ms"]
        told = {"ticker": trade.market_ticker, "created_time": rfc3339(trade.ts_ms), "is_block_trade": False, **fields}
        self.trades.append(told)
        self.top_moved = True
        tally = self._tallies.setdefault(trade.market_ticker, Tally())
        tally.price, tally.size = trade.yes_price_dollars, trade.count_fp
        tally.volume += Decimal(trade.count_fp)
        self.candles.trade(trade.market_ticker, trade.ts_ms, trade.yes_price_dollars, trade.count_fp)

    def book(self, ticker: str) -> Book:
        """The market's book, an empty one where no frame has told of it."""
        return self.books.setdefault(ticker, Book())

    def market(self, ticker: str) -> Json | None:
        """The Market object with the book's present quotes; None for a market the venue does not list."""
        market = self.markets.get(ticker)
        if market is None or market["status"] not in QUOTED:
            return market
        return {**market, **self.quotes(ticker), **self._traded_so_far(ticker)}

    def _traded_so_far(self, ticker: str) -> Json:
        tally = self._tallies.get(ticker)
        return {} if tally is None else {"last_price_dollars": tally.price, "volume_fp": f"{tally.volume:.2f}"}

    def quotes(self, ticker: str) -> Json:
        """Best prices and sizes; an empty side is a bid of 0.0000 or an ask of 1.0000."""
        book = self.book(ticker)
        yes, no = book.best("yes") or (0, 0), book.best("no") or (0, 0)
        return {
            "yes_bid_dollars": dollars(yes[0]),
            "yes_bid_size_fp": contracts(yes[1]),
            "yes_ask_dollars": dollars(DOLLAR - no[0]),
            "yes_ask_size_fp": contracts(no[1]),
            "no_bid_dollars": dollars(no[0]),
            "no_ask_dollars": dollars(DOLLAR - yes[0]),
        }

    def snapshot_msg(self, ticker: str, *, yes_prices: bool) -> bytes:
        """The `msg` of an orderbook_snapshot; an empty side has no key."""
        book = self.book(ticker)
        sides = {f"{side}_dollars_fp": book.levels(side, yes_prices=yes_prices) for side in ("yes", "no")}
        names = {"market_ticker": ticker, "market_id": self.market_ids.get(ticker, "")}
        return msgspec.json.encode({**names, **{key: levels for key, levels in sides.items() if levels}})

    def ticker_msg(self, ticker: str, at_ms: Millis) -> bytes:
        """The `msg` of a ticker frame."""
        tally = self._tallies.get(ticker, Tally())
        quotes = self.quotes(ticker)
        return msgspec.json.encode(
            {
                "market_ticker": ticker,
                "market_id": self.market_ids.get(ticker, ""),
                "price_dollars": tally.price,
                "yes_bid_dollars": quotes["yes_bid_dollars"],
                "yes_ask_dollars": quotes["yes_ask_dollars"],
                "volume_fp": f"{tally.volume:.2f}",
                "open_interest_fp": "0.00",
                "dollar_volume": 0,
                "dollar_open_interest": 0,
                "yes_bid_size_fp": quotes["yes_bid_size_fp"],
                "yes_ask_size_fp": quotes["yes_ask_size_fp"],
                "last_trade_size_fp": tally.size,
                "ts": at_ms // 1000,
                "ts_ms": at_ms,
                "time": rfc3339(at_ms),
            }
        )
