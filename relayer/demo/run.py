"""The main job on one recorded day: a venue, a cluster and the real daemon in one process, over real sockets.

(a) At speed 1, just before the tape's first frame: deploy, list feeds, create and activate markets. (b) Fast to the
tape's end and a little beyond. (c) Settle. What is reported is read back from the chain.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from relayer.app import Relayer, open_relayer
from relayer.conditions.parse import parse_spec
from relayer.conditions.spec import Spec
from relayer.demo.cluster import DemoCluster, create_markets, open_cluster
from relayer.demo.expected import expected_answer
from relayer.demo.observer import ChainObserver
from relayer.demo.report import DemoReport, MarketReport
from relayer.demo.scenario import MARKETS, TICKERS, DemoMarket
from relayer.domain.clock import Clock
from relayer.domain.errors import FatalError, RelayerError
from relayer.domain.units import Millis
from relayer.sandbox.keys import make_key_pair
from relayer.sandbox.server import Sandbox
from relayer.sandbox.server import serve as serve_venue
from relayer.settings import Settings, settings_from
from relayer.tape.replay import SHIPPED_TAPE, ReplayTape

_LEAD_MS = 240_000
"""Clock time before the tape's first frame in which phase (a) has to be done."""
_MARKET_END_MS = Millis(1_766_348_100_000)
"""2025-12-21T20:15:00Z: after the last path event that matters, before the parents close."""
_AFTERWARDS_MS = 240_000
"""Clock time after the tape's end that passes as fast: so long a verdict waits for the venue's own history."""
_REPLAY_S = 88
_SET_UP_S = 120
_SETTLE_S = 120
_API_PORT = 9464

Progress = Callable[[str, float], None]
"""Told what is going on, and which share of the replay is done."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A derivative market of the demo with the spec that it states and its address."""

    market: DemoMarket
    spec: Spec
    address: str


async def run_demo(folder: Path, progress: Progress) -> DemoReport:
    """Run all three phases with every file in `folder`. Raises RelayerError where the chain itself breaks."""
    tape = ReplayTape(SHIPPED_TAPE)
    start_ms = Millis(tape.header.from_ms // 1000 * 1000)
    clock = Clock(origin_ms=tape.header.from_ms - _LEAD_MS)
    async with _venue(folder, tape, clock) as (sandbox, kalshi), open_cluster(folder, clock) as cluster:
        progress("creating four derivative markets on PNP's stand-in", 0)
        specs = _write_specs(folder / "specs", start_ms)
        addresses = await create_markets(cluster, specs)
        asked = [Asked(market, spec, address) for (market, spec), address in zip(specs, addresses, strict=True)]
        settings = _settings(cluster, kalshi, folder)
        async with open_relayer(settings, clock=clock) as relayer, _running(relayer):
            progress(f"metrics at {relayer.api_url}/metrics; activating the markets", 0)
            assert relayer.board
            async with ChainObserver(cluster, relayer.board.address) as observer:
                await _until(lambda: observer.all_resolvable(addresses), _SET_UP_S, "activate the markets")
                await _replay(clock, tape, sandbox, progress)
                progress("settling", 1)
                await _until(lambda: observer.all_resolved(addresses), _SETTLE_S, "settle the markets")
                await _until(lambda: _all_closed(relayer, len(addresses)), _SETTLE_S, "see its settlements finalized")
                return await _report(asked, relayer, observer, tape, start_ms)


@asynccontextmanager
async def _venue(folder: Path, tape: ReplayTape, clock: Clock) -> AsyncIterator[tuple[Sandbox, dict[str, str]]]:
    key_id, key_file, public_key = make_key_pair(folder)
    sandbox = Sandbox(tape=tape, clock=clock, keys={key_id: public_key})
    async with serve_venue(sandbox) as urls:
        table = {
            "environment": "sandbox",
            "rest_url": urls.rest,
            "ws_url": urls.ws,
            "key_id": key_id,
            "key_file": str(key_file),
        }
        yield sandbox, table


def _write_specs(folder: Path, start_ms: Millis) -> list[tuple[DemoMarket, Spec]]:
    folder.mkdir()
    specs = []
    for number, market in enumerate(MARKETS, start=1):
        document = market.spec(start_ms, _MARKET_END_MS)
        (folder / f"{number}-{market.kind}-{market.pnp}.json").write_bytes(document)
        specs.append((market, parse_spec(document)))
    return specs


def _settings(cluster: DemoCluster, kalshi: dict[str, str], folder: Path) -> Settings:
    content = {
        "kalshi": {**kalshi, "status_interval_s": 5},
        "cluster": cluster.table,
        "keys": {role: str(cluster.key_file(role)) for role in ("publisher", "oracle", "authority")},
        "board": {"name": "demo", "capacity": 16, "feeds": [f"kalshi-sandbox:{ticker}" for ticker in TICKERS]},
        "policy": {"deviation_points": 1.0, "heartbeat_s": 600},
        "resolver": {
            "specs_dir": str(folder / "specs"),
            "allowed_creators": [cluster.keys["creator"].address],
            "poll_interval_s": 0.5,
            "settle_delay_s": 0,
        },
        "store": {"path": str(folder / "relayer.db")},
        "tape": {"directory": str(folder / "tape")},
        "api": {"port": _free_port()},
    }
    return settings_from(content, origin="the demo's settings")


def _free_port() -> int:
    """The usual port, so that the README's address works; any other (0) if that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", _API_PORT))
        except OSError:
            return 0
    return _API_PORT


@asynccontextmanager
async def _running(relayer: Relayer) -> AsyncIterator[None]:
    """The daemon's loops beside the body; whichever fails first ends both, with its own error."""
    try:
        async with asyncio.TaskGroup() as group:
            loops = group.create_task(relayer.run())
            yield
            loops.cancel()
    except* RelayerError as errors:
        raise errors.exceptions[0] from None


async def _replay(clock: Clock, tape: ReplayTape, sandbox: Sandbox, progress: Progress) -> None:
    end_ms = tape.header.to_ms + _AFTERWARDS_MS
    span_ms = end_ms - clock.now_ms()
    clock.set_speed(max(1.0, span_ms / 1000 / _REPLAY_S))
    while (left_ms := end_ms - clock.now_ms()) > 0:
        progress(f"{sandbox.frames_sent} frames sent", 1 - left_ms / span_ms)
        await asyncio.sleep(0.5)
    clock.set_speed(1.0)


async def _all_closed(relayer: Relayer, markets: int) -> bool:
    """The relayer itself has read every winner back."""
    return relayer.metrics.total("relayer_resolutions_total") >= markets


async def _until(reached: Callable[[], Awaitable[bool]], limit_s: float, what: str) -> None:
    try:
        async with asyncio.timeout(limit_s):
            while not await reached():  # noqa: ASYNC110 - the chain is polled, as any outsider would
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise FatalError(f"The demo did not {what} within {limit_s} s; its log says why.") from None


async def _report(
    asked: Sequence[Asked], relayer: Relayer, observer: ChainObserver, tape: ReplayTape, start_ms: Millis
) -> DemoReport:
    markets = []
    for one in asked:
        winner = await observer.winner(one.address)
        armed = await relayer.judge.arm(one.spec)
        markets.append(
            MarketReport(
                kind=one.market.kind,
                pnp=one.market.pnp,
                asks=one.market.asks,
                verdict=armed.verdict().answer,
                expected=expected_answer(one.market, tape, start_ms, _MARKET_END_MS),
                winner=winner,
            )
        )
    return DemoReport(
        frames=relayer.metrics.total("relayer_frames_total"),
        updates_published=relayer.metrics.total("relayer_updates_claimed_total"),
        updates_on_chain=await observer.updates_on_chain(),
        transactions=await observer.transactions(),
        markets=markets,
    )
