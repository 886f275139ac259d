"""Instructions in, signed bytes out: version 0 everywhere, version 1 (SIMD-0385) for what needs its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import CompileError, MessageV0, to_bytes_versioned
from solders.signature import Signature

from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError

V0_BYTES = 1232
"""Largest serialised version 0 transaction (SIMD-0296)."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A whole transaction and its id, known before anything is sent."""

    signature: str
    wire: bytes


def sign_v0(instructions: Sequence[Instruction], signers: Sequence[Signer], blockhash: Hash) -> Signed:
    """Compile and sign; the first signer pays. Raises PermanentError if it does not fit or a signer is missing."""
    try:
        message = MessageV0.try_compile(signers[0].pubkey, instructions, [], blockhash)
    except CompileError as error:
        raise PermanentError(f"The transaction cannot be compiled ({error}): use fewer accounts.") from error
    keys = {signer.pubkey: signer for signer in signers}
    raw = to_bytes_versioned(message)
    needed = message.account_keys[: message.header.num_required_signatures]
    if missing := [str(key) for key in needed if key not in keys]:
        raise PermanentError(f"The transaction needs the signature of {', '.join(missing)}: load that key as well.")
    signatures = [keys[key].sign(raw) for key in needed]
    wire = bytes([len(signatures)]) + b"".join(signatures) + raw
    if len(wire) > V0_BYTES:
        raise PermanentError(f"The transaction takes {len(wire)} bytes of at most {V0_BYTES}: put less into it.")
    return Signed(str(Signature.from_bytes(signatures[0])), wire)
