"""What `relayer tape record` runs: the sources of the configuration, and a tape that keeps what they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import typer

from relayer.domain.clock import Clock
from relayer.domain.feeds import Remembered
from relayer.domain.markets import MarketId
from relayer.services.feeds import FeedTable
from relayer.services.tasks import supervise
from relayer.settings import Settings
from relayer.sources.dflow.source import DflowSource
from relayer.sources.kalshi.backfill import Backfill
from relayer.sources.kalshi.path import Paths, Standing
from relayer.sources.kalshi.source import KalshiSource
from relayer.tape.paths import PathRecorder
from relayer.tape.recorder import Recorder
from relayer.tape.tap import tapped_session
from relayer.telemetry.metrics import Metrics

Loops = dict[str, Coroutine[Any, Any, None]]


async def record(settings: Settings, directory: Path, markets: list[MarketId], minutes: float | None) -> None:
    """Until the minutes are over, or for ever. Gaps of the path are filled; what the disk refuses is a gap as well."""
    clock, metrics = settings.clock.clock(), Metrics()

    def standing(market: MarketId) -> Standing | None:
        return kalshi.standing(market) if kalshi else None

    async with AsyncExitStack() as stack:
        recorder = Recorder(directory, settings.tape, on_loss=lambda _: paths.lose(), on_regain=lambda: paths.regain())
        stack.push_async_callback(_close, recorder)
        prices = FeedTable(clock=clock, metrics=metrics)
        paths = Paths(prices=prices, listener=PathRecorder(recorder), standing=standing)
        loops: Loops = {"recorder": recorder.run()}
        kalshi = None
        if settings.dflow.mode != "first":
            kalshi = await _kalshi(settings, recorder, clock, metrics, paths, markets, stack)
            backfill = Backfill(paths=paths, client=kalshi.client, clock=clock, metrics=metrics)
            loops |= {"source": kalshi.run(), "backfill": backfill.run()}
        if settings.dflow.mode != "off":
            loops["dflow"] = await _dflow(settings, recorder, clock, metrics, markets, stack)
        typer.echo(f"Recording {len(markets)} markets to {directory}.")
        try:
            async with asyncio.timeout(None if minutes is None else minutes * 60):
                await supervise(loops)
        except TimeoutError:
            pass


async def _kalshi(
    settings: Settings,
    recorder: Recorder,
    clock: Clock,
    metrics: Metrics,
    paths: Paths,
    markets: list[MarketId],
    stack: AsyncExitStack,
) -> KalshiSource:
    wanted = {market.ticker for market in markets}
    http = await stack.enter_async_context(
        tapped_session(recorder, venue=settings.kalshi.venue, wanted=wanted.__contains__)
    )
    source = KalshiSource(settings=settings.kalshi, session=http, clock=clock, listener=paths, metrics=metrics)
    source.watch_twice(markets)
    for market in markets:
        paths.need(market, clock.now_ms(), Remembered())
    return source


async def _dflow(
    settings: Settings,
    recorder: Recorder,
    clock: Clock,
    metrics: Metrics,
    markets: list[MarketId],
    stack: AsyncExitStack,
) -> Coroutine[Any, Any, None]:
    """Verbatim alone: DFlow's prices prove no path."""
    http = await stack.enter_async_context(tapped_session(recorder, venue="dflow"))
    source = DflowSource(settings=settings.dflow, session=http, clock=clock, metrics=metrics)
    source.watch(markets)
    return source.run()


async def _close(recorder: Recorder) -> None:
    await recorder.aclose()
    head = recorder.head
    typer.echo(f"{head.entry} entries in {head.block} blocks, head {head.hash}")
