"""The cluster: transactions in blocks, and everything around execution that a client can see.

The blockhash window, duplicates, commitment levels, statuses and history are kept here; the machine executes. Nothing
here knows of JSON or sockets; nothing awaits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from solders.account import Account
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import TransferParams, transfer
from solders.sysvar import CLOCK, RECENT_BLOCKHASHES, SLOT_HASHES
from solders.transaction import VersionedTransaction

from relayer.domain.clock import Clock
from relayer.localnet.accounts import EMPTY, Accounts, with_lamports
from relayer.localnet.chain import Block, Chain, Commitment
from relayer.localnet.limits import limits_of
from relayer.localnet.machine import Machine, Outcome, refused, stored_nonce
from relayer.localnet.tokens import TokenBalance, token_balances
from relayer.localnet.wire import Keys, Signed, static_writable

V1_FEATURE = Pubkey.from_string("txv1aq4pp281K9um3tnPgkfX8UqtFT6wcVW3hNezGLL")
"""SIMD-0385: transactions of version 1."""
_FEATURE_PROGRAM = Pubkey.from_string("Feature111111111111111111111111111111111111")
_LOOKUP_TABLE_HEADER = 56
_FAUCET_LAMPORTS = 500_000_000 * 1_000_000_000
_SYSVARS = (CLOCK, SLOT_HASHES, RECENT_BLOCKHASHES)
"""Those that change with each block."""
_STATUS_BLOCKS = 300
"""Rooted blocks whose signatures the status cache still answers for without a history search."""


@dataclass(frozen=True)
class Record:
    """A transaction that is in a block."""

    signed: Signed
    slot: int
    keys: Keys
    outcome: Outcome
    pre_balances: list[int]
    post_balances: list[int]
    pre_tokens: list[TokenBalance]
    post_tokens: list[TokenBalance]


@dataclass(frozen=True)
class Simulation:
    """accounts: every account of the transaction as it would be afterwards; empty if it fails."""

    outcome: Outcome
    keys: Keys
    accounts: dict[Pubkey, Account | None] = field(default_factory=dict)


class Localnet:
    """One cluster in memory.

    clock: gives the Clock sysvar its unix time before every execution.
    slot_ms: wall milliseconds a slot while served; otherwise blocks close by `advance()` alone.
    skip_every: every slot whose number it divides has no block; 0 skips none.
    v1: whether transactions of version 1 (SIMD-0385) are active.
    confirm_after, finalize_after: blocks until a block is confirmed and finalized.
    keep_blocks: blocks whose transactions are remembered.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        slot_ms: int = 400,
        skip_every: int = 0,
        v1: bool = True,
        confirm_after: int = 1,
        finalize_after: int = 31,
        keep_blocks: int = 20_000,
    ) -> None:
        self.slot_ms, self.v1 = slot_ms, v1
        self._clock = clock
        self._machine = Machine()
        self.schedule = self._machine.schedule
        self.accounts = Accounts(self._machine.svm)
        self.chain = Chain(
            unix_time=self.unix_time(),
            confirm_after=confirm_after,
            finalize_after=finalize_after,
            skip_every=skip_every,
            keep=keep_blocks,
        )
        self.slots_behind = 0
        """Above 0 the node calls itself unhealthy (-32005); a fault for tests to switch on."""
        self.records: dict[Signature, Record] = {}
        self.watchers: list[Callable[[], None]] = []
        self._by_address: dict[Pubkey, list[Signature]] = defaultdict(list)
        self._faucet = Keypair()
        self.identity = Keypair().pubkey()
        self.airdrop(self._faucet.pubkey(), _FAUCET_LAMPORTS)
        if v1:
            active = b"\x01" + (0).to_bytes(8, "little")
            self.set_account(V1_FEATURE, Account(self.rent_exempt(len(active)), active, _FEATURE_PROGRAM))
        self._show_clock()

    # Decrees: state set from outside, at every commitment level at once.

    def set_account(self, key: Pubkey, account: Account) -> None:
        self.accounts.overwrite(key, account)

    def airdrop(self, key: Pubkey, lamports: int) -> None:
        """Add lamports without a transaction."""
        account = self.accounts.newest(key) or EMPTY
        self.set_account(key, with_lamports(account, account.lamports + lamports))

    def add_program(self, program_id: Pubkey, elf: bytes) -> None:
        """Deploy under the upgradeable loader, without an upgrade authority. Raises ValueError for a bad ELF."""
        try:
            self._machine.add_program(program_id, elf)
        except Exception as error:  # LiteSVMError is not exported
            raise ValueError(f"program {program_id} is not a loadable ELF file: {error}") from error

    def rent_exempt(self, size: int) -> int:
        return self._machine.svm.minimum_balance_for_rent_exemption(size)

    # Time.

    def unix_time(self) -> int:
        return self._clock.now_ms() // 1000

    def _show_clock(self) -> None:
        self._machine.set_clock(self.chain.open.slot, self.unix_time())

    def advance(self, blocks: int = 1) -> None:
        """Close the open block, as many times as said; watchers are called after each."""
        for _ in range(blocks):
            self._show_clock()
            block = self.chain.close(self.unix_time())
            self.accounts.remember(self.chain.open.slot, {key: self.accounts.newest(key) for key in _SYSVARS})
            self._machine.close_block(block.slot, block.blockhash)
            self._show_clock()
            for watcher in list(self.watchers):
                watcher()
            self.accounts.finalize(self.chain.at(Commitment.FINALIZED).slot)
            if oldest := self.chain.clean_up():
                self._forget(oldest)

    def _forget(self, block: Block) -> None:
        for signature in block.signatures:
            for key in set(self.records.pop(signature).keys.all):
                self._by_address[key].remove(signature)
                if not self._by_address[key]:
                    del self._by_address[key]

    # Transactions.

    def keys(self, signed: Signed) -> Keys:
        """All accounts of the transaction, lookup tables resolved as far as they are there."""
        writable: list[Pubkey] = []
        readonly: list[Pubkey] = []
        message = signed.message
        for lookup in message.address_table_lookups if isinstance(message, MessageV0) else []:
            addresses = self._table(lookup.account_key)
            writable += [addresses[index] for index in lookup.writable_indexes if index < len(addresses)]
            readonly += [addresses[index] for index in lookup.readonly_indexes if index < len(addresses)]
        return Keys(message.account_keys, writable, readonly, static_writable(message))

    def _table(self, key: Pubkey) -> list[Pubkey]:
        account = self.accounts.newest(key)
        data = b"" if account is None else account.data[_LOOKUP_TABLE_HEADER:]
        return [Pubkey(data[start : start + 32]) for start in range(0, len(data) - 31, 32)]

    def submit(self, signed: Signed) -> Outcome:
        """Execute in the open block. What is refused before execution leaves no trace, as on a cluster."""
        if not signed.signatures_verify():
            return refused("SignatureFailure")
        slot = self.chain.open.slot
        if refusal := self._refusal(signed, slot=slot, height=self.chain.tip.height + 1):
            return refused(refusal)
        keys = self.keys(signed)
        before = {key: self.accounts.newest(key) for key in keys.all}
        self._show_clock()
        outcome = self._machine.execute(signed, keys)
        if outcome.landed:
            after = {key: self.accounts.newest(key) for key in keys.all}
            written = keys.writable if outcome.err is None else [key for key in after if after[key] != before[key]]
            self.accounts.remember(slot, {key: before[key] for key in written})
            lamports, tokens = (_lamports(before), _lamports(after)), (self._tokens(before), self._tokens(after))
            self._record(Record(signed, slot, keys, outcome, *lamports, *tokens))
        return outcome

    def _tokens(self, accounts: dict[Pubkey, Account | None]) -> list[TokenBalance]:
        return token_balances(accounts, self.accounts.newest)

    def _record(self, record: Record) -> None:
        signature = record.signed.signature
        self.records[signature] = record
        self.chain.open.signatures.append(signature)
        for key in set(record.keys.all):
            self._by_address[key].append(signature)

    def simulate(self, signed: Signed, *, at: Block, check_age: bool = True) -> Simulation:
        """What the transaction would do on the state at the end of that block."""
        keys = self.keys(signed)
        if check_age and (refusal := self._refusal(signed, slot=at.slot, height=at.height)):
            return Simulation(refused(refusal), keys)
        self._machine.set_clock(at.slot, self.unix_time())
        with self.accounts.as_of(keys.all, at.slot):
            outcome, accounts = self._machine.simulate(signed, keys)
        self._show_clock()
        return Simulation(outcome, keys, accounts)

    def _refusal(self, signed: Signed, *, slot: int, height: int) -> str | None:
        """Why a bank refuses to execute, in its order: age first, duplicates second."""
        if not self.chain.is_recent(signed.blockhash, at_height=height) and not self._nonce_is_current(signed, slot):
            return "BlockhashNotFound"
        record = self.records.get(signed.signature)
        return "AlreadyProcessed" if record is not None and record.slot <= slot else None

    def _nonce_is_current(self, signed: Signed, slot: int) -> bool:
        key = signed.nonce_key
        return key is not None and stored_nonce(self.accounts.at(key, slot)) == bytes(signed.blockhash)

    def faucet_transfer(self, to: Pubkey, lamports: int, at: Block) -> Signed:
        """A transfer from the faucet, ready to submit."""
        instruction = transfer(TransferParams(from_pubkey=self._faucet.pubkey(), to_pubkey=to, lamports=lamports))
        message = MessageV0.try_compile(self._faucet.pubkey(), [instruction], [], at.blockhash)
        transaction = VersionedTransaction(message, [self._faucet])
        return Signed(bytes(transaction), transaction)

    # What is known of transactions.

    def record(self, signature: Signature, commitment: Commitment) -> Record | None:
        """The transaction, if its block has reached the level."""
        record = self.records.get(signature)
        return record if record and record.slot <= self.chain.at(commitment).slot else None

    def records_of(self, key: Pubkey, commitment: Commitment) -> list[Record]:
        """Transactions naming the account whose blocks have reached the level, newest first."""
        found = [self.record(signature, commitment) for signature in reversed(self._by_address.get(key, []))]
        return [record for record in found if record is not None]

    def level(self, record: Record) -> Commitment:
        """The highest level that the transaction's block has reached."""
        return max(level for level in Commitment if record.slot <= self.chain.at(level).slot)

    def in_status_cache(self, record: Record) -> bool:
        return self.chain.at(Commitment.FINALIZED).height - self.block_of(record).height <= _STATUS_BLOCKS

    def block_of(self, record: Record) -> Block:
        block = self.chain.block(record.slot)
        if block is None:
            raise LookupError(f"slot {record.slot} has no block yet")
        return block

    def fee(self, message: Any, *, at: Block) -> int | None:
        """Lamports for a message, None if its blockhash is not valid at the block."""
        recent = self.chain.is_recent(message.recent_blockhash, at_height=at.height)
        return self._machine.fee(message) if recent else None

    def lowest_price(self, block: Block, keys: Iterable[Pubkey]) -> int:
        """The lowest compute-unit price in the block among transactions that write all of the accounts; 0 if none."""
        wanted = set(keys)
        records = [self.records[signature] for signature in block.signatures]
        prices = [limits_of(one.signed.message).price for one in records if wanted <= set(one.keys.writable)]
        return min(prices, default=0)


def _lamports(accounts: dict[Pubkey, Account | None]) -> list[int]:
    return [0 if account is None else account.lamports for account in accounts.values()]
