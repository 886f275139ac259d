"""Prices travel over real sockets to a board account, and only what the account shows is counted as found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from relayer.chain.board_gateway import BoardGateway
from relayer.chain.settings import BoardSettings
from relayer.chain.signer import Signer
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import PermanentError
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price
from tests.integration.chain.conftest import START_MS, Cluster, until

MARKETS = [MarketId.parse(f"kalshi:KX{number}") for number in range(85)]


def gateway(
    cluster: Cluster, *, publisher: Signer, authority: Signer | None, capacity: int = 8, owner: Signer | None = None
) -> BoardGateway:
    """`owner`: the board's authority where its key is not at hand."""
    settings = {"capacity": capacity, "name": "test", "authority": owner and owner.address}
    return BoardGateway(
        rpc=cluster.rpc(),
        sender=cluster.sender(publisher),
        publisher=publisher,
        payer=publisher,
        authority=authority,
        settings=BoardSettings.model_validate(settings),
        cluster=cluster.settings(),
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


async def test_a_board_is_made_listed_published_to_and_found(cluster: Cluster) -> None:
    publisher, authority = cluster.funded(), cluster.funded()
    board = gateway(cluster, publisher=publisher, authority=authority, capacity=200)
    indexes = await board.open(MARKETS)
    assert sorted(indexes.values()) == list(range(85))
    async with confirming(board):
        await board.publish([update(index) for index in indexes.values()])
        await until(lambda: metric(cluster, "found", board) == 85)
    assert metric(cluster, "claimed", board) == 85
    shown = await board.read()
    assert [slot.state for slot in shown.slots] == [update(0).state] * 85
    assert cluster.count("publish", "confirmed") == 2, "85 entries need two transactions"


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
