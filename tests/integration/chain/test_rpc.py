"""Every way a node can fail becomes one of our two errors, which names the node and tells no secret."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from solders.pubkey import Pubkey

from relayer.chain.rpc import Rpc
from relayer.chain.settings import ClusterSettings
from relayer.domain.errors import PermanentError, RelayerError, TransientError
from relayer.domain.intents import SubmissionState
from tests.integration.chain.conftest import START_MS, Cluster, listening, new_key

SECRET = "s3cr3t"


class Node:
    """Answers every request with `reply`, which may raise or sleep."""

    def __init__(self) -> None:
        self.address = ""
        self.requests = 0
        self.reply: Callable[[], web.StreamResponse] = web.Response
        self.silent = False
        self.cut = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        if self.silent:
            await asyncio.sleep(60)
        if self.cut:
            return await _cut_short(request)
        return self.reply()

    def says(self, text: str, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.reply = lambda: web.Response(text=text, status=status, headers=headers)

    def answers(self, **body: Any) -> None:
        self.reply = lambda: web.json_response({"jsonrpc": "2.0", "id": 1, **body})

    def refuses(self, code: int, data: Any = None) -> None:
        self.answers(error={"code": code, "message": "so it is", "data": data})


async def _cut_short(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "5000"})
    await response.prepare(request)
    await response.write(b"{")
    assert request.transport
    request.transport.close()
    return response


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node()
    async with listening(node.handle) as node.address:
        yield node


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def rpc(node: Node, session: aiohttp.ClientSession, waits: list[float]) -> Rpc:
    return client(session, waits, f"http://user:{SECRET}@{node.address}/{SECRET}?api-key={SECRET}")


def client(session: aiohttp.ClientSession, waits: list[float], *urls: str, timeout_s: float = 5) -> Rpc:
    """`waits`: filled with the pauses between reads, which take no time."""

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    settings = ClusterSettings.model_validate(
        {
            "rpc_urls": urls,
            "oracle_program": str(Pubkey.default()),
            "request_timeout_s": timeout_s,
            "resend_s": timeout_s,
            "read_attempts": 3,
        }
    )
    return Rpc(settings=settings, session=session, sleep=sleep)


async def failure(rpc: Rpc) -> RelayerError:
    with pytest.raises(RelayerError) as caught:
        await rpc.slot()
    chain: BaseException | None = caught.value
    while chain:
        assert SECRET not in str(chain)
        chain = chain.__cause__
    return caught.value


@pytest.mark.parametrize(
    ("status", "text", "kind", "words"),
    [
        (429, "slow down", TransientError, "answered getSlot with HTTP 429"),
        (500, '{"jsonrpc":"2.0","result":7,"id":1}', TransientError, "HTTP 500"),
        (502, "<html>", TransientError, "HTTP 502"),
        (503, "", TransientError, "HTTP 503"),
        (413, "", TransientError, "HTTP 413"),
        (401, "no key", PermanentError, r"refused getSlot with HTTP 401: check the access key in cluster\.rpc_urls"),
        (403, "", PermanentError, "HTTP 403: check the access key"),
        (404, "<html>", PermanentError, r"HTTP 404: check cluster\.rpc_urls"),
        (200, "<html>", TransientError, "not JSON-RPC: check that .* names a Solana node"),
        (200, "", TransientError, "not JSON-RPC"),
        (200, "[]", TransientError, "not JSON-RPC"),
        (200, '{"error":"overloaded"}', TransientError, "not JSON-RPC"),
        (200, '{"jsonrpc":"2.0","id":1,"result":"soon"}', TransientError, "something else than documented"),
        (200, '{"jsonrpc":"2.0","id":1}', TransientError, "something else than documented"),
        (400, '{"error":{"code":-32602,"message":"bad"}}', PermanentError, r"refused getSlot: bad \(code -32602\)"),
    ],
)
async def test_http_answers(node: Node, rpc: Rpc, status: int, text: str, kind: type[RelayerError], words: str) -> None:
    node.says(text, status=status)
    error = await failure(rpc)
    assert isinstance(error, kind)
    assert re.search(words, str(error)), error
    assert node.address in str(error)


TRANSIENT_CODES = [
    -32004,
    -32005,
    -32007,
    -32009,
    -32010,
    -32011,
    -32014,
    -32016,
    -32603,
    -32018,
    -32000,
    429,
    -32429,
    1,
]
PERMANENT_CODES = [-32600, -32601, -32602, -32700, -32003, -32006, -32013, -32015, -32002]


@pytest.mark.parametrize("code", TRANSIENT_CODES)
async def test_codes_that_pass(node: Node, rpc: Rpc, code: int) -> None:
    """Known ones without their data and unknown ones too: solana-py's client panics or returns a bare int there."""
    node.refuses(code)
    error = await failure(rpc)
    assert isinstance(error, TransientError)
    assert f"refused getSlot: so it is (code {code})" in str(error)
    assert node.requests == 3


@pytest.mark.parametrize("code", PERMANENT_CODES)
async def test_codes_that_do_not_pass(node: Node, rpc: Rpc, code: int) -> None:
    node.refuses(code, data={"numSlotsBehind": 1})
    assert isinstance(await failure(rpc), PermanentError)
    assert node.requests == 1, "a wrong request is not repeated"


async def test_a_silent_node_is_left_after_the_time_out(node: Node, session: aiohttp.ClientSession) -> None:
    node.silent = True
    rpc = client(session, [], f"http://{node.address}", timeout_s=0.05)
    with pytest.raises(TransientError, match=f"{node.address} did not answer getSlot within 0.05 s"):
        await rpc.slot()


async def test_nobody_listens(session: aiohttp.ClientSession, unused_tcp_port: int) -> None:
    rpc = client(session, [], f"http://127.0.0.1:{unused_tcp_port}/{SECRET}")
    error = await failure(rpc)
    assert f"127.0.0.1:{unused_tcp_port} cannot be reached (ClientConnectorError): check cluster.rpc_urls" in str(error)


async def test_a_connection_cut_while_answering(node: Node, rpc: Rpc) -> None:
    node.cut = True
    error = await failure(rpc)
    assert isinstance(error, TransientError)
    assert "cannot be reached (ClientPayloadError)" in str(error)


async def test_retry_after_is_honoured_up_to_a_limit(node: Node, rpc: Rpc, waits: list[float]) -> None:
    node.says("", status=429, headers={"Retry-After": "3"})
    error = await failure(rpc)
    assert isinstance(error, TransientError)
    assert error.retry_after == 3
    assert waits == [3, 3]
    waits.clear()
    node.says("", status=429, headers={"Retry-After": "3600"})
    await failure(rpc)
    assert waits == [10, 10]
    waits.clear()
    node.says("", status=503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})
    await failure(rpc)
    assert all(0 <= wait <= 1 for wait in waits)


async def test_reads_fail_over_and_a_failed_node_rests(
    node: Node, session: aiohttp.ClientSession, waits: list[float]
) -> None:
    node.says("", status=503)
    good = Node()
    good.answers(result=7)
    async with listening(good.handle) as good.address:
        rpc = client(session, waits, f"http://{node.address}", f"http://{good.address}")
        assert await rpc.slot() == 7
        assert await rpc.slot() == 7
    assert (node.requests, good.requests) == (1, 2)
    assert waits == []


async def test_one_node_s_refused_key_leaves_the_other(node: Node, session: aiohttp.ClientSession) -> None:
    node.says("", status=401)
    good = Node()
    good.answers(result=7)
    async with listening(good.handle) as good.address:
        assert await client(session, [], f"http://{node.address}", f"http://{good.address}").slot() == 7


async def test_writes_go_to_every_node_and_one_that_takes_them_is_enough(
    node: Node, session: aiohttp.ClientSession
) -> None:
    node.says("", status=503)
    good = Node()
    good.answers(result="1" * 64)
    async with listening(good.handle) as good.address:
        await client(session, [], f"http://{node.address}", f"http://{good.address}").send(b"wire")
    assert (node.requests, good.requests) == (1, 1)


@pytest.mark.parametrize(
    "error",
    [
        {"code": -32002, "message": "Transaction simulation failed", "data": {"err": "AlreadyProcessed"}},
        {"code": -32002, "message": "This transaction has already been processed"},
    ],
)
async def test_already_processed_is_taken(node: Node, rpc: Rpc, error: dict[str, Any]) -> None:
    node.answers(error=error)
    await rpc.send(b"wire")


async def test_what_nobody_takes_is_told(node: Node, rpc: Rpc) -> None:
    node.refuses(-32003)
    with pytest.raises(PermanentError, match=r"refused sendTransaction: so it is \(code -32003\)"):
        await rpc.send(b"wire")
    node.says("", status=503)
    with pytest.raises(TransientError, match="sendTransaction with HTTP 503"):
        await rpc.send(b"wire")


@pytest.mark.parametrize(
    "result",
    [
        {"context": {"slot": 1}, "value": []},
        {"context": {"slot": 1}, "value": [None, None]},
        {"value": [None]},
        [None],
    ],
)
async def test_statuses_must_answer_what_was_asked(node: Node, rpc: Rpc, result: Any) -> None:
    node.answers(result=result)
    with pytest.raises(TransientError, match="getSignatureStatuses with something else than documented"):
        await rpc.signature_statuses(["one"])


async def test_a_status_without_its_level_is_not_taken_for_sure(node: Node, rpc: Rpc) -> None:
    node.answers(result={"context": {"slot": 9}, "value": [{"slot": 5, "err": None, "confirmations": None}]})
    [status] = await rpc.signature_statuses(["one"])
    assert status
    assert (status.slot, status.err, status.level) == (5, None, SubmissionState.SENT)


@pytest.mark.parametrize("blockhash", ["", "short", "!" * 44])
async def test_a_blockhash_must_be_one(node: Node, rpc: Rpc, blockhash: str) -> None:
    value = {"blockhash": blockhash, "lastValidBlockHeight": 5}
    node.answers(result={"context": {"slot": 1}, "value": value})
    with pytest.raises(TransientError, match="getLatestBlockhash with something else than documented"):
        await rpc.latest_blockhash()


async def test_the_calls_of_a_cluster(cluster: Cluster) -> None:
    rpc, key = cluster.rpc(), cluster.funded(5_000_000)
    blockhash = await rpc.latest_blockhash()
    assert blockhash.last_valid_block_height > await rpc.block_height("processed") > 0
    assert await rpc.slot() >= blockhash.slot
    assert len(await rpc.genesis_hash()) >= 32
    assert await rpc.balance(key.address) == 5_000_000
    stranger = new_key().address
    assert await rpc.balances([key.address, stranger]) == [5_000_000, 0]
    assert await rpc.account(stranger) is None
    account = await rpc.account(str(cluster.oracle_program), min_slot=blockhash.slot)
    assert account
    assert account.owner.startswith("BPFLoaderUpgradeab1e")
    assert account.slot >= blockhash.slot
    assert await rpc.minimum_balance(0) == 890_880
    assert await rpc.cluster_time_ms() == START_MS
    assert await rpc.signature_statuses(["1" * 64] * 300) == [None] * 300
    many = await rpc.accounts([key.address, stranger] * 125)
    assert [account and account.lamports for account in many] == [5_000_000, None] * 125
    assert all(fee >= 0 for fee in await rpc.recent_fees([key.address]))
    [alone] = rpc.each()
    assert alone.name == cluster.url.removeprefix("http://")


async def test_a_slot_not_reached_yet_is_a_matter_of_later(cluster: Cluster) -> None:
    with pytest.raises(TransientError, match=r"Minimum context slot has not been reached.*-32016"):
        await cluster.rpc().account(new_key().address, min_slot=10**9)


async def test_a_cluster_without_a_clock_is_named(node: Node, rpc: Rpc) -> None:
    node.answers(result={"context": {"slot": 1}, "value": None})
    with pytest.raises(TransientError, match="shows no Clock sysvar"):
        await rpc.cluster_time_ms()


async def test_the_fee_is_what_the_cluster_says(cluster: Cluster) -> None:
    payer = cluster.funded()
    submission = await cluster.sender(payer).build([], [], purpose="board")
    assert await cluster.rpc().fee(submission.wire) == 5_000
    cluster.node.advance(200)
    with pytest.raises(TransientError, match="does not know the blockhash: try again"):
        await cluster.rpc().fee(submission.wire)
