"""Many markets on four connections, all changes at once: nothing is dropped. How fast that is, a campaign measures."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp.test_utils import TestServer

from relayer.bench.exchange import Exchange
from relayer.bench.recording import OPENED_MS
from relayer.domain.clock import Clock
from relayer.domain.markets import MarketId
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.source import KalshiSource
from relayer.telemetry.metrics import Metrics
from tests.campaigns.load import Counted
from tests.campaigns.loud_venue import LoudVenue

MARKETS, CHANGES = 400, 20_000
PATIENCE_S = 120


async def test_nothing_is_dropped() -> None:
    exchange, clock = Exchange(MARKETS, moving=False), Clock(origin_ms=OPENED_MS)
    venue = LoudVenue(exchange, changes=CHANGES, clock=clock, start_ms=OPENED_MS)
    counted, metrics = Counted(), Metrics()
    async with TestServer(venue.app()) as server, aiohttp.ClientSession() as http:
        settings = KalshiSettings(
            environment="sandbox",
            rest_url=str(server.make_url("/trade-api/v2")),
            ws_url=str(server.make_url("/trade-api/ws/v2").with_scheme("ws")),
            connections=4,
        )
        source = KalshiSource(settings=settings, session=http, clock=clock, listener=counted, metrics=metrics)
        source.watch(MarketId(settings.venue, ticker) for ticker in exchange.tickers)
        running = asyncio.create_task(source.run())
        await _told(counted, MARKETS, running)
        await venue.play()
        await _told(counted, MARKETS + CHANGES, running)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert counted.books == MARKETS + CHANGES
    assert counted.gaps.keys() == {"start"}
    heard = [metrics.frames.labels(settings.venue, kind)._value.get() for kind in ("repeated", "malformed", "unknown")]
    assert heard == [0, 0, 0]


async def _told(counted: Counted, books: int, running: asyncio.Task[None]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while counted.books < books:
            assert not running.done(), running
            await asyncio.sleep(0.02)
