from __future__ import annotations

import random

import pytest
from solders.account import Account
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

from relayer.localnet.accounts import Accounts

PROGRAM = Pubkey.from_string("Vote111111111111111111111111111111111111111")


def account(lamports: int, owner: Pubkey = PROGRAM) -> Account:
    return Account(lamports, lamports.to_bytes(8, "little"), owner)


@pytest.fixture
def svm() -> LiteSVM:
    return LiteSVM()


@pytest.fixture
def accounts(svm: LiteSVM) -> Accounts:
    return Accounts(svm)


def write(svm: LiteSVM, accounts: Accounts, slot: int, key: Pubkey, new: Account) -> None:
    accounts.remember(slot, {key: accounts.newest(key)})
    svm.set_account(key, new)


def lamports(of: Account | None) -> int:
    return 0 if of is None else of.lamports


def test_each_slot_keeps_its_own_state(svm: LiteSVM, accounts: Accounts) -> None:
    key = Pubkey.new_unique()
    write(svm, accounts, 3, key, account(30))
    write(svm, accounts, 3, key, account(31))
    write(svm, accounts, 7, key, account(70))
    assert [lamports(accounts.at(key, slot)) for slot in (2, 3, 6, 7, 8)] == [0, 31, 31, 70, 70]


def test_what_is_finalized_is_forgotten_and_the_rest_stays(svm: LiteSVM, accounts: Accounts) -> None:
    key = Pubkey.new_unique()
    write(svm, accounts, 3, key, account(30))
    write(svm, accounts, 7, key, account(70))
    accounts.finalize(3)
    assert [lamports(accounts.at(key, slot)) for slot in (3, 6, 7)] == [30, 30, 70]
    assert list(accounts.written_in(3)) == []


def test_a_decree_holds_at_every_level(svm: LiteSVM, accounts: Accounts) -> None:
    key = Pubkey.new_unique()
    write(svm, accounts, 3, key, account(30))
    accounts.overwrite(key, account(99))
    assert [lamports(accounts.at(key, slot)) for slot in (2, 3)] == [99, 99]


def test_program_accounts_are_those_of_the_slot(svm: LiteSVM, accounts: Accounts) -> None:
    old, new, moved = (Pubkey.new_unique() for _ in range(3))
    svm.set_account(old, account(1))
    svm.set_account(moved, account(2))
    write(svm, accounts, 5, new, account(3))
    write(svm, accounts, 5, moved, account(2, Pubkey.default()))
    assert {key for key, _ in accounts.owned_by(PROGRAM, 4)} >= {old, moved}
    assert new not in dict(accounts.owned_by(PROGRAM, 4))
    assert {key for key, _ in accounts.owned_by(PROGRAM, 5)} >= {old, new}
    assert moved not in dict(accounts.owned_by(PROGRAM, 5))


def test_a_simulation_sees_the_older_state_and_leaves_the_newest(svm: LiteSVM, accounts: Accounts) -> None:
    changed, created = Pubkey.new_unique(), Pubkey.new_unique()
    svm.set_account(changed, account(1))
    write(svm, accounts, 5, changed, account(2))
    write(svm, accounts, 5, created, account(3))
    with accounts.as_of([changed, created], 4):
        assert lamports(svm.get_account(changed)) == 1
        assert svm.get_account(created) is None
    assert [lamports(svm.get_account(key)) for key in (changed, created)] == [2, 3]


def test_reading_at_any_slot_agrees_with_full_copies(svm: LiteSVM, accounts: Accounts) -> None:
    choose = random.Random(7)
    keys = [Pubkey.new_unique() for _ in range(5)]
    state: dict[Pubkey, int] = dict.fromkeys(keys, 0)
    copies = {0: dict(state)}
    for slot in range(1, 60):
        for _ in range(choose.randrange(4)):
            key, value = choose.choice(keys), choose.randrange(1, 1_000)
            write(svm, accounts, slot, key, account(value))
            state[key] = value
        copies[slot] = dict(state)
        accounts.finalize(slot - 31)
        for at in range(max(0, slot - 31), slot + 1):
            assert {key: lamports(accounts.at(key, at)) for key in keys} == copies[at]
