"""Transactions as they come in: text to bytes, the size limits, the parts of a message whatever its version."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

from solders.hash import Hash
from solders.instruction import CompiledInstruction
from solders.message import Message, MessageV0, MessageV1
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from relayer.localnet import base58
from relayer.localnet.errors import invalid_params

PACKET_SIZE = 1232
PACKET_SIZE_V1 = 4096
_KIND = "solana_transaction::versioned::VersionedTransaction"


@dataclass(frozen=True)
class Signed:
    """One transaction and its bytes."""

    raw: bytes
    transaction: VersionedTransaction

    @property
    def message(self) -> Message | MessageV0 | MessageV1:
        return self.transaction.message

    @property
    def signature(self) -> Signature:
        return self.transaction.signatures[0]

    @property
    def blockhash(self) -> Hash:
        return self.message.recent_blockhash

    @property
    def payer(self) -> Pubkey:
        return self.message.account_keys[0]

    @property
    def nonce_key(self) -> Pubkey | None:
        """The account that a first instruction AdvanceNonceAccount names, if there is one among the static keys."""
        if not self.transaction.uses_durable_nonce():
            return None
        accounts, keys = self.instructions[0].accounts, self.message.account_keys
        return keys[accounts[0]] if accounts and accounts[0] < len(keys) else None

    @property
    def instructions(self) -> list[CompiledInstruction]:
        return self.message.instructions

    @property
    def version(self) -> Literal["legacy"] | int:
        if isinstance(self.message, Message):
            return "legacy"
        return 0 if isinstance(self.message, MessageV0) else 1

    def signatures_verify(self) -> bool:
        return all(self.transaction.verify_with_results())


@dataclass(frozen=True)
class Keys:
    """The accounts of a transaction in the order that its instructions count them by."""

    static: list[Pubkey]
    loaded_writable: list[Pubkey]
    loaded_readonly: list[Pubkey]
    static_writable: list[bool]

    @property
    def all(self) -> list[Pubkey]:
        return self.static + self.loaded_writable + self.loaded_readonly

    @property
    def writable(self) -> list[Pubkey]:
        static = [key for key, writable in zip(self.static, self.static_writable, strict=True) if writable]
        return static + self.loaded_writable


def static_writable(message: Message | MessageV0 | MessageV1) -> list[bool]:
    """Which of the static keys the message asks to write."""
    header, count = message.header, len(message.account_keys)
    signers = header.num_required_signatures
    signed = signers - header.num_readonly_signed_accounts
    unsigned = count - header.num_readonly_unsigned_accounts
    return [index < signed or signers <= index < unsigned for index in range(count)]


def decode_text(text: str, encoding: str, *, limit: int = PACKET_SIZE_V1, kind: str = _KIND) -> bytes:
    """The bytes of a base58 or base64 text of at most `limit` bytes. Raises RpcError (-32602)."""
    if encoding not in ("base58", "base64"):
        raise invalid_params(f"unsupported encoding: {encoding}. Supported encodings: base58, base64")
    longest = -(-limit // 3) * 4 if encoding == "base64" else int(limit * 1.3658) + 1
    if len(text) > longest:
        raise invalid_params(
            f"{encoding} encoded {kind} too large: {len(text)} bytes (max: encoded/raw {longest}/{limit})"
        )
    try:
        data = base64.b64decode(text, validate=True) if encoding == "base64" else base58.decode(text)
    except (binascii.Error, ValueError) as error:
        raise invalid_params(f"invalid {encoding} encoding: {error}") from error
    if len(data) > limit:
        raise invalid_params(f"decoded {kind} too large: {len(data)} bytes (max: {limit} bytes)")
    return data


def decode_transaction(text: str, encoding: str, *, allow_v1: bool) -> Signed:
    """One signed transaction. Raises RpcError (-32602) for what is too large, malformed or not sane."""
    raw = decode_text(text, encoding, limit=PACKET_SIZE_V1 if allow_v1 else PACKET_SIZE)
    try:
        transaction = VersionedTransaction.from_bytes(raw)
    except ValueError as error:
        raise invalid_params(f"failed to deserialize {_KIND}: {error}") from error
    signed = Signed(raw, transaction)
    if signed.version != 1 and len(raw) > PACKET_SIZE:
        raise invalid_params(f"decoded {_KIND} too large: {len(raw)} bytes (max: {PACKET_SIZE} bytes)")
    if signed.version == 1 and not allow_v1:
        raise invalid_params("invalid transaction: Transaction version is unsupported")
    try:
        transaction.sanitize()
    except Exception as error:  # SanitizeError is not exported
        raise invalid_params(
            "invalid transaction: Transaction failed to sanitize accounts offsets correctly"
        ) from error
    return signed
