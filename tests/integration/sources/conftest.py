"""A sandbox on loopback and a Kalshi source that watches it, on one clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from relayer.domain.clock import Clock
from relayer.domain.markets import MarketId, Venue
from relayer.sandbox.faults.kit import FaultKit
from relayer.sandbox.keys import make_key_pair
from relayer.sandbox.server import Sandbox, serve
from relayer.sources.kalshi.backfill import Backfill
from relayer.sources.kalshi.path import Paths
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.source import KalshiSource
from relayer.tape.replay import ReplayTape
from relayer.telemetry.metrics import Metrics
from tests.fakes.judged_paths import JudgedPaths
from tests.fakes.listener import PathRules
from tests.fakes.tapes import START_MS

PATIENCE_S = 120.0


@dataclass
class Watched:
    """A source at work on a running sandbox, and the backfill of paths that are needed."""

    sandbox: Sandbox
    clock: Clock
    settings: KalshiSettings
    http: aiohttp.ClientSession
    told: PathRules
    paths: Paths
    judged: JudgedPaths
    source: KalshiSource
    metrics: Metrics
    running: asyncio.Future[Any]

    async def until(self, happened: Callable[[], object]) -> None:
        """Wait for it; fails when the source ends, or when nothing comes of it."""
        async with asyncio.timeout(PATIENCE_S):
            while not happened():
                assert not self.running.done(), self.running
                await asyncio.sleep(0.02)

    def frames(self, kind: str) -> float:
        return float(self.metrics.frames.labels(Venue.KALSHI_SANDBOX, kind)._value.get())


class Opener(Protocol):
    def __call__(
        self,
        tape: ReplayTape,
        tickers: list[str],
        *faults: str,
        start_ms: int = START_MS,
        speed: float = 1.0,
        twice: bool = False,
        **settings: Any,
    ) -> Awaitable[Watched]: ...


@asynccontextmanager
async def _running(
    tape: ReplayTape,
    tickers: list[str],
    faults: tuple[str, ...],
    start_ms: int,
    speed: float,
    twice: bool,
    more: dict[str, Any],
    directory: Path,
) -> AsyncIterator[Watched]:
    key_id, key_file, public_key = make_key_pair(directory)
    kit, told, metrics = FaultKit(faults, seed=7), PathRules(), Metrics()
    clock = Clock(origin_ms=start_ms)
    sandbox = Sandbox(tape=tape, clock=clock, keys={key_id: public_key}, faults=kit)
    clock.set_speed(speed)
    async with serve(sandbox) as urls, aiohttp.ClientSession() as http:
        settings = KalshiSettings(
            environment="sandbox",
            rest_url=urls.rest,
            ws_url=urls.ws,
            key_id=key_id,
            key_file=key_file,
            reply_timeout_s=1,
            silence_timeout_s=5,
            request_timeout_s=2,
            **more,
        )
        judged = JudgedPaths(needed_ms=start_ms)
        paths = Paths(prices=told, listener=judged, standing=lambda market: source.standing(market))
        source = KalshiSource(settings=settings, session=http, clock=clock, listener=paths, metrics=metrics)
        backfill = Backfill(paths=paths, client=source.client, clock=clock, metrics=metrics)
        watch = source.watch_twice if twice else source.watch
        watch(MarketId(settings.venue, ticker) for ticker in tickers)
        running = asyncio.gather(source.run(), backfill.run())
        yield Watched(sandbox, clock, settings, http, told, paths, judged, source, metrics, running)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.fixture
async def watching(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens sandboxes and sources; closed with the test."""
    async with AsyncExitStack() as stack:

        async def open_watch(
            tape: ReplayTape,
            tickers: list[str],
            *faults: str,
            start_ms: int = START_MS,
            speed: float = 1.0,
            twice: bool = False,
            **settings: Any,
        ) -> Watched:
            running = _running(tape, tickers, faults, start_ms, speed, twice, settings, tmp_path)
            return await stack.enter_async_context(running)

        yield open_watch
