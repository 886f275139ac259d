"""Attacks on committees: foreign and malformed accounts, other people's signatures, a hostile program as PNP."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.chain.programs.committee import ResolutionState
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.case import Case, accept, activate, attest, flag, settle, signs
from tests.svm.chain import START_S, Chain
from tests.svm.court import CHALLENGE_S, DEPOSIT, SPEC, Court, docket
from tests.svm.exchange import END_S, Exchange
from tests.svm.hostile import Hostile

YES, NO = Outcome.YES, Outcome.NO
Make = Callable[[Case], Instruction]
BY_MEMBER: list[Make] = [attest, accept, flag, activate]


@pytest.mark.parametrize("make", [*BY_MEMBER, settle])
def test_committee_and_resolution_are_what_they_say(case: Case, make: Make) -> None:
    chain, made = case.chain, make(case)
    resolution = case.court.resolution_address(case.subject)
    assert case.swap(made, 1, case.copy(case.court.address, chain.pnp)) == 6004
    assert case.swap(made, 1, case.copy(case.court.address, chain.oracle, flip=0)) == 6005
    assert case.swap(made, 1, case.copy(case.court.address, chain.oracle, flip=7)) == 6005
    assert case.swap(made, 1, case.copy(case.court.address, chain.oracle, keep=455)) == 6005
    assert case.swap(made, 1, case.other.address) == 6027
    assert case.swap(made, 2, case.copy(resolution, chain.pnp)) == 6004
    assert case.swap(made, 2, case.copy(resolution, chain.oracle, flip=0)) == 6005
    assert case.swap(made, 2, case.copy(resolution, chain.oracle, keep=615)) == 6005
    assert case.swap(made, 2, case.court.address) == 6007
    assert case.refusal(made, 2, AccountMeta(resolution, False, False)) == 6003
    first = made.accounts[0]
    assert case.refusal(made, 0, AccountMeta(first.pubkey, False, first.is_writable)) == 6002
    assert (
        chain.send(Instruction(made.program_id, made.data + b"\0", made.accounts), *signers_of(case, made)).custom
        == 6000
    )


def signers_of(case: Case, made: Instruction) -> list[Keypair]:
    return [key for key in (case.member, case.caller) if signs(made.accounts[0], key)]


@pytest.mark.parametrize("make", BY_MEMBER)
def test_only_members_do_members_work(case: Case, make: Make) -> None:
    assert case.swap(make(case), 0, case.caller.pubkey()) == 6020


@pytest.mark.parametrize("make", [attest, accept, flag])
def test_members_instructions_name_three_accounts(case: Case, make: Make) -> None:
    made = make(case)
    for accounts in (made.accounts[:2], [*made.accounts, AccountMeta(case.chain.pnp, False, False)]):
        assert case.chain.send(Instruction(made.program_id, made.data, accounts), case.member).custom == 6001


@pytest.mark.parametrize("outcome", [0, 3, 255])
def test_there_are_two_outcomes(case: Case, outcome: int) -> None:
    made = attest(case)
    data = made.data[:1] + bytes([outcome]) + made.data[2:]
    assert case.chain.send(Instruction(made.program_id, data, made.accounts), case.member).custom == 6000


def test_settle_calls_the_right_program_for_the_right_market_through_the_right_settler(case: Case) -> None:
    case.propose()
    made = settle(case)
    caller, settler, market, pnp_program = (made.accounts[at].pubkey for at in (0, 3, 4, 7))
    assert case.swap(made, 7, case.chain.oracle) == 6008
    assert case.swap(made, 3, case.other.settler()) == 6006
    assert case.swap(made, 4, case.second.address) == 6024
    assert case.refusal(made, 0, AccountMeta(caller, True, False)) == 6003
    assert case.refusal(made, 3, AccountMeta(settler, False, False)) == 6003
    assert case.refusal(made, 4, AccountMeta(market, False, False)) == 6003
    assert case.swap(made, 5, pnp_program) == 6007
    for count in (3, 4, 7):
        short = Instruction(made.program_id, made.data, made.accounts[:count])
        assert case.chain.send(short, case.caller).custom == 6001
    assert case.chain.send(made, case.caller).error is None


def test_settle_refuses_another_extension_by_pnps_word(case: Case) -> None:
    case.propose()
    assert case.swap(settle(case), 5, case.second.extension) == 2006


def test_no_minority_settles_even_at_the_end_of_time(case: Case) -> None:
    case.court.activate(case.member, case.subject)
    for member in case.court.members[:2]:
        case.court.attest(member, case.subject, YES)
    for member in case.court.members[2:4]:
        case.court.attest(member, case.subject, NO)
    case.chain.set_time(END_S + 10**9)
    assert case.chain.send(settle(case), case.caller).custom == 6032


def test_a_votes_change_breaks_the_challenge_period(case: Case) -> None:
    case.court.activate(case.member, case.subject)
    members = case.court.members
    for member in members[:3]:
        case.court.attest(member, case.subject, YES)
    case.chain.set_time(END_S)
    case.court.attest(members[0], case.subject, NO)
    assert case.chain.send(settle(case), case.caller).custom == 6032
    case.court.attest(members[3], case.subject, YES)
    assert case.chain.send(settle(case), case.caller).custom == 6033
    case.chain.set_time(END_S + CHALLENGE_S)
    assert case.chain.send(settle(case), case.caller).error is None


def test_generic_resolutions_have_no_market(chain: Chain) -> None:
    exchange = Exchange(chain)
    court, on_pnp = Court(chain), Court(chain, pnp_program=exchange.id)
    subject = docket(on_pnp, exchange, PnpKind.V3)
    assert court.open(subject).custom == 6001
    answer = committees.generic_subject(SPEC)
    assert court.open(answer).error is None

    def about_the_answer(made: Instruction) -> Instruction:
        file = AccountMeta(court.resolution_address(answer), False, True)
        return Instruction(made.program_id, made.data, [*made.accounts[:2], file, *made.accounts[3:]])

    activation = committees.activate(
        chain.oracle,
        court.members[0].pubkey(),
        court.address,
        subject,
        metadata_program=pnp.METADATA_PROGRAM,
        advance=0,
    )
    assert chain.send(about_the_answer(activation), court.members[0]).custom == 6040
    for member in court.members[:3]:
        court.attest(member, answer, NO)
    chain.set_time(START_S + CHALLENGE_S)
    with_market = committees.settle(chain.oracle, chain.payer.pubkey(), court.address, subject)
    assert chain.send(about_the_answer(with_market)).custom == 6001
    assert court.settle(court.creator, answer).error is None


@pytest.mark.parametrize(
    ("size", "threshold", "number"),
    [(3, 1, 6021), (4, 2, 6021), (3, 4, 6021), (1, 0, 6021), (0, 1, 6021), (10, 6, 6021), (9, 5, None), (1, 1, None)],
)
def test_committees_have_one_to_nine_members_and_a_threshold_above_half(
    chain: Chain, size: int, threshold: int, number: int | None
) -> None:
    members = [Keypair().pubkey() for _ in range(size)]
    assert chain.send(raw_committee(chain, members, threshold)).custom == number


def raw_committee(chain: Chain, members: list[Pubkey], threshold: int) -> Instruction:
    good = committees.init_committee(
        chain.oracle,
        chain.payer.pubkey(),
        index=3,
        members=[Keypair().pubkey()],
        threshold=1,
        challenge_s=1,
        safety_s=1,
    )
    data = bytearray(good.data[:-32] + b"".join(map(bytes, members)))
    data[3] = threshold
    return Instruction(chain.oracle, bytes(data), good.accounts)


def test_members_are_different_and_real(chain: Chain) -> None:
    key = Keypair().pubkey()
    assert chain.send(raw_committee(chain, [key, key], 2)).custom == 6021
    assert chain.send(raw_committee(chain, [key, Pubkey.default()], 2)).custom == 6021
    cut = raw_committee(chain, [key], 1)
    assert chain.send(Instruction(chain.oracle, cut.data[:-1], cut.accounts)).custom == 6000


def test_init_committee_refuses_wrong_accounts_by_number(chain: Chain) -> None:
    good, payer = raw_committee(chain, [Keypair().pubkey()], 1), chain.payer.pubkey()
    address = good.accounts[1].pubkey

    def refusal(at: int, meta: AccountMeta) -> int | None:
        accounts = list(good.accounts)
        accounts[at] = meta
        return chain.send(Instruction(chain.oracle, good.data, accounts)).custom

    other = chain.funded()
    assert refusal(0, AccountMeta(other.pubkey(), False, True)) == 6002
    assert refusal(1, AccountMeta(address, False, False)) == 6003
    assert refusal(1, AccountMeta(Keypair().pubkey(), False, True)) == 6006
    assert refusal(1, AccountMeta(payer, False, True)) == 6007
    assert refusal(2, AccountMeta(chain.pnp, False, False)) == 6008
    assert chain.send(Instruction(chain.oracle, good.data, good.accounts[:2])).custom == 6001
    assert chain.send(good).error is None
    assert chain.send(good).custom == 6042, "a committee is immutable"


def test_replacing_wants_a_threshold_of_different_members(case: Case) -> None:
    court, newcomer = case.court, Keypair().pubkey()
    a, b, c, *_ = court.members
    leaver = court.members[4].pubkey()
    good = committees.replace_member(
        case.chain.oracle,
        court.address,
        leaver=leaver,
        newcomer=newcomer,
        signers=[member.pubkey() for member in (a, b, c)],
    )

    def send(accounts: list[AccountMeta], *signers: Keypair, data: bytes = good.data) -> int | None:
        return case.chain.send(Instruction(good.program_id, data, accounts), *signers).custom

    metas = good.accounts
    unsigned = AccountMeta(c.pubkey(), False, False)
    assert send([*metas[:3], unsigned], a, b) == 6002
    assert send([*metas[:3], metas[2]], a, b) == 6007
    assert send([*metas[:3], AccountMeta(case.caller.pubkey(), True, False)], a, b, case.caller) == 6020
    assert send([AccountMeta(court.address, False, False), *metas[1:]], a, b, c) == 6003
    foreign = case.copy(court.address, case.chain.pnp)
    assert send([AccountMeta(foreign, False, True), *metas[1:]], a, b, c) == 6004
    file = court.resolution_address(case.subject)
    assert send([AccountMeta(file, False, True), *metas[1:]], a, b, c) == 6005
    assert send([]) == 6001
    assert send(metas, a, b, c, data=good.data + b"\0") == 6000
    assert send([*metas, AccountMeta(file, False, False)], a, b, c) == 6003
    assert send([*metas, AccountMeta(court.address, False, True)], a, b, c) == 6005
    theirs = docket(case.other, case.exchange, PnpKind.V2)
    assert case.other.open(theirs).error is None
    other_file = AccountMeta(case.other.resolution_address(theirs), False, True)
    assert send([*metas, other_file], a, b, c) == 6027
    assert court.replace(Keypair().pubkey(), newcomer, [a, b, c]).custom == 6020
    assert court.replace(leaver, a.pubkey(), [a, b, c]).custom == 6023
    assert court.replace(leaver, Pubkey.default(), [a, b, c]).custom == 6021
    assert court.replace(leaver, newcomer, [a, b, c]).error is None


def test_replacing_counts_the_proposals_of_the_files_named_anew(case: Case) -> None:
    chain, court, exchange = case.chain, case.court, case.exchange
    a, b, c, d, e = court.members
    assert court.open(case.second).error is None
    third = docket(court, exchange, PnpKind.V3)
    assert court.open(third).error is None
    for subject, voters in ((case.subject, (a, b, c)), (case.second, (a, b, c, d)), (third, (a, b, c))):
        for member in voters:
            assert court.attest(member, subject, YES).error is None
    files = [court.resolution_address(subject) for subject in (case.subject, case.second)]
    newcomer = chain.funded()
    assert court.replace(a.pubkey(), newcomer.pubkey(), [c, d, e], files).error is None
    lost, kept, unnamed = (court.resolution(subject) for subject in (case.subject, case.second, third))
    assert (lost.proposed, lost.proposed_since) == (None, 0)
    assert (kept.proposed, kept.proposed_since) == (YES, START_S), "three votes are left"
    assert (unnamed.proposed, unnamed.proposed_since) == (YES, START_S), "nobody named it"
    chain.set_time(END_S + CHALLENGE_S)
    for subject in (case.subject, third):
        assert court.settle(case.caller, subject).custom == 6032, "settling counts in any case"
    assert court.attest(newcomer, third, YES).error is None
    assert court.resolution(third).proposed_since == END_S + CHALLENGE_S
    with pytest.raises(ValueError, match="name fewer files"):
        court.replace(b.pubkey(), Keypair().pubkey(), [c, d, e], files * 11)


def test_open_refuses_foreign_and_malformed_markets(case: Case) -> None:
    chain, court, exchange = case.chain, case.court, case.exchange
    subject, payer = docket(court, exchange, PnpKind.V3), chain.payer.pubkey()
    good = committees.open_resolution(chain.oracle, payer, court.address, subject, spec=SPEC, deposit=1)

    def refusal(changes: dict[int, Pubkey], *, market: Pubkey | None = None, data: bytes | None = None) -> int | None:
        accounts = list(good.accounts)
        for at, key in changes.items():
            accounts[at] = AccountMeta(key, accounts[at].is_signer, accounts[at].is_writable)
        if market is not None:
            accounts[2] = AccountMeta(court.resolution_address(market), False, True)
            data = good.data[:9] + bytes(market) + good.data[41:]
        return chain.send(Instruction(chain.oracle, data or good.data, accounts)).custom

    second = docket(court, exchange, PnpKind.V3)
    elsewhere = {4: second.address, 5: second.extension}
    assert refusal(elsewhere) == 6024, "another account than the data names"
    for forged in (
        case.copy(subject.address, chain.oracle),
        case.copy(subject.address, exchange.id),
        case.copy(subject.address, exchange.id, flip=0),
        case.copy(subject.address, exchange.id, keep=12),
        subject.extension,
    ):
        extension = second.extension if forged == subject.extension else subject.extension
        assert refusal({4: forged, 5: extension}, market=forged) == 6024
    assert refusal({5: second.extension}) == 6024
    assert refusal({5: case.copy(subject.extension, exchange.id)}) == 6024
    assert refusal({5: case.copy(subject.extension, chain.oracle)}) == 6024
    assert refusal({5: case.copy(subject.extension, exchange.id, flip=0)}) == 6024
    assert refusal({2: Keypair().pubkey()}) == 6006
    assert refusal({3: chain.pnp}) == 6008
    assert refusal({1: case.copy(court.address, chain.pnp)}) == 6004
    assert refusal({5: subject.address}) == 6007
    for count in (3, 4, 5):
        assert chain.send(Instruction(chain.oracle, good.data, good.accounts[:count])).custom == 6001
    assert refusal({}, data=good.data[:41]) == 6000
    assert refusal({}, data=good.data[:41] + b"x" * 641) == 6000
    unwritable = [*good.accounts[:2], AccountMeta(good.accounts[2].pubkey, False, False), *good.accounts[3:]]
    assert chain.send(Instruction(chain.oracle, good.data, unwritable)).custom == 6003
    for address in (subject.address, subject.extension):
        data = chain.data(address)
        chain.put(address, data, chain.oracle)
        assert refusal({}) == 6024, "at the right address, of the wrong owner"
        chain.put(address, data, exchange.id)
    assert refusal({}) is None


def test_open_refuses_a_resolved_market_and_a_generic_one_with_accounts(case: Case) -> None:
    chain, court, exchange = case.chain, case.court, case.exchange
    subject = docket(court, exchange, PnpKind.V2)
    oracle = exchange.global_oracle
    chain.ok(pnp.set_market_resolvable_v2(exchange.id, oracle.pubkey(), subject.market), oracle)
    chain.set_time(END_S)
    chain.ok(pnp.settle_market_v2(exchange.id, oracle.pubkey(), subject.market, YES), oracle)
    assert court.open(subject).custom == 6026
    assert Court(chain).open(subject).custom == 6001
    assert court.open(committees.generic_subject(SPEC)).custom == 6001


@pytest.mark.parametrize(("kind", "winner_at"), [(PnpKind.V2, 57), (PnpKind.V3, 194)])
@pytest.mark.parametrize(("resolved", "winner"), [(1, 0), (0, 1), (0, 2), (1, 2)])
def test_either_sign_of_a_settlement_is_enough_to_open_no_file(
    case: Case, kind: PnpKind, winner_at: int, resolved: int, winner: int
) -> None:
    """A market may be resolved without a winner, by refunds."""
    chain = case.chain
    subject = docket(case.court, case.exchange, kind)
    data = bytearray(chain.data(subject.address))
    data[16], data[winner_at] = resolved, winner
    chain.put(subject.address, bytes(data), case.exchange.id)
    assert case.court.open(subject).custom == 6026


def test_a_generic_resolution_lies_at_the_hash_of_its_spec(chain: Chain) -> None:
    """Else whoever opens it first would choose the question that a name stands for."""
    court, opener = Court(chain), chain.payer.pubkey()
    subject = committees.generic_subject(SPEC)
    with pytest.raises(ValueError, match="is not the hash of the spec"):
        committees.open_resolution(chain.oracle, opener, court.address, subject, spec=b"the opposite", deposit=0)
    honest = committees.open_resolution(chain.oracle, opener, court.address, subject, spec=SPEC, deposit=0)
    for spec in (b"the opposite", SPEC + b" ", SPEC[:-1]):
        squat = Instruction(honest.program_id, honest.data[:41] + spec, honest.accounts)
        assert chain.send(squat).custom == 6043
    assert chain.send(honest).error is None
    assert chain.send(honest).custom == 6042
    assert court.resolution(subject).spec == SPEC


def test_a_spec_of_640_bytes_opens(chain: Chain) -> None:
    court, spec = Court(chain), b"s" * 640
    subject = committees.generic_subject(spec)
    assert court.open(subject, spec=spec).error is None
    assert court.resolution(subject).spec == spec


def test_open_needs_the_openers_signature_and_money(case: Case) -> None:
    chain, generic = case.chain, Court(case.chain)
    made = committees.open_resolution(
        chain.oracle, case.caller.pubkey(), generic.address, committees.generic_subject(SPEC), spec=SPEC, deposit=1
    )
    assert case.refusal(made, 0, AccountMeta(case.caller.pubkey(), False, True)) == 6002
    assert case.refusal(made, 0, AccountMeta(case.caller.pubkey(), True, False)) == 6003


@pytest.mark.parametrize("deed", [0, 1])
def test_a_program_that_does_not_settle_as_told_is_found_out(chain: Chain, deed: int) -> None:
    hostile = Hostile(chain)
    assert hostile.settle(deed) == {"InstructionError": [0, {"Custom": 6036}]}
    assert hostile.court.resolution(hostile.subject).state is ResolutionState.OPEN
    assert hostile.settle(2) is None


def test_the_settlers_signature_opens_nothing_else(chain: Chain) -> None:
    hostile = Hostile(chain)
    assert hostile.settle(3, chain.oracle) == {"InstructionError": [0, "ReentrancyNotAllowed"]}
    assert hostile.settle(3, chain.pnp) == {"InstructionError": [0, {"Custom": 2006}]}, "not the real settings"
    assert not hostile.exchange.market(hostile.real.address, PnpKind.V2).resolved
    settler = hostile.court.settler()
    for deed in (4, 5):
        assert hostile.settle(deed, SYSTEM_PROGRAM) == {"InstructionError": [0, {"Custom": 6036}]}, "nothing to take"
    assert chain.svm.get_account(settler) is None


def test_every_committee_and_every_spec_has_a_settler_of_its_own(chain: Chain) -> None:
    hostile = Hostile(chain)
    assert hostile.court.settler() != hostile.court.settler(b"another spec")
    other = Court(chain, size=1, threshold=1, pnp_program=hostile.program)
    assert other.settler() != hostile.court.settler(), "the settler is the committee's own"


def test_lamports_sent_to_a_resolution_count_as_deposit(case: Case) -> None:
    file = case.court.resolution_address(case.subject)
    case.chain.svm.airdrop(file, 10**9)
    held = case.chain.svm.get_balance(file) or 0
    rent = case.chain.svm.minimum_balance_for_rent_exemption(len(case.chain.data(file)))
    assert held - rent == DEPOSIT + 10**9
    assert hashlib.sha256(SPEC).digest() == case.court.resolution(case.subject).spec_hash
