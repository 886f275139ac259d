from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.pubkey import Pubkey

from relayer.chain.fees import Budget
from relayer.chain.mold import Molds
from relayer.chain.programs.board import publish, publish_data
from relayer.chain.signer import Signer
from relayer.chain.transaction import V0, V1, Format
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import PermanentError
from relayer.domain.units import Millis

PROGRAM, BOARD = Pubkey.from_bytes(bytes([7] * 32)), Pubkey.from_bytes(bytes([8] * 32))
PAYER, PUBLISHER = Signer(bytes([1] * 32)), Signer(bytes([2] * 32))
SIGNERS = [PAYER, PUBLISHER]


def updates(count: int) -> list[FeedUpdate]:
    return [FeedUpdate(index, FeedState(as_of_ms=Millis(1_000_000 - index))) for index in range(count)]


@pytest.mark.parametrize("version", [V0, V1], ids=["v0", "v1"])
@given(
    batches=st.lists(st.lists(st.integers(0, 10), min_size=1, max_size=2), min_size=1, max_size=6),
    budgets=st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), min_size=1, max_size=2),
    blockhashes=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=2),
)
def test_the_bytes_are_those_of_plain_signing(
    version: Format, batches: list[list[int]], budgets: list[tuple[int, int]], blockhashes: list[bytes]
) -> None:
    molds = Molds(version, publish(PROGRAM, PUBLISHER.pubkey, BOARD, epoch=0, base_ms=0, updates=()), SIGNERS)
    for number, counts in enumerate(batches):
        budget = Budget(*budgets[number % len(budgets)], loaded_bytes=32_768)
        blockhash = Hash(blockhashes[number // 2 % len(blockhashes)])
        arguments = [{"epoch": number, "base_ms": 1_000_000, "updates": updates(count)} for count in counts]
        whole = [publish(PROGRAM, PUBLISHER.pubkey, BOARD, **argument) for argument in arguments]  # type: ignore[arg-type]
        datas = [publish_data(**argument) for argument in arguments]  # type: ignore[arg-type]
        assert molds.sign(budget, datas, blockhash) == version.sign(budget, whole, SIGNERS, blockhash)


def test_what_does_not_fit_is_refused() -> None:
    molds = Molds(V0, publish(PROGRAM, PUBLISHER.pubkey, BOARD, epoch=0, base_ms=0, updates=()), SIGNERS)
    data = publish_data(epoch=0, base_ms=1_000_000, updates=updates(90))
    with pytest.raises(PermanentError, match="bytes of at most 1232"):
        molds.sign(Budget(1, 1, None), [data], Hash(os.urandom(32)))
