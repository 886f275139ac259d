"""Activation through the settler: what it calls, who pays, and that nothing stays there, whatever lay there before."""

from __future__ import annotations

import re
import struct

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.chain.programs.token import ASSOCIATED_TOKEN_PROGRAM, token_account_address
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.case import Case, activate
from tests.svm.chain import Chain
from tests.svm.court import DEPOSIT, Court, docket
from tests.svm.exchange import Exchange
from tests.svm.hostile import Hostile

DO_NOTHING, TAKE_LAMPORTS, GIVE_AWAY, TAKE_SPACE = 0, 4, 5, 6
"""Deeds of the hostile program."""
DONATION = 5_000_000
TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")


FOREIGN = 6048
YES_MINT, NO_MINT, YES_VAULT, NO_VAULT, YES_METADATA, NO_METADATA = OWN = (5, 6, 8, 9, 11, 12)
"""Places in PNP's list of what its V2 activation writes besides the market."""
PLACES_BEFORE = 4
"""Accounts of `activate` before that list."""


def balance(chain: Chain, key: Pubkey) -> int:
    return chain.svm.get_balance(key) or 0


def test_activation_calls_the_right_program_with_the_settler_it_belongs_to(case: Case) -> None:
    made = activate(case)
    member, settler = made.accounts[0].pubkey, made.accounts[4].pubkey
    assert case.swap(made, 3, case.chain.oracle) == 6008
    assert case.swap(made, 4, case.other.settler()) == 6006
    assert case.swap(made, 6, case.second.address) == 6024
    for at, number in ((14, 6046), (17, 6044), (18, 6045), (19, 6008), (20, 6047)):
        assert case.swap(made, at, case.chain.oracle) == number, "metadata, token, associated token, system, rent"
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
    assert case.swap(made, 6, case.second.address) == 2006, "PNP's word on the extension"
    assert case.swap(made, 5, case.second.address) == 6024
    assert case.swap(made, 8, chain.oracle) == 6008, "system program"
    assert chain.send(Instruction(made.program_id, made.data, made.accounts[:8]), case.member).custom == 6001
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


@pytest.mark.parametrize(("kind", "deepest"), [(PnpKind.V2, 4), (PnpKind.V3, 2)])
def test_activation_stays_within_a_call_depth_of_five(chain: Chain, kind: PnpKind, deepest: int) -> None:
    """Clusters allow 5 before SIMD-0268 and 9 after it; PNP's own program may take one level more than its stand-in."""
    case = Case(chain, kind)
    sent = case.court.activate(case.member, case.subject)
    assert max(int(level) for line in sent.logs for level in re.findall(r"invoke \[(\d+)\]$", line)) == deepest


def test_token_2022_is_left_to_pnp(case: Case) -> None:
    """Either token program passes here, with its own vaults; PNP refuses what it does not take."""
    made = activate(case)
    assert case.swap(made, 17, TOKEN_2022) == FOREIGN
    accounts = list(made.accounts)
    for vault, mint in ((YES_VAULT, YES_MINT), (NO_VAULT, NO_MINT)):
        seeds = [case.subject.address, TOKEN_2022, accounts[PLACES_BEFORE + mint].pubkey]
        address, _ = Pubkey.find_program_address([bytes(key) for key in seeds], ASSOCIATED_TOKEN_PROGRAM)
        accounts[PLACES_BEFORE + vault] = AccountMeta(address, False, True)
    accounts[17] = AccountMeta(TOKEN_2022, False, False)
    assert case.chain.send(Instruction(made.program_id, made.data, accounts), case.member).custom == 3008


@pytest.mark.parametrize("place", OWN)
def test_an_activation_writes_to_the_markets_own_accounts_alone(case: Case, place: int) -> None:
    made = activate(case)
    at = PLACES_BEFORE + place
    others = [case.second.address, case.chain.payer.pubkey(), case.subject.extension, Pubkey.new_unique()]
    others += [made.accounts[PLACES_BEFORE + other].pubkey for other in OWN if other != place]
    for other in others:
        assert case.swap(made, at, other) == FOREIGN
    assert case.chain.send(made, case.member).error is None
    assert case.swap(made, at, case.second.address) == FOREIGN, "when it is there already, too"


@pytest.mark.parametrize("pnp_as_metadata", [False, True])
@pytest.mark.parametrize("place", OWN)
def test_a_program_in_pnps_place_settles_no_market_of_pnps(chain: Chain, place: int, pnp_as_metadata: bool) -> None:
    """A market of the real PNP names the settler of a committee that trusts another program: no file, no votes."""
    hostile = Hostile(chain, pnp_as_metadata=pnp_as_metadata)
    assert hostile.assault({place: hostile.real.address}).custom == FOREIGN
    assert hostile.assault({}).error is None
    assert not hostile.exchange.market(hostile.real.address, PnpKind.V2).resolved


@pytest.mark.parametrize("places", [(YES_MINT, YES_VAULT, YES_METADATA), (NO_MINT, NO_VAULT, NO_METADATA)])
def test_nor_with_a_vault_and_metadata_that_fit_it_as_a_mint(chain: Chain, places: tuple[int, int, int]) -> None:
    hostile = Hostile(chain)
    real = hostile.real.address
    vault = token_account_address(hostile.subject.address, real)
    keys = (real, vault, pnp.metadata_address(pnp.METADATA_PROGRAM, real))
    assert hostile.assault(dict(zip(places, keys, strict=True))).custom == FOREIGN


@pytest.mark.parametrize("place", OWN)
def test_the_hostile_program_would_settle_it(chain: Chain, place: int) -> None:
    """With a signature that PNP heeds."""
    hostile = Hostile(chain)
    oracle = hostile.exchange.global_oracle
    made = pnp.set_market_resolvable_v2(hostile.program, oracle.pubkey(), hostile.subject.market)
    accounts = hostile.smuggle(made.accounts, {place: hostile.real.address})
    assert chain.send(Instruction(hostile.program, b"", accounts), oracle).error is None
    assert hostile.exchange.market(hostile.real.address, PnpKind.V2).winner is Outcome.NO


@pytest.mark.parametrize("kind", list(PnpKind))
def test_a_strangers_donation_to_the_settler_stops_nothing(chain: Chain, kind: PnpKind) -> None:
    case = Case(chain, kind)
    settler, member = case.court.settler(), case.member.pubkey()
    file = case.court.resolution_address(case.subject)
    before = balance(chain, member) + balance(chain, file)
    chain.svm.airdrop(settler, DONATION)
    sent = case.court.activate(case.member, case.subject)
    assert sent.error is None, sent.logs
    assert chain.svm.get_account(settler) is None
    rent = chain.svm.minimum_balance_for_rent_exemption
    cost = 2 * (rent(82) + rent(607) + rent(165)) if kind is PnpKind.V2 else 0
    assert balance(chain, member) + balance(chain, file) == before + DONATION - cost
    assert case.exchange.market(case.subject.address, kind).resolvable


def test_a_donation_pays_towards_the_cost_before_the_deposit(case: Case) -> None:
    chain, member = case.chain, case.member.pubkey()
    chain.svm.airdrop(case.court.settler(), DONATION)
    file = case.court.resolution_address(case.subject)
    wealth, held = balance(chain, member), balance(chain, file)
    assert case.court.activate(case.member, case.subject).error is None
    rent = chain.svm.minimum_balance_for_rent_exemption
    cost = 2 * (rent(82) + rent(607) + rent(165))
    assert (balance(chain, member), balance(chain, file)) == (wealth, held - cost + DONATION)


def test_activating_again_takes_nothing_more_from_the_deposit(case: Case) -> None:
    chain, file = case.chain, case.court.resolution_address(case.subject)
    assert case.court.activate(case.member, case.subject).error is None
    held = balance(chain, file)
    assert case.court.activate(case.court.members[1], case.subject).error is None
    assert balance(chain, file) == held < DEPOSIT + chain.svm.minimum_balance_for_rent_exemption(len(chain.data(file)))


@pytest.mark.parametrize("donation", [0, DONATION])
def test_a_settler_that_is_no_plain_address_any_more_is_refused(chain: Chain, donation: int) -> None:
    hostile = Hostile(chain, PnpKind.V3)
    if donation:
        chain.svm.airdrop(hostile.court.settler(), donation)
    assert hostile.activate(GIVE_AWAY, hostile.program).custom == 6037
    assert hostile.activate(TAKE_SPACE).custom == 6037
    assert hostile.activate(DO_NOTHING).error is None
    assert chain.svm.get_account(hostile.court.settler()) is None


def test_a_hostile_program_gets_no_more_than_what_lies_there(chain: Chain) -> None:
    hostile = Hostile(chain, PnpKind.V3)
    chain.svm.airdrop(hostile.court.settler(), DONATION)
    member = hostile.court.members[0].pubkey()
    before = balance(chain, member)
    assert hostile.activate(TAKE_LAMPORTS).error is None
    assert balance(chain, member) == before


def test_an_advance_is_bounded(case: Case) -> None:
    for advance in (-1, committees.MAX_ADVANCE + 1):
        with pytest.raises(ValueError, match="outside 0 to 200000000"):
            committees.activate(
                case.chain.oracle,
                case.member.pubkey(),
                case.court.address,
                case.subject,
                metadata_program=pnp.METADATA_PROGRAM,
                advance=advance,
            )


def test_a_decided_file_activates_nothing(case: Case) -> None:
    """A market is tradeable only while its judges have yet to speak."""
    case.propose()
    case.finish()
    assert case.court.activate(case.member, case.subject).custom == 6028
