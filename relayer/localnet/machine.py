"""One LiteSVM, corrected where it differs from a cluster's runtime: version 1 limits and fees, loaded bytes, nonces.

Signatures, blockhashes and duplicates are the bank's business; LiteSVM's own checks of them are off, since it knows
one blockhash and forgets all but a few transactions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from solders.account import Account
from solders.compute_budget import ComputeBudget
from solders.epoch_schedule import EpochSchedule
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.message import MessageV0, MessageV1
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction_metadata import FailedTransactionMetadata, InnerInstruction

from relayer.localnet.accounts import with_lamports
from relayer.localnet.limits import LAMPORTS_PER_SIGNATURE, limits_of, priority_fee
from relayer.localnet.wire import Keys, Signed

UPGRADEABLE_LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
_CPI_NESTING_OF_8 = Pubkey.from_string("6TkHkRmP7JZy1fdM6fg5uXn76wChQBWGokHBJzrLB3mj")
_LOOKUP_TABLE_SIZE = 8_248
_ACCOUNT_OVERHEAD = 64
"""Bytes that SIMD-0186 counts for each account and table besides its data."""
_SLOT_HASHES = 512
_NO_PROGRAM = Pubkey.default()
_NONCE = slice(40, 72)


@dataclass(frozen=True)
class Outcome:
    """What execution or simulation of one transaction gave.

    err: in RPC form, None for success. landed: False if the transaction was refused before execution.
    loaded_size: bytes of accounts counted against the transaction's limit.
    """

    err: Any
    landed: bool
    fee: int = 0
    logs: tuple[str, ...] = ()
    units: int = 0
    loaded_size: int = 0
    inner: tuple[tuple[InnerInstruction, ...], ...] = ()
    return_program: Pubkey = _NO_PROGRAM
    return_data: bytes = b""


def refused(err: Any) -> Outcome:
    return Outcome(err, landed=False)


class Machine:
    def __init__(self) -> None:
        self.svm = LiteSVM().with_sigverify(False).with_blockhash_check(False).with_transaction_history(0)
        self.schedule = EpochSchedule.without_warmup()
        self.svm.set_epoch_schedule(self.schedule)
        self._deep_cpi = LiteSVM.mainnet_feature_set().is_active(_CPI_NESTING_OF_8)

    def set_clock(self, slot: int, unix_time: int) -> None:
        clock = self.svm.get_clock()
        clock.slot, clock.unix_timestamp = slot, unix_time
        clock.epoch = self.schedule.get_epoch(slot)
        clock.leader_schedule_epoch = self.schedule.get_leader_schedule_epoch(slot)
        self.svm.set_clock(clock)

    def close_block(self, slot: int, blockhash: Hash) -> None:
        """Give programs the block's hash, and nonces a new value."""
        self.svm.expire_blockhash()
        self.svm.set_slot_hashes([(slot, blockhash), *self.svm.get_slot_hashes()][:_SLOT_HASHES])

    def add_program(self, program_id: Pubkey, elf: bytes) -> None:
        """Deploy as of genesis: callable at once."""
        now = self.svm.get_clock()
        self.svm.warp_to_slot(0)
        try:
            self.svm.add_program(program_id, elf)
        finally:
            self.svm.set_clock(now)

    def execute(self, signed: Signed, keys: Keys) -> Outcome:
        """Execute for good."""
        if failure := self._load_failure(signed, keys):
            self._charge(signed.payer, failure.fee)
            return failure
        paid = self._prepay(signed)
        outcome = self._outcome(self.svm.send_transaction(signed.transaction), signed, keys)
        if not outcome.landed:
            self._charge(signed.payer, -paid)
        elif outcome.err is not None:
            self._use_up_nonce(signed)
        return outcome

    def simulate(self, signed: Signed, keys: Keys) -> tuple[Outcome, dict[Pubkey, Account | None]]:
        """The outcome, and the accounts as they would be after it (none if it fails); nothing changes."""
        if failure := self._load_failure(signed, keys):
            return failure, {}
        paid = self._prepay(signed)
        result = self.svm.simulate_transaction(signed.transaction)
        self._charge(signed.payer, -paid)
        outcome = self._outcome(result, signed, keys)
        if isinstance(result, FailedTransactionMetadata):
            return outcome, {}
        untouched = {key: self.svm.get_account(key) for key in keys.all}
        return outcome, untouched | dict(result.post_accounts())

    def fee(self, message: Any) -> int:
        """Lamports the payer is charged, whatever comes of the transaction."""
        return LAMPORTS_PER_SIGNATURE * int(message.header.num_required_signatures) + priority_fee(message)

    def _outcome(self, result: Any, signed: Signed, keys: Keys) -> Outcome:
        failed = isinstance(result, FailedTransactionMetadata)
        meta = result if hasattr(result, "logs") else result.meta()
        returned = meta.return_data()
        return Outcome(
            err=json.loads(result.to_json())["err"] if failed else None,
            # LiteSVM gives what it refused before execution the signature of all zeros.
            landed=meta.signature() != Signature.default(),
            fee=self.fee(signed.message),
            logs=tuple(meta.logs()),
            units=meta.compute_units_consumed(),
            loaded_size=self._loaded_size(signed, keys),
            inner=tuple(tuple(instructions) for instructions in meta.inner_instructions()),
            return_program=returned.program_id,
            return_data=bytes(returned.data),
        )

    def _prepay(self, signed: Signed) -> int:
        """Set the limits that the transaction asks for; take a v1 priority fee, which LiteSVM does not know."""
        limits = limits_of(signed.message)
        budget = ComputeBudget(self._deep_cpi)
        budget.compute_unit_limit, budget.heap_size = limits.units, limits.heap
        self.svm.with_compute_budget(budget)
        if not isinstance(signed.message, MessageV1):
            return 0
        extra = min(priority_fee(signed.message), self.svm.get_balance(signed.payer) or 0)
        self._charge(signed.payer, extra)
        return extra

    def _charge(self, payer: Pubkey, lamports: int) -> None:
        account = self.svm.get_account(payer)
        if lamports and account is not None:
            self.svm.set_account(payer, with_lamports(account, account.lamports - lamports))

    def _load_failure(self, signed: Signed, keys: Keys) -> Outcome | None:
        """What a cluster does not execute but charges: no such program, not one, one deployed in this very slot, or too
        many bytes to load. None where the payer cannot pay for that either: LiteSVM says what is wrong then.
        """
        err, fee = self._load_error(signed, keys), self.fee(signed.message)
        if err is None or (self.svm.get_balance(signed.payer) or 0) < fee:
            return None
        return Outcome(err, landed=True, fee=fee, loaded_size=self._loaded_size(signed, keys))

    def _load_error(self, signed: Signed, keys: Keys) -> Any:
        static = signed.message.account_keys
        programs = [self.svm.get_account(static[one.program_id_index]) for one in signed.instructions]
        if None in programs:
            return "ProgramAccountNotFound"
        if not all(program is not None and program.executable for program in programs):
            return "InvalidProgramForExecution"
        if self._loaded_size(signed, keys) > limits_of(signed.message).loaded:
            return "MaxLoadedAccountsDataSizeExceeded"
        slot = self.svm.get_clock().slot
        for index, program in enumerate(programs):
            if program is not None and slot and self._deployed_in(program) == slot:
                return {"InstructionError": [index, "UnsupportedProgramId"]}
        return None

    def _program_data(self, program: Account) -> Account | None:
        upgradeable = program.owner == UPGRADEABLE_LOADER and program.executable
        return self.svm.get_account(Pubkey(program.data[4:36])) if upgradeable else None

    def _deployed_in(self, program: Account) -> int | None:
        """The slot of the last deployment of an upgradeable program; it is callable from the next one on, in genesis at
        once."""
        code = self._program_data(program)
        return None if code is None else int.from_bytes(code.data[4:12], "little")

    def _loaded_size(self, signed: Signed, keys: Keys) -> int:
        message = signed.message
        tables = len(message.address_table_lookups) if isinstance(message, MessageV0) else 0
        accounts = [account for key in keys.all if (account := self.svm.get_account(key)) is not None]
        sizes = [_ACCOUNT_OVERHEAD + len(account.data) + self._program_data_size(account) for account in accounts]
        return sum(sizes) + tables * _LOOKUP_TABLE_SIZE

    def _program_data_size(self, account: Account) -> int:
        code = self._program_data(account)
        return 0 if code is None else _ACCOUNT_OVERHEAD + len(code.data)

    def _use_up_nonce(self, signed: Signed) -> None:
        # On a cluster a nonce advances even if the rest of the transaction fails; LiteSVM rolls it back.
        key = signed.nonce_key
        account = None if key is None else self.svm.get_account(key)
        if key is not None and account is not None:
            nonce = sha256(b"DURABLE_NONCE" + bytes(self.svm.latest_blockhash())).digest()
            data = account.data[: _NONCE.start] + nonce + account.data[_NONCE.stop :]
            self.svm.set_account(key, Account(account.lamports, data, account.owner, False, account.rent_epoch))


def stored_nonce(account: Account | None) -> bytes:
    return b"" if account is None else account.data[_NONCE]
