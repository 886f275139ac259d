"""DFlow's metadata REST API, as far as prices, statuses and mints go. Raises TransientError or PermanentError."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from relayer.domain.errors import PermanentError, TransientError
from relayer.sources.dflow import wire
from relayer.sources.dflow.settings import DflowSettings

_MARKETS_A_CALL = 100

T = TypeVar("T")


def key_header(settings: DflowSettings) -> dict[str, str]:
    """For REST requests and the WebSocket handshake alike."""
    return {"x-api-key": settings.api_key.get_secret_value()} if settings.api_key else {}


class DflowClient:
    """Does not retry: prices that did not come are read again at the next interval."""

    def __init__(self, *, settings: DflowSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=settings.request_timeout_s)

    async def market(self, ticker: str) -> wire.Market:
        """One market by its Kalshi ticker."""
        return await self._ask("GET", f"/market/{quote(ticker, safe='')}", wire.Market, name=f"market {ticker}")

    async def market_by_mint(self, mint: str) -> wire.Market:
        """The market that a YES or NO outcome mint, or a ledger account, belongs to."""
        return await self._ask("GET", f"/market/by-mint/{quote(mint, safe='')}", wire.Market, name=f"mint {mint}")

    async def markets(self, tickers: Iterable[str]) -> list[wire.Market]:
        """Those of the markets that DFlow knows; unknown ones are silently missing there."""
        wanted = list(tickers)
        found: list[wire.Market] = []
        for start in range(0, len(wanted), _MARKETS_A_CALL):
            chunk = wanted[start : start + _MARKETS_A_CALL]
            body = {"tickers": chunk, "mints": []}
            answer = await self._ask(
                "POST", "/markets/batch", wire.MarketsBody, name=f"{len(chunk)} markets", body=body
            )
            found += [market for market in answer.markets if market.ticker in chunk]
        return found

    async def _ask(self, method: str, path: str, kind: type[T], *, name: str, body: Any = None) -> T:
        try:
            async with self._session.request(
                method,
                self._settings.rest_url + path,
                json=body,
                headers=key_header(self._settings),
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                status, content = response.status, await response.read()
        except TimeoutError as error:
            raise TransientError(f"DFlow did not answer ({name}) within {self._timeout.total} s.") from error
        except aiohttp.ClientError as error:
            raise TransientError(f"DFlow at {self._settings.rest_url} is not reachable ({name}): {error}.") from error
        if status != 200:
            raise refusal(status, name)
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError as error:
            raise TransientError(f"DFlow's answer ({name}) is not what is known of it: {error}.") from error


def refusal(status: int, name: str) -> TransientError | PermanentError:
    """The error to raise for an answer other than 200; bodies are undocumented and not looked at."""
    if status == 429 or status >= 500:
        return TransientError(f"DFlow cannot answer now ({name}): HTTP {status}.")
    if status in (401, 403):
        return PermanentError(
            f"DFlow refuses the key ({name}): HTTP {status}. Check dflow.api_key, or set dflow.use off."
        )
    if status == 404:
        return PermanentError(f"DFlow knows no {name}, or its service is gone: set dflow.use off if all are missing.")
    return PermanentError(f"DFlow refuses the request ({name}): HTTP {status}.")
