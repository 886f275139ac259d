"""Attacks on committees: foreign and malformed accounts, other people's signatures, a hostile program as PNP."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.chain.programs.committee import OnPnp, ResolutionState
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.chain import START_S, TEST_PROGRAMS, Chain
from tests.svm.court import CHALLENGE_S, DEPOSIT, EVIDENCE, SPEC, Court, docket
from tests.svm.exchange import END_S, Exchange

YES, NO = Outcome.YES, Outcome.NO
Make = Callable[["Case"], Instruction]


class Case:
    """A market under judgement, proposed YES by three of five, and a second committee beside it."""

    def __init__(self, chain: Chain, kind: PnpKind = PnpKind.V2) -> None:
        self.chain = chain
        self.exchange = Exchange(chain)
        self.court = Court(chain, pnp_program=self.exchange.id)
        self.other = Court(chain, pnp_program=self.exchange.id)
        self.subject, self.second = (docket(self.court, self.exchange, kind) for _ in range(2))
        self.member, self.caller = self.court.members[0], chain.funded()
        assert self.court.open(self.subject).error is None

    def propose(self) -> None:
        assert self.court.activate(self.member, self.subject).error is None
        for member in self.court.members[:3]:
            assert self.court.attest(member, self.subject, YES).error is None
        self.chain.set_time(END_S)

    def swap(self, made: Instruction, at: int, key: Pubkey) -> int | None:
        """The refusal when another account stands in one place."""
        meta = made.accounts[at]
        return self.refusal(made, at, AccountMeta(key, meta.is_signer, meta.is_writable))

    def refusal(self, made: Instruction, at: int, meta: AccountMeta) -> int | None:
        accounts = list(made.accounts)
        accounts[at] = meta
        signers = [key for key in (self.member, self.caller) if any(signs(account, key) for account in accounts)]
        return self.chain.send(Instruction(made.program_id, made.data, accounts), *signers).custom

    def copy(self, address: Pubkey, owner: Pubkey, *, flip: int | None = None, keep: int | None = None) -> Pubkey:
        """The same bytes elsewhere, under another owner, with one byte changed or cut short."""
        data = bytearray(self.chain.data(address))
        if flip is not None:
            data[flip] ^= 1
        key = Keypair().pubkey()
        self.chain.put(key, bytes(data[:keep]), owner)
        return key


def signs(meta: AccountMeta, key: Keypair) -> bool:
    return meta.is_signer and meta.pubkey == key.pubkey()


def attest(case: Case) -> Instruction:
    return committees.attest(
        case.chain.oracle,
        case.member.pubkey(),
        case.court.address,
        case.subject,
        outcome=YES,
        evidence_hash=EVIDENCE,
    )


def accept(case: Case) -> Instruction:
    return committees.accept(case.chain.oracle, case.member.pubkey(), case.court.address, case.subject)


def flag(case: Case) -> Instruction:
    return committees.flag(case.chain.oracle, case.member.pubkey(), case.court.address, case.subject, reason=b"")


def activate(case: Case) -> Instruction:
    return committees.activate(case.chain.oracle, case.member.pubkey(), case.court.address, case.subject)


def settle(case: Case) -> Instruction:
    return committees.settle(case.chain.oracle, case.caller.pubkey(), case.court.address, case.subject)


BY_MEMBER: list[Make] = [attest, accept, flag, activate]


@pytest.fixture
def case(chain: Chain) -> Case:
    return Case(chain)


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


def test_activation_calls_the_right_program_with_the_settler_it_belongs_to(case: Case) -> None:
    made = activate(case)
    member, settler = made.accounts[0].pubkey, made.accounts[4].pubkey
    assert case.swap(made, 3, case.chain.oracle) == 6008
    assert case.swap(made, 4, case.other.settler()) == 6006
    assert case.swap(made, 6, case.second.address) == 6024
    assert case.swap(made, 14, case.chain.oracle) == 6008, "metadata program"
    assert case.swap(made, 19, case.chain.oracle) == 6008, "system program"
    assert case.refusal(made, 0, AccountMeta(member, True, False)) == 6003
    assert case.refusal(made, 4, AccountMeta(settler, False, False)) == 6003
    for count in (4, 5, 20):
        short = Instruction(made.program_id, made.data, made.accounts[:count])
        assert case.chain.send(short, case.member).custom == 6001
    assert case.chain.send(made, case.member).error is None


def test_a_v3_activation_advances_nothing(chain: Chain) -> None:
    case = Case(chain, PnpKind.V3)
    made = activate(case)
    advance = Instruction(made.program_id, struct.pack("<BQ", made.data[0], 1), made.accounts)
    assert chain.send(advance, case.member).custom == 6000
    assert chain.send(made, case.member).error is None


def test_without_a_deposit_the_member_bears_the_cost(chain: Chain) -> None:
    exchange = Exchange(chain)
    court = Court(chain, pnp_program=exchange.id)
    subject, member = docket(court, exchange, PnpKind.V2), court.members[0]
    court.open(subject, deposit=5)
    before = chain.svm.get_balance(member.pubkey()) or 0
    assert court.activate(member, subject).error is None
    cost = before - (chain.svm.get_balance(member.pubkey()) or 0)
    rent = chain.svm.minimum_balance_for_rent_exemption
    assert cost == 2 * (rent(82) + rent(607) + rent(165)) - 5


def test_generic_resolutions_are_neither_activated_nor_closed(chain: Chain) -> None:
    exchange = Exchange(chain)
    court, on_pnp = Court(chain), Court(chain, pnp_program=exchange.id)
    subject = docket(on_pnp, exchange, PnpKind.V3)
    assert court.open(subject.address).error is None
    assert court.activate(court.members[0], subject).custom == 6040
    for member in court.members[:3]:
        court.attest(member, subject.address, NO)
    chain.set_time(START_S + CHALLENGE_S)
    with_market = committees.settle(chain.oracle, chain.payer.pubkey(), court.address, subject)
    assert chain.send(with_market).custom == 6001
    assert court.settle(court.creator, subject.address).error is None
    chain.set_time(START_S + 10**8)
    assert court.close(subject).custom == 6040


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
    assert chain.send(good).custom == 6004, "a committee is immutable"


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
    assert court.replace(Keypair().pubkey(), newcomer, [a, b, c]).custom == 6020
    assert court.replace(leaver, a.pubkey(), [a, b, c]).custom == 6023
    assert court.replace(leaver, Pubkey.default(), [a, b, c]).custom == 6021
    assert court.replace(leaver, newcomer, [a, b, c]).error is None


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
    assert court.open(Keypair().pubkey()).custom == 6001


def test_a_spec_of_640_bytes_opens(chain: Chain) -> None:
    court, spec, subject = Court(chain), b"s" * 640, Keypair().pubkey()
    assert court.open(subject, spec=spec).error is None
    assert court.resolution(subject).spec == spec


def test_open_needs_the_openers_signature_and_money(case: Case) -> None:
    chain, generic = case.chain, Court(case.chain)
    made = committees.open_resolution(
        chain.oracle, case.caller.pubkey(), generic.address, Keypair().pubkey(), spec=SPEC, deposit=1
    )
    assert case.refusal(made, 0, AccountMeta(case.caller.pubkey(), False, True)) == 6002
    assert case.refusal(made, 0, AccountMeta(case.caller.pubkey(), True, False)) == 6003


def test_closing_pays_nobody_else(case: Case) -> None:
    case.propose()
    case.chain.set_time(END_S + CHALLENGE_S)
    assert case.chain.send(settle(case), case.caller).error is None
    case.chain.set_time(END_S + CHALLENGE_S + committees.RETENTION_S)
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


class Hostile:
    """A committee that trusts a hostile program, with a market forged there."""

    def __init__(self, chain: Chain) -> None:
        self.chain, self.program = chain, Keypair().pubkey()
        chain.svm.add_program(self.program, (TEST_PROGRAMS / "hostile_pnp.so").read_bytes())
        self.exchange = Exchange(chain)
        self.court = Court(chain, size=1, threshold=1, pnp_program=self.program)
        real = docket(self.court, self.exchange, PnpKind.V2)
        self.real = real
        forged = pnp.market_address(self.program, PnpKind.V2, 0)
        chain.put(forged, chain.data(real.address), self.program)
        chain.put(pnp.extension_address(self.program, PnpKind.V2, 0), chain.data(real.extension), self.program)
        market = pnp.decode_market(forged, chain.data(forged), self.court.settler())
        self.subject = OnPnp(self.program, market)
        assert self.court.open(self.subject).error is None
        assert self.court.attest(self.court.members[0], self.subject, YES).error is None
        chain.set_time(END_S)

    def settle(self, deed: int, target: Pubkey | None = None) -> object:
        """What becomes of a settlement; `target` is the program that gets the signature passed on."""
        config = pnp.global_config_address(self.program)
        self.chain.put(config, bytes([deed]) + bytes(target or Pubkey.default()), self.program)
        made = committees.settle(self.chain.oracle, self.chain.payer.pubkey(), self.court.address, self.subject)
        accounts = list(made.accounts)
        if target is not None:
            accounts[5] = AccountMeta(target, False, False)
        return self.chain.send(Instruction(made.program_id, made.data, accounts)).error


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
