from __future__ import annotations

import os

import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import MessageV1
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from relayer.chain.fees import MAX_LOADED_BYTES, Budget
from relayer.chain.signer import Signer
from relayer.chain.transaction import V0, V1, Format
from relayer.domain.errors import PermanentError

PROGRAM = Pubkey.from_bytes(bytes([7] * 32))
BUDGET = Budget(units=10_001, micro_lamports=150, loaded_bytes=65_536)
formats = pytest.mark.parametrize("version", [V0, V1], ids=["v0", "v1"])


def key() -> Signer:
    return Signer(os.urandom(32))


def signed_by(*signers: Signer, data: bytes = b"") -> Instruction:
    return Instruction(PROGRAM, data, [AccountMeta(signer.pubkey, True, False) for signer in signers])


@formats
def test_all_signatures_verify_in_the_order_of_the_accounts(version: Format) -> None:
    payer, first, second = key(), key(), key()
    signed = version.sign(BUDGET, [signed_by(second, first)], [payer, first, second], Hash.default())
    transaction = VersionedTransaction.from_bytes(signed.wire)
    assert transaction.verify_with_results() == [True, True, True]
    assert signed.signature == str(transaction.signatures[0])
    assert transaction.message.account_keys[0] == payer.pubkey
    assert bytes(transaction) == signed.wire


@formats
def test_a_key_given_twice_signs_once(version: Format) -> None:
    payer = key()
    signed = version.sign(BUDGET, [signed_by(payer)], [payer, payer], Hash.default())
    assert VersionedTransaction.from_bytes(signed.wire).verify_with_results() == [True]


@formats
def test_a_missing_key_is_named(version: Format) -> None:
    payer, other = key(), key()
    with pytest.raises(PermanentError, match=f"needs the signature of {other.address}: load that key"):
        version.sign(BUDGET, [signed_by(other)], [payer], Hash.default())


@formats
def test_a_transaction_s_size_is_the_limit(version: Format) -> None:
    payer = key()

    def size(length: int) -> int:
        return len(version.sign(BUDGET, [signed_by(data=bytes(length))], [payer], Hash.default()).wire)

    room = version.max_bytes - (size(1_000) - 1_000)
    assert size(room) == version.max_bytes
    with pytest.raises(PermanentError, match=f"takes {version.max_bytes + 1} bytes of at most {version.max_bytes}"):
        size(room + 1)


@formats
def test_too_many_accounts_cannot_be_compiled(version: Format) -> None:
    accounts = [AccountMeta(Pubkey.new_unique(), False, False) for _ in range(300)]
    with pytest.raises(PermanentError, match="cannot be compiled"):
        version.sign(BUDGET, [Instruction(PROGRAM, b"", accounts)], [key()], Hash.default())


def test_a_version_1_message_carries_its_limits_and_a_fee_in_lamports() -> None:
    signed = V1.sign(BUDGET, [signed_by()], [key()], Hash.default())
    message = VersionedTransaction.from_bytes(signed.wire).message
    assert isinstance(message, MessageV1)
    assert message.config.compute_unit_limit == 10_001
    assert message.config.loaded_accounts_data_size_limit == 65_536
    assert message.config.priority_fee == 2, "10,001 units at 150 micro-lamports, rounded up"
    unmeasured = V1.sign(Budget(1, 0, None), [signed_by()], [key()], Hash.default())
    message = VersionedTransaction.from_bytes(unmeasured.wire).message
    assert isinstance(message, MessageV1)
    assert message.config.loaded_accounts_data_size_limit == MAX_LOADED_BYTES
