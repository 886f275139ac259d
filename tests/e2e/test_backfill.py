"""The real daemon is killed inside a window, and what happened meanwhile decides: the venue's history shows it."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from relayer.conditions.parse import parse_spec
from relayer.demo.scenario import DemoMarket
from relayer.domain.pnp import PnpKind
from relayer.domain.units import Millis
from relayer.domain.verdicts import Outcome
from tests.e2e.world import World, open_world, run_clock_to
from tests.fakes.tapes import OPENING, START_MS, A, Line, delta, trade, write_tape

WINDOW = Millis(START_MS + 120_000), Millis(START_MS + 1_200_000)
KILLED_S, TOUCHED_S, BACK_S = 180, 300, 420
TOUCH = DemoMarket(
    "momentum",
    PnpKind.V2,
    A,
    "A trades at 0.60",
    {"type": "reach", "direction": "up", "level": "0.6000"},
    {"source": "trades", "min_size": "1.00", "min_trades": 1, "within_s": 60},
)


def lines() -> list[Line]:
    """A book that breathes at 42 to 43, trades at its prices, and one trade at 61 that no book shows."""
    told = [*OPENING]
    for second in range(2, 1_500, 2):
        told.append(delta(second * 1000, A, "yes", "0.4300", "1.00" if second // 2 % 2 else "-1.00"))
        if second == TOUCHED_S:
            told.append(trade(second * 1000 + 321, A, second, "0.6100", "2.00"))
        elif second % 30 == 0:
            told.append(trade(second * 1000 + 321, A, second, "0.4400", "2.00"))
    return told


async def until(world: World, process: asyncio.subprocess.Process, reached: Callable[[], Awaitable[bool]]) -> None:
    try:
        async with asyncio.timeout(120):
            while not await reached():
                assert process.returncode is None, world.log()[-3000:]
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(world.log()[-3000:]) from None


def latched(world: World, spec_hash: str) -> tuple[str, int] | None:
    with closing(sqlite3.connect(f"file:{world.folder}/relayer.db?mode=ro", uri=True)) as store:
        row: tuple[str, int] | None = store.execute(
            "SELECT answer, decided_ms FROM latches WHERE spec_hash = ?", (spec_hash,)
        ).fetchone()
    return row


@pytest.mark.parametrize("taped", [True, False])
async def test_a_touch_that_only_the_trades_of_an_outage_show_decides(tmp_path: Path, taped: bool) -> None:
    document = TOUCH.spec(*WINDOW)
    spec = parse_spec(document)
    tape = write_tape(tmp_path / "venue.jsonl.gz", lines())
    async with open_world(tmp_path, START_MS + 10_000, [(TOUCH, document)], tape=tape) as world:
        world.feeds = []
        if taped:
            world.more = {"tape": {"directory": str(tmp_path / "tape")}}
        (address,) = world.markets
        world.clock.set_speed(10)
        process = await world.start()

        async def watched_the_window() -> bool:
            inside = world.clock.now_ms() > START_MS + KILLED_S * 1000
            return inside and (await world.market(address)).resolvable

        await until(world, process, watched_the_window)
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        assert latched(world, spec.hash) is None

        await run_clock_to(world.clock, START_MS + BACK_S * 1000)
        world.clock.set_speed(20)
        process = await world.start()

        async def decided() -> bool:
            return latched(world, spec.hash) is not None

        await until(world, process, decided)
        assert latched(world, spec.hash) == ("yes", START_MS + TOUCHED_S * 1000 + 321)
        assert world.clock.now_ms() < WINDOW[1], "long before the window was over"

        async def settled() -> bool:
            return (await world.market(address)).winner is not None

        await until(world, process, settled)
        assert (await world.market(address)).winner is Outcome.YES
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0, world.log()[-3000:]
