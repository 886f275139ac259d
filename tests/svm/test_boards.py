"""The life of a board on the SVM: keys in two steps, epochs, generations, closing, and who may not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.errors import PermanentError
from tests.svm.chain import Chain
from tests.svm.rig import STATE, Rig, change, grow_rig, make_rig

FEED = b"\x07" * 32


@pytest.fixture
def rig(chain: Chain) -> Rig:
    return make_rig(chain)


def by_authority(rig: Rig) -> dict[str, Instruction]:
    """Every instruction that the authority signs."""
    chain, key = rig.chain, rig.authority.pubkey()
    return {
        "list": boards.list_feeds(chain.oracle, key, rig.board, [(4, FEED)]),
        "retire": boards.retire_feeds(chain.oracle, key, rig.board, [0]),
        "propose": boards.propose_authority(chain.oracle, key, rig.board, rig.publisher.pubkey()),
        "publisher": boards.set_publisher(chain.oracle, key, rig.board, key),
        "close": boards.close_board(chain.oracle, key, rig.board),
    }


def test_listing_appends_and_raises_the_epoch(chain: Chain) -> None:
    rig = make_rig(chain, capacity=4, feeds=2)
    key = rig.authority.pubkey()

    def listing(*feeds: tuple[int, bytes]) -> int | None:
        return chain.send(boards.list_feeds(chain.oracle, key, rig.board, feeds), rig.authority).custom

    assert listing() == 6000
    assert listing((3, FEED)) == 6015
    assert listing((0, FEED)) == 6016
    assert listing((2, FEED), (1, FEED)) == 6016
    assert rig.read().header.length == 2
    assert listing((2, FEED), (3, FEED)) is None
    assert listing((4, FEED)) == 6015
    header = rig.read().header
    assert (header.length, header.epoch) == (4, 2)
    ids = boards.decode_ids(chain.data(boards.ids_address(chain.oracle, rig.board)), header.length)
    assert ids == (
        boards.ListedFeed(bytes(32), 0),
        boards.ListedFeed(b"\x01" * 32, 0),
        boards.ListedFeed(FEED, 0),
        boards.ListedFeed(FEED, 0),
    )


def test_a_retired_slot_comes_back_with_the_next_generation_and_without_a_price(rig: Rig) -> None:
    chain, key = rig.chain, rig.authority.pubkey()
    chain.ok(rig.publish(FeedUpdate(1, STATE)), rig.publisher)
    in_flight = rig.publish(FeedUpdate(1, STATE))
    retire = boards.retire_feeds(chain.oracle, key, rig.board, [1])
    chain.ok(retire, rig.authority)
    assert chain.send(retire, rig.authority).custom == 6017
    chain.ok(boards.list_feeds(chain.oracle, key, rig.board, [(1, FEED)]), rig.authority)
    assert rig.read().slots[1] == boards.BoardSlot(FeedState(), updates=0, generation=1)
    ids = boards.decode_ids(chain.data(boards.ids_address(chain.oracle, rig.board)), 4)
    assert ids[1] == boards.ListedFeed(FEED, 1)
    assert chain.send(in_flight, rig.publisher).custom == 6011, "the epoch has moved on"
    chain.ok(rig.publish(FeedUpdate(1, STATE)), rig.publisher)
    assert rig.read().header.epoch == 3


def test_retiring_refuses_what_is_not_listed(rig: Rig) -> None:
    chain, key = rig.chain, rig.authority.pubkey()
    for indices, number in (([4], 6015), ([0, 0], 6017), ([], 6000)):
        assert chain.send(boards.retire_feeds(chain.oracle, key, rig.board, indices), rig.authority).custom == number
    odd = Instruction(chain.oracle, b"\x03\0", boards.retire_feeds(chain.oracle, key, rig.board, [0]).accounts)
    assert chain.send(odd, rig.authority).custom == 6000


def test_the_authority_changes_hands_in_two_steps(rig: Rig) -> None:
    chain, old, new = rig.chain, rig.authority, rig.chain.funded()
    accept = boards.accept_authority(chain.oracle, new.pubkey(), rig.board)
    assert chain.send(accept, new).custom == 6018
    chain.ok(boards.propose_authority(chain.oracle, old.pubkey(), rig.board, new.pubkey()), old)
    assert rig.read().header.pending_authority == new.pubkey()
    assert chain.send(boards.accept_authority(chain.oracle, old.pubkey(), rig.board), old).custom == 6018
    chain.ok(accept, new)
    header = rig.read().header
    assert (header.authority, header.pending_authority) == (new.pubkey(), None)
    assert chain.send(accept, new).custom == 6018
    assert chain.send(by_authority(rig)["retire"], old).custom == 6009
    chain.ok(boards.retire_feeds(chain.oracle, new.pubkey(), rig.board, [0]), new)


def test_a_proposal_is_withdrawn_by_the_zero_key(rig: Rig) -> None:
    chain, new = rig.chain, rig.chain.funded()
    for proposed in (new.pubkey(), Pubkey.default()):
        chain.ok(boards.propose_authority(chain.oracle, rig.authority.pubkey(), rig.board, proposed), rig.authority)
    assert chain.send(boards.accept_authority(chain.oracle, new.pubkey(), rig.board), new).custom == 6018


def test_a_new_publisher_publishes_and_the_old_one_no_longer(rig: Rig) -> None:
    chain, old, new = rig.chain, rig.publisher, Keypair()
    chain.ok(boards.set_publisher(chain.oracle, rig.authority.pubkey(), rig.board, new.pubkey()), rig.authority)
    assert chain.send(rig.publish(FeedUpdate(0, STATE)), old).custom == 6010
    rig.publisher = new
    chain.ok(rig.publish(FeedUpdate(0, STATE)), new)


def with_epoch(rig: Rig, epoch: int) -> None:
    data = bytearray(rig.chain.data(rig.board))
    data[104:108] = epoch.to_bytes(4, "little")
    rig.chain.put(rig.board, bytes(data), rig.chain.oracle)


@pytest.mark.parametrize("name", ["list", "retire"])
def test_no_epoch_of_a_publisher_stops_the_authority(rig: Rig, name: str) -> None:
    """The worst that a leaked publisher key can do with the epoch."""
    chain = rig.chain
    for epoch in (2**31 - 1, 2**32 - 2, 2**32 - 1):
        chain.ok(rig.publish(FeedUpdate(0, STATE), epoch=epoch), rig.publisher)
    in_flight = rig.publish(FeedUpdate(0, STATE), epoch=2**32 - 1)
    chain.ok(by_authority(rig)[name], rig.authority)
    assert rig.read().header.epoch == 0, "it goes round"
    assert chain.send(in_flight, rig.publisher).custom == 6011, "and what was in flight stays out"
    chain.ok(
        boards.set_publisher(chain.oracle, rig.authority.pubkey(), rig.board, rig.authority.pubkey()), rig.authority
    )
    assert chain.send(in_flight, rig.publisher).custom == 6010
    rig.publisher = rig.authority
    chain.ok(rig.publish(FeedUpdate(1, STATE)), rig.publisher)


@pytest.mark.parametrize("epoch", [0, 5, 2**31, 2**32 - 1])
def test_half_of_all_epochs_are_ahead_and_half_behind(rig: Rig, epoch: int) -> None:
    chain = rig.chain
    for ahead in (0, 1, 2**31 - 1):
        with_epoch(rig, epoch)
        chain.ok(rig.publish(FeedUpdate(0, STATE), epoch=(epoch + ahead) % 2**32), rig.publisher)
        assert rig.read().header.epoch == (epoch + ahead) % 2**32
    for behind in (1, 2, 2**31):
        with_epoch(rig, epoch)
        old = rig.publish(FeedUpdate(0, STATE), epoch=(epoch - behind) % 2**32)
        assert chain.send(old, rig.publisher).custom == 6011


def test_a_publisher_set_again_finds_its_old_transactions_fenced_off(rig: Rig) -> None:
    chain, first, second = rig.chain, rig.publisher, Keypair()
    in_flight = rig.publish(FeedUpdate(1, STATE))
    for key in (second, first):
        chain.ok(boards.set_publisher(chain.oracle, rig.authority.pubkey(), rig.board, key.pubkey()), rig.authority)
    chain.ok(by_authority(rig)["retire"], rig.authority)
    assert chain.send(in_flight, first).custom == 6011


def test_only_the_publisher_anchors_the_tape(rig: Rig) -> None:
    chain, head = rig.chain, bytes(range(32))
    chain.ok(boards.anchor(chain.oracle, rig.publisher.pubkey(), rig.board, head), rig.publisher)
    assert rig.read().header.tape_head == head
    theirs = boards.anchor(chain.oracle, rig.authority.pubkey(), rig.board, head)
    assert chain.send(theirs, rig.authority).custom == 6010


def test_a_closed_board_returns_its_rent_and_never_comes_back(rig: Rig) -> None:
    chain, key = rig.chain, rig.authority.pubkey()
    ids = boards.ids_address(chain.oracle, rig.board)
    held = [chain.svm.get_balance(account) or 0 for account in (key, rig.board, ids)]
    chain.ok(by_authority(rig)["close"], rig.authority)
    tombstone = chain.svm.minimum_balance_for_rent_exemption(8)
    assert chain.svm.get_balance(key) == sum(held) - tombstone
    assert chain.svm.get_account(ids) is None
    assert len(chain.data(rig.board)) == 8
    with pytest.raises(PermanentError, match="board was closed"):
        rig.read()
    again = boards.init_board(chain.oracle, key, index=0, capacity=8, publisher=key, name="again")
    assert chain.send(again, rig.authority).custom == 6012
    assert chain.send(rig.publish(FeedUpdate(0, STATE), epoch=9), rig.publisher).custom == 6012
    for name, made in by_authority(rig).items():
        assert chain.send(made, rig.authority).custom == 6012, name


@pytest.mark.parametrize("name", ["list", "retire", "propose", "publisher", "close"])
def test_only_the_authority_signs_and_only_for_boards(rig: Rig, name: str) -> None:
    chain, made, key = rig.chain, by_authority(rig)[name], rig.authority.pubkey()
    pays = made.accounts[0].is_writable
    stranger = chain.funded()
    ids = AccountMeta(boards.ids_address(chain.oracle, rig.board), False, True)
    foreign = Keypair().pubkey()
    chain.put(foreign, chain.data(rig.board), chain.pnp)
    cases: list[tuple[Instruction, list[Keypair], int]] = [
        (change(made, 0, AccountMeta(stranger.pubkey(), True, pays)), [stranger], 6009),
        (change(made, 0, AccountMeta(rig.publisher.pubkey(), True, pays)), [rig.publisher], 6009),
        (change(made, 0, AccountMeta(key, False, pays)), [], 6002),
        (change(made, 1, AccountMeta(rig.board, False, False)), [rig.authority], 6003),
        (change(made, 1, AccountMeta(foreign, False, True)), [rig.authority], 6004),
        (Instruction(chain.oracle, made.data, made.accounts[:-1]), [rig.authority], 6001),
        (change(made, 1, AccountMeta(key, True, True)), [rig.authority], 6007),
    ]
    if len(made.accounts) == 2:
        cases.append((change(made, 1, ids), [rig.authority], 6005))
    for wrong, signers, number in cases:
        before = chain.data(rig.board)
        assert chain.send(wrong, *signers).custom == number
        assert chain.data(rig.board) == before


@pytest.mark.parametrize("name", ["list", "close"])
def test_the_ids_account_is_that_of_the_board(rig: Rig, name: str) -> None:
    chain, made = rig.chain, by_authority(rig)[name]
    other = grow_rig(chain, chain.funded(), Keypair(), capacity=8)
    theirs = boards.ids_address(chain.oracle, other.board)
    ids = boards.ids_address(chain.oracle, rig.board)
    assert chain.send(change(made, 2, AccountMeta(theirs, False, True)), rig.authority).custom == 6006
    assert chain.send(change(made, 2, AccountMeta(ids, False, False)), rig.authority).custom == 6003
    chain.put(ids, b"ids\0\0\0\0\x02" + bytes(320), chain.oracle)
    assert chain.send(made, rig.authority).custom == 6005
    chain.put(ids, bytes(328), chain.pnp)
    assert chain.send(made, rig.authority).custom == 6004


def test_close_needs_a_writable_authority(rig: Rig) -> None:
    made = change(by_authority(rig)["close"], 0, AccountMeta(rig.authority.pubkey(), True, False))
    assert rig.chain.send(made, rig.authority).custom == 6003


@pytest.mark.parametrize("tag", [5, 7])
def test_keys_of_the_header_sign_for_their_board_alone(rig: Rig, tag: int) -> None:
    make: Callable[[Pubkey], Instruction] = (
        (lambda key: boards.accept_authority(rig.chain.oracle, key, rig.board))
        if tag == 5
        else (lambda key: boards.anchor(rig.chain.oracle, key, rig.board, bytes(32)))
    )
    chain, key = rig.chain, rig.publisher.pubkey()
    made = make(key)
    assert chain.send(change(made, 0, AccountMeta(key, False, False))).custom == 6002
    assert chain.send(change(made, 1, AccountMeta(rig.board, False, False)), rig.publisher).custom == 6003
    assert chain.send(Instruction(chain.oracle, made.data + b"\0", made.accounts), rig.publisher).custom == 6000
    foreign = Keypair().pubkey()
    chain.put(foreign, chain.data(rig.board), chain.pnp)
    assert chain.send(change(made, 1, AccountMeta(foreign, False, True)), rig.publisher).custom == 6004


def test_the_last_generation_of_a_slot_is_its_end(rig: Rig) -> None:
    chain = rig.chain
    full = bytearray(chain.data(rig.board))
    full[192 + 6], full[192 + 20 : 192 + 22] = 9, b"\xff\xff"
    chain.put(rig.board, bytes(full), chain.oracle)
    relist = boards.list_feeds(chain.oracle, rig.authority.pubkey(), rig.board, [(0, FEED)])
    assert chain.send(relist, rig.authority).custom == 6019
