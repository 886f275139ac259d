"""Closing a file: when, for whom, and that neither rent nor deposit can be locked up or led astray."""

from __future__ import annotations

import pytest
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer

from relayer.chain.programs import committee as committees
from relayer.chain.programs.committee import ABANDON_S, RETENTION_S
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.case import Case
from tests.svm.chain import START_S, Chain
from tests.svm.court import CHALLENGE_S, DEPOSIT, SAFETY_S, SPEC, Court, docket, global_settle
from tests.svm.exchange import END_S, Exchange

PERIODS_S = CHALLENGE_S + 5 * SAFETY_S
"""To which five members can put a settlement off."""
GIVEN_UP_S = END_S + PERIODS_S + ABANDON_S
CREATOR_AT = {PnpKind.V2: 138, PnpKind.V3: 33}
CLOCK = Pubkey.from_string("SysvarC1ock11111111111111111111111111111111")


RESERVED = [
    "Config1111111111111111111111111111111111111",
    "Feature111111111111111111111111111111111111",
    "LoaderV411111111111111111111111111111111111",
    "NativeLoader1111111111111111111111111111111",
    "Secp256r1SigVerify1111111111111111111111111",
    "StakeConfig11111111111111111111111111111111",
    "Sysvar1111111111111111111111111111111111111",
    "Sysvar1nstructions1111111111111111111111111",
    "SysvarEpochRewards1111111111111111111111111",
    "SysvarFees111111111111111111111111111111111",
    "SysvarLastRestartS1ot1111111111111111111111",
    "SysvarRewards111111111111111111111111111111",
    "ZkE1Gama1Proof11111111111111111111111111111",
    "ZkTokenProof1111111111111111111111111111111",
]
"""Addresses that no transaction can write to, and that a cluster may have no account at."""
IN_USE = {
    "SysvarEpochRewards1111111111111111111111111",
    "SysvarFees111111111111111111111111111111111",
    "SysvarLastRestartS1ot1111111111111111111111",
}
"""Sysvars that LiteSVM does not do without."""


def balance(chain: Chain, key: Pubkey) -> int:
    return chain.svm.get_balance(key) or 0


def name_creator(case: Case, key: Pubkey, kind: PnpKind = PnpKind.V2) -> None:
    """Into the market of the case."""
    data, at = case.chain.data(case.subject.address), CREATOR_AT[kind]
    case.chain.put(case.subject.address, data[:at] + bytes(key) + data[at + 32 :], case.exchange.id)


def close(case: Case, *, creator: Pubkey | None = None, writable: bool = True) -> Instruction:
    """The closing of the case's file, with another account in the creator's place."""
    made = committees.close_resolution(
        case.chain.oracle, case.court.address, case.subject, opener=case.court.creator.pubkey()
    )
    accounts = list(made.accounts)
    if creator is not None:
        accounts[4] = AccountMeta(creator, False, writable)
    return Instruction(made.program_id, made.data, accounts)


def test_closing_pays_nobody_else(case: Case) -> None:
    case.propose()
    case.finish()
    case.chain.set_time(END_S + CHALLENGE_S + RETENTION_S)
    opener = case.court.creator.pubkey()
    made = committees.close_resolution(case.chain.oracle, case.court.address, case.subject, opener=opener)
    thief = Keypair().pubkey()
    file = case.court.resolution_address(case.subject)
    assert case.swap(made, 3, thief) == 6041
    assert case.swap(made, 4, thief) == 6041
    assert case.swap(made, 2, case.second.address) == 6024
    assert case.swap(made, 1, case.other.address) == 6027
    assert case.swap(made, 0, case.copy(file, case.chain.pnp)) == 6004
    assert case.swap(made, 2, case.court.address) == 6007
    for at in (0, 3, 4):
        assert case.refusal(made, at, AccountMeta(made.accounts[at].pubkey, False, False)) == 6003
    for count in (2, 4):
        assert case.chain.send(Instruction(made.program_id, made.data, made.accounts[:count])).custom == 6001
    extra = Instruction(made.program_id, made.data + b"\0", made.accounts)
    assert case.chain.send(extra).custom == 6000
    assert case.chain.send(made).error is None


@pytest.mark.parametrize("kind", list(PnpKind))
def test_a_file_that_nobody_settles_is_given_up(chain: Chain, kind: PnpKind) -> None:
    case = Case(chain, kind)
    chain.set_time(GIVEN_UP_S - 1)
    assert chain.send(close(case)).custom == 6038
    assert case.court.resolution(case.subject).closable_s(case.court.committee()) == GIVEN_UP_S
    chain.set_time(GIVEN_UP_S)
    file, opener, creator = (
        case.court.resolution_address(case.subject),
        case.court.creator.pubkey(),
        case.exchange.creator.pubkey(),
    )
    before = balance(chain, opener), balance(chain, creator), balance(chain, file)
    assert chain.send(close(case)).error is None
    assert balance(chain, creator) - before[1] == DEPOSIT
    assert balance(chain, opener) - before[0] == before[2] - DEPOSIT
    assert chain.svm.get_account(file) is None


def test_one_settled_elsewhere_without_the_committees_word_is_given_up_too(case: Case) -> None:
    assert case.court.activate(case.member, case.subject).error is None
    case.chain.set_time(END_S)
    assert global_settle(case.exchange, case.subject, Outcome.YES).error is None
    assert case.court.settle(case.caller, case.subject).custom == 6032
    case.chain.set_time(GIVEN_UP_S)
    assert case.chain.send(close(case)).error is None


def test_giving_up_leaves_time_to_settle_a_late_proposal(case: Case) -> None:
    """Nobody gets rid of a proposal by closing its file under the members' hands."""
    chain, court = case.chain, case.court
    assert court.activate(case.member, case.subject).error is None
    late = GIVEN_UP_S - 10
    chain.set_time(late)
    for member in court.members[:3]:
        assert court.attest(member, case.subject, Outcome.YES).error is None
    for member in court.members:
        assert court.flag(member, case.subject).error is None
    chain.set_time(late + PERIODS_S + ABANDON_S - 1)
    assert chain.send(close(case)).custom == 6038
    assert court.settle(case.caller, case.subject).error is None


def test_a_file_opened_again_has_its_full_time_again(case: Case) -> None:
    """Else anybody could close it as often as it is opened."""
    chain = case.chain
    chain.set_time(GIVEN_UP_S)
    assert chain.send(close(case)).error is None
    assert case.court.open(case.subject).error is None
    for wait in (0, PERIODS_S + ABANDON_S - 1):
        chain.set_time(GIVEN_UP_S + wait)
        assert chain.send(close(case)).custom == 6038
    chain.set_time(GIVEN_UP_S + PERIODS_S + ABANDON_S)
    assert chain.send(close(case)).error is None


def test_generic_files_stay_for_ever(chain: Chain) -> None:
    exchange = Exchange(chain)
    court, on_pnp = Court(chain), Court(chain, pnp_program=exchange.id)
    subject, answer = docket(on_pnp, exchange, PnpKind.V3), committees.generic_subject(SPEC)
    assert court.open(answer).error is None
    assert court.resolution(answer).closable_s(court.committee()) is None
    made = committees.close_resolution(chain.oracle, court.address, subject, opener=court.creator.pubkey())
    accounts = [AccountMeta(court.resolution_address(answer), False, True), *made.accounts[1:]]
    chain.set_time(START_S + 10**9)
    assert chain.send(Instruction(made.program_id, made.data, accounts)).custom == 6040


@pytest.mark.parametrize("gone", ["closed", "of another layout"])
@pytest.mark.parametrize("settled", [True, False])
def test_of_a_market_that_is_gone_the_opener_gets_all(case: Case, gone: str, settled: bool) -> None:
    chain, court, opener = case.chain, case.court, case.court.creator.pubkey()
    if settled:
        case.propose()
        case.finish()
    chain.set_time(GIVEN_UP_S + RETENTION_S)
    if gone == "closed":
        chain.svm.set_account(case.subject.address, Account(0, b"", SYSTEM_PROGRAM))
    else:
        chain.put(case.subject.address, b"another" + chain.data(case.subject.address)[7:], case.exchange.id)
    file = court.resolution_address(case.subject)
    wealth, held = balance(chain, opener), balance(chain, file)
    assert chain.send(close(case)).custom == 6041, "nobody knows the creator any more"
    assert chain.send(close(case, creator=case.caller.pubkey())).custom == 6041
    made = committees.close_resolution(chain.oracle, court.address, case.subject.address, opener=opener)
    assert chain.send(made).error is None
    assert balance(chain, opener) == wealth + held


@pytest.mark.parametrize("kind", list(PnpKind))
@pytest.mark.parametrize("creator", ["a sysvar", "a program", "the file itself"])
def test_a_creator_that_cannot_be_paid_locks_nothing_up(chain: Chain, kind: PnpKind, creator: str) -> None:
    """PNP takes any key for a market's creator."""
    case = Case(chain, kind)
    file, opener = case.court.resolution_address(case.subject), case.court.creator.pubkey()
    key = {"a sysvar": CLOCK, "a program": chain.oracle, "the file itself": file}[creator]
    name_creator(case, key, kind)
    chain.set_time(GIVEN_UP_S)
    wealth, held = balance(chain, opener), balance(chain, file)
    assert chain.send(close(case)).custom == 6041
    assert chain.send(close(case, creator=key)).error is None
    assert balance(chain, opener) == wealth + held
    assert chain.svm.get_account(file) is None


@pytest.mark.parametrize("address", RESERVED)
def test_a_creator_at_a_reserved_address_locks_nothing_up(case: Case, address: str) -> None:
    chain, key = case.chain, Pubkey.from_string(address)
    file, opener = case.court.resolution_address(case.subject), case.court.creator.pubkey()
    if address not in IN_USE:
        chain.svm.set_account(key, Account(0, b"", SYSTEM_PROGRAM))
    name_creator(case, key)
    chain.set_time(GIVEN_UP_S)
    wealth, held = balance(chain, opener), balance(chain, file)
    assert chain.send(close(case, creator=key)).error is None
    assert balance(chain, opener) == wealth + held


def test_a_creator_without_lamports_is_paid_and_not_passed_over(case: Case) -> None:
    """Whoever closes cannot make an empty wallet look like an address that nobody can be paid at."""
    chain, key = case.chain, Keypair().pubkey()
    name_creator(case, key)
    chain.set_time(GIVEN_UP_S)
    assert chain.send(close(case, creator=key, writable=False)).custom == 6003
    assert chain.send(close(case, creator=key)).error is None
    assert balance(chain, key) == DEPOSIT


def test_a_closed_file_kept_alive_by_lamports_is_no_file(case: Case) -> None:
    """Lamports sent in the same transaction would keep bytes and owner, were they left as they are."""
    chain, file = case.chain, case.court.resolution_address(case.subject)
    chain.set_time(GIVEN_UP_S)
    alms = transfer(TransferParams(from_pubkey=chain.payer.pubkey(), to_pubkey=file, lamports=DEPOSIT))
    assert chain.send([close(case), alms]).error is None
    left = chain.svm.get_account(file)
    assert left is not None
    assert (left.owner, left.data, left.lamports) == (SYSTEM_PROGRAM, b"", DEPOSIT)
    assert case.court.attest(case.member, case.subject, Outcome.YES).custom == 6004
    assert case.court.open(case.subject).error is None
