"""The whole relayer with DFlow as first source, as second, and as one that is gone; the sandbox speaks for DFlow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from relayer.app import Relayer, open_relayer
from relayer.demo.cluster import open_cluster
from relayer.domain.clock import Clock
from relayer.domain.errors import UsageError
from relayer.sandbox.keys import make_key_pair
from relayer.sandbox.server import Sandbox, Urls, serve
from relayer.settings import Settings, settings_from
from tests.fakes.tapes import OPENING, START_MS, A, B, write_tape

FEEDS = [f"kalshi-sandbox:{A}", f"kalshi-sandbox:{B}"]
GONE = {"rest_url": "http://127.0.0.1:9/api/v1", "ws_url": "ws://127.0.0.1:9/ws"}


@dataclass
class Running:
    relayer: Relayer
    http: aiohttp.ClientSession

    async def ready(self) -> bool:
        async with self.http.get(f"{self.relayer.api_url}/readyz") as answer:
            return answer.status == 200

    async def dflow(self, market: str) -> dict[str, Any]:
        async with self.http.get(f"{self.relayer.api_url}/v1/feeds") as answer:
            feeds = {feed["market"]: feed for feed in await answer.json()}
        return dict(feeds[market]["dflow"]) if market in feeds else {}

    async def bids_on_chain(self) -> list[int | None]:
        assert self.relayer.board
        return [slot.state.bid if slot.state else None for slot in (await self.relayer.board.read()).slots]


@asynccontextmanager
async def running(tmp_path: Path, table: Callable[[Urls, dict[str, str]], dict[str, Any]]) -> AsyncIterator[Running]:
    """A relayer on a venue and a cluster; `table` gives its source tables from the venue's addresses and key."""
    clock = Clock(origin_ms=START_MS)
    key_id, key_file, public_key = make_key_pair(tmp_path)
    sandbox = Sandbox(tape=write_tape(tmp_path / "tape.jsonl.gz", OPENING), clock=clock, keys={key_id: public_key})
    async with serve(sandbox) as urls, open_cluster(tmp_path, clock) as cluster, aiohttp.ClientSession() as http:
        content = {
            **table(urls, {"key_id": key_id, "key_file": str(key_file)}),
            "cluster": cluster.table,
            "keys": {role: str(cluster.key_file(role)) for role in ("publisher", "authority")},
            "board": {"capacity": 4, "feeds": FEEDS},
            "store": {"path": str(tmp_path / "relayer.db")},
            "api": {"port": 0},
        }
        async with open_relayer(settings_from(content, origin="test"), clock=clock) as relayer:
            task = asyncio.create_task(relayer.run())
            yield Running(relayer, http)
            assert not task.done(), task
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def dflow_of(urls: Urls, mode: str) -> dict[str, Any]:
    return {
        "mode": mode,
        "environment": "sandbox",
        "rest_url": urls.dflow_rest,
        "ws_url": urls.dflow_ws,
        "snapshot_interval_s": 1,
    }


def kalshi_of(urls: Urls, key: dict[str, str]) -> dict[str, Any]:
    return {"environment": "sandbox", "rest_url": urls.rest, "ws_url": urls.ws, **key}


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await happened():  # noqa: ASYNC110 - asked over sockets, which tell nothing by themselves
            await asyncio.sleep(0.05)


async def test_dflow_alone_publishes_prices_and_says_what_it_cannot_prove(tmp_path: Path) -> None:
    async with running(tmp_path, lambda urls, _: {"dflow": dflow_of(urls, "first")}) as it:

        async def published() -> bool:
            return await it.bids_on_chain() == [4200, 1000]

        await until(published)
        await until(it.ready)
        told = await it.dflow(FEEDS[0])
        assert (told["mode"], told["bid"], told["ask"]) == ("first", "0.4200", "0.4400")
        assert told["proves"].startswith("nothing:")
        assert it.relayer.metrics.gaps.labels("kalshi-sandbox", "unsequenced")._value.get() > 0


async def test_a_second_opinion_agrees_with_the_same_venue(tmp_path: Path) -> None:
    def table(urls: Urls, key: dict[str, str]) -> dict[str, Any]:
        return {"kalshi": kalshi_of(urls, key), "dflow": dflow_of(urls, "second")}

    async with running(tmp_path, table) as it:

        async def agreed() -> bool:
            return [(await it.dflow(feed)).get("agreement") for feed in FEEDS] == ["agrees", "agrees"]

        await until(agreed)


async def test_without_dflow_only_the_second_opinion_is_lost(tmp_path: Path) -> None:
    def table(urls: Urls, key: dict[str, str]) -> dict[str, Any]:
        return {"kalshi": kalshi_of(urls, key), "dflow": dflow_of(urls, "second") | GONE}

    async with running(tmp_path, table) as it:

        async def published() -> bool:
            return await it.bids_on_chain() == [4200, 1000]

        await until(published)
        await until(it.ready)
        told = await it.dflow(FEEDS[0])
        assert "is not reachable" in told["trouble"]
        assert told["agreement"] in (None, "absent")


def settings(**tables: dict[str, Any]) -> Settings:
    cluster = {"rpc_urls": ["http://127.0.0.1:9"], "oracle_program": "9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi"}
    return settings_from({"cluster": cluster, "keys": {}, **tables}, origin="test")


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (
            {"dflow": {"mode": "first"}, "resolver": {"specs_dir": "specs"}},
            "remove specs_dir, or watch Kalshi and set dflow.mode to second",
        ),
        (
            {"dflow": {"mode": "second"}, "kalshi": {"environment": "demo"}},
            "[dflow] speaks of markets of kalshi, [kalshi] of kalshi-demo: set the same environment in both",
        ),
    ],
)
async def test_tables_that_do_not_fit_are_refused_with_the_remedy(tables: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        async with open_relayer(settings(**tables), clock=Clock()):
            raise AssertionError("it opened")
    assert says in str(refused.value)


def test_only_where_dflow_is_first_may_kalshi_be_left_out() -> None:
    assert settings(dflow={"mode": "first"}).dflow.mode == "first"
    with pytest.raises(UsageError, match="kalshi is missing: set it in the file, or as RELAYER_KALSHI"):
        settings(dflow={"mode": "second"})
