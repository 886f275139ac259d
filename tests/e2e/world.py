"""Everything around the daemon for end-to-end tests: venue and cluster over real sockets, and the daemon's settings."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from solders.pubkey import Pubkey

from relayer.chain.programs.pnp import decode_market
from relayer.chain.rpc import Rpc
from relayer.conditions.parse import parse_spec
from relayer.demo.cluster import DemoCluster, create_markets, open_cluster
from relayer.demo.scenario import TICKERS, DemoMarket
from relayer.domain.clock import Clock, wall_ms
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import Millis
from relayer.sandbox.keys import make_key_pair
from relayer.sandbox.server import Sandbox, serve
from relayer.tape.replay import SHIPPED_TAPE, ReplayTape

TAPE = ReplayTape(SHIPPED_TAPE)


@dataclass
class World:
    """One venue, one cluster, one folder with the daemon's files."""

    folder: Path
    clock: Clock
    cluster: DemoCluster
    kalshi: dict[str, str]
    rpc: Rpc
    markets: list[str]
    feeds: list[str]
    more: dict[str, Any] = field(default_factory=dict)
    """Tables of the configuration besides."""

    async def market(self, address: str) -> PnpMarket:
        account = await self.rpc.account(address)
        assert account, address
        return decode_market(Pubkey.from_string(address), account.data, self.cluster.keys["oracle"].pubkey)

    def settings(self) -> dict[str, Any]:
        """The daemon's configuration with the world's clock as it runs now."""
        return {
            "kalshi": self.kalshi,
            "cluster": {**self.cluster.table, "poll_s": 0.1},
            "keys": {role: str(self.cluster.key_file(role)) for role in ("publisher", "oracle", "authority")},
            "board": {"capacity": 16, "feeds": self.feeds},
            "resolver": {
                "specs_dir": str(self.folder / "specs"),
                "allowed_creators": [self.cluster.keys["creator"].address],
                "poll_interval_s": 0.2,
                "settle_delay_s": 0,
            },
            "store": {"path": str(self.folder / "relayer.db")},
            "api": {"port": 0},
            "clock": {"origin_ms": self.clock.now_ms(), "wall_ms": int(wall_ms()), "speed": self.clock.speed},
            **self.more,
        }

    async def start(
        self, *, program: Sequence[str] = ("-m", "relayer"), **environment: str
    ) -> asyncio.subprocess.Process:
        """Start the daemon as a process of its own; its log goes to `relayer.log`."""
        config = self.folder / "relayer.toml"
        config.write_text(to_toml(self.settings()))
        with (self.folder / "relayer.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *program,
                "run",
                "--config",
                str(config),
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )

    def log(self) -> str:
        return (self.folder / "relayer.log").read_text()


@asynccontextmanager
async def open_world(
    folder: Path, origin_ms: int, asked: Sequence[tuple[DemoMarket, bytes]], *, tape: ReplayTape = TAPE
) -> AsyncIterator[World]:
    """A world at `origin_ms`, at speed 1, with one PNP market for each spec document."""
    clock = Clock(origin_ms=origin_ms)
    key_id, key_file, public_key = make_key_pair(folder)
    (folder / "specs").mkdir()
    for number, (_, document) in enumerate(asked):
        (folder / "specs" / f"{number}.json").write_bytes(document)
    sandbox = Sandbox(tape=tape, clock=clock, keys={key_id: public_key})
    async with serve(sandbox) as urls, open_cluster(folder, clock) as cluster, aiohttp.ClientSession() as session:
        kalshi = {"environment": "sandbox", "rest_url": urls.rest, "ws_url": urls.ws}
        kalshi |= {"key_id": key_id, "key_file": str(key_file)}
        markets = await create_markets(cluster, [(market, parse_spec(document)) for market, document in asked])
        rpc = Rpc(settings=cluster.settings, session=session)
        yield World(folder, clock, cluster, kalshi, rpc, markets, [f"kalshi-sandbox:{ticker}" for ticker in TICKERS])


async def run_clock_to(clock: Clock, at_ms: int) -> None:
    """Let the world's clock run fast until it shows `at_ms`, then at speed 1 again."""
    clock.set_speed(max(1.0, (at_ms - clock.now_ms()) / 1000))
    await clock.sleep_until(at_ms)
    clock.set_speed(1.0)


def to_toml(settings: dict[str, Any]) -> str:
    """Tables of strings, numbers and lists: JSON's spelling of those is TOML's too."""
    lines = []
    for table, values in settings.items():
        lines.append(f"[{table}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def tape_time(offset_s: float) -> Millis:
    """Seconds after the tape's first frame, as exchange time on a full second."""
    return Millis(TAPE.header.from_ms // 1000 * 1000 + int(offset_s * 1000))
