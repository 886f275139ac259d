"""Committees on the SVM, from their making to the rent that goes back, with real calls into the PNP stand-in."""

from __future__ import annotations

import pytest
from solders.pubkey import Pubkey

from relayer.chain.programs.committee import RETENTION_S, OnPnp, ResolutionState, generic_subject
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.chain import START_S, Chain
from tests.svm.court import CHALLENGE_S, DEPOSIT, REWARD, SAFETY_S, SPEC, Court, docket, global_settle
from tests.svm.exchange import END_S, Exchange

YES, NO = Outcome.YES, Outcome.NO


@pytest.fixture
def exchange(chain: Chain) -> Exchange:
    return Exchange(chain)


@pytest.fixture
def court(chain: Chain, exchange: Exchange) -> Court:
    return Court(chain, pnp_program=exchange.id)


def balance(chain: Chain, key: Pubkey) -> int:
    return chain.svm.get_balance(key) or 0


@pytest.mark.parametrize("kind", list(PnpKind))
def test_three_of_five_with_a_liar_a_flag_and_a_changed_vote(court: Court, exchange: Exchange, kind: PnpKind) -> None:
    chain, (liar, doubter, *honest) = court.chain, court.members
    subject = docket(court, exchange, kind)
    assert court.open(subject).error is None
    assert court.resolution(subject).spec == SPEC
    assert court.accept(honest[0], subject).error is None
    assert balance(chain, court.settler()) == 0
    before = balance(chain, honest[0].pubkey())
    activated = court.activate(honest[0], subject)
    assert activated.error is None, activated.logs
    assert balance(chain, court.settler()) == 0
    assert balance(chain, honest[0].pubkey()) == before, "the deposit pays what the member advanced"
    assert exchange.market(subject.address, kind).resolvable

    chain.set_time(END_S - 1_000)
    for member, vote in ((liar, NO), (doubter, NO), (honest[0], YES), (honest[1], YES)):
        assert court.attest(member, subject, vote).error is None
    assert court.resolution(subject).proposed is None
    assert court.attest(doubter, subject, YES).error is None, "a vote may be changed once"
    assert (court.resolution(subject).proposed, court.resolution(subject).proposed_since) == (YES, END_S - 1_000)
    stranger = chain.funded()
    assert court.settle(stranger, subject).custom == 6033
    chain.set_time(END_S - 1)
    assert court.settle(stranger, subject).custom == 6035
    assert court.flag(doubter, subject).error is None
    chain.set_time(END_S)
    assert court.settle(stranger, subject).custom == 6034
    chain.set_time(END_S - 1 + SAFETY_S)
    wealth = balance(chain, stranger.pubkey())
    settled = court.settle(stranger, subject)
    assert settled.error is None, settled.logs
    assert balance(chain, stranger.pubkey()) - wealth == REWARD
    market, resolution = exchange.market(subject.address, kind), court.resolution(subject)
    assert (market.resolved, market.winner) == (True, YES)
    assert (resolution.state, resolution.winner) == (ResolutionState.SETTLED, YES)
    assert court.settle(stranger, subject).custom == 6028


@pytest.mark.parametrize(
    ("winner", "state"), [(YES, ResolutionState.SETTLED_ELSEWHERE), (NO, ResolutionState.CONTRADICTED)]
)
def test_a_market_settled_over_our_head_closes_the_file(
    court: Court, exchange: Exchange, winner: Outcome, state: ResolutionState
) -> None:
    chain = court.chain
    subject = docket(court, exchange, PnpKind.V2)
    court.open(subject)
    court.activate(court.members[0], subject)
    for member in court.members[:3]:
        court.attest(member, subject, YES)
    chain.set_time(END_S)
    assert global_settle(exchange, subject, winner).error is None
    caller = chain.funded()
    wealth = balance(chain, caller.pubkey())
    assert court.settle(caller, subject).error is None
    resolution = court.resolution(subject)
    assert (resolution.state, resolution.winner) == (state, YES)
    assert balance(chain, caller.pubkey()) == wealth, "no reward for what somebody else did"


def test_a_generic_resolution_is_the_answer_itself(chain: Chain) -> None:
    court = Court(chain, size=1, threshold=1)
    subject = generic_subject(SPEC)
    assert court.open(subject, deposit=0).error is None
    assert court.attest(court.members[0], subject, NO).error is None
    chain.set_time(START_S + CHALLENGE_S)
    caller = chain.funded()
    wealth = balance(chain, caller.pubkey())
    assert court.settle(caller, subject).error is None, "it succeeds without a reward"
    assert balance(chain, caller.pubkey()) == wealth
    assert court.resolution(subject).winner is NO


def test_closing_gives_rent_to_the_opener_and_the_deposit_to_the_creator(court: Court, exchange: Exchange) -> None:
    chain = court.chain
    subject, opener = docket(court, exchange, PnpKind.V3), chain.funded()
    court.open(subject, opener=opener)
    court.activate(court.members[0], subject)
    for member in court.members[:3]:
        court.attest(member, subject, YES)
    chain.set_time(END_S + CHALLENGE_S)
    assert court.close(subject, opener=opener.pubkey()).custom == 6038
    assert court.settle(chain.funded(), subject).error is None
    chain.set_time(END_S + CHALLENGE_S + RETENTION_S - 1)
    assert court.close(subject, opener=opener.pubkey()).custom == 6039
    chain.set_time(END_S + CHALLENGE_S + RETENTION_S)
    assert court.close(subject, opener=chain.payer.pubkey()).custom == 6041
    address = court.resolution_address(subject)
    held = balance(chain, address)
    before = balance(chain, opener.pubkey()), balance(chain, exchange.creator.pubkey())
    assert court.close(subject, opener=opener.pubkey()).error is None
    rent = balance(chain, opener.pubkey()) - before[0]
    deposit = balance(chain, exchange.creator.pubkey()) - before[1]
    assert (rent + deposit, deposit) == (held, DEPOSIT - REWARD)
    assert chain.svm.get_account(address) is None


def test_a_replaced_member_takes_its_votes_along(chain: Chain) -> None:
    court = Court(chain)
    a, b, c, d, _ = court.members
    subject, newcomer = generic_subject(SPEC), chain.funded()
    court.open(subject)
    for member in (a, b, c):
        court.attest(member, subject, YES)
    chain.set_time(START_S + CHALLENGE_S)
    assert court.replace(a.pubkey(), newcomer.pubkey(), [b, c]).custom == 6022
    assert court.replace(a.pubkey(), newcomer.pubkey(), [b, c, d]).error is None
    assert court.committee().members[0] == newcomer.pubkey()
    assert court.settle(d, subject).custom == 6032, "two votes are left"
    assert court.attest(a, subject, YES).custom == 6020
    assert court.attest(newcomer, subject, YES).error is None
    assert court.settle(d, subject).custom == 6033, "the proposal starts anew"
    chain.set_time(START_S + 2 * CHALLENGE_S)
    assert court.settle(d, subject).error is None


def test_what_open_refuses(court: Court, exchange: Exchange) -> None:
    wrong_spec = docket(court, exchange, PnpKind.V2)
    assert court.open(wrong_spec, spec=b"another spec").custom == 6025
    plain = OnPnp(exchange.id, exchange.market(exchange.create(PnpKind.V2, court.chain.payer.pubkey()), PnpKind.V2))
    assert court.open(plain).custom == 6025
    assert court.open(wrong_spec).error is None
    assert court.open(wrong_spec).custom == 6042, "one open a market"


def test_a_vote_changes_once_and_a_flag_is_spent(chain: Chain) -> None:
    court = Court(chain, size=3, threshold=2)
    member, subject = court.members[0], generic_subject(SPEC)
    court.open(subject)
    for vote, refusal in ((YES, None), (NO, None), (YES, 6030)):
        assert court.attest(member, subject, vote).custom == refusal
    for refusal in (None, 6031):
        assert court.flag(member, subject).custom == refusal
    for refusal in (None, 6029):
        assert court.accept(member, subject).custom == refusal
