"""The DFlow source on the sandbox's DFlow surface, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError
from relayer.domain.markets import MarketId, Venue
from relayer.sandbox.server import Sandbox, serve
from relayer.sources.dflow.parse import Prices
from relayer.sources.dflow.settings import DflowSettings
from relayer.sources.dflow.source import DflowSource
from tests.fakes.tapes import OPENING, START_MS, A, B, delta, write_tape

KEY = "key-of-the-test"


@asynccontextmanager
async def opened(tmp_path: Path, **changed: Any) -> AsyncIterator[DflowSource]:
    """A source on a sandbox whose market A moves every second, at 20 times."""
    lines = [*OPENING, *(delta(second * 1000, A, "yes", f"0.{4200 + second}", "1.00") for second in range(1, 150))]
    clock = Clock(origin_ms=START_MS, speed=20)
    sandbox = Sandbox(tape=write_tape(tmp_path / "tape.jsonl.gz", lines), clock=clock, keys={}, dflow_key=KEY)
    async with serve(sandbox) as urls, aiohttp.ClientSession() as http:
        told = {"rest_url": urls.dflow_rest, "ws_url": urls.dflow_ws, "api_key": KEY, **changed}
        settings = DflowSettings(use="second", environment="sandbox", snapshot_interval_s=1, **told)
        yield DflowSource(settings=settings, session=http, clock=clock, listener=None)


async def until(happened: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - prices come without an event to wait for
            await asyncio.sleep(0.02)


@asynccontextmanager
async def at_work(source: DflowSource) -> AsyncIterator[None]:
    running = asyncio.create_task(source.run())
    yield
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def market(ticker: str) -> MarketId:
    return MarketId(Venue.KALSHI_SANDBOX, ticker)


async def test_prices_come_by_snapshot_and_by_stream(tmp_path: Path) -> None:
    async with opened(tmp_path) as source, at_work(source):
        source.watch([market(A), market(B)])
        await until(lambda: source.opinion(market(B)) == Prices(1000, None))  # type: ignore[arg-type]
        await until(lambda: ((source.opinion(market(A)) or Prices(None, None)).bid or 0) > 4220)
        await until(lambda: source.trouble() is None)


async def test_markets_are_found_by_ticker_and_by_mint(tmp_path: Path) -> None:
    async with opened(tmp_path) as source:
        (rail,) = (await source.client.market(A)).accounts.values()
        for mint in (rail.yes_mint, rail.no_mint, rail.market_ledger):
            assert (await source.client.market_by_mint(mint)).ticker == A
        with pytest.raises(PermanentError, match="DFlow knows no market KXNONE, or its service is gone"):
            await source.client.market("KXNONE")


async def test_a_wrong_key_is_trouble_in_words(tmp_path: Path) -> None:
    async with opened(tmp_path, api_key="wrong") as source, at_work(source):
        source.watch([market(A)])
        await until(lambda: "Check dflow.api_key" in str(source.trouble()))


async def test_a_service_that_is_gone_is_trouble_in_words(tmp_path: Path) -> None:
    gone = {"rest_url": "http://127.0.0.1:9/api/v1", "ws_url": "ws://127.0.0.1:9/ws"}
    async with opened(tmp_path, **gone) as source, at_work(source):
        source.watch([market(A)])
        await until(lambda: "is not reachable" in str(source.trouble()))
