"""A local cluster with the committed programs, and the rooms' objects on top of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs.pnp import METADATA_PROGRAM
from relayer.chain.rpc import Rpc
from relayer.chain.sender import Sender
from relayer.chain.settings import ClusterSettings
from relayer.chain.signer import Signer
from relayer.domain.clock import Clock
from relayer.localnet import Localnet, serve
from relayer.telemetry.metrics import Metrics

PROGRAMS = resources.files("relayer") / "data" / "programs"
SOL = 1_000_000_000
START_MS = 1_770_000_000_000


def new_key() -> Signer:
    return Signer(os.urandom(32))


async def until(reached: Callable[[], bool], *, seconds: float = 20) -> None:
    """Wait for what the cluster and the tasks around it bring about."""
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.01)


@dataclass
class _Wall:
    ms: float


@dataclass
class Cluster:
    node: Localnet
    url: str
    session: aiohttp.ClientSession
    oracle_program: Pubkey
    pnp_program: Pubkey
    shown: _Wall
    metrics: Metrics = field(default_factory=Metrics)

    def settings(self, *urls: str) -> ClusterSettings:
        return ClusterSettings.model_validate(
            {
                "rpc_urls": urls or [self.url],
                "oracle_program": str(self.oracle_program),
                "pnp_program": str(self.pnp_program),
                "poll_s": 0.02,
                "resend_s": 0.1,
                "blockhash_refresh_s": 0.1,
                "request_timeout_s": 5,
            }
        )

    def funded(self, lamports: int = 10 * SOL) -> Signer:
        key = new_key()
        self.node.airdrop(key.pubkey, lamports)
        return key

    def set_time_ms(self, at_ms: int) -> None:
        self.shown.ms = at_ms
        self.node.advance(3)  # the account shows it as of a confirmed block

    def rpc(self, *urls: str) -> Rpc:
        return Rpc(settings=self.settings(*urls), session=self.session)

    def sender(self, payer: Signer, *urls: str) -> Sender:
        return Sender(rpc=self.rpc(*urls), payer=payer, metrics=self.metrics, settings=self.settings(*urls))

    def count(self, purpose: str, outcome: str) -> float:
        value = self.metrics.registry.get_sample_value(
            "relayer_transactions_total", {"purpose": purpose, "outcome": outcome}
        )
        assert value is not None
        return value


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """Slots of 20 ms; finalized after 4 blocks; the cluster's clock stands still unless it is set."""
    shown = _Wall(START_MS)
    clock = Clock(origin_ms=START_MS, wall_origin_ms=START_MS, wall=lambda: shown.ms)
    node = Localnet(clock=clock, slot_ms=20, finalize_after=4)
    oracle_program, pnp_program = Keypair().pubkey(), Keypair().pubkey()
    node.add_program(oracle_program, (PROGRAMS / "oracle.so").read_bytes())
    node.add_program(pnp_program, (PROGRAMS / "pnp_standin.so").read_bytes())
    node.add_program(METADATA_PROGRAM, (PROGRAMS / "metadata_standin.so").read_bytes())
    node.advance(2)  # a program is callable from the slot after its deployment
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(serve(node))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Cluster(node, urls.rpc, session, oracle_program, pnp_program, shown)


Answer = Callable[[list[Any]], Awaitable[web.StreamResponse | dict[str, Any] | None]]
"""Given the params: a whole response, the body of a reply, or None to let the request through."""


class FaultyNode:
    """A proxy before the cluster that answers some methods itself. `asked`: the methods it was asked, in order."""

    def __init__(self, session: aiohttp.ClientSession, upstream: str) -> None:
        self.faults: dict[str, Answer] = {}
        self.asked: list[str] = []
        self._session = session
        self._upstream = upstream

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        method, params = body["method"], body["params"]
        self.asked.append(method)
        answer = await self.faults[method](params) if method in self.faults else None
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            answer = await self.forward(method, params)
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], **answer})

    async def forward(self, method: str, params: list[Any]) -> dict[str, Any]:
        """The cluster's own `{"result": …}` or `{"error": …}`."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._session.post(self._upstream, json=request) as reply:
            body = await reply.json()
        return {key: value for key, value in body.items() if key in ("result", "error")}


@asynccontextmanager
async def listening(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Serve every POST on a free port of loopback; yields `127.0.0.1:port`."""
    application = web.Application()
    application.router.add_post("/{tail:.*}", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def faulty(cluster: Cluster) -> AsyncIterator[tuple[FaultyNode, str]]:
    node = FaultyNode(cluster.session, cluster.url)
    async with listening(node.handle) as address:
        yield node, f"http://{address}"
