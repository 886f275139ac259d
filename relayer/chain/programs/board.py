"""Boards of the oracle program: addresses, instructions out, accounts in.

Layouts are those of `deploy/program/reader/src/board.rs`. Packing into transactions, signing and sending are the
business of others.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import PermanentError
from relayer.domain.markets import MarketStatus
from relayer.domain.units import Millis, Price

MAX_CAPACITY = 1024
MAX_GROWTH = 10_240
"""Bytes an account may grow by in one instruction."""
PUBLISH_HEADER_LEN = 24
ENTRY_LEN = 12
AGE_UNIT_MS = 10
MAX_AGE_MS = 65_535 * AGE_UNIT_MS
FUTURE_MS = 5_000
"""A slot's time is at most the cluster's clock plus this much."""

BOARD = b"board\0\0\x01"
"""First 8 bytes of a board, for memcmp filters too."""
AUTHORITY_OFFSET = 8
_IDS = b"ids\0\0\0\0\x01"
_TOMBSTONE = b"closed\0\x01"
_RETIRED = 9
(
    _INIT_BOARD,
    _LIST_FEEDS,
    _PUBLISH,
    _RETIRE_FEED,
    _PROPOSE_AUTHORITY,
    _ACCEPT_AUTHORITY,
    _SET_PUBLISHER,
    _ANCHOR,
    _CLOSE_BOARD,
) = range(9)

_HEADER = struct.Struct("<8s32s32s32sIIQQQII32s16s")
_SLOT = struct.Struct("<HHHBBQIHH")
_FEED_ID = struct.Struct("<32sH6x")
_BATCH = struct.Struct("<BBHIQQ")
_ENTRY = struct.Struct("<HHHBBHH")
_IDS_HEADER_LEN = 8


@dataclass(frozen=True, slots=True)
class BoardHeader:
    authority: Pubkey
    pending_authority: Pubkey | None
    publisher: Pubkey
    epoch: int
    updates: int
    """Entries written since the board was made."""
    slot: int
    """Cluster slot of the last publish."""
    last_publish_ms: Millis
    """Cluster clock at the last publish."""
    capacity: int
    length: int
    tape_head: bytes
    name: str


@dataclass(frozen=True, slots=True)
class BoardSlot:
    state: FeedState | None
    """None for a retired slot."""
    updates: int
    generation: int
    """Counts how often the slot was given to another market."""


@dataclass(frozen=True, slots=True)
class Board:
    header: BoardHeader
    slots: tuple[BoardSlot, ...]
    """The listed ones, `header.length` of them."""


@dataclass(frozen=True, slots=True)
class ListedFeed:
    feed_id: bytes
    """`MarketId.feed_id()` of the market."""
    generation: int


def board_address(program_id: Pubkey, authority: Pubkey, index: int) -> Pubkey:
    """The board with that number which `authority` makes; it keeps its address when the authority changes."""
    return Pubkey.find_program_address([b"board", bytes(authority), struct.pack("<H", index)], program_id)[0]


def ids_address(program_id: Pubkey, board: Pubkey) -> Pubkey:
    return Pubkey.find_program_address([b"ids", bytes(board)], program_id)[0]


def board_len(capacity: int) -> int:
    return _HEADER.size + capacity * _SLOT.size


def ids_len(capacity: int) -> int:
    return _IDS_HEADER_LEN + capacity * _FEED_ID.size


def init_calls(capacity: int) -> int:
    """How often `init_board` is to be sent, each time with the same arguments, until the board is complete."""
    return -(-max(board_len(capacity), ids_len(capacity)) // MAX_GROWTH)


def init_board(
    program_id: Pubkey, authority: Pubkey, *, index: int, capacity: int, publisher: Pubkey, name: str
) -> Instruction:
    """Make or grow a board; `authority` signs and pays. Raises ValueError for a capacity or name that does not fit."""
    if not 1 <= capacity <= MAX_CAPACITY:
        raise ValueError(f"board capacity {capacity} is outside 1 to {MAX_CAPACITY}")
    label = name.encode()
    if len(label) > 16:
        raise ValueError(f"board name {name!r} is longer than 16 bytes")
    board = board_address(program_id, authority, index)
    accounts = [
        AccountMeta(authority, is_signer=True, is_writable=True),
        _writable(board),
        _writable(ids_address(program_id, board)),
        AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
    ]
    return Instruction(
        program_id, struct.pack("<BHI32s16s", _INIT_BOARD, index, capacity, bytes(publisher), label), accounts
    )


def list_feeds(program_id: Pubkey, authority: Pubkey, board: Pubkey, feeds: Sequence[tuple[int, bytes]]) -> Instruction:
    """Give slots to markets: (index, feed id) each; an index is the next free one or that of a retired slot.

    Raises the board's epoch by one.
    """
    data = bytes([_LIST_FEEDS]) + b"".join(struct.pack("<H32s", index, feed_id) for index, feed_id in feeds)
    accounts = [*_signer_and_board(authority, board), _writable(ids_address(program_id, board))]
    return Instruction(program_id, data, accounts)


def retire_feeds(program_id: Pubkey, authority: Pubkey, board: Pubkey, indices: Sequence[int]) -> Instruction:
    """Empty slots for good or until they are listed again. Raises the board's epoch by one."""
    data = bytes([_RETIRE_FEED]) + struct.pack(f"<{len(indices)}H", *indices)
    return Instruction(program_id, data, _signer_and_board(authority, board))


def propose_authority(program_id: Pubkey, authority: Pubkey, board: Pubkey, proposed: Pubkey) -> Instruction:
    """First step of handing over a board; the zero key withdraws a proposal."""
    return Instruction(program_id, bytes([_PROPOSE_AUTHORITY, *bytes(proposed)]), _signer_and_board(authority, board))


def accept_authority(program_id: Pubkey, proposed: Pubkey, board: Pubkey) -> Instruction:
    """Second step: the proposed authority signs."""
    return Instruction(program_id, bytes([_ACCEPT_AUTHORITY]), _signer_and_board(proposed, board))


def set_publisher(program_id: Pubkey, authority: Pubkey, board: Pubkey, publisher: Pubkey) -> Instruction:
    return Instruction(program_id, bytes([_SET_PUBLISHER, *bytes(publisher)]), _signer_and_board(authority, board))


def anchor(program_id: Pubkey, publisher: Pubkey, board: Pubkey, head: bytes) -> Instruction:
    """Write the 32-byte head hash of the publisher's tape."""
    return Instruction(program_id, bytes([_ANCHOR, *head]), _signer_and_board(publisher, board))


def close_board(program_id: Pubkey, authority: Pubkey, board: Pubkey) -> Instruction:
    """Close a board for good; its rent goes to `authority`, but for that of an 8-byte tombstone."""
    accounts = [
        AccountMeta(authority, is_signer=True, is_writable=True),
        _writable(board),
        _writable(ids_address(program_id, board)),
    ]
    return Instruction(program_id, bytes([_CLOSE_BOARD]), accounts)


def publish(
    program_id: Pubkey, publisher: Pubkey, board: Pubkey, *, epoch: int, base_ms: int, updates: Sequence[FeedUpdate]
) -> Instruction:
    """Write prices, newest wins entry by entry; arguments and errors as in `publish_data`."""
    data = publish_data(epoch=epoch, base_ms=base_ms, updates=updates)
    return Instruction(program_id, data, _signer_and_board(publisher, board))


def publish_data(*, epoch: int, base_ms: int, updates: Sequence[FeedUpdate]) -> bytes:
    """The data of `publish`. `base_ms` is at or after every entry's time; up to 9 ms later count as at the base.

    Raises ValueError for an entry later than the base or older than `MAX_AGE_MS` against it: it goes with another base.
    """
    rounded_up_ms = base_ms + AGE_UNIT_MS - 1
    pack = _ENTRY.pack
    try:  # one expression for all entries: every price comes through here
        entries = [
            pack(
                state.bid,
                state.ask,
                state.last,
                state.status,
                state.size_bits,
                update.index,
                (rounded_up_ms - state.as_of_ms) // AGE_UNIT_MS,
            )
            for update in updates
            for state in (update.state,)
        ]
    except struct.error as error:
        raise ValueError(f"entries must lie 0 to {MAX_AGE_MS} ms before base {base_ms}, in a slot's ranges") from error
    return _BATCH.pack(_PUBLISH, 0, len(updates), epoch, 0, base_ms) + b"".join(entries)


def encoded_as_of(base_ms: int, as_of_ms: int) -> Millis:
    """The time a slot will show for an entry of `as_of_ms`: up to 9 ms before it. Raises ValueError like `publish`."""
    return Millis(base_ms - AGE_UNIT_MS * _age(base_ms, as_of_ms))


def decode_board(data: bytes) -> Board:
    """Header and listed slots of a board account. Raises PermanentError for anything else."""
    if data[:8] == _TOMBSTONE:
        raise PermanentError("The board was closed; make another one under another index.")
    if data[:8] != BOARD or len(data) < _HEADER.size:
        raise PermanentError("The account is not a board of this program version; check the board's address.")
    header = _decode_header(data)
    if len(data) < board_len(header.length):
        raise PermanentError("The board's account is shorter than its header says; read the whole account.")
    listed = data[_HEADER.size : board_len(header.length)]
    try:
        return Board(header, tuple(_decode_slot(*fields) for fields in _SLOT.iter_unpack(listed)))
    except ValueError as error:
        raise PermanentError(f"The board shows what this program version does not know ({error}).") from error


def decode_ids(data: bytes, length: int) -> tuple[ListedFeed, ...]:
    """The first `length` feeds of a board's ids account. Raises PermanentError for anything else."""
    if data[:8] != _IDS or len(data) < ids_len(length):
        raise PermanentError("The account does not hold the ids of this board; check the board's address.")
    return tuple(ListedFeed(*fields) for fields in _FEED_ID.iter_unpack(data[_IDS_HEADER_LEN : ids_len(length)]))


def _age(base_ms: int, as_of_ms: int) -> int:
    age = -(-(base_ms - as_of_ms) // AGE_UNIT_MS)
    if not 0 <= age * AGE_UNIT_MS <= MAX_AGE_MS or as_of_ms > base_ms:
        raise ValueError(f"an entry as of {as_of_ms} cannot go with base {base_ms}: 0 to {MAX_AGE_MS} ms before it can")
    return age


def _signer_and_board(signer: Pubkey, board: Pubkey) -> list[AccountMeta]:
    return [AccountMeta(signer, is_signer=True, is_writable=False), _writable(board)]


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _decode_header(data: bytes) -> BoardHeader:
    _, authority, pending, publisher, epoch, _, updates, slot, last_ms, capacity, length, tape_head, name = (
        _HEADER.unpack_from(data)
    )
    return BoardHeader(
        authority=Pubkey(authority),
        pending_authority=Pubkey(pending) if any(pending) else None,
        publisher=Pubkey(publisher),
        epoch=epoch,
        updates=updates,
        slot=slot,
        last_publish_ms=Millis(last_ms),
        capacity=capacity,
        length=length,
        tape_head=tape_head,
        name=name.rstrip(b"\0").decode(errors="replace"),
    )


def _decode_slot(
    bid: int, ask: int, last: int, status: int, size: int, as_of: int, updates: int, generation: int, _: int
) -> BoardSlot:
    if status == _RETIRED:
        return BoardSlot(None, updates, generation)
    state = FeedState(Price(bid), Price(ask), Price(last), MarketStatus(status), size, Millis(as_of))
    return BoardSlot(state, updates, generation)
