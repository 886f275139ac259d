"""The PNP stand-in against PNP's published interface: layouts, money, signers, times, events."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from solders.keypair import Keypair

from relayer.chain.programs import pnp, token
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.units import Millis
from relayer.domain.verdicts import Outcome
from tests.svm.chain import START_S, Chain, Sent
from tests.svm.exchange import BUFFER_S, END_S, QUESTION, UNIT, Exchange

KINDS = list(PnpKind)


@pytest.fixture
def exchange(chain: Chain) -> Exchange:
    return Exchange(chain)


def resolvable(exchange: Exchange, signer: Keypair, market: PnpMarket, *, on: bool = True) -> Sent:
    make = pnp.set_market_resolvable_v2 if market.kind is PnpKind.V2 else pnp.set_market_resolvable_v3
    return exchange.chain.send(make(exchange.id, signer.pubkey(), market, resolvable=on), signer)


def settle(exchange: Exchange, signer: Keypair, market: PnpMarket, winner: Outcome = Outcome.YES) -> Sent:
    make = pnp.settle_market_v2 if market.kind is PnpKind.V2 else pnp.settle_market_v3
    return exchange.chain.send(make(exchange.id, signer.pubkey(), market, winner), signer)


@pytest.mark.parametrize("kind", KINDS)
def test_a_market_is_created_activated_and_settled_by_its_own_oracle(exchange: Exchange, kind: PnpKind) -> None:
    oracle = exchange.chain.funded()
    address = exchange.create(kind, oracle.pubkey())
    market = exchange.market(address, kind)
    assert market == PnpMarket(
        address=str(address),
        kind=kind,
        market_id=0,
        creator=str(exchange.creator.pubkey()),
        oracle=str(oracle.pubkey()),
        question=QUESTION,
        created_ms=Millis(START_S * 1000),
        end_ms=Millis(END_S * 1000),
        resolvable=False,
        resolved=False,
        winner=None,
        collateral_mint=str(exchange.mint),
        stake=10 * UNIT,
    )
    assert resolvable(exchange, oracle, market).error is None
    assert exchange.market(address, kind).resolvable
    exchange.chain.set_time(END_S)
    sent = settle(exchange, oracle, market, Outcome.NO)
    assert (sent.error, sent.return_data) == (None, b"\x02")
    assert exchange.market(address, kind) == replace(market, resolvable=True, resolved=True, winner=Outcome.NO)
    assert settle(exchange, oracle, market, Outcome.NO).custom == 6001


def test_creation_moves_the_collateral_and_activation_makes_the_tokens(exchange: Exchange) -> None:
    oracle = exchange.chain.funded()
    address = exchange.create(PnpKind.V2, oracle.pubkey(), odds=7_000)
    vault = token.token_account_address(address, exchange.mint)
    assert exchange.balance(vault) == 10 * UNIT
    assert exchange.balance(token.token_account_address(exchange.creator.pubkey(), exchange.mint)) == 990 * UNIT
    before = exchange.chain.svm.get_balance(oracle.pubkey()) or 0
    assert resolvable(exchange, oracle, exchange.market(address, PnpKind.V2)).error is None
    paid = before - (exchange.chain.svm.get_balance(oracle.pubkey()) or 0)
    assert paid > 10_000_000, "mints, metadata and vaults cost the oracle rent"
    for outcome, locked in ((Outcome.YES, 14 * UNIT), (Outcome.NO, 6 * UNIT)):
        mint = pnp.mint_address(exchange.id, PnpKind.V2, 0, outcome)
        assert exchange.balance(token.token_account_address(address, mint)) == locked
        metadata = exchange.chain.data(pnp.metadata_address(pnp.METADATA_PROGRAM, mint))
        assert (len(metadata), metadata[0], metadata[33:65]) == (607, 4, bytes(mint))


def test_a_p2p_market_gives_its_creator_tokens_by_the_odds(exchange: Exchange) -> None:
    exchange.create(PnpKind.V3, None, odds=8_000)
    for outcome, issued in ((Outcome.YES, 8 * UNIT), (Outcome.NO, 2 * UNIT)):
        mint = pnp.mint_address(exchange.id, PnpKind.V3, 0, outcome)
        assert exchange.balance(token.token_account_address(exchange.creator.pubkey(), mint)) == issued


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("who", ["admin", "global_oracle"])
def test_admin_and_global_oracle_may_settle_any_market(exchange: Exchange, kind: PnpKind, who: str) -> None:
    signer: Keypair = getattr(exchange, who)
    address = exchange.create(kind, exchange.chain.funded().pubkey())
    market = exchange.market(address, kind)
    assert resolvable(exchange, signer, market).error is None
    exchange.chain.set_time(END_S)
    assert settle(exchange, signer, market).error is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_stranger_may_neither_activate_nor_settle(exchange: Exchange, kind: PnpKind) -> None:
    oracle, stranger = exchange.chain.funded(), exchange.chain.funded()
    market = exchange.market(exchange.create(kind, oracle.pubkey()), kind)
    assert resolvable(exchange, stranger, market).custom == 6000
    assert resolvable(exchange, oracle, market).error is None
    exchange.chain.set_time(END_S)
    sent = settle(exchange, stranger, market)
    assert sent.custom == 6000
    assert "Error Code: Unauthorized. Error Number: 6000." in "".join(sent.logs)


@pytest.mark.parametrize("kind", KINDS)
def test_activation_ends_with_the_buffer_period(exchange: Exchange, kind: PnpKind) -> None:
    oracle = exchange.chain.funded()
    market = exchange.market(exchange.create(kind, oracle.pubkey()), kind)
    exchange.chain.set_time(START_S + BUFFER_S + 1)
    assert resolvable(exchange, oracle, market).custom == 6004
    exchange.chain.set_time(START_S + BUFFER_S)
    assert resolvable(exchange, oracle, market).error is None


@pytest.mark.parametrize("kind", KINDS)
def test_settling_needs_activation_and_the_end(exchange: Exchange, kind: PnpKind) -> None:
    oracle = exchange.chain.funded()
    market = exchange.market(exchange.create(kind, oracle.pubkey()), kind)
    exchange.chain.set_time(END_S)
    assert settle(exchange, oracle, market).custom == 6002
    exchange.chain.set_time(START_S)
    assert resolvable(exchange, oracle, market).error is None
    exchange.chain.set_time(END_S - 1)
    assert settle(exchange, oracle, market).custom == 6003


def test_switching_off_and_on_again_makes_no_second_tokens(exchange: Exchange) -> None:
    oracle = exchange.chain.funded()
    address = exchange.create(PnpKind.V2, oracle.pubkey())
    market = exchange.market(address, PnpKind.V2)
    for on in (True, False, True):
        assert resolvable(exchange, oracle, market, on=on).error is None
        assert exchange.market(address, PnpKind.V2).resolvable is on
    vault = token.token_account_address(address, pnp.mint_address(exchange.id, PnpKind.V2, 0, Outcome.YES))
    assert exchange.balance(vault) == 10 * UNIT


def test_refused_creations(exchange: Exchange) -> None:
    with pytest.raises(AssertionError, match="6005"):
        exchange.create(PnpKind.V2, None, amount=UNIT - 1)
    with pytest.raises(AssertionError, match="6006"):
        exchange.create(PnpKind.V3, None, end_time=START_S)
    with pytest.raises(AssertionError, match="6007"):
        exchange.create(PnpKind.V2, None, odds=99)


def test_settling_tells_its_event(exchange: Exchange) -> None:
    oracle = exchange.chain.funded()
    address = exchange.create(PnpKind.V2, oracle.pubkey())
    market = exchange.market(address, PnpKind.V2)
    resolvable(exchange, oracle, market)
    exchange.chain.set_time(END_S)
    logs = settle(exchange, oracle, market).logs
    event = bytes.fromhex("86f717f6a32acee5") + bytes(address) + bytes(8) + b"\x01"
    assert f"Program data: {base64.b64encode(event).decode()}" in logs


def test_ids_count_over_both_kinds(exchange: Exchange) -> None:
    for number, kind in enumerate([PnpKind.V2, PnpKind.V3, PnpKind.V2]):
        assert exchange.market(exchange.create(kind, None), kind).market_id == number
    assert exchange.settings().next_id == 3
