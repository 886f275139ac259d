"""Prices travel over real sockets to a board account, and only what the account shows is counted as found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from relayer.chain.board_gateway import BoardGateway, authority_of
from relayer.chain.programs.board import board_address, list_feeds, set_publisher
from relayer.chain.settings import BoardSettings
from relayer.chain.signer import Signer
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import PermanentError, TransientError, UsageError
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price
from tests.integration.chain.conftest import START_MS, Cluster, FaultyNode, new_key, until

MARKETS = [MarketId.parse(f"kalshi:KX{number}") for number in range(85)]


def gateway(
    cluster: Cluster,
    *,
    publisher: Signer,
    authority: Signer | None,
    capacity: int = 8,
    owner: Signer | None = None,
    payer: Signer | None = None,
    url: str = "",
    v1: str = "off",
) -> BoardGateway:
    """`owner`: the board's authority where its key is not at hand."""
    urls = [url or cluster.url]
    settings = {"capacity": capacity, "name": "test", "authority": owner and owner.address}
    return BoardGateway(
        rpc=cluster.rpc(*urls),
        sender=cluster.sender(payer or publisher, *urls),
        publisher=publisher,
        payer=payer or publisher,
        authority=authority,
        settings=BoardSettings.model_validate(settings),
        cluster=cluster.settings(*urls).model_copy(update={"v1": v1}),
        metrics=cluster.metrics,
    )


@asynccontextmanager
async def confirming(board: BoardGateway) -> AsyncIterator[None]:
    task = asyncio.create_task(board.confirm_forever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await board.aclose()


def update(index: int, *, bid: int = 4_000, at_ms: int = START_MS) -> FeedUpdate:
    return FeedUpdate(index, FeedState(Price(bid), Price(bid + 100), Price(bid), MarketStatus.ACTIVE, 7, Millis(at_ms)))


def metric(cluster: Cluster, name: str, board: BoardGateway) -> float:
    return cluster.metrics.registry.get_sample_value(f"relayer_updates_{name}_total", {"board": board.address}) or 0


@pytest.mark.parametrize(("v1", "transactions"), [("off", 2), ("auto", 1)])
async def test_a_board_is_made_listed_published_to_and_found(cluster: Cluster, v1: str, transactions: int) -> None:
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority, capacity=200, v1=v1)
    indexes = await board.open(MARKETS)
    assert sorted(indexes.values()) == list(range(85))
    async with confirming(board):
        await board.publish([update(index) for index in indexes.values()])
        await until(lambda: metric(cluster, "found", board) == 85)
    assert metric(cluster, "claimed", board) == 85
    shown = await board.read()
    assert [slot.state for slot in shown.slots] == [update(0).state] * 85
    assert cluster.count("publish", "confirmed") == transactions


async def test_a_later_start_finds_the_board_and_lists_only_what_is_missing(cluster: Cluster) -> None:
    publisher, authority = cluster.funded(), cluster.funded()
    first = await gateway(cluster, publisher=publisher, authority=authority).open(MARKETS[:3])
    later = gateway(cluster, publisher=publisher, authority=authority)
    assert await later.open([MARKETS[5], *MARKETS[:3]]) == {**first, MARKETS[5]: 3}


async def test_without_the_authority_s_key_the_error_says_what_to_run(cluster: Cluster) -> None:
    publisher, authority = cluster.funded(), cluster.funded()
    bare = gateway(cluster, publisher=publisher, authority=None, owner=authority)
    with pytest.raises(PermanentError, match="does not exist: run `relayer board init`"):
        await bare.open(MARKETS[:1])
    await gateway(cluster, publisher=publisher, authority=authority).open(MARKETS[:1])
    with pytest.raises(PermanentError, match="does not list kalshi:KX1 kalshi:KX2: run `relayer board add kalshi:KX1"):
        await bare.open(MARKETS[:3])
    assert await bare.open(MARKETS[:1]) == {MARKETS[0]: 0}


async def test_a_board_with_another_publisher_is_refused(cluster: Cluster) -> None:
    publisher, authority, other = cluster.funded(), cluster.funded(), cluster.funded()
    await gateway(cluster, publisher=publisher, authority=authority).open(MARKETS[:1])
    with pytest.raises(
        PermanentError, match=f"takes prices from {publisher.address} and not from our key {other.address}"
    ):
        await gateway(cluster, publisher=other, authority=authority).open(MARKETS[:1])


async def test_more_markets_than_slots_are_refused(cluster: Cluster) -> None:
    publisher, authority = cluster.funded(), cluster.funded()
    with pytest.raises(
        PermanentError, match="has 8 free slots for 9 more markets: retire feeds with `relayer board retire`"
    ):
        await gateway(cluster, publisher=publisher, authority=authority).open(MARKETS[:9])


def test_whose_board_it_is_must_be_known_and_agree() -> None:
    settings = BoardSettings.model_validate({"authority": new_key().address})
    with pytest.raises(
        UsageError, match=r"authority is not known: set board\.authority to its address, or keys\.authority"
    ):
        authority_of(BoardSettings(), None)
    with pytest.raises(UsageError, match=r"board\.authority is .* but keys\.authority is the key of"):
        authority_of(settings, new_key())


async def test_prices_lost_on_the_way_are_told_and_follow(cluster: Cluster, faulty: tuple[FaultyNode, str]) -> None:
    node, url = faulty
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority, url=url)
    await board.open(MARKETS[:2])

    async def drop(params: list[Any]) -> dict[str, Any]:
        return {"result": "1" * 64}

    node.faults["sendTransaction"] = drop
    async with confirming(board):
        await board.publish([update(0), update(1)])
        await until(lambda: node.asked.count("sendTransaction") >= 2 + 4)
        cluster.node.advance(160)
        await until(lambda: cluster.count("publish", "expired") == 1)
        assert board.take_lost() == {0, 1}
        assert board.take_lost() == set()
        del node.faults["sendTransaction"]
        asked = len(node.asked)
        await until(lambda: node.asked[asked:].count("getLatestBlockhash") >= 2)
        await _published(board, [update(0), update(1)])
        await until(lambda: metric(cluster, "found", board) == 2)


async def test_prices_that_no_endpoint_takes_are_lost_at_once(cluster: Cluster, faulty: tuple[FaultyNode, str]) -> None:
    node, url = faulty
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority, url=url)
    await board.open(MARKETS[:2])

    async def down(params: list[Any]) -> web.StreamResponse:
        return web.Response(status=503)

    node.faults["sendTransaction"] = down
    async with confirming(board):
        await board.publish([update(0)])
        await until(lambda: board.take_lost() == {0})


async def test_a_newer_price_is_not_overtaken_by_the_older_one_s_bytes(
    cluster: Cluster, faulty: tuple[FaultyNode, str]
) -> None:
    """The first transaction is dropped and its price superseded: it is not sent again."""
    node, url = faulty
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority, url=url)
    await board.open(MARKETS[:1])
    wires: list[str] = []

    async def drop_the_first(params: list[Any]) -> dict[str, Any] | None:
        wires.append(params[0])
        return {"result": "1" * 64} if params[0] == wires[0] else None

    node.faults["sendTransaction"] = drop_the_first
    async with confirming(board):
        await board.publish([update(0, bid=1_000)])
        await board.publish([update(0, bid=2_000, at_ms=START_MS + 1)])
        await until(lambda: metric(cluster, "found", board) == 1)
        cluster.node.advance(160)
        await until(lambda: cluster.count("publish", "expired") == 1)
    assert wires.count(wires[0]) == 1
    assert board.take_lost() == set()
    assert (await board.read()).slots[0].state == update(0, bid=2_000, at_ms=START_MS + 1).state


async def test_a_raised_epoch_is_taken_over(cluster: Cluster) -> None:
    """The authority lists another market while prices flow: the next transaction fails, those after it land."""
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority)
    await board.open(MARKETS[:1])
    address = board_address(cluster.oracle_program, authority.pubkey, 0)
    listing = list_feeds(cluster.oracle_program, authority.pubkey, address, [(1, MARKETS[1].feed_id())])
    await cluster.sender(authority).run([listing], [], purpose="board")
    async with confirming(board):
        await board.publish([update(0)])
        await until(lambda: cluster.count("publish", "failed") == 1)
        assert board.take_lost() == {0}
        await _published(board, [update(0)])
        await until(lambda: metric(cluster, "found", board) == 1)


async def test_a_board_that_takes_another_publisher_burns_no_more_fees(cluster: Cluster) -> None:
    publisher, authority, heir = cluster.funded(), cluster.funded(), new_key()
    board = gateway(cluster, publisher=publisher, authority=authority)
    await board.open(MARKETS[:1])
    address = board_address(cluster.oracle_program, authority.pubkey, 0)
    change = set_publisher(cluster.oracle_program, authority.pubkey, address, heir.pubkey)
    await cluster.sender(authority).run([change], [], purpose="board")
    async with confirming(board):
        await board.publish([update(0)])
        await until(lambda: cluster.count("publish", "failed") == 1)
        await until(lambda: "takes prices from" in str(board.held))
        with pytest.raises(TransientError, match=f"Prices are held: Board .* takes prices from {heir.address}"):
            await board.publish([update(0)])
    assert cluster.count("publish", "sent") == 1


async def _published(board: BoardGateway, updates: list[FeedUpdate]) -> None:
    """Publish as soon as the board is not held any more."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await board.publish(updates)
            except TransientError:
                await asyncio.sleep(0.01)


async def test_a_clamped_time_counts_as_found(cluster: Cluster) -> None:
    """The exchange's clock is 20 s before the cluster's: slots show the cluster's time + 5 s."""
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority)
    await board.open(MARKETS[:1])
    async with confirming(board):
        await board.publish([update(0, at_ms=START_MS + 20_000)])
        await until(lambda: metric(cluster, "found", board) == 1)
    state = (await board.read()).slots[0].state
    assert state
    assert state.as_of_ms == START_MS + 5_000


async def test_times_too_far_apart_for_one_instruction_land_in_one_transaction(cluster: Cluster) -> None:
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority)
    indexes = await board.open(MARKETS[:5])
    async with confirming(board):
        await board.publish([update(index, at_ms=START_MS - 700_000 * index) for index in indexes.values()])
        await until(lambda: metric(cluster, "found", board) == 5)
    assert cluster.count("publish", "confirmed") == 1


async def test_a_separate_payer_pays(cluster: Cluster) -> None:
    publisher, authority, payer = new_key(), cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority, payer=payer, capacity=100)
    indexes = await board.open(MARKETS[:70])
    async with confirming(board):
        await board.publish([update(index) for index in indexes.values()])
        await until(lambda: metric(cluster, "found", board) == 70)
    assert cluster.count("publish", "confirmed") == 1, "70 entries fit into one transaction of version 0"


async def test_an_outage_of_the_cluster_is_waited_out(cluster: Cluster, faulty: tuple[FaultyNode, str]) -> None:
    node, url = faulty
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority, url=url)
    await board.open(MARKETS[:1])

    async def down(params: list[Any]) -> web.StreamResponse:
        return web.Response(status=503)

    methods = ("getLatestBlockhash", "getSignatureStatuses", "getAccountInfo", "getBlockHeight")
    node.faults = dict.fromkeys(methods, down)
    async with confirming(board):
        await board.publish([update(0)])
        await until(
            lambda: (cluster.metrics.registry.get_sample_value("relayer_errors_total", {"room": "chain"}) or 0) > 0
        )
        node.faults.clear()
        await until(lambda: metric(cluster, "found", board) == 1)
