from __future__ import annotations

import pytest
from solders.compute_budget import (
    request_heap_frame,
    set_compute_unit_limit,
    set_compute_unit_price,
    set_loaded_accounts_data_size_limit,
)
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, MessageV1, TransactionConfig
from solders.pubkey import Pubkey

from relayer.localnet.limits import Limits, limits_of, priority_fee
from tests.transactions import pay

PAYER = Keypair()
NATIVE = pay(PAYER, Pubkey.new_unique())
OTHER = Instruction(Pubkey.new_unique(), b"", [])


def message(*instructions: Instruction) -> MessageV0:
    return MessageV0.try_compile(PAYER.pubkey(), list(instructions), [], Hash.default())


def test_a_message_that_asks_for_nothing_gets_units_by_program() -> None:
    assert limits_of(message(NATIVE, OTHER)).units == 3_000 + 200_000
    assert limits_of(message(*[OTHER] * 9)).units == 1_400_000


def test_what_is_asked_for_counts_up_to_the_maximum() -> None:
    asked = message(
        set_compute_unit_limit(5_000_000),
        set_compute_unit_price(7),
        request_heap_frame(65_536),
        set_loaded_accounts_data_size_limit(1_000),
        NATIVE,
    )
    assert limits_of(asked) == Limits(units=1_400_000, heap=65_536, loaded=1_000, price=7)


def test_legacy_messages_ask_the_same_way() -> None:
    legacy = Message.new_with_blockhash([set_compute_unit_limit(9), NATIVE], PAYER.pubkey(), Hash.default())
    assert limits_of(legacy).units == 9


@pytest.mark.parametrize(("price", "units", "lamports"), [(1, 300, 1), (1_000_000, 20_000, 20_000), (0, 20_000, 0)])
def test_a_price_is_paid_on_the_limit_and_rounded_up(price: int, units: int, lamports: int) -> None:
    priced = message(set_compute_unit_limit(units), set_compute_unit_price(price), NATIVE)
    assert priority_fee(priced) == lamports


def v1(config: TransactionConfig | None) -> MessageV1:
    return MessageV1.try_compile(PAYER.pubkey(), [NATIVE], Hash.default(), config)


def test_a_v1_message_names_its_limits_and_its_fee_in_lamports() -> None:
    config = TransactionConfig(
        priority_fee=77, compute_unit_limit=9_000, loaded_accounts_data_size_limit=500, heap_size=40_960
    )
    assert limits_of(v1(config)) == Limits(units=9_000, heap=40_960, loaded=500)
    assert priority_fee(v1(config)) == 77


def test_what_a_v1_message_does_not_set_is_zero() -> None:
    assert limits_of(v1(None)) == Limits(units=0, loaded=0)
    assert priority_fee(v1(None)) == 0
