"""Kalshi's REST API, public market data only (OpenAPI 3.31.0). All calls are GETs, so all may be repeated.

Spends from the account's token bucket, retries what may pass, and re-dresses every failure: TransientError when it may
work later, PermanentError when it will not, UnknownError when the venue knows no such thing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from relayer.domain.clock import wall_ms
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.feeds import Candle, Trade
from relayer.domain.markets import MarketFacts
from relayer.domain.units import millis_from_rfc3339
from relayer.sources.kalshi import parse, wire
from relayer.sources.kalshi.auth import KalshiSigner
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.venue_time import VenueTime

log = logging.getLogger(__name__)

_ATTEMPTS = 4
_TOKENS_A_CALL = 10
_MARKETS_A_CALL = 100
_TRADES_A_PAGE = 1000
_CANDLES_A_CALL = 10_000
_CANDLES_A_MARKET = 5_000
_BACKOFF = wait_random_exponential(multiplier=0.4, max=5)

T = TypeVar("T")
Query = Sequence[tuple[str, str]]
Sides = tuple[dict[int, int], dict[int, int]]


class UnknownError(PermanentError):
    """The venue knows no such market, event or series."""


class TokenBucket:
    """Kalshi's own arithmetic: continuous refill up to a capacity; a call waits until it can pay."""

    def __init__(self, *, rate: float, capacity: float, wall_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_s = wall_s
        self.resize(rate=rate, capacity=capacity)

    def resize(self, *, rate: float, capacity: float) -> None:
        """Start over with another budget."""
        self._rate, self._capacity = rate, capacity
        self._tokens, self._at_s = capacity, self._wall_s()

    def debt_s(self, tokens: float) -> float:
        """Take the tokens and return how many seconds to wait until they are there."""
        now = self._wall_s()
        self._tokens = min(self._capacity, self._tokens + (now - self._at_s) * self._rate) - tokens
        self._at_s = now
        return max(0.0, -self._tokens / self._rate)


class KalshiClient:
    """One environment. `venue_time` learns from each answer's `Date`."""

    def __init__(
        self,
        *,
        settings: KalshiSettings,
        session: aiohttp.ClientSession,
        signer: KalshiSigner | None,
        venue_time: VenueTime,
    ) -> None:
        self._settings = settings
        self._session = session
        self._signer = signer
        self._venue_time = venue_time
        self._timeout = aiohttp.ClientTimeout(total=settings.request_timeout_s)
        self._path = urlsplit(settings.rest).path
        self._bucket = TokenBucket(rate=200, capacity=200)  # the lowest tier, until the account says otherwise

    async def market(self, ticker: str) -> MarketFacts:
        """One market, archived ones too. Raises UnknownError for a ticker that the venue does not know."""
        name = f"market {ticker}"
        try:
            body = await self._get(f"/markets/{quote(ticker, safe='')}", wire.MarketBody, name=name)
        except UnknownError:
            body = await self._get(f"/historical/markets/{quote(ticker, safe='')}", wire.MarketBody, name=name)
        return self._facts(body.market)

    async def markets(self, tickers: Iterable[str]) -> list[MarketFacts]:
        """Those of the markets that the venue lists, in any order; what cannot be understood is left out."""
        wanted = list(tickers)
        found = []
        for start in range(0, len(wanted), _MARKETS_A_CALL):
            chunk = wanted[start : start + _MARKETS_A_CALL]
            query = [("tickers", ",".join(chunk)), ("limit", str(len(chunk)))]
            body = await self._get("/markets", wire.MarketsBody, query, name=f"{len(chunk)} markets")
            listed = (facts for facts in map(self._listed, body.markets) if facts is not None)
            found += [facts for facts in listed if facts.market.ticker in chunk]
        return found

    async def orderbook(self, ticker: str) -> Sides:
        """Bids and asks, sizes by YES price, at no stated time."""
        path = f"/markets/{quote(ticker, safe='')}/orderbook"
        body = await self._get(path, wire.BookBody, name=f"order book of {ticker}")
        return self._book(ticker, body.orderbook_fp)

    async def orderbooks(self, tickers: Sequence[str]) -> dict[str, Sides]:
        """Bids and asks of those of up to 100 markets that the venue lists, as by `orderbook`; odd ones left out."""
        query = [("tickers", ticker) for ticker in tickers]
        body = await self._get("/markets/orderbooks", wire.BooksBody, query, name=f"order books of {len(tickers)}")
        return {book.ticker: sides for book in body.orderbooks if (sides := self._shown(book)) is not None}

    async def trades(self, ticker: str, *, from_ms: int, to_ms: int) -> list[Trade]:
        """All trades in `[from_ms, to_ms)`, oldest first, block trades included, from before the archive cutoff too.

        The venue's bounds are whole seconds of unstated inclusiveness: asked a second wider, filtered here.
        """
        query = [
            ("ticker", ticker),
            ("min_ts", str(from_ms // 1000 - 1)),
            ("max_ts", str(-(-to_ms // 1000) + 1)),
            ("limit", str(_TRADES_A_PAGE)),
        ]
        cutoff_ms = millis_from_rfc3339((await self.cutoff()).trades_created_ts)
        paths = ["/markets/trades"] if from_ms >= cutoff_ms else ["/markets/trades", "/historical/trades"]
        found: dict[str, Trade] = {}
        for path in paths:
            async for page in self._pages(path, wire.TradesBody, query, name=f"trades of {ticker}"):
                rows = [self._trade(row) for row in page.trades if row.ticker == ticker]
                found |= {trade.trade_id: trade for trade in rows if from_ms <= trade.at_ms < to_ms}
        trades = list(found.values())
        trades.reverse()  # pages come newest first; those of one millisecond keep the venue's order
        trades.sort(key=lambda trade: trade.at_ms)
        return trades

    async def candles(self, tickers: Iterable[str], *, from_ms: int, to_ms: int) -> dict[str, list[Candle]]:
        """Minute candles that end in `(from_ms, to_ms]`, oldest first, of markets that are not archived."""
        wanted = list(tickers)
        found: dict[str, list[Candle]] = {ticker: [] for ticker in wanted}
        for chunk, start_s, end_s in _candle_windows(wanted, from_ms, to_ms):
            query = [("market_tickers", ",".join(chunk)), *_candle_query(start_s, end_s)]
            body = await self._get("/markets/candlesticks", wire.CandlesBody, query, name=f"candles of {len(chunk)}")
            for market in body.markets:
                found.setdefault(market.market_ticker, []).extend(map(self._candle, market.candlesticks))
        return found

    async def past_candles(self, ticker: str, *, from_ms: int, to_ms: int) -> list[Candle]:
        """As `candles`, of one market that settled before the archive cutoff."""
        found: list[Candle] = []
        path = f"/historical/markets/{quote(ticker, safe='')}/candlesticks"
        for _, start_s, end_s in _candle_windows([ticker], from_ms, to_ms):
            query = _candle_query(start_s, end_s)
            body = await self._get(path, wire.PastCandlesBody, query, name=f"past candles of {ticker}")
            found += map(self._candle, body.candlesticks)
        return found

    async def candle_history(self, ticker: str, *, from_ms: int, to_ms: int) -> list[Candle]:
        """As `candles`, of one market wherever it is kept: live, or, where that knows none, archived."""
        if found := (await self.candles([ticker], from_ms=from_ms, to_ms=to_ms))[ticker]:
            return found
        try:
            return await self.past_candles(ticker, from_ms=from_ms, to_ms=to_ms)
        except UnknownError:
            return []

    async def cutoff(self) -> wire.Cutoff:
        """From when on the live endpoints know markets and trades."""
        return await self._get("/historical/cutoff", wire.Cutoff, name="archive cutoff")

    async def schedule(self) -> wire.Schedule:
        """Weekly trading hours and announced maintenance."""
        return (await self._get("/exchange/schedule", wire.ScheduleBody, name="schedule")).schedule

    async def event(self, event_ticker: str) -> wire.Event:
        """An event with its markets."""
        path, query = f"/events/{quote(event_ticker, safe='')}", [("with_nested_markets", "true")]
        return (await self._get(path, wire.EventBody, query, name=f"event {event_ticker}")).event

    async def series(self, series_ticker: str) -> wire.Series:
        path = f"/series/{quote(series_ticker, safe='')}"
        return (await self._get(path, wire.SeriesBody, name=f"series {series_ticker}")).series

    async def exchange_status(self) -> wire.ExchangeStatus:
        """Whether there is trading at all; answered with a valid body even under 500, 503 and 504."""
        return await self._get("/exchange/status", wire.ExchangeStatus, name="exchange status", any_status=True)

    async def account_limits(self) -> wire.AccountLimits:
        """The account's budgets; from here on calls are paced by the real one. Needs a key."""
        limits = await self._get("/account/limits", wire.AccountLimits, name="account limits")
        self._bucket.resize(rate=limits.read.refill_rate, capacity=limits.read.bucket_capacity)
        return limits

    def _listed(self, raw: msgspec.Raw) -> MarketFacts | None:
        """One of many: that it is odd must not spoil the others."""
        try:
            return self._facts(msgspec.json.decode(raw, type=wire.Market))
        except (*wire.UNREADABLE, PermanentError) as error:
            log.warning("a listed market cannot be understood", extra={"reason": str(error)})
            return None

    def _shown(self, book: wire.TickerBook) -> Sides | None:
        try:
            return self._book(book.ticker, book.orderbook_fp)
        except PermanentError as error:
            log.warning("an order book cannot be understood", extra={"reason": str(error)})
            return None

    def _facts(self, market: wire.Market) -> MarketFacts:
        try:
            return parse.facts(self._settings.venue, market)
        except ValueError as error:
            raise PermanentError(f"Kalshi's market {market.ticker} cannot be understood: {error}.") from error

    def _book(self, ticker: str, book: wire.BookFp) -> Sides:
        try:
            return parse.rest_book(book)
        except ValueError as error:
            raise PermanentError(f"Kalshi's order book of {ticker} is none: {error}.") from error

    def _trade(self, row: wire.RestTrade) -> Trade:
        try:
            return parse.rest_trade(row)
        except ValueError as error:
            raise PermanentError(f"Kalshi's trade {row.trade_id} of {row.ticker} is no trade: {error}.") from error

    def _candle(self, candle: wire.LiveCandle | wire.PastCandle) -> Candle:
        try:
            return parse.candle(candle)
        except ValueError as error:
            raise PermanentError(f"Kalshi's candle that ends at {candle.end_period_ts} is none: {error}.") from error

    async def _pages(self, path: str, kind: type[T], query: Query, *, name: str) -> AsyncIterator[T]:
        seen: set[str] = set()
        cursor = ""
        while True:
            page = await self._get(path, kind, [*query, ("cursor", cursor)] if cursor else query, name=name)
            yield page
            cursor = getattr(page, "cursor", None) or ""
            if not cursor:
                return
            if cursor in seen:
                raise TransientError(f"Kalshi repeats a page of {name}: the list would never end.")
            seen.add(cursor)

    async def _get(self, path: str, kind: type[T], query: Query = (), *, name: str, any_status: bool = False) -> T:
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=_wait,
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        ):
            with attempt:
                status, body = await self._fetch(path, query, name)
                if status == 200 or any_status:
                    try:
                        return msgspec.json.decode(body, type=kind)
                    except wire.UNREADABLE as error:
                        if status == 200:
                            raise _misread(name, error) from error
                raise refusal(status, body, name)
        raise AssertionError("tenacity returns or raises")

    async def _fetch(self, path: str, query: Query, name: str) -> tuple[int, bytes]:
        await asyncio.sleep(self._bucket.debt_s(_TOKENS_A_CALL))
        signed = self._signer.headers("GET", self._path + path, wall_ms=wall_ms()) if self._signer else {}
        sent_ms = wall_ms()
        try:
            async with self._session.get(
                self._settings.rest + path,
                params=list(query),
                headers=signed,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except TimeoutError as error:
            raise TransientError(f"Kalshi did not answer ({name}) within {self._timeout.total} s.") from error
        except aiohttp.ClientError as error:
            raise TransientError(f"Kalshi at {self._settings.rest} is not reachable ({name}): {error}.") from error
        self._venue_time.observe(response.headers.get("Date", ""), sent_ms=sent_ms, received_ms=wall_ms())
        return response.status, body


def _candle_windows(tickers: list[str], from_ms: int, to_ms: int) -> Iterator[tuple[list[str], int, int]]:
    """Calls that stay within the limits: tickers and the inclusive bounds of period ends, in seconds."""
    for first in range(0, len(tickers), _MARKETS_A_CALL):
        chunk = tickers[first : first + _MARKETS_A_CALL]
        minutes = min(_CANDLES_A_CALL // len(chunk), _CANDLES_A_MARKET)
        for start_s in range(from_ms // 60_000 * 60 + 60, to_ms // 1000 + 1, minutes * 60):
            yield chunk, start_s, min(start_s + (minutes - 1) * 60, to_ms // 1000)


def _candle_query(start_s: int, end_s: int) -> list[tuple[str, str]]:
    return [("start_ts", str(start_s)), ("end_ts", str(end_s)), ("period_interval", "1")]


def _wait(state: RetryCallState) -> float:
    error = state.outcome and state.outcome.exception()
    asked = error.retry_after if isinstance(error, TransientError) else None
    return asked if asked is not None else _BACKOFF(state)


def _misread(name: str, error: Exception) -> TransientError:
    return TransientError(f"Kalshi's answer ({name}) is not what its documents say: {error}.")


def refusal(status: int, body: bytes, name: str) -> TransientError | PermanentError:
    """The error to raise for an answer other than 200."""
    code, text = error_of(body)
    said = f"HTTP {status}" + (f", {text}" if text else "")
    if status == 429:
        return TransientError(f"Kalshi's rate limit is used up ({name}): {said}.")
    if status >= 500:
        return TransientError(f"Kalshi has trouble of its own ({name}): {said}.")
    if status == 401 and code == "header_timestamp_expired":
        return TransientError(f"Kalshi finds our clock wrong ({name}): {said}. Synchronise this machine's clock.")
    if status in (401, 403):
        return PermanentError(
            f"Kalshi refuses the key ({name}): {said}. Check that kalshi.key_id and kalshi.key_file belong together "
            f"and to the environment that is set."
        )
    if status == 404:
        return UnknownError(f"Kalshi knows no {name}: check its spelling and kalshi.environment.")
    return PermanentError(f"Kalshi refuses the request ({name}): {said}.")


def error_of(body: bytes) -> tuple[str, str]:
    """Code and text of an error body in any of the four shapes seen: nested, flat, `msg` alone, `error` a string."""
    try:
        content: Any = msgspec.json.decode(body)
    except wire.UNREADABLE:
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    error = content.get("error", content)
    if not isinstance(error, dict):
        return "", str(error)
    code = str(error.get("code") or "")
    texts = [str(error[key]) for key in ("message", "msg", "details") if error.get(key)]
    return code, ": ".join(dict.fromkeys(texts)) or code
