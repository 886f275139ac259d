"""A cluster of one: the SVM with our committed programs, a payer, and a clock that tests set."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from relayer.chain.programs.pnp import METADATA_PROGRAM

PROGRAMS = resources.files("relayer") / "data" / "programs"
TEST_PROGRAMS = Path(__file__).parent / "programs"
ORACLE = Path(os.environ.get("RELAYER_TEST_ORACLE") or str(PROGRAMS / "oracle.so"))
"""The program under test; the mutation campaign puts its own there."""
START_S = 1_770_000_000
"""Where the cluster's clock stands at first."""


@dataclass(frozen=True)
class Sent:
    """What became of a transaction."""

    error: object
    """As in an RPC answer; None for success."""
    logs: list[str]
    compute_units: int
    return_data: bytes

    @property
    def custom(self) -> int | None:
        """The custom error number, if that is what it failed with."""
        match self.error:
            case {"InstructionError": [_, {"Custom": int(number)}]}:
                return number
        return None


class Chain:
    def __init__(self) -> None:
        self.svm = LiteSVM().with_mainnet_features()
        self.oracle = Keypair().pubkey()
        self.pnp = Keypair().pubkey()
        self.svm.add_program(self.oracle, ORACLE.read_bytes())
        self.svm.add_program(self.pnp, (PROGRAMS / "pnp_standin.so").read_bytes())
        self.svm.add_program(METADATA_PROGRAM, (PROGRAMS / "metadata_standin.so").read_bytes())
        self.payer = self.funded()
        self.set_time(START_S)

    def funded(self, lamports: int = 10**11) -> Keypair:
        key = Keypair()
        self.svm.airdrop(key.pubkey(), lamports)
        return key

    def set_time(self, seconds: int) -> None:
        clock = self.svm.get_clock()
        clock.unix_timestamp = seconds
        self.svm.set_clock(clock)

    def send(self, instructions: Instruction | Sequence[Instruction], *signers: Keypair) -> Sent:
        """Send one transaction, paid by `payer`."""
        together = [instructions] if isinstance(instructions, Instruction) else list(instructions)
        self.svm.expire_blockhash()
        message = MessageV0.try_compile(self.payer.pubkey(), together, [], self.svm.latest_blockhash())
        result = self.svm.send_transaction(VersionedTransaction(message, [self.payer, *signers]))
        failed = isinstance(result, FailedTransactionMetadata)
        meta = result.meta() if isinstance(result, FailedTransactionMetadata) else result
        error = json.loads(result.to_json())["err"] if failed else None
        return Sent(error, meta.logs(), meta.compute_units_consumed(), bytes(meta.return_data().data))

    def ok(self, instructions: Instruction | Sequence[Instruction], *signers: Keypair) -> Sent:
        sent = self.send(instructions, *signers)
        assert sent.error is None, (sent.error, sent.logs)
        return sent

    def data(self, address: Pubkey) -> bytes:
        account = self.svm.get_account(address)
        assert account is not None, f"no account at {address}"
        return account.data

    def put(self, address: Pubkey, data: bytes, owner: Pubkey) -> None:
        """Put an account there as it is."""
        lamports = self.svm.minimum_balance_for_rent_exemption(len(data))
        self.svm.set_account(address, Account(lamports, data, owner))
