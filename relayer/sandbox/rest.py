"""Kalshi's REST surface over the venue's state: bodies, filters, pages and error shapes as recorded.

Market data needs no key, but a request that shows one must be signed well. Three error shapes occur, as at the venue:
nested (`error`), bare (`msg`) for parameters, and a string `error` for rate limits.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from typing import Any

import msgspec
from aiohttp import web

from relayer.domain.units import millis_from_rfc3339
from relayer.sandbox.auth import KEY_HEADER, Signatures
from relayer.sandbox.faults.kit import FaultKit
from relayer.sandbox.faults.requests import Handler
from relayer.sandbox.limits import READ, WRITE, Buckets
from relayer.sandbox.player import Player
from relayer.sandbox.state import API, Json, VenueState

STATUS_FILTER = {
    "unopened": {"initialized"},
    "open": {"active"},
    "paused": {"inactive"},
    "closed": {"closed", "determined", "disputed", "amended"},
    "settled": {"finalized"},
}
MAX_TICKERS = 100
ALL_DAY = [{"open_time": "00:00", "close_time": "00:00"}]
_LONG_AGO = "2024-01-01T00:00:00Z"
DEFAULT_BODIES: dict[str, Json] = {
    f"{API}/historical/cutoff": {
        f"{name}_ts": _LONG_AGO
        for name in ("market_settled", "trades_created", "orders_updated", "market_positions_last_updated")
    },
    f"{API}/exchange/status": {"exchange_active": True, "trading_active": True},
    f"{API}/exchange/schedule": {
        "schedule": {
            "maintenance_windows": [],
            "standard_hours": [
                {
                    "start_time": "2024-12-01T00:00:00Z",
                    "end_time": "2200-12-01T00:00:00Z",
                    **{f"{day}day": ALL_DAY for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")},
                }
            ],
        }
    },
}
"""Answers of a tape that says nothing of its own about these paths."""


def answer(body: Any, status: int = 200) -> web.Response:
    """A JSON answer; `body` may be text that is JSON already."""
    text = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return web.Response(body=text, status=status, content_type="application/json")


def refused(refusal: dict[str, str], status: int = 401) -> web.Response:
    return answer({"error": refusal}, status)


def not_found() -> web.Response:
    return refused({"code": "not_found", "message": "not found"}, 404)


def too_many() -> web.Response:
    """No Retry-After and no cool-down: the bucket goes on filling."""
    return answer({"error": "too many requests"}, 429)


def bad_parameter(call: str, field: str, tag: str) -> web.Response:
    key = f"{call}Params.{field}"
    why = f"Key: '{key}' Error:Field validation for '{field}' failed on the '{tag}' tag"
    return answer({"msg": f"Parameter validation failed for {call}: {why}"}, 400)


class RestApi:
    """Handlers over one venue; every answer shows the state of the moment it is given."""

    def __init__(self, state: VenueState, player: Player, signatures: Signatures, faults: FaultKit) -> None:
        self._state, self._player, self._signatures, self._faults = state, player, signatures, faults
        self._buckets = Buckets()

    def add_to(self, app: web.Application) -> None:
        def get(path: str, handler: Handler, *, needs_key: bool = False) -> None:
            checked = self._checked(handler, needs_key=needs_key)
            app.router.add_get(f"{API}/{path}", self._faults.around(checked, handshakes=False))

        get("account/limits", self.account_limits, needs_key=True)
        get("markets", self.markets)
        get("markets/trades", self.trades)
        get("markets/orderbooks", self.orderbooks)
        get("markets/candlesticks", self.candles_batch)
        get("markets/{ticker}", self.market)
        get("markets/{ticker}/orderbook", self.orderbook)
        get("events/{event}", self.event)
        get("series/{series}/markets/{ticker}/candlesticks", self.candles)
        get("historical/trades", self.past_trades)
        get("historical/markets/{ticker}", self.past_market)
        get("historical/markets/{ticker}/candlesticks", self.historical_candles)
        get("{rest:.*}", self.other)

    def _checked(self, handler: Handler, *, needs_key: bool) -> Handler:
        """The handler behind signature and rate limit, over the state of the moment."""

        async def served(request: web.Request) -> web.StreamResponse:
            if needs_key or KEY_HEADER in request.headers:
                refusal = self._signatures.refusal(request.method, request.rel_url.raw_path, request.headers)
                if refusal is not None:
                    return refused(refusal)
            if not self._buckets.take(request.headers.get(KEY_HEADER, "")):
                return too_many()
            self._player.catch_up()
            return await handler(request)

        return served

    async def account_limits(self, request: web.Request) -> web.Response:
        budgets = {"read": asdict(READ), "write": asdict(WRITE)}
        return answer({"grants": [], "usage_tier": "basic", **budgets})

    async def markets(self, request: web.Request) -> web.Response:
        query = request.query
        limit = _limit(query.get("limit", "100"))
        if limit is None:
            return bad_parameter("GetMarkets", "Limit", "lte")
        if query.get("status", "open") not in STATUS_FILTER:
            return bad_parameter("GetMarkets", "Status", "oneof")
        listed = {ticker: market for ticker, market in self._state.markets.items() if self._is_live(ticker)}
        found = [ticker for ticker, market in listed.items() if self._matches(market, dict(query))]
        after = _read_cursor(query.get("cursor", ""))
        start = found.index(after) + 1 if after in found else 0
        page = found[start : start + limit]
        more = start + limit < len(found)
        cursor = base64.urlsafe_b64encode(page[-1].encode()).decode() if more else ""
        return answer({"cursor": cursor, "markets": [self._state.market(ticker) for ticker in page]})

    def _matches(self, market: Json, query: dict[str, str]) -> bool:
        tickers, status = query.get("tickers"), query.get("status")
        return (
            (not tickers or market["ticker"] in tickers.split(","))
            and (not status or market["status"] in STATUS_FILTER[status])
            and query.get("event_ticker", market["event_ticker"]) == market["event_ticker"]
            and ("series_ticker" not in query or self._series_of(market["event_ticker"]) == query["series_ticker"])
        )

    def _series_of(self, event_ticker: str) -> str:
        body = self._state.bodies.get(f"{API}/events/{event_ticker}")
        return str(msgspec.json.decode(body)["event"]["series_ticker"]) if body else ""

    def _cutoff_ms(self, what: str) -> int:
        """Before it the live endpoints know nothing; the historical ones know all, as far as the two overlap."""
        path = f"{API}/historical/cutoff"
        body = self._state.bodies.get(path)
        return millis_from_rfc3339((msgspec.json.decode(body) if body else DEFAULT_BODIES[path])[what])

    def _is_live(self, ticker: str) -> bool:
        """Whether the live endpoints know this market: a market and its candles are archived by its settlement."""
        settled = self._state.markets.get(ticker, {}).get("settlement_ts")
        archived = settled and millis_from_rfc3339(settled) < self._cutoff_ms("market_settled_ts")
        return ticker in self._state.markets and not archived

    async def market(self, request: web.Request) -> web.Response:
        live = self._is_live(request.match_info["ticker"])
        return await self.past_market(request) if live else not_found()

    async def past_market(self, request: web.Request) -> web.Response:
        market = self._state.market(request.match_info["ticker"])
        return not_found() if market is None else answer({"market": market})

    async def orderbook(self, request: web.Request) -> web.Response:
        ticker = request.match_info["ticker"]
        if ticker not in self._state.markets:
            return not_found()
        depth = request.query.get("depth", "0")
        if not depth.isdecimal():
            return bad_parameter("GetMarketOrderbook", "Depth", "numeric")
        return answer({"orderbook_fp": self._levels(ticker, int(depth))})

    async def orderbooks(self, request: web.Request) -> web.Response:
        tickers = request.query.getall("tickers", [])
        if not 1 <= len(tickers) <= MAX_TICKERS:
            return bad_parameter("GetMarketOrderbooks", "Tickers", "max" if tickers else "required")
        known = [ticker for ticker in tickers if ticker in self._state.markets]
        return answer({"orderbooks": [{"ticker": ticker, "orderbook_fp": self._levels(ticker, 0)} for ticker in known]})

    def _levels(self, ticker: str, depth: int) -> Json:
        """Bids only, the best one last; `depth` keeps the best ones, 0 all."""
        book = self._state.book(ticker)
        return {f"{side}_dollars": book.levels(side)[-depth:] for side in ("yes", "no")}

    async def event(self, request: web.Request) -> web.Response:
        name = request.match_info["event"]
        body = self._state.bodies.get(f"{API}/events/{name}")
        if body is None:
            return not_found()
        event = msgspec.json.decode(body)["event"]
        children = [t for t, market in self._state.markets.items() if market["event_ticker"] == name]
        listed = [self._state.market(ticker) for ticker in children]
        nested = request.query.get("with_nested_markets") == "true"
        return answer({"event": {**event, "markets": listed if nested else []}, "markets": [] if nested else listed})

    async def trades(self, request: web.Request) -> web.Response:
        return self._trades(request, since_ms=self._cutoff_ms("trades_created_ts"))

    async def past_trades(self, request: web.Request) -> web.Response:
        return self._trades(request, since_ms=0)

    def _trades(self, request: web.Request, *, since_ms: int) -> web.Response:
        """Newest first; bounds in whole seconds, both included."""
        query = request.query
        limit = _limit(query.get("limit", "100"))
        if limit is None:
            return bad_parameter("GetTrades", "Limit", "lte")
        told = [one for one in reversed(self._state.trades) if millis_from_rfc3339(one["created_time"]) >= since_ms]
        found = [trade for trade in told if _trade_matches(trade, dict(query))]
        cursor = _read_cursor(query.get("cursor", ""))
        start = int(cursor) if cursor.isdecimal() else 0
        more = start + limit < len(found)
        following = base64.urlsafe_b64encode(str(start + limit).encode()).decode() if more else ""
        return answer({"cursor": following, "trades": found[start : start + limit]})

    async def candles(self, request: web.Request) -> web.Response:
        ticker = request.match_info["ticker"]
        return self._candles_of(ticker, request) if self._is_live(ticker) else not_found()

    def _candles_of(self, ticker: str, request: web.Request) -> web.Response:
        if ticker not in self._state.markets:
            return not_found()
        window = _window(dict(request.query))
        if window is None:
            return bad_parameter("GetMarketCandlesticks", "PeriodInterval", "oneof")
        return answer({"ticker": ticker, "candlesticks": self._candles(ticker, window)})

    async def historical_candles(self, request: web.Request) -> web.Response:
        """The same minutes under the key names of the historical tier, which lack their suffixes."""
        found = self._candles_of(request.match_info["ticker"], request)
        if found.status != 200 or not isinstance(found.body, bytes):
            return found
        told = msgspec.json.decode(found.body)
        return answer({**told, "candlesticks": [_historical(minute) for minute in told["candlesticks"]]})

    async def candles_batch(self, request: web.Request) -> web.Response:
        tickers = request.query.get("market_tickers", "").split(",")
        window = _window(dict(request.query))
        if window is None or len(tickers) > MAX_TICKERS:
            return bad_parameter("BatchGetMarketCandlesticks", "MarketTickers" if window else "PeriodInterval", "oneof")
        known = [ticker for ticker in tickers if self._is_live(ticker)]
        return answer(
            {"markets": [{"market_ticker": ticker, "candlesticks": self._candles(ticker, window)} for ticker in known]}
        )

    def _candles(self, ticker: str, window: tuple[int, int]) -> list[Json]:
        return self._state.candles.wire(ticker, *window, self._player.now_ms())

    async def other(self, request: web.Request) -> web.Response:
        """Whatever else the tape has a body for."""
        path = request.rel_url.raw_path
        body = self._state.bodies.get(path) or DEFAULT_BODIES.get(path)
        return not_found() if body is None else answer(body)


def _limit(text: str) -> int | None:
    return int(text) if text.isdecimal() and 1 <= int(text) <= 1000 else None


def _read_cursor(text: str) -> str:
    """The page's key; a garbage cursor is taken for none, as at the venue."""
    try:
        return base64.urlsafe_b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def _trade_matches(trade: Json, query: dict[str, str]) -> bool:
    second = millis_from_rfc3339(trade["created_time"]) / 1000
    block = query.get("is_block_trade")
    return (
        query.get("ticker", trade["ticker"]) == trade["ticker"]
        and float(query.get("min_ts", 0)) <= second <= float(query.get("max_ts", second))
        and (block is None or (block == "true") == trade["is_block_trade"])
    )


def _historical(minute: Json) -> Json:
    def bare(prices: Json, *names: str) -> Json:
        return {name: prices.get(f"{name}_dollars") for name in names}

    quote = ("open", "low", "high", "close")
    return {
        "end_period_ts": minute["end_period_ts"],
        "yes_bid": bare(minute["yes_bid"], *quote),
        "yes_ask": bare(minute["yes_ask"], *quote),
        "price": bare(minute["price"], *quote, "mean", "previous"),
        "volume": minute["volume_fp"],
        "open_interest": minute["open_interest_fp"],
    }


def _window(query: dict[str, str]) -> tuple[int, int] | None:
    """The asked seconds; None for what is not served: only minutes are."""
    start, end = query.get("start_ts", ""), query.get("end_ts", "")
    if query.get("period_interval") != "1" or not (start.isdecimal() and end.isdecimal()):
        return None
    return int(start), int(end)
