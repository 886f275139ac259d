"""The DFlow source on the sandbox's DFlow surface, over real sockets. No recording of DFlow itself exists."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError
from relayer.domain.markets import MarketId, Venue
from relayer.prices.book import Book
from relayer.sandbox.faults.kit import FaultKit
from relayer.sandbox.server import Sandbox, serve
from relayer.sources.dflow.parse import Prices, tokens
from relayer.sources.dflow.settings import DflowSettings
from relayer.sources.dflow.source import DflowSource
from relayer.telemetry.metrics import Metrics
from tests.fakes.tapes import EVENT, OPENING, START_MS, A, B, delta, write_tape

KEY = "key-of-the-test"
STILL = Book()
STILL.replace({4200: 100}, {4400: 100})
"""What the source that decides is said to see of market A."""


@asynccontextmanager
async def opened(tmp_path: Path, *, faults: tuple[str, ...] = (), **changed: Any) -> AsyncIterator[DflowSource]:
    """A second source on a sandbox whose market A moves every second, at 20 times, beside a book that stands still."""
    moves = [
        delta(second * 1000, A, "yes", f"0.{4201 + at % 150}", size)
        for second in range(1, 2000)
        for at, size in ((second - 1, "-1.00"), (second, "1.00"))
        if at
    ]
    clock = Clock(origin_ms=START_MS, speed=20)
    sandbox = Sandbox(
        tape=write_tape(tmp_path / "tape.jsonl.gz", [*OPENING, *moves]),
        clock=clock,
        keys={},
        faults=FaultKit(faults, seed=7),
        dflow_key=KEY,
    )
    async with serve(sandbox) as urls, aiohttp.ClientSession() as http:
        told: dict[str, Any] = {"rest_url": urls.dflow_rest, "ws_url": urls.dflow_ws, "api_key": KEY}
        told |= {"mode": "second", "environment": "sandbox", "snapshot_interval_s": 1, "silence_timeout_s": 1}
        settings = DflowSettings(**told | changed)
        yield DflowSource(
            settings=settings,
            session=http,
            clock=clock,
            metrics=Metrics(),
            reference=lambda asked: STILL if asked.ticker == A else None,
        )


def agreement(source: DflowSource, ticker: str) -> object:
    return (source.view(market(ticker)) or {}).get("agreement")


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


async def test_a_market_watched_later_is_subscribed_on_the_open_socket(tmp_path: Path) -> None:
    async with opened(tmp_path, snapshot_interval_s=600) as source, at_work(source):
        source.watch([market(B)])
        await until(lambda: source.trouble() is None)
        source.watch([market(A)])
        await until(lambda: source.opinion(market(A)))


async def test_a_book_that_stands_still_is_contradicted_and_a_missing_one_is_not(tmp_path: Path) -> None:
    async with opened(tmp_path, contradiction_after_s=0, tolerance_points=0.2) as source, at_work(source):
        source.watch([market(A), market(B)])
        await until(lambda: agreement(source, A) == "contradicts")
        assert agreement(source, B) == "absent"


async def test_markets_and_tokens_are_found_by_ticker_mint_and_event(tmp_path: Path) -> None:
    async with opened(tmp_path) as source:
        (yes, no) = tokens(await source.client.market(A))
        for mint in (yes.mint, no.mint, str(yes.ledger)):
            assert (await source.client.market_by_mint(mint)).ticker == A
        assert await source.client.tokens([yes.mint, no.mint, "unknown"]) == {yes.mint: yes, no.mint: no}
        assert [one.ticker async for one in source.client.all_markets()] == [A, B]
        assert [one.ticker for one in await source.client.event_markets(EVENT)] == [A, B]


async def test_unknown_names_are_said_with_the_remedy(tmp_path: Path) -> None:
    async with opened(tmp_path) as source:
        with pytest.raises(PermanentError, match="DFlow knows no market KXNONE, or its service is gone"):
            await source.client.market("KXNONE")
        with pytest.raises(PermanentError, match=r"DFlow knows no mint 1111, .*: check the spelling"):
            await source.client.market_by_mint("1111")
        with pytest.raises(PermanentError, match="DFlow knows no event KXNONE"):
            await source.client.event_markets("KXNONE")


async def test_unknown_markets_alone_are_trouble_in_words(tmp_path: Path) -> None:
    async with opened(tmp_path) as source, at_work(source):
        source.watch([market("KXNONE")])
        await until(lambda: "DFlow knows none of the 1 watched markets" in str(source.trouble()))
        source.watch([market(A)])
        await until(lambda: source.trouble() is None)


async def test_a_wrong_key_is_trouble_in_words(tmp_path: Path) -> None:
    async with opened(tmp_path, api_key="wrong") as source, at_work(source):
        source.watch([market(A)])
        await until(lambda: str(source.trouble()).count("Check dflow.api_key") == 2)


async def test_a_service_that_is_gone_is_trouble_in_words(tmp_path: Path) -> None:
    rest_url, ws_url = "http://127.0.0.1:9/api/v1", "ws://127.0.0.1:9/ws"
    async with opened(tmp_path, rest_url=rest_url, ws_url=ws_url) as source, at_work(source):
        source.watch([market(A)])
        await until(lambda: "is not reachable" in str(source.trouble()))


async def test_prices_go_on_through_faults(tmp_path: Path) -> None:
    faults = ("rest-429=0.3", "rest-500=0.2", "truncated-body=0.2", "empty-body=0.1", "handshake-reset=0.3")
    async with opened(tmp_path, faults=(*faults, "truncated-frame=0.2", "blank-line=0.2")) as source, at_work(source):
        source.watch([market(A)])
        await until(lambda: ((source.opinion(market(A)) or Prices(None, None)).bid or 0) > 4250)


@asynccontextmanager
async def mute_socket(*, pongs: bool) -> AsyncIterator[tuple[str, list[str]]]:
    """A WebSocket that hears and never speaks, `pongs` apart: its address, and what each connection said first."""
    heard: list[str] = []

    async def connect(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=pongs)
        await socket.prepare(request)
        heard.append(await socket.receive_str())
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/ws", connect)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/ws", heard
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("ticker", "pongs", "says"),
    [(A, True, "tells nothing although its REST prices move"), (B, False, "closed")],
    ids=["silent", "half-open"],
)
async def test_a_dead_socket_is_found_and_replaced(tmp_path: Path, ticker: str, pongs: bool, says: str) -> None:
    seen: set[str] = set()
    async with (
        mute_socket(pongs=pongs) as (url, heard),
        opened(tmp_path, ws_url=url) as source,
        at_work(source),
    ):
        source.watch([market(ticker)])

        def replaced() -> bool:
            seen.add(str(source.trouble()))
            return len(heard) > 1

        await until(replaced)
        assert any(says in trouble for trouble in seen), seen
        assert heard[1] == heard[0], "nothing survives a reconnect: all is subscribed again"
        assert source.opinion(market(ticker)) is not None, "REST alone still gives prices"
