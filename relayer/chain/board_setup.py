"""Reading a board with its ids, and what its authority signs to make it and to list markets. Sending is for others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs.board import (
    AUTHORITY_OFFSET,
    BOARD,
    MAX_GROWTH,
    Board,
    BoardHeader,
    ListedFeed,
    board_len,
    decode_board,
    decode_ids,
    ids_address,
    ids_len,
    init_board,
    list_feeds,
    retire_feeds,
)
from relayer.chain.rpc import Account, Rpc
from relayer.chain.settings import BoardSettings
from relayer.domain.errors import PermanentError
from relayer.domain.markets import MarketId

FEEDS_A_TRANSACTION = 20
RETIRED_A_TRANSACTION = 300
TOMBSTONE_LEN = 8
"""What stays of a closed board."""


@dataclass(frozen=True, slots=True)
class BoardView:
    """A complete board as the chain shows it."""

    address: Pubkey
    board: Board
    feeds: tuple[ListedFeed, ...]
    """One a listed slot, in the order of the slots."""

    def indexes(self, markets: Sequence[MarketId]) -> dict[MarketId, int]:
        """Slots of those markets that are listed and not retired."""
        live = {
            feed.feed_id: index
            for index, (feed, slot) in enumerate(zip(self.feeds, self.board.slots, strict=True))
            if slot.state is not None
        }
        return {market: live[market.feed_id()] for market in markets if market.feed_id() in live}

    def free(self) -> list[int]:
        """Slots that may be listed: retired ones first, then those never used."""
        retired = [index for index, slot in enumerate(self.board.slots) if slot.state is None]
        header = self.board.header
        return retired + list(range(header.length, header.capacity))


async def read_board(rpc: Rpc, program: Pubkey, address: Pubkey) -> BoardView | None:
    """The board, None where there is none or its making is not finished.

    Raises PermanentError for a closed board, or something else in its place.
    """
    board_account, ids_account = await _accounts(rpc, program, address)
    if board_account is None:
        return None
    board = decode_board(board_account.data)
    capacity = board.header.capacity
    if len(board_account.data) < board_len(capacity):
        return None
    if ids_account is None or len(ids_account.data) < ids_len(capacity):
        return None
    return BoardView(address, board, decode_ids(ids_account.data, board.header.length))


async def begun(rpc: Rpc, program: Pubkey, address: Pubkey) -> BoardHeader | None:
    """The board's header even while its making is not finished, None where there is none.

    Raises PermanentError for a closed board, or something else in its place.
    """
    account, _ = await _accounts(rpc, program, address)
    return decode_board(account.data).header if account else None


async def rent_of(rpc: Rpc, program: Pubkey, address: Pubkey, capacity: int) -> int:
    """Lamports that making or finishing the board still takes."""
    held = await rpc.balances([str(address), str(ids_address(program, address))])
    wanted = [await rpc.minimum_balance(length) for length in (board_len(capacity), ids_len(capacity))]
    return sum(max(want - have, 0) for want, have in zip(wanted, held, strict=True))


async def rent_in(rpc: Rpc, program: Pubkey, address: Pubkey) -> int:
    """Lamports that closing the board gives back."""
    held = await rpc.balances([str(address), str(ids_address(program, address))])
    return sum(held) - await rpc.minimum_balance(TOMBSTONE_LEN)


async def find_boards(rpc: Rpc, program: Pubkey, *, authority: Pubkey | None = None) -> list[tuple[str, Board]]:
    """(address, board) of all boards of the program, or of those of one authority; unfinished ones too."""
    filters = [(0, BOARD)] + ([(AUTHORITY_OFFSET, bytes(authority))] if authority else [])
    found = await rpc.program_accounts(str(program), filters)
    return [(address, decode_board(account.data)) for address, account in sorted(found, key=lambda pair: pair[0])]


async def making(
    rpc: Rpc, *, program: Pubkey, address: Pubkey, authority: Pubkey, publisher: Pubkey, settings: BoardSettings
) -> list[Instruction]:
    """What creates the board, or finishes one whose creation was interrupted; the authority signs and pays the rent."""
    lengths = [len(account.data) if account else 0 for account in await _accounts(rpc, program, address)]
    wanted = [board_len(settings.capacity), ids_len(settings.capacity)]
    growth = max(want - have for want, have in zip(wanted, lengths, strict=True))
    step = init_board(
        program,
        authority,
        index=settings.index,
        capacity=settings.capacity,
        publisher=publisher,
        name=settings.name,
    )
    return [step] * -(-growth // MAX_GROWTH)


def listing(
    program: Pubkey, authority: Pubkey, view: BoardView, markets: Sequence[MarketId]
) -> list[list[Instruction]]:
    """What gives free slots to the markets, a transaction each; the authority signs. PermanentError if they are few."""
    free = view.free()
    if len(markets) > len(free):
        raise PermanentError(
            f"Board {view.address} has {len(free)} free slots for {len(markets)} more markets: retire feeds with "
            "`relayer board retire`, or use another board.index."
        )
    feeds = [(index, market.feed_id()) for index, market in zip(free, markets, strict=False)]
    parts = (feeds[start : start + FEEDS_A_TRANSACTION] for start in range(0, len(feeds), FEEDS_A_TRANSACTION))
    return [[list_feeds(program, authority, view.address, part)] for part in parts]


def retiring(program: Pubkey, authority: Pubkey, board: Pubkey, slots: Sequence[int]) -> list[list[Instruction]]:
    """What empties the slots, a transaction each; the authority signs."""
    parts = (slots[start : start + RETIRED_A_TRANSACTION] for start in range(0, len(slots), RETIRED_A_TRANSACTION))
    return [[retire_feeds(program, authority, board, part)] for part in parts]


async def _accounts(rpc: Rpc, program: Pubkey, address: Pubkey) -> list[Account | None]:
    """Raises PermanentError for another program's. Where only lamports lie, which anyone may send, there is none."""
    found = await rpc.accounts([str(address), str(ids_address(program, address))])
    accounts = [account if account and not account.empty else None for account in found]
    for account in accounts:
        if account is not None and account.owner != str(program):
            raise PermanentError(
                f"The board address {address} is held by program {account.owner} and not by {program}: "
                "check cluster.oracle_program."
            )
    return accounts
