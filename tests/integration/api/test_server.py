from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator

import aiohttp
import pytest

from relayer.api.server import serve
from relayer.api.settings import ApiSettings
from relayer.domain.errors import FatalError
from relayer.telemetry.metrics import Metrics


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_ready_only_when_every_check_is_well(http: aiohttp.ClientSession) -> None:
    checks: dict[str, str | None] = {"source": "it is not connected", "cluster": None}
    async with serve(ApiSettings(port=0), registry=Metrics().registry, checks=lambda: checks) as url:
        async with http.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert await answer.json() == {"ready": False, "reasons": {"source": "it is not connected"}}
        checks["source"] = None
        async with http.get(f"{url}/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"ready": True, "reasons": {}})


async def test_alive_whatever_the_checks_say(http: aiohttp.ClientSession) -> None:
    async with (
        serve(ApiSettings(port=0), registry=Metrics().registry, checks=lambda: {"cluster": "silent"}) as url,
        http.get(f"{url}/livez") as answer,
    ):
        assert answer.status == 200


async def test_metrics_name_their_format(http: aiohttp.ClientSession) -> None:
    async with (
        serve(ApiSettings(port=0), registry=Metrics().registry, checks=dict) as url,
        http.get(f"{url}/metrics") as answer,
    ):
        assert answer.content_type == "text/plain"
        assert "relayer_build_info" in await answer.text()


async def test_a_taken_port_says_which_setting_to_change() -> None:
    async with serve(ApiSettings(port=0), registry=Metrics().registry, checks=dict) as url:
        taken = ApiSettings(port=int(url.rsplit(":", 1)[1]))
        with pytest.raises(FatalError, match=r"cannot listen on 127.0.0.1:\d+ .*: set \[api\] port to a free one"):
            async with serve(taken, registry=Metrics().registry, checks=dict):
                pass


async def test_one_thing_is_shown_by_its_name(http: aiohttp.ClientSession) -> None:
    async def market(name: str) -> object | None:
        return {"market": name} if name == "A" else None

    async with serve(ApiSettings(port=0), registry=Metrics().registry, checks=dict, details={"markets": market}) as url:
        async with http.get(f"{url}/v1/markets/A") as answer:
            assert (answer.status, await answer.json()) == (200, {"market": "A"})
        async with http.get(f"{url}/v1/markets/B") as answer:
            assert answer.status == 404


@pytest.mark.prometheus
async def test_promtool_accepts_the_metrics(http: aiohttp.ClientSession) -> None:
    metrics = Metrics()
    metrics.watch_feed_ages(lambda: {"kalshi": [1.0, 70.0]})
    metrics.updates_claimed.labels("board").inc(3)
    async with (
        serve(ApiSettings(port=0), registry=metrics.registry, checks=dict) as url,
        http.get(f"{url}/metrics") as answer,
    ):
        text = await answer.text()
    promtool = shutil.which("promtool")
    assert promtool, "group prometheus needs promtool on the PATH"
    checked = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
