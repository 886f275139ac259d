"""A sandbox on loopback whose clock moves by hand, and clients that sign as Kalshi asks."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from relayer.domain.clock import Clock
from relayer.sandbox.auth import PublicKey
from relayer.sandbox.faults.kit import FaultKit
from relayer.sandbox.server import Sandbox, Urls, serve
from relayer.tape.replay import ReplayTape
from tests.fakes.tapes import START_MS, Line, write_tape

RSA_ID, ED_ID = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
_IMPATIENT = aiohttp.ClientWSTimeout(ws_close=0.2)
PrivateKey = rsa.RSAPrivateKey | Ed25519PrivateKey


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def ed_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def signed(
    key: PrivateKey, key_id: str, method: str, path: str, *, shift_ms: int = 0, salt: int = 32
) -> dict[str, str]:
    """Kalshi's three headers, `shift_ms` away from the real time."""
    moment = str(int(time.time() * 1000) + shift_ms)
    text = f"{moment}{method}{path}".encode()
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
    else:
        signature = key.sign(text)
    return {
        "KALSHI-ACCESS-KEY": key_id,
        "KALSHI-ACCESS-TIMESTAMP": moment,
        "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
    }


class Socket:
    """One connection: commands by keyword, frames as dicts."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self._commands = 0

    async def tell(self, cmd: str, **params: Any) -> int:
        self._commands += 1
        body: dict[str, Any] = {"id": self._commands, "cmd": cmd}
        await self.ws.send_json({**body, "params": params} if params else body)
        return self._commands

    async def frame(self) -> dict[str, Any]:
        received: dict[str, Any] = await self.ws.receive_json(timeout=5)
        return received

    async def frames(self, number: int) -> list[dict[str, Any]]:
        return [await self.frame() for _ in range(number)]


@dataclass
class Venue:
    """A running sandbox; `move_to` sets its clock and plays what is due."""

    sandbox: Sandbox
    urls: Urls
    http: aiohttp.ClientSession
    key: rsa.RSAPrivateKey
    now: list[float]
    sockets: list[Socket] = field(default_factory=list)

    def move_to(self, after_ms: int) -> None:
        self.now[0] = START_MS + after_ms
        self.sandbox.player.catch_up()

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        async with self.http.get(f"{self.urls.rest}/{path}", params=query) as response:
            return response.status, msgspec.json.decode(await response.read())

    async def dflow(self, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        """GET, or POST with a body, of DFlow's surface."""
        method = "GET" if body is None else "POST"
        async with self.http.request(method, f"{self.urls.dflow_rest}/{path}", params=query, json=body) as response:
            return response.status, msgspec.json.decode(await response.read())

    async def connect(self) -> Socket:
        headers = signed(self.key, RSA_ID, "GET", "/trade-api/ws/v2")
        self.sockets.append(Socket(await self.http.ws_connect(self.urls.ws, headers=headers, timeout=_IMPATIENT)))
        return self.sockets[-1]


class Opener(Protocol):
    """Opens a venue over tape lines, with faults."""

    def __call__(self, lines: list[Line], *faults: str) -> Awaitable[Venue]: ...


@asynccontextmanager
async def _running(
    tape: ReplayTape, rsa_key: rsa.RSAPrivateKey, ed_key: Ed25519PrivateKey, faults: tuple[str, ...]
) -> AsyncIterator[Venue]:
    now = [float(START_MS)]
    clock = Clock(origin_ms=START_MS, wall_origin_ms=START_MS, wall=lambda: now[0])
    keys: dict[str, PublicKey] = {RSA_ID: rsa_key.public_key(), ED_ID: ed_key.public_key()}
    sandbox = Sandbox(tape=tape, clock=clock, keys=keys, faults=FaultKit(faults))
    async with serve(sandbox) as urls, aiohttp.ClientSession() as http:
        venue = Venue(sandbox, urls, http, rsa_key, now)
        yield venue
        for socket in venue.sockets:
            await socket.ws.close()


@pytest.fixture
async def opened(tmp_path: Path, rsa_key: rsa.RSAPrivateKey, ed_key: Ed25519PrivateKey) -> AsyncIterator[Opener]:
    """Opens a venue over the given tape lines; closed with the test."""
    async with AsyncExitStack() as stack:

        async def open_venue(lines: list[Line], *faults: str) -> Venue:
            tape = write_tape(tmp_path / "tape.jsonl.gz", lines)
            return await stack.enter_async_context(_running(tape, rsa_key, ed_key, faults))

        yield open_venue
