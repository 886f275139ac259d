"""The wire itself: bodies, statuses, frames, ports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.domain.clock import Clock
from relayer.domain.errors import FatalError
from relayer.localnet import Localnet, Urls, serve
from tests.transactions import pay, text, v0

BIG = Pubkey.from_string("Config1111111111111111111111111111111111111")
HEALTH = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass in 20 s")


async def post(session: aiohttp.ClientSession, urls: Urls, body: Any) -> Any:
    async with session.post(urls.rpc, json=body) as response:
        assert response.status == 200
        return await response.json()


async def test_single_and_batch(session: aiohttp.ClientSession, urls: Urls) -> None:
    assert await post(session, urls, HEALTH) == {"jsonrpc": "2.0", "id": 1, "result": "ok"}
    batch = [HEALTH, {"jsonrpc": "2.0", "id": "x", "method": "nothing"}]
    first, second = await post(session, urls, batch)
    assert first["result"] == "ok"
    assert second == {"jsonrpc": "2.0", "id": "x", "error": {"code": -32601, "message": "Method not found"}}


@pytest.mark.parametrize(("body", "code"), [(b"{", -32700), (b'{"id":1}', -32600), (b"", -32700)])
async def test_bodies_that_are_no_request(session: aiohttp.ClientSession, urls: Urls, body: bytes, code: int) -> None:
    async with session.post(urls.rpc, data=body, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 200
        assert (await response.json())["error"]["code"] == code


async def test_an_empty_batch_gets_an_empty_body(session: aiohttp.ClientSession, urls: Urls) -> None:
    async with session.post(urls.rpc, json=[]) as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_other_requests(session: aiohttp.ClientSession, urls: Urls, node: Localnet) -> None:
    async with session.post(urls.rpc, data=b"{}", headers={"Content-Type": "text/plain"}) as response:
        assert response.status == 415
    async with session.get(urls.rpc) as response:
        assert response.status == 405
    async with session.post(urls.rpc, json="x" * 60_000) as response:
        assert response.status == 413
    async with session.options(urls.rpc) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    for behind, expected in ((0, "ok"), (5, "behind")):
        node.slots_behind = behind
        async with session.get(f"{urls.rpc}/health") as response:
            assert await response.text() == expected


async def test_slots_pass_on_wall_time_and_the_clock_on_its_own(session: aiohttp.ClientSession) -> None:
    node = Localnet(clock=Clock(origin_ms=1_000_000, speed=10_000), slot_ms=10)
    async with serve(node) as urls:
        await eventually(lambda: node.chain.tip.slot >= 10)
        answer = await post(session, urls, HEALTH | {"method": "getSlot", "params": [{"commitment": "processed"}]})
        assert answer["result"] >= 10
        clock = node.accounts.newest(Pubkey.from_string("SysvarC1ock11111111111111111111111111111111"))
        assert clock is not None
        # Ten slots of 10 ms are at least 0.1 s of wall time, 1,000 s of this clock.
        assert int.from_bytes(clock.data[32:40], "little") >= 1_900


async def test_a_subscription_over_the_socket(session: aiohttp.ClientSession, urls: Urls, payer: Keypair) -> None:
    latest = {"jsonrpc": "2.0", "id": 1, "method": "getLatestBlockhash", "params": [{"commitment": "processed"}]}
    answer = await post(session, urls, latest)
    transaction = v0(payer, [pay(payer, Pubkey.new_unique())], Hash.from_string(answer["result"]["value"]["blockhash"]))
    async with session.ws_connect(urls.ws) as socket:
        await socket.send_json({"jsonrpc": "2.0", "method": "ping"})
        params = [str(transaction.signatures[0]), {"commitment": "confirmed"}]
        await socket.send_json({"jsonrpc": "2.0", "id": "s", "method": "signatureSubscribe", "params": params})
        reply = await socket.receive_json(timeout=5)
        assert reply["id"] == "s"
        wire = {"jsonrpc": "2.0", "id": 2, "method": "sendTransaction"}
        await post(session, urls, wire | {"params": [text(transaction), {"encoding": "base64", "skipPreflight": True}]})
        notice = await socket.receive_json(timeout=5)
        assert notice["method"] == "signatureNotification"
        assert notice["params"]["subscription"] == reply["result"]
        assert notice["params"]["result"]["value"] == {"err": None}
        await socket.send_json({"jsonrpc": "2.0", "id": 3, "method": "getSlot"})
        assert (await socket.receive_json(timeout=5))["error"]["code"] == -32601
        await socket.send_str("{")
        assert (await socket.receive_json(timeout=5))["error"]["code"] == -32700


async def test_ids_differ_between_connections(session: aiohttp.ClientSession, urls: Urls) -> None:
    ids = set()
    for _ in range(2):
        async with session.ws_connect(urls.ws) as socket:
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "rootSubscribe"})
            ids.add((await socket.receive_json(timeout=5))["result"])
    assert len(ids) == 2


async def test_a_client_that_leaves_is_forgotten(session: aiohttp.ClientSession, urls: Urls, node: Localnet) -> None:
    async with session.ws_connect(urls.ws) as socket:
        await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe"})
        await socket.receive_json(timeout=5)
        assert len(node.watchers) == 1
    await eventually(lambda: not node.watchers)


async def test_a_client_that_does_not_read_is_cut_off(
    urls: Urls, node: Localnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relayer.localnet.server._MOST_WAITING", 5)
    host, port = urls.ws.removeprefix("ws://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1)
    handshake = (
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    writer.write(handshake.encode())
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "accountSubscribe",
            "params": [str(BIG), {"encoding": "base64", "commitment": "processed"}],
        }
    ).encode()
    mask = b"\0\0\0\0"
    writer.write(bytes([0x81, 0x80 | 126]) + len(body).to_bytes(2, "big") + mask + body)
    await writer.drain()
    await eventually(lambda: bool(node.watchers))
    node.set_account(BIG, Account(10**12, bytes(4_000_000), Pubkey.default()))

    def cut_off() -> bool:
        # Written in every block, the account is told in every slot, and nobody reads it.
        node.accounts.remember(node.chain.open.slot, {BIG: node.accounts.newest(BIG)})
        return not node.watchers

    await eventually(cut_off)
    writer.close()
    await writer.wait_closed()


async def test_stopping_closes_the_sockets(session: aiohttp.ClientSession) -> None:
    node = Localnet(clock=Clock(), slot_ms=20)
    async with serve(node) as urls:
        socket = await session.ws_connect(urls.ws)
    message = await socket.receive(timeout=5)
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    assert node.watchers == []
    await socket.close()


async def test_a_port_in_use_is_named(urls: Urls) -> None:
    for url in (urls.rpc, urls.ws):
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(FatalError, match=rf"cannot listen on 127\.0\.0\.1:{port} .*: stop what uses the port"):
            async with serve(Localnet(clock=Clock()), port=port):
                pass


async def test_neighbouring_ports_where_none_is_named(urls: Urls) -> None:
    ports = [int(url.rsplit(":", 1)[1]) for url in (urls.rpc, urls.ws)]
    assert ports[1] == ports[0] + 1


async def test_a_cluster_that_breaks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Localnet(clock=Clock(), slot_ms=1)

    def broken() -> None:
        raise ZeroDivisionError("a watcher failed")

    node.watchers.append(broken)
    with pytest.raises(ZeroDivisionError):
        async with serve(node):
            await asyncio.sleep(0.1)
