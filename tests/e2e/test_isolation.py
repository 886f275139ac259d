"""What is wrong with one market stays with that market: the daemon says so and serves the others."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from relayer.chain.board_gateway import BoardGateway
from relayer.chain.sender import Sender
from relayer.chain.settings import BoardSettings
from relayer.demo.scenario import TICKERS, DemoMarket
from relayer.domain.markets import MarketStatus
from relayer.domain.pnp import PnpKind
from relayer.telemetry.metrics import Metrics
from tests.e2e.world import World, open_world, tape_time

UNKNOWN = "kalshi-sandbox:KXNOSUCHMARKET-26"


@asynccontextmanager
async def daemon(world: World) -> AsyncIterator[None]:
    process = await world.start()
    try:
        yield
        assert process.returncode is None, world.log()[-3000:]
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


async def until(world: World, reached: Callable[[], Awaitable[bool]]) -> None:
    try:
        async with asyncio.timeout(60):
            while not await reached():  # noqa: ASYNC110 - another process is watched from outside
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(world.log()[-3000:]) from None


def logged(world: World, **wanted: Any) -> bool:
    lines = [json.loads(line) for line in world.log().splitlines() if line.startswith("{")]
    return any(all(re.search(what, str(line.get(key))) for key, what in wanted.items()) for line in lines)


def board(world: World) -> BoardGateway:
    keys, settings = world.cluster.keys, world.cluster.settings
    return BoardGateway(
        rpc=world.rpc,
        sender=Sender(rpc=world.rpc, payer=keys["publisher"], metrics=Metrics(), settings=settings),
        publisher=keys["publisher"],
        payer=keys["publisher"],
        authority=keys["authority"],
        settings=BoardSettings(capacity=16),
        cluster=settings,
        metrics=Metrics(),
    )


async def test_an_unknown_market_is_named_and_the_others_are_published(tmp_path: Path) -> None:
    async with open_world(tmp_path, tape_time(10), []) as world:
        world.feeds.insert(0, UNKNOWN)
        reader = board(world)
        async with daemon(world):

            async def published() -> bool:
                slots = (await reader.read()).slots if logged(world, event="^started$") else ()
                return len(slots) == 7 and all(
                    slot.state and slot.state.status is MarketStatus.ACTIVE for slot in slots[1:]
                )

            await until(world, published)
            first = (await reader.read()).slots[0].state
            assert first is not None
            assert first.status is MarketStatus.UNKNOWN
            assert first.as_of_ms == 0
        assert logged(world, event="Kalshi lists no market KXNOSUCHMARKET-26: check its spelling")
        await reader.aclose()


async def test_a_derivative_of_an_unknown_market_stays_frozen_and_says_why(tmp_path: Path) -> None:
    parent = DemoMarket("outcome", PnpKind.V3, UNKNOWN.partition(":")[2], "", {"type": "outcome", "result": "yes"})
    sound = DemoMarket("outcome", PnpKind.V3, TICKERS[4], "", {"type": "outcome", "result": "yes"})
    asked = [(market, market.spec(tape_time(0), tape_time(100_000))) for market in (parent, sound)]
    async with open_world(tmp_path, tape_time(10), asked) as world, daemon(world):

        async def sound_is_active() -> bool:
            return (await world.market(world.markets[1])).resolvable

        await until(world, sound_is_active)
        assert not (await world.market(world.markets[0])).resolvable
        assert logged(world, market=world.markets[0], state="refused", why=f"{UNKNOWN} has not been heard of")


async def test_a_spec_file_that_is_broken_leaves_its_market_unbound(tmp_path: Path) -> None:
    asked = DemoMarket("outcome", PnpKind.V3, TICKERS[4], "", {"type": "outcome", "result": "yes"})
    document = asked.spec(tape_time(0), tape_time(100_000))
    async with open_world(tmp_path, tape_time(10), [(asked, document)]) as world:
        (tmp_path / "specs" / "0.json").write_bytes(document.replace(b'"version": 1', b'"version": 2'))
        async with daemon(world):

            async def told() -> bool:
                return logged(world, market=world.markets[0], state="unbound", why="no file in specs_dir has the hash")

            await until(world, told)
        assert logged(world, event="spec file left out", file="0.json", reason="version")


async def test_not_ready_until_everything_answers_and_then_ready(tmp_path: Path) -> None:
    async with open_world(tmp_path, tape_time(10), []) as world, daemon(world):

        async def ready() -> bool:
            if not (found := re.search(r'"api": "(http://[^"]+)"', world.log())):
                return False
            return await asyncio.to_thread(answers_ready, found[1])

        await until(world, ready)


def answers_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return bool(json.load(answer)["ready"])
    except urllib.error.HTTPError:
        return False


async def test_feeds_and_explain_show_what_the_daemon_knows(tmp_path: Path) -> None:
    sound = DemoMarket("momentum", PnpKind.V3, TICKERS[3], "", REACH, {**EXECUTABLE, "held_s": 2})
    document = sound.spec(tape_time(0), tape_time(100_000))
    async with open_world(tmp_path, tape_time(-60), [(sound, document)]) as world:
        mint = (await world.market(world.markets[0])).collateral_mint
        resolver = world.settings()["resolver"] | {"dollar_mints": [mint]}
        world.more = {"resolver": resolver, "tape": {"directory": str(tmp_path / "tape")}}
        async with daemon(world):

            async def activated() -> bool:
                return (await world.market(world.markets[0])).resolvable

            await until(world, activated)
            found = re.search(r'"api": "(http://[^"]+)"', world.log())
            assert found
            await assert_feeds_shown(found[1])
            await assert_explained(world, found[1])


async def assert_feeds_shown(url: str) -> None:
    [feed] = json.loads(await shown("feeds", TICKERS[3], "--url", url, "--json"))
    assert feed["status"] == "active"
    assert feed["bid"]
    assert feed["latest_gaps"][0]["reason"] == "start"
    assert "B44.5" in await shown("feeds", "--url", url)
    assert "the beginning" in await shown("feeds", TICKERS[3], "--url", url)
    assert "does not serve NOPE" in await shown("feeds", "NOPE", "--url", url, status=2)


async def assert_explained(world: World, url: str) -> None:
    """Before the window: no dwell yet, and 70 cents far away; the stake is the hundred dollars of a demo's market."""
    [market] = json.loads(await shown("explain", world.markets[0], "--url", url, "--json"))
    assert market["verdict"]["answer"] == "pending"
    assert market["distance"][0]["points_left"] > 0
    assert "yes once the price is at or above 0.7000 for 2 s" in market["decides"]
    assert market["dwell"] == {"wanted_s": 2.0, "levels": [{"direction": "up", "now_s": 0.0, "longest_s": 0.0}]}
    stake, [cost] = float(market["stake"]["dollars"]), market["cost_to_force"]
    assert stake == 100
    assert (market["alarm"] is not None) == (stake > float(cost["dollars"]))
    told = logged(world, event="stake above the cost of forcing", market=world.markets[0])
    assert told == (market["alarm"] is not None)


REACH = {"type": "reach", "direction": "up", "level": "0.7000"}
EXECUTABLE: dict[str, str | int] = {"source": "executable", "min_size": "100.00"}


async def shown(*arguments: str, status: int = 0) -> str:
    """Standard output and errors of a command about the running daemon."""
    command = [sys.executable, "-m", "relayer", *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr
