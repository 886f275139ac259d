"""DFlow's prediction-market metadata API over the same state: what it relays from Kalshi, in its own shapes.

Prices without time or sequence, camelCase objects, mints beside tickers, integer cursors. With a key set, `x-api-key`
is asked for, as in production; without one everybody is let in, as on the development host.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web
from solders.pubkey import Pubkey

from relayer.domain.units import millis_from_rfc3339
from relayer.sandbox.faults.kit import FaultKit
from relayer.sandbox.faults.requests import Handler
from relayer.sandbox.player import Player
from relayer.sandbox.rest import answer
from relayer.sandbox.state import API as KALSHI_API
from relayer.sandbox.state import Json, VenueState

API = "/api/v1"
KEY_HEADER = "x-api-key"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
MAX_LIMIT, MAX_BATCH, MAX_FILTER, MAX_CANDLES = 255, 100, 200, 5_000
_STATUS = {"disputed": "determined", "amended": "determined"}
"""Kalshi's statuses that DFlow does not know; the others have the same names."""


def refused(status: int, msg: str) -> web.Response:
    return answer({"msg": msg}, status)


def denies(key: str | None, request: web.Request) -> bool:
    """Whether the request lacks the key that is asked for."""
    return key is not None and request.headers.get(KEY_HEADER) != key


def account(ticker: str, *, decided: bool) -> Json:
    """The market's accounts on the USDC rail: addresses made from the ticker."""
    made = {name: _address(name, ticker) for name in ("marketLedger", "yesMint", "noMint")}
    return {**made, "isInitialized": True, "redemptionStatus": "open" if decided else None, "scalarOutcomePct": None}


def _address(kind: str, ticker: str) -> str:
    return str(Pubkey(hashlib.sha256(f"{kind}:{ticker}".encode()).digest()))


def quotes(state: VenueState, ticker: str) -> dict[str, str | None]:
    """The four prices in dollars, None for a side without orders."""
    told = state.market(ticker) or {}
    sides = {"yes_bid": "0.0000", "yes_ask": "1.0000", "no_bid": "0.0000", "no_ask": "1.0000"}
    shown = {name: told.get(f"{name}_dollars", empty) for name, empty in sides.items()}
    return {name: None if price == sides[name] else price for name, price in shown.items()}


class DflowApi:
    """Handlers over one venue."""

    def __init__(self, state: VenueState, player: Player, faults: FaultKit, key: str | None) -> None:
        self._state, self._player, self._faults, self._key = state, player, faults, key

    def add_to(self, app: web.Application) -> None:
        def route(method: str, path: str, handler: Handler) -> None:
            app.router.add_route(method, f"{API}/{path}", self._faults.around(self._checked(handler), handshakes=False))

        route("GET", "markets", self.markets)
        route("POST", "markets/batch", self.batch)
        route("GET", "market/by-mint/{mint}", self.market)
        route("GET", "market/by-mint/{mint}/candlesticks", self.candles)
        route("GET", "market/{ticker}", self.market)
        route("GET", "market/{ticker}/candlesticks", self.candles)
        route("GET", "orderbook/by-mint/{mint}", self.orderbook)
        route("GET", "orderbook/{ticker}", self.orderbook)
        route("GET", "event/{event}", self.event)
        route("GET", "trades", self.trades)
        route("GET", "trades/by-mint/{mint}", self.trades)
        route("GET", "outcome_mints", self.outcome_mints)
        route("POST", "filter_outcome_mints", self.filter_outcome_mints)
        route("GET", "{rest:.*}", self.nothing)

    def _checked(self, handler: Handler) -> Handler:
        async def served(request: web.Request) -> web.StreamResponse:
            if denies(self._key, request):
                return refused(401, "missing or invalid API key")
            self._player.catch_up()
            return await handler(request)

        return served

    def _ticker(self, request: web.Request) -> str | None:
        """The market that the path names, by ticker or by any of its mints."""
        if "mint" in request.match_info:
            return self._by_mint().get(request.match_info["mint"])
        ticker = request.match_info.get("ticker", request.query.get("ticker", ""))
        return ticker if ticker in self._state.markets else None

    def _by_mint(self) -> dict[str, str]:
        names = ("marketLedger", "yesMint", "noMint")
        return {_address(name, ticker): ticker for ticker in self._state.markets for name in names}

    def _market(self, ticker: str) -> Json:
        kalshi: Json = self._state.market(ticker) or {}
        status = _STATUS.get(kalshi["status"], kalshi["status"])
        prices = {_camel(name): price for name, price in quotes(self._state, ticker).items()}
        volume, interest = kalshi.get("volume_fp", "0.00"), kalshi.get("open_interest_fp", "0.00")
        return {
            "ticker": ticker,
            "eventTicker": kalshi["event_ticker"],
            "marketType": kalshi.get("market_type", "binary"),
            "title": kalshi.get("title", kalshi["event_ticker"]),
            "subtitle": "",
            "yesSubTitle": kalshi.get("yes_sub_title", ""),
            "noSubTitle": kalshi.get("no_sub_title", ""),
            "openTime": _seconds(kalshi["open_time"]),
            "closeTime": _seconds(kalshi["close_time"]),
            "expirationTime": _seconds(kalshi.get("latest_expiration_time") or kalshi["close_time"]),
            "status": status,
            "result": kalshi["result"],
            **prices,
            "volume": int(Decimal(volume)),
            "openInterest": int(Decimal(interest)),
            "volumeFp": volume,
            "volume24hFp": kalshi.get("volume_24h_fp", "0.00"),
            "openInterestFp": interest,
            "canCloseEarly": kalshi.get("can_close_early", False),
            "rulesPrimary": kalshi.get("rules_primary", ""),
            "rulesSecondary": kalshi.get("rules_secondary", ""),
            "fractionalTradingEnabled": True,
            "accounts": {USDC: account(ticker, decided=status in ("determined", "finalized"))},
        }

    async def nothing(self, request: web.Request) -> web.Response:
        return refused(404, "not found")

    async def market(self, request: web.Request) -> web.Response:
        ticker = self._ticker(request)
        return refused(404, "market not found") if ticker is None else answer(self._market(ticker))

    async def markets(self, request: web.Request) -> web.Response:
        limit, start = request.query.get("limit", "200"), request.query.get("cursor", "0")
        if not limit.isdecimal() or not start.isdecimal():
            return refused(400, "invalid digit found in string")
        if int(limit) > MAX_LIMIT:
            return refused(400, "number too large to fit in target type")
        listed = [self._market(ticker) for ticker in self._state.markets]
        wanted = [one for one in listed if request.query.get("status", one["status"]) == one["status"]]
        end = int(start) + int(limit)
        return answer({"markets": wanted[int(start) : end], "cursor": min(end, len(wanted))})

    async def batch(self, request: web.Request) -> web.Response:
        asked = await _body(request)
        tickers, mints = (asked or {}).get("tickers", []), (asked or {}).get("mints", [])
        if asked is None or len(tickers) + len(mints) > MAX_BATCH:
            return refused(400, f"at most {MAX_BATCH} tickers and mints together")
        by_mint = self._by_mint()
        named = [*tickers, *(by_mint.get(mint, "") for mint in mints)]
        known = dict.fromkeys(ticker for ticker in named if ticker in self._state.markets)
        return answer({"markets": [self._market(ticker) for ticker in known]})

    async def orderbook(self, request: web.Request) -> web.Response:
        ticker = self._ticker(request)
        if ticker is None or self._state.markets[ticker]["status"] != "active":
            return refused(404, "no active order book")
        return answer({**book_levels(self._state, ticker), "sequence": self._state.changes.get(ticker, 0)})

    async def event(self, request: web.Request) -> web.Response:
        name = request.match_info["event"]
        body = self._state.bodies.get(f"{KALSHI_API}/events/{name}")
        if body is None:
            return refused(404, "event not found")
        event = msgspec.json.decode(body)["event"]
        told = {
            "ticker": name,
            "seriesTicker": event["series_ticker"],
            "title": event.get("title", ""),
            "subtitle": event.get("sub_title", ""),
        }
        if request.query.get("withNestedMarkets") != "true":
            return answer(told)
        children = [t for t, market in self._state.markets.items() if market["event_ticker"] == name]
        return answer({**told, "markets": [self._market(ticker) for ticker in children]})

    async def trades(self, request: web.Request) -> web.Response:
        """Newest first; the cursor is the id of the last trade given."""
        query, limit = request.query, request.query.get("limit", "100")
        if not limit.isdecimal() or not 1 <= int(limit) <= 1000:
            return refused(400, "limit must be from 1 to 1000")
        ticker = self._ticker(request)
        if ticker is None and ("mint" in request.match_info or "ticker" in query):
            return refused(404, "market not found")
        found = [
            trade
            for trade in map(_trade, reversed(self._state.trades))
            if ticker in (None, trade["ticker"])
            and int(query.get("minTs", 0)) <= trade["createdTime"] <= int(query.get("maxTs", trade["createdTime"]))
        ]
        ids = [trade["tradeId"] for trade in found]
        cursor = query.get("cursor", "")
        start = ids.index(cursor) + 1 if cursor in ids else 0
        page = found[start : start + int(limit)]
        more = start + len(page) < len(found)
        return answer({"trades": page, "cursor": page[-1]["tradeId"] if more else ""})

    async def candles(self, request: web.Request) -> web.Response:
        ticker = self._ticker(request)
        if ticker is None:
            return refused(404, "market not found")
        start, end = request.query.get("startTs", ""), request.query.get("endTs", "")
        if not (start.isdecimal() and end.isdecimal()) or request.query.get("periodInterval") != "1":
            return refused(400, "startTs, endTs in seconds and periodInterval 1 are served here")
        if (int(end) - int(start)) // 60 > MAX_CANDLES:
            return refused(400, f"more than {MAX_CANDLES} candles")
        minutes = self._state.candles.wire(ticker, int(start), int(end), self._player.now_ms())
        return answer({"candlesticks": [_candle(minute) for minute in minutes]})

    async def outcome_mints(self, request: web.Request) -> web.Response:
        after = int(request.query.get("minCloseTs", "0"))
        open_later = [t for t, market in self._state.markets.items() if _seconds(market["close_time"]) >= after]
        return answer({"mints": [_address(name, ticker) for ticker in open_later for name in ("yesMint", "noMint")]})

    async def filter_outcome_mints(self, request: web.Request) -> web.Response:
        asked = await _body(request)
        addresses = (asked or {}).get("addresses", [])
        if asked is None or len(addresses) > MAX_FILTER:
            return refused(400, f"at most {MAX_FILTER} addresses")
        mints = {_address(name, ticker) for ticker in self._state.markets for name in ("yesMint", "noMint")}
        return answer({"outcomeMints": [address for address in addresses if address in mints]})


def book_levels(state: VenueState, ticker: str) -> Json:
    """Both sides' bids as `{price: contracts}`."""
    book = state.book(ticker)
    return {f"{side}_bids": {price: float(size) for price, size in book.levels(side)} for side in ("yes", "no")}


def trade_prices(trade: Json) -> dict[str, int | str]:
    """Prices of a Kalshi trade: integers of a ten-thousandth, and dollar strings."""
    yes, no = Decimal(trade["yes_price_dollars"]), Decimal(trade["no_price_dollars"])
    whole = {"price": int(yes * 10_000), "yes_price": int(yes * 10_000), "no_price": int(no * 10_000)}
    return {**whole, "yes_price_dollars": f"{yes:.4f}", "no_price_dollars": f"{no:.4f}"}


def _trade(trade: Json) -> Json:
    prices = {_camel(name): price for name, price in trade_prices(trade).items()}
    return {
        "tradeId": trade["trade_id"],
        "ticker": trade["ticker"],
        "count": int(Decimal(trade["count_fp"])),
        "takerSide": trade.get("taker_outcome_side", trade.get("taker_side", "")),
        "createdTime": _seconds(trade["created_time"]),
        **prices,
    }


def _candle(minute: Json) -> Json:
    """Cents beside dollars, as Kalshi's candles had them when DFlow began to relay them."""
    sides = {name: _twins(minute[name]) for name in ("yes_bid", "yes_ask", "price")}
    return {
        "end_period_ts": minute["end_period_ts"],
        "open_interest": int(Decimal(minute["open_interest_fp"])),
        "volume": int(Decimal(minute["volume_fp"])),
        **sides,
    }


def _twins(prices: dict[str, str]) -> Json:
    cents = {name.removesuffix("_dollars"): int(Decimal(price) * 100) for name, price in prices.items()}
    return {**cents, **prices}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _seconds(time: str) -> int:
    return millis_from_rfc3339(time) // 1000


async def _body(request: web.Request) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(await request.read(), type=dict[str, Any])
    except msgspec.DecodeError:
        return None
