"""PNP's markets through the gateway: found by our key, activated, settled, read back; once, even if interrupted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from relayer.chain.pnp_gateway import PnpGateway
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError
from relayer.domain.intents import Act, Intent, SubmissionState
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.units import Millis
from relayer.domain.verdicts import Outcome
from tests.integration.chain.conftest import Cluster, new_key
from tests.integration.chain.exchange import END_S, UNIT, Exchange

KINDS = list(PnpKind)


@pytest.fixture
async def exchange(cluster: Cluster) -> Exchange:
    exchange = Exchange(cluster)
    await exchange.set_up()
    return exchange


def gateway(cluster: Cluster, oracle: Signer) -> PnpGateway:
    return PnpGateway(rpc=cluster.rpc(), sender=cluster.sender(oracle), oracle=oracle, settings=cluster.settings())


def intent(act: Act, market: PnpMarket, outcome: Outcome | None = None) -> Intent:
    return Intent(act, market.address, "ab" * 32, outcome, Millis(0))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outcome", list(Outcome))
async def test_a_market_is_found_activated_and_settled(
    cluster: Cluster, exchange: Exchange, kind: PnpKind, outcome: Outcome
) -> None:
    oracle = cluster.funded()
    address = await exchange.create(kind, oracle.pubkey)
    ours = gateway(cluster, oracle)
    [market] = await ours.markets()
    assert (market.address, market.kind, market.oracle) == (address, kind, oracle.address)
    assert (market.resolvable, market.resolved, market.end_ms) == (False, False, END_S * 1000)
    assert (market.stake, market.decimals) == (10 * UNIT, 6)

    activated = await ours.deliver(await ours.build(intent(Act.ACTIVATE, market), market))
    assert activated.state is SubmissionState.FINALIZED
    assert activated.intent_key == f"activate:{address}"
    market = replace(market, resolvable=True)
    assert await ours.market(address, finalized=True) == market

    settle = intent(Act.SETTLE, market, outcome)
    with pytest.raises(PermanentError, match=r"refuses the settle transaction: instruction 4 .*MarketNotEnded"):
        await ours.build(settle, market)
    cluster.set_time_ms(END_S * 1000)
    assert await ours.cluster_time_ms() == END_S * 1000
    settled = await ours.deliver(await ours.build(settle, market))
    assert settled.state is SubmissionState.FINALIZED
    assert await ours.market(address, finalized=True) == replace(market, resolved=True, winner=outcome)
    assert (cluster.count("activate", "finalized"), cluster.count("settle", "finalized")) == (1, 1)


async def test_only_markets_that_name_our_key_are_found(cluster: Cluster, exchange: Exchange) -> None:
    oracle, other = cluster.funded(), cluster.funded()
    first = await exchange.create(PnpKind.V2, oracle.pubkey, question="First?")
    await exchange.create(PnpKind.V3, other.pubkey, question="Theirs?")
    third = await exchange.create(PnpKind.V3, oracle.pubkey, question="Third?")
    assert [(found.address, found.question) for found in await gateway(cluster, oracle).markets()] == [
        (first, "First?"),
        (third, "Third?"),
    ]
    assert await gateway(cluster, other).market(new_key().address) is None


async def test_a_market_that_cannot_be_read_leaves_the_others(cluster: Cluster, exchange: Exchange) -> None:
    oracle = cluster.funded()
    broken = await exchange.create(PnpKind.V2, oracle.pubkey)
    sound = await exchange.create(PnpKind.V2, oracle.pubkey)
    cluster.node.set_account(Pubkey.from_string(broken), Account(10**9, b"\x00" * 40, exchange.id))
    ours = gateway(cluster, oracle)
    assert [market.address for market in await ours.markets()] == [sound]
    with pytest.raises(PermanentError, match=f"not PNP market {broken}; check the address"):
        await ours.market(broken)
    with pytest.raises(PermanentError, match="is held by program 11111111111111111111111111111111 and not by PNP"):
        await ours.market(oracle.address)


async def test_an_interrupted_settlement_is_finished_with_the_same_bytes(cluster: Cluster, exchange: Exchange) -> None:
    oracle = cluster.funded()
    await exchange.create(PnpKind.V3, oracle.pubkey)
    ours = gateway(cluster, oracle)
    [market] = await ours.markets()
    await ours.deliver(await ours.build(intent(Act.ACTIVATE, market), market))
    cluster.set_time_ms(END_S * 1000)
    stored = await ours.build(intent(Act.SETTLE, market, Outcome.YES), market)

    never_sent = await gateway(cluster, oracle).recover(stored)
    assert never_sent == replace(stored, state=SubmissionState.FINALIZED)
    sent_before = await gateway(cluster, oracle).recover(stored)
    assert sent_before == never_sent
    with pytest.raises(PermanentError, match="MarketAlreadyResolved"):
        await ours.build(intent(Act.SETTLE, market, Outcome.YES), market)


async def test_a_settlement_whose_blockhash_died_in_the_meantime_is_expired(
    cluster: Cluster, exchange: Exchange
) -> None:
    oracle = cluster.funded()
    await exchange.create(PnpKind.V3, oracle.pubkey)
    ours = gateway(cluster, oracle)
    [market] = await ours.markets()
    stored = await ours.build(intent(Act.ACTIVATE, market), market)
    cluster.node.advance(200)
    assert (await ours.recover(stored)).state is SubmissionState.EXPIRED
    again = await ours.build(intent(Act.ACTIVATE, market), market)
    assert again.signature != stored.signature
    assert (await ours.deliver(again)).state is SubmissionState.FINALIZED


async def test_an_intent_without_outcome_settles_nothing(cluster: Cluster, exchange: Exchange) -> None:
    oracle = cluster.funded()
    await exchange.create(PnpKind.V3, oracle.pubkey)
    ours = gateway(cluster, oracle)
    [market] = await ours.markets()
    with pytest.raises(PermanentError, match="has no outcome"):
        await ours.build(intent(Act.SETTLE, market), market)
