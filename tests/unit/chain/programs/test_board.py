from __future__ import annotations

import pytest
from solders.pubkey import Pubkey

from relayer.chain.programs import board
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import PermanentError
from relayer.domain.markets import MarketStatus
from relayer.domain.units import Millis, Price

PROGRAM, KEY, BOARD = (Pubkey(bytes([n]) * 32) for n in (1, 2, 3))
BASE = 1_770_000_000_000


def update(as_of_ms: int) -> FeedUpdate:
    state = FeedState(Price(6900), Price(7100), Price(7000), MarketStatus.ACTIVE, 9, Millis(as_of_ms))
    return FeedUpdate(258, state)


def test_publish_bytes() -> None:
    made = board.publish(PROGRAM, KEY, BOARD, epoch=7, base_ms=BASE, updates=[update(BASE - 15)])
    assert made.data.hex(" ", 4) == ("02000100 07000000 00000000 00000000 00a4381c 9c010000 f41abc1b 581b0209 02010200")
    assert [(meta.pubkey, meta.is_signer, meta.is_writable) for meta in made.accounts] == [
        (KEY, True, False),
        (BOARD, False, True),
    ]


@pytest.mark.parametrize("as_of_ms", [BASE + 10, BASE - board.MAX_AGE_MS - 1])
def test_an_entry_outside_the_bases_reach_is_refused(as_of_ms: int) -> None:
    with pytest.raises(ValueError, match="0 to 655350 ms before base"):
        board.publish(PROGRAM, KEY, BOARD, epoch=0, base_ms=BASE, updates=[update(as_of_ms)])


@pytest.mark.parametrize(("as_of_ms", "shown"), [(BASE, BASE), (BASE - 1, BASE - 10), (BASE - 10, BASE - 10)])
def test_ages_are_rounded_up(as_of_ms: int, shown: int) -> None:
    assert board.encoded_as_of(BASE, as_of_ms) == shown


@pytest.mark.parametrize(("capacity", "calls"), [(1, 1), (255, 1), (256, 2), (1024, 5)])
def test_growth_is_counted_in_calls(capacity: int, calls: int) -> None:
    assert board.init_calls(capacity) == calls


def test_a_name_is_at_most_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="longer than 16 bytes"):
        board.init_board(PROGRAM, KEY, index=0, capacity=1, publisher=KEY, name="seventeen letters")


def test_other_accounts_are_refused_in_a_sentence() -> None:
    with pytest.raises(PermanentError, match="not a board of this program version"):
        board.decode_board(bytes(192))
    with pytest.raises(PermanentError, match="was closed"):
        board.decode_board(b"closed\0\x01")
    short = b"board\0\0\x01" + bytes(132) + b"\x02\0\0\0" + bytes(48)
    with pytest.raises(PermanentError, match="shorter than its header says"):
        board.decode_board(short)
    odd_status = b"board\0\0\x01" + bytes(132) + b"\x01\0\0\0" + bytes(48) + bytes(6) + b"\xff" + bytes(17)
    with pytest.raises(PermanentError, match="does not know \\(255 is not a valid MarketStatus\\)"):
        board.decode_board(odd_status)
    with pytest.raises(PermanentError, match="does not hold the ids"):
        board.decode_ids(bytes(48), 1)
