"""DFlow's metadata REST API, as far as prices, statuses and mints go. Raises TransientError or PermanentError."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp

from relayer.domain.errors import PermanentError, TransientError
from relayer.sources.dflow import parse, wire
from relayer.sources.dflow.settings import DflowSettings

log = logging.getLogger(__name__)

_IDS_A_CALL = 100
_MARKETS_A_PAGE = 200
"""The server keeps `limit` in one byte; DFlow's own examples use 200."""

T = TypeVar("T")


class UnknownError(PermanentError):
    """DFlow knows no such market, event or mint."""


class DflowClient:
    """Does not retry: prices that did not come are read again at the next interval.

    Raises UsageError on construction for a key file that holds no key.
    """

    def __init__(self, *, settings: DflowSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session
        self._headers = settings.key_header()
        self._timeout = aiohttp.ClientTimeout(total=settings.request_timeout_s)

    async def market(self, ticker: str) -> wire.Market:
        """One market by its Kalshi ticker. Raises UnknownError."""
        return await self._ask("GET", f"/market/{quote(ticker, safe='')}", wire.Market, name=f"market {ticker}")

    async def market_by_mint(self, mint: str) -> wire.Market:
        """The market that a YES or NO outcome mint, or a ledger account, belongs to. Raises UnknownError."""
        return await self._ask("GET", f"/market/by-mint/{quote(mint, safe='')}", wire.Market, name=f"mint {mint}")

    async def event_markets(self, event: str) -> list[wire.Market]:
        """All markets of one event, by its Kalshi ticker. Raises UnknownError."""
        path = f"/event/{quote(event, safe='')}?withNestedMarkets=true"
        body = await self._ask("GET", path, wire.EventBody, name=f"event {event}")
        return list(_markets(body.markets))

    async def all_markets(self) -> AsyncIterator[wire.Market]:
        """Every market that DFlow lists, each once; a list that changes meanwhile may leave some out."""
        seen: set[str] = set()
        offset = 0
        while True:
            path = f"/markets?limit={_MARKETS_A_PAGE}&cursor={offset}"
            body = await self._ask("GET", path, wire.MarketsBody, name=f"markets from {offset}")
            for market in _markets(body.markets):
                if market.ticker not in seen:
                    seen.add(market.ticker)
                    yield market
            if len(body.markets) < _MARKETS_A_PAGE:
                return
            if body.cursor is None or body.cursor <= offset:
                raise TransientError(f"DFlow's list of markets does not go on after {offset}: it would never end.")
            offset = body.cursor

    async def markets(self, tickers: Iterable[str]) -> list[wire.Market]:
        """Those of the markets that DFlow knows; unknown ones are silently missing there."""
        wanted = set(tickers)
        return [found async for found in self._batch("tickers", sorted(wanted)) if found.ticker in wanted]

    async def tokens(self, mints: Iterable[str]) -> dict[str, parse.OutcomeToken]:
        """The outcome tokens among these mints, by mint; other addresses are silently missing there."""
        wanted = set(mints)
        found = [token async for market in self._batch("mints", sorted(wanted)) for token in parse.tokens(market)]
        return {token.mint: token for token in found if token.mint in wanted}

    async def _batch(self, kind: str, ids: Sequence[str]) -> AsyncIterator[wire.Market]:
        for start in range(0, len(ids), _IDS_A_CALL):
            body = {"tickers": [], "mints": [], kind: ids[start : start + _IDS_A_CALL]}
            answer = await self._ask("POST", "/markets/batch", wire.MarketsBody, name="batch of markets", body=body)
            for market in _markets(answer.markets):
                yield market

    async def _ask(self, method: str, path: str, kind: type[T], *, name: str, body: Any = None) -> T:
        try:
            async with self._session.request(
                method,
                self._settings.rest_url + path,
                json=body,
                headers=self._headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                content = await response.read()
        except TimeoutError as error:
            raise TransientError(f"DFlow did not answer ({name}) within {self._timeout.total} s.") from error
        except aiohttp.ClientError as error:
            raise TransientError(f"DFlow at {self._settings.rest_url} is not reachable ({name}): {error}.") from error
        if response.status != 200:
            raise refusal(response.status, name, retry_after=response.headers.get("Retry-After", ""))
        try:
            return parse.decode(content, kind)
        except ValueError as error:
            raise TransientError(f"DFlow's answer ({name}) is not what is known of it: {error}.") from error


def _markets(raws: Iterable[Any]) -> Iterator[wire.Market]:
    """Those that can be read."""
    for raw in raws:
        try:
            yield parse.decode(raw, wire.Market)
        except ValueError as error:
            log.warning("DFlow's market cannot be read", extra={"error": str(error)})


def refusal(status: int, name: str, *, retry_after: str = "") -> TransientError | PermanentError:
    """The error to raise for an answer other than 200; bodies come in no documented shape and are not looked at."""
    if status == 429 or status >= 500:
        wait_s = float(retry_after) if retry_after.isascii() and retry_after.isdecimal() else None
        return TransientError(f"DFlow cannot answer now ({name}): HTTP {status}.", retry_after=wait_s)
    if status in (401, 403):
        return PermanentError(
            f"DFlow refuses the key ({name}): HTTP {status}. Check dflow.api_key or dflow.api_key_file, "
            "or set dflow.mode off."
        )
    if status == 404:
        return UnknownError(
            f"DFlow knows no {name}, or its service is gone: check the spelling; set dflow.mode off if all are missing."
        )
    return PermanentError(f"DFlow refuses the request ({name}): HTTP {status}. Check dflow.rest_url and dflow.ws_url.")
