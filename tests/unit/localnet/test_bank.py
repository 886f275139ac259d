"""What lands, what is refused and what a failure costs."""

from __future__ import annotations

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price, set_loaded_accounts_data_size_limit
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import TransactionConfig
from solders.pubkey import Pubkey
from solders.system_program import (
    AdvanceNonceAccountParams,
    CreateAccountParams,
    InitializeNonceAccountParams,
    advance_nonce_account,
    create_account,
    initialize_nonce_account,
)
from solders.sysvar import CLOCK
from solders.transaction import VersionedTransaction

from relayer.domain.clock import Clock
from relayer.localnet import Localnet
from relayer.localnet.bank import V1_FEATURE
from relayer.localnet.chain import BLOCKHASH_AGE, Commitment
from relayer.localnet.machine import Outcome
from relayer.localnet.wire import Signed
from tests.transactions import V1_LIMITS, legacy, pay, v0, v1
from tests.unit.localnet.conftest import NOON_MS, Wall, newest


def submit(node: Localnet, transaction: VersionedTransaction) -> Outcome:
    return node.submit(Signed(bytes(transaction), transaction))


def balance(node: Localnet, key: Pubkey, level: Commitment = Commitment.PROCESSED) -> int:
    account = node.accounts.at(key, node.chain.at(level).slot)
    return 0 if account is None else account.lamports


def test_nothing_shows_before_the_block_closes(node: Localnet, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    transaction = v0(payer, [pay(payer, to)], newest(node))
    assert submit(node, transaction).err is None
    assert balance(node, to) == 0
    assert node.record(transaction.signatures[0], Commitment.PROCESSED) is None
    node.advance()
    assert balance(node, to) == 1_000_000
    assert node.record(transaction.signatures[0], Commitment.PROCESSED) is not None


def test_each_level_shows_the_state_of_its_own_block(node: Localnet, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    seen = []
    for _ in range(33):
        submit(node, v0(payer, [pay(payer, to)], newest(node)))
        node.advance()
        seen.append([balance(node, to, level) // 1_000_000 for level in Commitment])
    assert seen[0] == [1, 0, 0]
    assert seen[1] == [2, 1, 0]
    assert seen[31] == [32, 31, 1]
    assert seen[32] == [33, 32, 2]


@pytest.mark.parametrize("build", [legacy, v0, v1])
def test_every_message_version_executes(node: Localnet, payer: Keypair, build: object) -> None:
    to = Pubkey.new_unique()
    outcome = submit(node, build(payer, [pay(payer, to)], newest(node)))  # type: ignore[operator]
    assert (outcome.err, outcome.landed, outcome.fee) == (None, True, 5_000)


def test_a_transaction_lands_up_to_its_last_valid_height_and_not_after(node: Localnet, payer: Keypair) -> None:
    blockhash, to = newest(node), Pubkey.new_unique()
    node.advance(BLOCKHASH_AGE - 1)
    assert submit(node, v0(payer, [pay(payer, to, 1_000_001)], blockhash)).err is None
    node.advance()
    assert node.chain.tip.height == BLOCKHASH_AGE
    assert submit(node, v0(payer, [pay(payer, to, 1_000_002)], blockhash)).err == "BlockhashNotFound"


def test_an_unknown_blockhash_is_refused_without_a_trace(node: Localnet, payer: Keypair) -> None:
    transaction = v0(payer, [pay(payer, Pubkey.new_unique())], Hash.new_unique())
    outcome = submit(node, transaction)
    node.advance()
    assert (outcome.err, outcome.landed) == ("BlockhashNotFound", False)
    assert balance(node, payer.pubkey()) == 10_000_000_000
    assert node.records == {}


def test_the_same_bytes_run_once(node: Localnet, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    transaction = v0(payer, [pay(payer, to)], newest(node))
    assert submit(node, transaction).err is None
    assert submit(node, transaction).err == "AlreadyProcessed"
    node.advance(BLOCKHASH_AGE - 1)
    assert submit(node, transaction).err == "AlreadyProcessed"
    node.advance(2)
    assert submit(node, transaction).err == "BlockhashNotFound"
    assert balance(node, to) == 1_000_000


def test_thousands_of_transactions_do_not_wash_out_the_duplicate_check(node: Localnet, payer: Keypair) -> None:
    blockhash, to = newest(node), Pubkey.new_unique()
    first = v0(payer, [pay(payer, to, 900_000)], blockhash)
    assert submit(node, first).err is None
    for lamports in range(1_000_000, 1_002_000):
        assert submit(node, v0(payer, [pay(payer, to, lamports)], blockhash)).err is None
    assert submit(node, first).err == "AlreadyProcessed"


def test_a_bad_signature_is_refused(node: Localnet, payer: Keypair) -> None:
    transaction = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
    forged = VersionedTransaction.populate(transaction.message, [payer.sign_message(b"something else")])
    assert submit(node, forged).err == "SignatureFailure"


def test_a_failed_transaction_pays_and_is_kept(node: Localnet, payer: Keypair) -> None:
    transaction = v0(payer, [pay(payer, Pubkey.new_unique(), 10**18)], newest(node))
    outcome = submit(node, transaction)
    node.advance()
    assert (outcome.err, outcome.landed) == ({"InstructionError": [0, {"Custom": 1}]}, True)
    assert balance(node, payer.pubkey()) == 10_000_000_000 - 5_000
    record = node.record(transaction.signatures[0], Commitment.PROCESSED)
    assert record is not None
    assert (record.pre_balances[0], record.post_balances[0]) == (10_000_000_000, 10_000_000_000 - 5_000)


def test_a_payer_without_money_leaves_no_trace(node: Localnet) -> None:
    pauper = Keypair()
    outcome = submit(node, v0(pauper, [pay(pauper, Pubkey.new_unique())], newest(node)))
    assert (outcome.err, outcome.landed) == ("AccountNotFound", False)


def test_a_program_that_is_not_there_costs_the_fee(node: Localnet, payer: Keypair) -> None:
    outcome = submit(node, v0(payer, [Instruction(Pubkey.new_unique(), b"", [])], newest(node)))
    node.advance()
    assert (outcome.err, outcome.landed) == ("ProgramAccountNotFound", True)
    assert balance(node, payer.pubkey()) == 10_000_000_000 - 5_000


def test_an_account_that_is_no_program_costs_the_fee(node: Localnet, payer: Keypair) -> None:
    other = Pubkey.new_unique()
    node.airdrop(other, 10**9)
    outcome = submit(node, v0(payer, [Instruction(other, b"", [])], newest(node)))
    assert (outcome.err, outcome.landed) == ("InvalidProgramForExecution", True)


def test_the_limit_of_loaded_bytes_holds(node: Localnet, payer: Keypair) -> None:
    instructions = [set_loaded_accounts_data_size_limit(100), pay(payer, Pubkey.new_unique())]
    outcome = submit(node, v0(payer, instructions, newest(node)))
    assert (outcome.err, outcome.landed, outcome.fee) == ("MaxLoadedAccountsDataSizeExceeded", True, 5_000)


def test_compute_limits_hold_one_transaction_after_the_other(node: Localnet, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    tight = [set_compute_unit_limit(200), pay(payer, to)]
    exceeded = {"InstructionError": [1, "ComputationalBudgetExceeded"]}
    assert submit(node, v0(payer, tight, newest(node))).err == exceeded
    assert submit(node, v0(payer, [pay(payer, to)], newest(node))).err is None


def test_priority_fees_are_charged(node: Localnet, payer: Keypair) -> None:
    priced = [set_compute_unit_limit(1_000), set_compute_unit_price(2_500_000), pay(payer, payer.pubkey())]
    outcome = submit(node, v0(payer, priced, newest(node)))
    node.advance()
    assert outcome.fee == 5_000 + 2_500
    assert balance(node, payer.pubkey()) == 10_000_000_000 - 7_500


class TestVersion1:
    def test_the_feature_account_says_active(self, node: Localnet) -> None:
        feature = node.accounts.newest(V1_FEATURE)
        assert feature is not None
        assert (feature.data[0], len(feature.data), feature.owner) == (
            1,
            9,
            Pubkey.from_string("Feature111111111111111111111111111111111111"),
        )

    def test_it_is_absent_where_v1_is_off(self) -> None:
        assert Localnet(clock=Clock(), v1=False).accounts.newest(V1_FEATURE) is None

    def test_without_a_loaded_limit_it_fails_and_pays(self, node: Localnet, payer: Keypair) -> None:
        config = TransactionConfig(compute_unit_limit=10_000)
        outcome = submit(node, v1(payer, [pay(payer, Pubkey.new_unique())], newest(node), config))
        assert (outcome.err, outcome.landed) == ("MaxLoadedAccountsDataSizeExceeded", True)

    def test_without_a_compute_limit_it_has_no_units(self, node: Localnet, payer: Keypair) -> None:
        config = TransactionConfig(loaded_accounts_data_size_limit=10_000)
        outcome = submit(node, v1(payer, [pay(payer, Pubkey.new_unique())], newest(node), config))
        assert outcome.err == {"InstructionError": [0, "ComputationalBudgetExceeded"]}

    def test_its_priority_fee_is_charged_once_whether_it_fails_or_not(self, node: Localnet, payer: Keypair) -> None:
        config = TransactionConfig(77, V1_LIMITS.compute_unit_limit, V1_LIMITS.loaded_accounts_data_size_limit)
        good = submit(node, v1(payer, [pay(payer, payer.pubkey())], newest(node), config))
        bad = submit(node, v1(payer, [pay(payer, payer.pubkey(), 10**18)], newest(node), config))
        node.advance()
        assert (good.err, good.fee, bad.fee) == (None, 5_077, 5_077)
        assert balance(node, payer.pubkey()) == 10_000_000_000 - 2 * 5_077

    def test_a_simulation_takes_no_priority_fee(self, node: Localnet, payer: Keypair) -> None:
        config = TransactionConfig(77, V1_LIMITS.compute_unit_limit, V1_LIMITS.loaded_accounts_data_size_limit)
        transaction = v1(payer, [pay(payer, payer.pubkey())], newest(node), config)
        simulation = node.simulate(Signed(bytes(transaction), transaction), at=node.chain.tip)
        assert (simulation.outcome.err, simulation.outcome.fee) == (None, 5_077)
        assert balance(node, payer.pubkey()) == 10_000_000_000


class TestNonces:
    @pytest.fixture
    def nonce(self, node: Localnet, payer: Keypair) -> Pubkey:
        account = Keypair()
        rent = node.rent_exempt(80)
        create = create_account(
            CreateAccountParams(
                from_pubkey=payer.pubkey(), to_pubkey=account.pubkey(), lamports=rent, space=80, owner=Pubkey.default()
            )
        )
        initialize = initialize_nonce_account(
            InitializeNonceAccountParams(nonce_pubkey=account.pubkey(), authority=payer.pubkey())
        )
        assert submit(node, v0(payer, [create, initialize], newest(node), account)).err is None
        node.advance(BLOCKHASH_AGE + 10)
        return account.pubkey()

    def stored(self, node: Localnet, nonce: Pubkey) -> Hash:
        account = node.accounts.newest(nonce)
        assert account is not None
        return Hash(account.data[40:72])

    def advance(self, payer: Keypair, nonce: Pubkey) -> Instruction:
        return advance_nonce_account(AdvanceNonceAccountParams(nonce_pubkey=nonce, authorized_pubkey=payer.pubkey()))

    def test_it_stands_in_for_a_blockhash_once(self, node: Localnet, payer: Keypair, nonce: Pubkey) -> None:
        instructions = [self.advance(payer, nonce), pay(payer, Pubkey.new_unique())]
        transaction = v0(payer, instructions, self.stored(node, nonce))
        assert submit(node, transaction).err is None
        node.advance()
        assert submit(node, transaction).err == "BlockhashNotFound"

    def test_it_must_be_the_first_instruction(self, node: Localnet, payer: Keypair, nonce: Pubkey) -> None:
        instructions = [pay(payer, Pubkey.new_unique()), self.advance(payer, nonce)]
        assert submit(node, v0(payer, instructions, self.stored(node, nonce))).err == "BlockhashNotFound"

    def test_it_is_used_up_even_if_the_rest_fails(self, node: Localnet, payer: Keypair, nonce: Pubkey) -> None:
        before = self.stored(node, nonce)
        instructions = [self.advance(payer, nonce), pay(payer, Pubkey.new_unique(), 10**18)]
        outcome = submit(node, v0(payer, instructions, before))
        assert (outcome.err, outcome.landed) == ({"InstructionError": [1, {"Custom": 1}]}, True)
        assert self.stored(node, nonce) != before
        node.advance()
        again = [self.advance(payer, nonce), pay(payer, Pubkey.new_unique())]
        assert submit(node, v0(payer, again, self.stored(node, nonce))).err is None


class TestTime:
    def clock(self, node: Localnet, level: Commitment | None = None) -> tuple[int, int]:
        slot = 10**9 if level is None else node.chain.at(level).slot
        account = node.accounts.at(CLOCK, slot)
        assert account is not None
        return int.from_bytes(account.data[:8], "little"), int.from_bytes(account.data[32:40], "little", signed=True)

    def test_an_execution_sees_the_clock_of_its_moment(self, node: Localnet, payer: Keypair, wall: Wall) -> None:
        wall.ms += 12_345
        submit(node, v0(payer, [pay(payer, Pubkey.new_unique())], newest(node)))
        assert self.clock(node) == (1, (NOON_MS + 12_345) // 1000)

    def test_a_fast_clock_runs_ahead_between_executions(self, wall: Wall) -> None:
        node = Localnet(clock=Clock(wall=wall, speed=1_000))
        start = self.clock(node)[1]
        wall.ms += 50
        node.advance()
        assert self.clock(node) == (2, start + 50)

    def test_a_simulation_shows_its_bank_s_slot_and_leaves_the_clock(self, node: Localnet, payer: Keypair) -> None:
        node.advance(3)
        transaction = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        node.simulate(Signed(bytes(transaction), transaction), at=node.chain.at(Commitment.PROCESSED))
        assert self.clock(node)[0] == 4

    def test_each_level_has_the_clock_of_its_block(self, node: Localnet, wall: Wall) -> None:
        for _ in range(40):
            wall.ms += 1_000
            node.advance()
        slots = [node.chain.at(level).slot for level in Commitment]
        assert [self.clock(node, level)[0] for level in Commitment] == slots
        assert self.clock(node, Commitment.FINALIZED)[1] == NOON_MS // 1000 + slots[2]


def test_old_blocks_take_their_transactions_with_them(payer: Keypair) -> None:
    node = Localnet(clock=Clock(), keep_blocks=200)
    node.airdrop(payer.pubkey(), 10**10)
    to = Pubkey.new_unique()
    transaction = v0(payer, [pay(payer, to)], newest(node))
    submit(node, transaction)
    node.advance(100)
    assert len(node.records_of(to, Commitment.FINALIZED)) == 1
    node.advance(200)
    assert node.records == {}
    assert node.records_of(to, Commitment.PROCESSED) == []
