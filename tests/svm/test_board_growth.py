"""How a board comes to be on the SVM: made, grown call by call, and who and what may not."""

from __future__ import annotations

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.system_program import ID as SYSTEM_PROGRAM

from relayer.chain.programs import board as boards
from tests.svm.chain import Chain
from tests.svm.rig import Rig, change, grow_rig, make_rig

FEED = b"\x07" * 32


@pytest.fixture
def rig(chain: Chain) -> Rig:
    return make_rig(chain)


@pytest.mark.parametrize("capacity", [1, 5, 300, 1024])
def test_a_board_grows_to_its_capacity(chain: Chain, capacity: int) -> None:
    authority, publisher = chain.funded(), Keypair()
    rig = grow_rig(chain, authority, publisher, capacity=capacity)
    ids = boards.ids_address(chain.oracle, rig.board)
    assert len(chain.data(rig.board)) == boards.board_len(capacity)
    assert len(chain.data(ids)) == boards.ids_len(capacity)
    header = rig.read().header
    assert header == boards.BoardHeader(
        authority.pubkey(), None, publisher.pubkey(), 0, 0, 0, header.last_publish_ms, capacity, 0, bytes(32), "test"
    )
    for address in (rig.board, ids):
        held = chain.svm.get_balance(address)
        assert held == chain.svm.minimum_balance_for_rent_exemption(len(chain.data(address)))


def test_growing_several_times_in_one_transaction_is_as_good(chain: Chain) -> None:
    authority = chain.funded()
    key = authority.pubkey()
    init = boards.init_board(chain.oracle, key, index=9, capacity=1024, publisher=key, name="quick")
    chain.ok([init] * boards.init_calls(1024), authority)
    board = boards.board_address(chain.oracle, key, 9)
    assert len(chain.data(board)) == boards.board_len(1024)


class Sapling:
    """A board that one more `init_board` completes."""

    def __init__(self, chain: Chain) -> None:
        self.chain, self.authority = chain, chain.funded()
        key, capacity = self.authority.pubkey(), 400
        self.board = boards.board_address(chain.oracle, key, 0)
        self.ids = boards.ids_address(chain.oracle, self.board)
        self.init = boards.init_board(chain.oracle, key, index=0, capacity=capacity, publisher=key, name="slow")
        for _ in range(boards.init_calls(capacity) - 1):
            chain.ok(self.init, self.authority)

    def refusal(self, at: int, meta: AccountMeta, *signers: Keypair) -> int | None:
        """Of growing with another account in one place; the board stays as it was."""
        before = self.chain.data(self.board)
        number = self.chain.send(change(self.init, at, meta), *signers).custom
        assert self.chain.data(self.board) == before
        return number


def test_a_board_that_still_grows_takes_no_feeds(chain: Chain) -> None:
    sapling = Sapling(chain)
    key = sapling.authority.pubkey()
    listed = boards.list_feeds(chain.oracle, key, sapling.board, [(0, FEED)])
    assert len(chain.data(sapling.board)) == boards.board_len(400), "of the two it is the ids that still grow"
    assert chain.send(listed, sapling.authority).custom == 6013
    chain.ok(sapling.init, sapling.authority)
    chain.put(sapling.board, chain.data(sapling.board)[:-24], chain.oracle)
    assert chain.send(listed, sapling.authority).custom == 6013, "the board itself"
    chain.ok(sapling.init, sapling.authority)
    chain.ok(listed, sapling.authority)


def test_growing_refuses_wrong_accounts_by_number(chain: Chain) -> None:
    sapling, stranger = Sapling(chain), chain.funded()
    authority, key = sapling.authority, sapling.authority.pubkey()
    other = Sapling(chain)
    foreign = Keypair().pubkey()
    chain.put(foreign, chain.data(sapling.board), chain.pnp)
    assert sapling.refusal(0, AccountMeta(stranger.pubkey(), True, True), stranger) == 6009
    assert sapling.refusal(0, AccountMeta(key, False, True)) == 6002
    assert sapling.refusal(0, AccountMeta(key, True, False), authority) == 6003
    assert sapling.refusal(1, AccountMeta(other.board, False, True), authority) == 6009, "another's board"
    assert sapling.refusal(1, AccountMeta(foreign, False, True), authority) == 6004
    assert sapling.refusal(1, AccountMeta(other.ids, False, True), authority) == 6005
    assert sapling.refusal(1, AccountMeta(sapling.board, False, False), authority) == 6003
    assert sapling.refusal(2, AccountMeta(other.ids, False, True), authority) == 6006, "another board's ids"
    assert sapling.refusal(2, AccountMeta(other.board, False, True), authority) == 6006
    assert sapling.refusal(2, AccountMeta(foreign, False, True), authority) == 6004
    assert sapling.refusal(2, AccountMeta(sapling.ids, False, False), authority) == 6003
    assert sapling.refusal(2, AccountMeta(sapling.board, False, True), authority) == 6007
    assert sapling.refusal(3, AccountMeta(chain.oracle, False, False), authority) == 6008
    short = Instruction(chain.oracle, sapling.init.data, sapling.init.accounts[:3])
    assert chain.send(short, authority).custom == 6001
    larger = boards.init_board(chain.oracle, key, index=0, capacity=401, publisher=key, name="slow")
    assert chain.send(larger, authority).custom == 6014
    chain.put(sapling.ids, b"ids\0\0\0\0\x02" + bytes(72), chain.oracle)
    assert chain.send(sapling.init, authority).custom == 6005


def test_growing_again_changes_nothing_of_a_complete_board(rig: Rig) -> None:
    chain, key = rig.chain, rig.authority.pubkey()
    before, wealth = chain.data(rig.board), chain.svm.get_balance(key)
    again = boards.init_board(
        chain.oracle, key, index=0, capacity=rig.read().header.capacity, publisher=key, name="other"
    )
    chain.ok(again, rig.authority)
    assert (chain.data(rig.board), chain.svm.get_balance(key)) == (before, wealth)


def test_a_board_is_made_even_where_lamports_lie_already(chain: Chain) -> None:
    authority = chain.funded()
    board = boards.board_address(chain.oracle, authority.pubkey(), 0)
    chain.svm.airdrop(board, 1_000_000)
    chain.svm.airdrop(boards.ids_address(chain.oracle, board), 10**9)
    rig = grow_rig(chain, authority, Keypair(), capacity=8)
    assert rig.read().header.capacity == 8


@pytest.mark.parametrize("capacity", [0, 1025, 2**32 - 1])
def test_capacities_out_of_range_are_refused(chain: Chain, capacity: int) -> None:
    authority = chain.funded()
    good = boards.init_board(chain.oracle, authority.pubkey(), index=0, capacity=1, publisher=SYSTEM_PROGRAM, name="")
    data = good.data[:3] + capacity.to_bytes(4, "little") + good.data[7:]
    assert chain.send(Instruction(chain.oracle, data, good.accounts), authority).custom == 6000
    with pytest.raises(ValueError, match="outside 1 to 1024"):
        boards.init_board(
            chain.oracle, authority.pubkey(), index=0, capacity=capacity, publisher=SYSTEM_PROGRAM, name=""
        )


def test_init_refuses_wrong_accounts_by_number(chain: Chain) -> None:
    authority, stranger = chain.funded(), chain.funded()
    key = authority.pubkey()
    good = boards.init_board(chain.oracle, key, index=0, capacity=8, publisher=key, name="")
    board, ids = good.accounts[1].pubkey, good.accounts[2].pubkey
    elsewhere = AccountMeta(Keypair().pubkey(), False, True)

    def refusal(made: Instruction, *signers: Keypair) -> int | None:
        return chain.send(made, *signers).custom

    assert refusal(Instruction(chain.oracle, good.data, good.accounts[:3]), authority) == 6001
    assert refusal(change(good, 0, AccountMeta(key, False, True))) == 6002
    assert refusal(change(good, 0, AccountMeta(key, True, False)), authority) == 6003
    assert refusal(change(good, 1, AccountMeta(board, False, False)), authority) == 6003
    assert refusal(change(good, 2, AccountMeta(ids, False, False)), authority) == 6003
    assert refusal(change(good, 1, elsewhere), authority) == 6006
    assert refusal(change(good, 2, elsewhere), authority) == 6006
    assert refusal(change(good, 2, AccountMeta(board, False, True)), authority) == 6007
    assert refusal(change(good, 3, AccountMeta(chain.oracle, False, False)), authority) == 6008
    assert refusal(change(good, 0, AccountMeta(stranger.pubkey(), True, True)), stranger) == 6006
    assert refusal(Instruction(chain.oracle, good.data + b"\0", good.accounts), authority) == 6000
    assert refusal(Instruction(chain.oracle, good.data[:-1], good.accounts), authority) == 6000
    assert refusal(Instruction(chain.oracle, b"", good.accounts), authority) == 6000
    assert refusal(Instruction(chain.oracle, b"\xff", good.accounts), authority) == 6000
    assert refusal(good, authority) is None
