"""What neither PNP nor the cluster is known to bring about: the program is right all the same."""

from __future__ import annotations

import pytest

from relayer.chain.programs.committee import ResolutionState
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.case import Case
from tests.svm.chain import START_S, Chain
from tests.svm.court import SAFETY_S, docket

WINNER_AT = {PnpKind.V2: 57, PnpKind.V3: 194}
NO = 2


@pytest.mark.parametrize("kind", list(PnpKind))
def test_a_winner_of_a_market_that_is_not_resolved_is_none(chain: Chain, kind: PnpKind) -> None:
    case = Case(chain, kind)
    case.propose()
    data, at = chain.data(case.subject.address), WINNER_AT[kind]
    chain.put(case.subject.address, data[:at] + bytes([NO]) + data[at + 1 :], case.exchange.id)
    case.finish()
    assert case.court.resolution(case.subject).state is ResolutionState.SETTLED
    assert case.exchange.market(case.subject.address, kind).winner is Outcome.YES


@pytest.mark.parametrize("kind", list(PnpKind))
def test_another_kind_of_account_in_the_extensions_place_names_no_oracle(chain: Chain, kind: PnpKind) -> None:
    case = Case(chain, kind)
    subject = docket(case.court, case.exchange, kind)
    data = chain.data(subject.extension)
    chain.put(subject.extension, bytes([data[0] ^ 1]) + data[1:], case.exchange.id)
    assert case.court.open(subject).custom == 6024


def test_a_flag_shortens_no_other_where_the_clock_steps_back(case: Case) -> None:
    first, second, *_ = case.court.members
    case.chain.set_time(START_S + 100)
    assert case.court.flag(first, case.subject).error is None
    case.chain.set_time(START_S + 70)
    assert case.court.flag(second, case.subject).error is None
    assert case.court.resolution(case.subject).not_before == START_S + 100 + SAFETY_S


def test_replacing_members_changes_nothing_of_what_was_decided(case: Case) -> None:
    case.propose()
    case.finish()
    court, before = case.court, case.court.resolution(case.subject)
    for leaver in court.members[:3]:
        file, newcomer = court.resolution_address(case.subject), case.chain.funded()
        signers = [member for member in court.members if member is not leaver][:3]
        assert court.replace(leaver.pubkey(), newcomer.pubkey(), signers, files=[file]).error is None
        court.members[court.members.index(leaver)] = newcomer
    after = court.resolution(case.subject)
    assert after.votes_for(Outcome.YES, court.committee()) == 0
    assert (after.proposed, after.proposed_since) == (before.proposed, before.proposed_since)
