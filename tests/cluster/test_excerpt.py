"""The main job at speed 1 on a cluster that is not ours: an excerpt of the recorded day, published, judged, settled."""

from __future__ import annotations

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Finalized
from solders.pubkey import Pubkey

from relayer.chain.programs.board import board_address, decode_board
from relayer.chain.rpc import Rpc
from relayer.chain.signer import write_keypair
from relayer.conditions.parse import parse_spec
from relayer.demo.cluster import ROLES, DemoCluster, create_markets
from relayer.demo.expected import expected_answer
from relayer.demo.scenario import TICKERS, DemoMarket
from relayer.domain.clock import Clock
from relayer.domain.pnp import PnpKind
from relayer.domain.units import Millis, Price
from relayer.domain.verdicts import Outcome
from relayer.sandbox.keys import make_key_pair
from relayer.sandbox.server import Sandbox, serve
from relayer.tape.replay import ReplayTape
from tests.cluster.conftest import ForeignCluster, fund
from tests.cluster.excerpt import MOMENT_MS, write_excerpt
from tests.e2e.world import World

pytestmark = pytest.mark.cluster

PARENT = TICKERS[4]
WINDOW_MS = (MOMENT_MS - 40_000) // 1000 * 1000, (MOMENT_MS + 30_000) // 1000 * 1000
"""The markets' window, in the times of the recorded day."""
SETTLE_S = 300
"""Up to a minute to the end of the last one judged, two until its history is asked for, and what settling takes."""


def reaches(level: str, kind: PnpKind) -> DemoMarket:
    test = {"type": "reach", "direction": "up", "level": level}
    return DemoMarket("momentum", kind, PARENT, "", test, {"source": "executable", "min_size": "100.00", "held_s": 10})


MARKETS = [(reaches("0.5300", PnpKind.V2), Outcome.YES), (reaches("0.6000", PnpKind.V3), Outcome.NO)]


@asynccontextmanager
async def opened(cluster: ForeignCluster, folder: Path) -> AsyncIterator[tuple[World, ReplayTape, int]]:
    """The world around the daemon, the tape that the venue replays, and by how much it was moved."""
    keys = {role: write_keypair(folder / f"{role}.json") for role in ROLES}
    await fund(cluster.urls, [key.pubkey for key in keys.values()], 5)
    key_id, key_file, public_key = make_key_pair(folder)
    tape, shift_ms = write_excerpt(folder / "excerpt.jsonl", now_ms=int(time.time() * 1000))
    (folder / "specs").mkdir()
    documents = [(market, market.spec(*window(shift_ms))) for market, _ in MARKETS]
    for number, (_, document) in enumerate(documents):
        (folder / "specs" / f"{number}.json").write_bytes(document)
    chain = DemoCluster(cluster.table(), folder, keys)
    clock = Clock()
    sandbox = Sandbox(tape=tape, clock=clock, keys={key_id: public_key})
    async with serve(sandbox) as venue, aiohttp.ClientSession() as session:
        kalshi = {"environment": "sandbox", "rest_url": venue.rest, "ws_url": venue.ws}
        kalshi |= {"key_id": key_id, "key_file": str(key_file)}
        asked = [(market, parse_spec(document)) for market, document in documents]
        addresses = await create_markets(chain, asked)
        rpc = Rpc(settings=chain.settings, session=session)
        feeds = [f"kalshi-sandbox:{ticker}" for ticker in TICKERS]
        yield World(folder, clock, chain, kalshi, rpc, addresses, feeds), tape, shift_ms


def window(shift_ms: int) -> tuple[Millis, Millis]:
    return Millis(WINDOW_MS[0] + shift_ms), Millis(WINDOW_MS[1] + shift_ms)


async def until(reached: Callable[[], Awaitable[bool]], at_ms: float, world: World, daemon: Process) -> None:
    """Wait for something that must come to pass by that moment of wall time, while the daemon lives."""
    while not await reached():
        assert daemon.returncode is None, world.log()[-5000:]
        assert time.time() * 1000 < at_ms, world.log()[-5000:]
        await asyncio.sleep(0.5)


async def test_it_publishes_judges_and_settles_at_speed_1(cluster: ForeignCluster, tmp_path: Path) -> None:
    async with opened(cluster, tmp_path) as (world, tape, shift_ms):
        start_ms, end_ms = window(shift_ms)
        for market, winner in MARKETS:
            assert expected_answer(market, tape, start_ms, end_ms) == winner.value
        process = await world.start()
        try:

            async def activated() -> bool:
                return all([(await world.market(address)).resolvable for address in world.markets])

            async def settled() -> bool:
                return all([(await world.market(address)).resolved for address in world.markets])

            await until(activated, start_ms, world, process)
            assert not await settled()
            await until(settled, end_ms + SETTLE_S * 1000, world, process)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            status = await process.wait()
        assert status == 0, world.log()[-5000:]
        winners = [(await world.market(address)).winner for address in world.markets]
        assert winners == [winner for _, winner in MARKETS]
        await board_shows_the_jump(world)


async def board_shows_the_jump(world: World) -> None:
    """Read with unmodified solana-py, finalized."""
    program = Pubkey.from_string(world.cluster.settings.oracle_program)
    address = board_address(program, world.cluster.keys["authority"].pubkey, 0)
    async with AsyncClient(world.cluster.settings.rpc_urls[0].get_secret_value(), Finalized) as client:
        account = (await client.get_account_info(address)).value
    assert account is not None
    board = decode_board(account.data)
    assert board.header.updates >= len(TICKERS)
    state = board.slots[TICKERS.index(PARENT)].state
    assert state is not None
    assert state.bid >= Price(5_300)
