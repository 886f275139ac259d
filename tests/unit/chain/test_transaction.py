from __future__ import annotations

import os

import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from relayer.chain.signer import Signer
from relayer.chain.transaction import V0_BYTES, sign_v0
from relayer.domain.errors import PermanentError

PROGRAM = Pubkey.from_bytes(bytes([7] * 32))


def key() -> Signer:
    return Signer(os.urandom(32))


def signed_by(*signers: Signer, data: bytes = b"") -> Instruction:
    return Instruction(PROGRAM, data, [AccountMeta(signer.pubkey, True, False) for signer in signers])


def test_all_signatures_verify_in_the_order_of_the_accounts() -> None:
    payer, first, second = key(), key(), key()
    signed = sign_v0([signed_by(second, first)], [payer, first, second], Hash.default())
    transaction = VersionedTransaction.from_bytes(signed.wire)
    assert transaction.verify_with_results() == [True, True, True]
    assert signed.signature == str(transaction.signatures[0])
    assert isinstance(transaction.message, MessageV0)
    assert transaction.message.account_keys[0] == payer.pubkey


def test_a_key_given_twice_signs_once() -> None:
    payer = key()
    signed = sign_v0([signed_by(payer)], [payer, payer], Hash.default())
    assert VersionedTransaction.from_bytes(signed.wire).verify_with_results() == [True]


def test_a_missing_key_is_named() -> None:
    payer, other = key(), key()
    with pytest.raises(PermanentError, match=f"needs the signature of {other.address}: load that key"):
        sign_v0([signed_by(other)], [payer], Hash.default())


def test_a_packet_s_size_is_the_limit() -> None:
    payer = key()
    overhead = len(sign_v0([signed_by(data=bytes(1_000))], [payer], Hash.default()).wire) - 1_000
    room = V0_BYTES - overhead
    assert len(sign_v0([signed_by(data=bytes(room))], [payer], Hash.default()).wire) == V0_BYTES
    with pytest.raises(PermanentError, match="takes 1233 bytes of at most 1232"):
        sign_v0([signed_by(data=bytes(room + 1))], [payer], Hash.default())


def test_too_many_accounts_cannot_be_compiled() -> None:
    accounts = [AccountMeta(Pubkey.new_unique(), False, False) for _ in range(300)]
    with pytest.raises(PermanentError, match="cannot be compiled"):
        sign_v0([Instruction(PROGRAM, b"", accounts)], [key()], Hash.default())
