"""A transaction's fate is what the chain says, whatever the nodes answer in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from relayer.chain.sender import Sender
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.intents import Submission, SubmissionState
from tests.integration.chain.conftest import SOL, Cluster, FaultyNode, new_key, until

Faulty = tuple[FaultyNode, str]


def payment(payer: Signer, to: Pubkey, lamports: int = SOL) -> Instruction:
    return transfer(TransferParams(from_pubkey=payer.pubkey, to_pubkey=to, lamports=lamports))


async def built(sender: Sender, to: Pubkey, lamports: int = SOL) -> Submission:
    return await sender.build([payment(sender.payer, to, lamports)], [], purpose="settle", intent_key="settle:market")


async def test_sent_and_finalized(cluster: Cluster) -> None:
    sender, to = cluster.sender(cluster.funded()), new_key()
    submission = await built(sender, to.pubkey)
    assert submission.intent_key == "settle:market"
    await sender.send(submission)
    ended = await sender.follow(submission)
    assert ended == replace(submission, state=SubmissionState.FINALIZED)
    assert await cluster.rpc().balance(to.address) == SOL
    assert (cluster.count("settle", "sent"), cluster.count("settle", "finalized")) == (1, 1)


async def test_confirmed_comes_before_finalized(cluster: Cluster) -> None:
    sender = cluster.sender(cluster.funded())
    submission = await built(sender, new_key().pubkey)
    await sender.send(submission)
    assert (await sender.follow(submission, until=SubmissionState.CONFIRMED)).state is SubmissionState.CONFIRMED
    [status] = await cluster.rpc().signature_statuses([submission.signature])
    assert status
    assert status.level is not SubmissionState.FINALIZED


async def test_a_transaction_with_an_error_is_never_a_success(cluster: Cluster) -> None:
    """Both pass their simulation; after the first the second lacks the money, lands, and fails."""
    payer = cluster.funded(10 * SOL)
    sender = cluster.sender(payer)
    first = await built(sender, new_key().pubkey, 6 * SOL)
    second = await built(sender, new_key().pubkey, 7 * SOL)
    await sender.send(first)
    assert (await sender.follow(first)).state is SubmissionState.FINALIZED
    ended = await sender.follow(second)
    assert ended.state is SubmissionState.FAILED
    assert "instruction 4 (program 11111111111111111111111111111111)" in ended.error
    assert cluster.count("settle", "failed") == 1


async def test_what_the_simulation_refuses_is_not_built(cluster: Cluster) -> None:
    sender = cluster.sender(cluster.funded())
    nonsense = Instruction(cluster.oracle_program, b"\xff", [])
    with pytest.raises(
        PermanentError, match=r"refuses the settle transaction: instruction 4 .*BadInstruction \(6000\)"
    ):
        await sender.build([nonsense], [], purpose="settle")
    assert cluster.count("settle", "refused") == 1


async def test_a_payer_without_money_is_a_matter_of_later(cluster: Cluster) -> None:
    with pytest.raises(TransientError, match="the payer has no lamports: fund it"):
        await built(cluster.sender(new_key()), new_key().pubkey)
    with pytest.raises(TransientError, match="an account lacks lamports: fund the payer"):
        await built(cluster.sender(cluster.funded(SOL)), new_key().pubkey, 2 * SOL)


async def test_a_lost_reply_is_not_a_failure(cluster: Cluster, faulty: Faulty) -> None:
    node, url = faulty

    async def take_and_hang_up(params: list[Any]) -> web.StreamResponse:
        await node.forward("sendTransaction", params)
        return web.Response(status=502, text="<html>bad gateway</html>")

    node.faults["sendTransaction"] = take_and_hang_up
    sender, to = cluster.sender(cluster.funded(), url), new_key()
    submission = await built(sender, to.pubkey)
    await sender.send(submission)
    assert (await sender.follow(submission)).state is SubmissionState.FINALIZED
    assert await cluster.rpc().balance(to.address) == SOL


async def test_a_dropped_transaction_is_sent_again_with_the_same_bytes(cluster: Cluster, faulty: Faulty) -> None:
    node, url = faulty
    wires: list[str] = []

    async def drop_the_first_two(params: list[Any]) -> dict[str, Any] | None:
        wires.append(params[0])
        return {"result": "1" * 64} if len(wires) <= 2 else None

    node.faults["sendTransaction"] = drop_the_first_two
    sender = cluster.sender(cluster.funded(), url)
    submission = await built(sender, new_key().pubkey)
    await sender.send(submission)
    assert (await sender.follow(submission)).state is SubmissionState.FINALIZED
    assert len(wires) > 2
    assert len(set(wires)) == 1


async def test_expired_only_after_its_blockhash_and_then_signed_anew(cluster: Cluster, faulty: Faulty) -> None:
    node, url = faulty

    async def drop(params: list[Any]) -> dict[str, Any]:
        return {"result": "1" * 64}

    node.faults["sendTransaction"] = drop
    payer, to = cluster.funded(), new_key()
    sender = cluster.sender(payer, url)
    lost = await built(sender, to.pubkey)
    await sender.send(lost)
    following = asyncio.create_task(sender.follow(lost))
    await until(lambda: node.asked.count("sendTransaction") >= 3)
    assert not following.done()
    cluster.node.advance(160)
    ended = await following
    assert ended == replace(lost, state=SubmissionState.EXPIRED, error="its blockhash expired unused")
    assert cluster.count("settle", "expired") == 1
    del node.faults["sendTransaction"]
    anew = await built(sender, to.pubkey)
    assert anew.signature != lost.signature
    assert (await sender.follow(anew)).state is SubmissionState.FINALIZED
    assert await cluster.rpc().balance(to.address) == SOL


async def test_one_of_two_nodes_that_shows_nothing_does_not_make_it_expired(cluster: Cluster, faulty: Faulty) -> None:
    """A lying node alone would have it signed twice."""
    node, url = faulty

    async def nothing(params: list[Any]) -> dict[str, Any]:
        return {"result": {"context": {"slot": 1}, "value": [None] * len(params[0])}}

    node.faults["getSignatureStatuses"] = nothing
    sender = cluster.sender(cluster.funded(), url, cluster.url)
    submission = await built(sender, new_key().pubkey)
    await sender.send(submission)
    following = asyncio.create_task(sender.follow(submission))
    await until(lambda: node.asked.count("getSignatureStatuses") >= 3)
    assert not following.done()
    cluster.node.advance(200)
    assert (await following).state is SubmissionState.FINALIZED


async def test_without_the_second_node_nothing_expires(cluster: Cluster, faulty: Faulty) -> None:
    node, url = faulty

    async def down(params: list[Any]) -> web.StreamResponse:
        return web.Response(status=503)

    node.faults["getSignatureStatuses"] = down
    sender = cluster.sender(cluster.funded(), cluster.url, url)
    submission = await built(sender, new_key().pubkey)
    node.faults["sendTransaction"] = down
    cluster.node.advance(200)
    following = asyncio.create_task(sender.follow(submission))
    await until(lambda: node.asked.count("getSignatureStatuses") >= 3)
    assert not following.done()
    del node.faults["getSignatureStatuses"]
    assert (await following).state is SubmissionState.EXPIRED


async def test_after_a_restart_the_same_bytes_are_followed_to_their_end(cluster: Cluster) -> None:
    payer, to = cluster.funded(), new_key()
    submission = await built(cluster.sender(payer), to.pubkey)
    restarted = cluster.sender(payer)
    assert (await restarted.follow(submission)).state is SubmissionState.FINALIZED
    cluster.node.advance(400)
    assert (await cluster.sender(payer).follow(submission)).state is SubmissionState.FINALIZED, "found in the history"
    assert await cluster.rpc().balance(to.address) == SOL


async def test_what_landed_already_is_no_error(cluster: Cluster) -> None:
    sender, to = cluster.sender(cluster.funded()), new_key()
    submission = await built(sender, to.pubkey)
    for _ in range(3):
        await sender.send(submission)
    assert (await sender.follow(submission)).state is SubmissionState.FINALIZED
    await sender.send(submission)
    assert await cluster.rpc().balance(to.address) == SOL


async def test_a_rate_limited_node_is_waited_for(cluster: Cluster, faulty: Faulty) -> None:
    node, url = faulty
    limited: list[str] = []

    async def limit_once(params: list[Any]) -> web.StreamResponse | None:
        limited.append("x")
        return web.Response(status=429, headers={"Retry-After": "0"}) if len(limited) <= 2 else None

    node.faults["getLatestBlockhash"] = limit_once
    sender = cluster.sender(cluster.funded(), url)
    submission = await built(sender, new_key().pubkey)
    limited.clear()
    node.faults = {"getSignatureStatuses": limit_once}
    assert (await sender.follow(submission)).state is SubmissionState.FINALIZED


async def test_run_raises_unless_it_succeeded(cluster: Cluster) -> None:
    payer = cluster.funded()
    ended = await cluster.sender(payer).run([payment(payer, new_key().pubkey)], [], purpose="board")
    assert ended.state is SubmissionState.CONFIRMED
