"""Instructions in, signed bytes out: version 0 everywhere, version 1 (SIMD-0385) for what needs its size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price, set_loaded_accounts_data_size_limit
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import CompileError, MessageV0, MessageV1, TransactionConfig, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature

from relayer.chain.fees import MAX_LOADED_BYTES, Budget
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError

Message = MessageV0 | MessageV1
V1_FEATURE = "txv1aq4pp281K9um3tnPgkfX8UqtFT6wcVW3hNezGLL"
"""Account whose first byte is 1 where the cluster takes version 1 transactions (SIMD-0385)."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A whole transaction and its id, known before anything is sent."""

    signature: str
    wire: bytes


@dataclass(frozen=True, slots=True)
class Format:
    """A transaction version: how a message is made, and how large the whole may be."""

    max_bytes: int
    compile: Callable[[Pubkey, Budget, Sequence[Instruction], Hash], Message]
    signatures_first: bool

    def sign(
        self, budget: Budget, instructions: Sequence[Instruction], signers: Sequence[Signer], blockhash: Hash
    ) -> Signed:
        """Compile and sign; the first signer pays. PermanentError if it does not fit or a signer is missing."""
        message = self.compiled(budget, instructions, signers[0].pubkey, blockhash)
        return self.signed(to_bytes_versioned(message), signers_in_order(message, signers))

    def compiled(self, budget: Budget, instructions: Sequence[Instruction], payer: Pubkey, blockhash: Hash) -> Message:
        """Raises PermanentError for more accounts than a message holds."""
        try:
            return self.compile(payer, budget, instructions, blockhash)
        except CompileError as error:
            raise PermanentError(f"The transaction cannot be compiled ({error}): use fewer accounts.") from error

    def signed(self, message: bytes, signers: Sequence[Signer]) -> Signed:
        """Put the signatures to a serialised message. Raises PermanentError if the whole is too large."""
        signatures = [signer.sign(message) for signer in signers]
        joined = b"".join(signatures)
        wire = bytes([len(signatures)]) + joined + message if self.signatures_first else message + joined
        if len(wire) > self.max_bytes:
            raise PermanentError(
                f"The transaction takes {len(wire)} bytes of at most {self.max_bytes}: put less into it."
            )
        return Signed(str(Signature.from_bytes(signatures[0])), wire)


def signers_in_order(message: Message, signers: Sequence[Signer]) -> list[Signer]:
    """Those whose signatures the message needs, in its order. Raises PermanentError naming the missing ones."""
    keys = {signer.pubkey: signer for signer in signers}
    needed = message.account_keys[: message.header.num_required_signatures]
    if missing := [str(key) for key in needed if key not in keys]:
        raise PermanentError(f"The transaction needs the signature of {', '.join(missing)}: load that key as well.")
    return [keys[key] for key in needed]


def _message_v0(payer: Pubkey, budget: Budget, instructions: Sequence[Instruction], blockhash: Hash) -> MessageV0:
    asked = [set_compute_unit_limit(budget.units), set_compute_unit_price(budget.micro_lamports)]
    if budget.loaded_bytes is not None:
        asked.append(set_loaded_accounts_data_size_limit(budget.loaded_bytes))
    return MessageV0.try_compile(payer, [*asked, *instructions], [], blockhash)


def _message_v1(payer: Pubkey, budget: Budget, instructions: Sequence[Instruction], blockhash: Hash) -> MessageV1:
    """Here the limits stand in the message, an unset one counts as 0, and the priority fee is a sum of lamports."""
    config = TransactionConfig(
        priority_fee=math.ceil(budget.units * budget.micro_lamports / 1_000_000),
        compute_unit_limit=budget.units,
        loaded_accounts_data_size_limit=budget.loaded_bytes or MAX_LOADED_BYTES,
    )
    return MessageV1.try_compile(payer, instructions, blockhash, config)


V0 = Format(max_bytes=1232, compile=_message_v0, signatures_first=True)  # size: SIMD-0296
V1 = Format(max_bytes=4096, compile=_message_v1, signatures_first=False)
