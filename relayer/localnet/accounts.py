"""Account state at each slot still in play: the virtual machine's newest state, and what it was before each block.

An undo log: for each block not yet finalized, the accounts it wrote as they were before. The state at a slot is the
first earlier copy found above it, else the newest. What a finalized block overwrote is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from solders.account import Account
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

EMPTY = Account(0, b"", Pubkey.default())
"""What stands where there is no account."""
_LOADERS = {
    Pubkey.from_string(address)
    for address in (
        "NativeLoader1111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
    )
}


def with_lamports(account: Account, lamports: int) -> Account:
    return Account(lamports, account.data, account.owner, account.executable, account.rent_epoch)


class Accounts:
    def __init__(self, svm: LiteSVM) -> None:
        self._svm = svm
        self._before: dict[int, dict[Pubkey, Account | None]] = {}

    def newest(self, key: Pubkey) -> Account | None:
        return self._svm.get_account(key)

    def at(self, key: Pubkey, slot: int) -> Account | None:
        """The account as it was at the end of the slot."""
        for written, before in self._before.items():
            if written > slot and key in before:
                return before[key]
        return self._svm.get_account(key)

    def owned_by(self, program: Pubkey, slot: int) -> list[tuple[Pubkey, Account]]:
        """The program's accounts as they were at the end of the slot, ordered by address."""
        found: dict[Pubkey, Account | None] = dict(self._svm.get_program_accounts(program))
        for written in reversed(self._before):
            if written > slot:
                found.update(self._before[written])
        owned = [(key, account) for key, account in found.items() if account and account.owner == program]
        return sorted(owned, key=lambda pair: bytes(pair[0]))

    def remember(self, slot: int, before: dict[Pubkey, Account | None]) -> None:
        """Note that a transaction of this slot wrote these accounts, and what they were; the earliest copy stays."""
        copies = self._before.setdefault(slot, {})
        for key, account in before.items():
            copies.setdefault(key, account)

    def written_in(self, slot: int) -> Iterable[Pubkey]:
        return self._before.get(slot, {}).keys()

    def finalize(self, slot: int) -> None:
        """Forget what was overwritten up to and in this slot."""
        for written in [written for written in self._before if written <= slot]:
            del self._before[written]

    def overwrite(self, key: Pubkey, account: Account) -> None:
        """Set the account by decree, at every commitment level at once."""
        for before in self._before.values():
            before.pop(key, None)
        self._svm.set_account(key, account)

    @contextmanager
    def as_of(self, keys: Iterable[Pubkey], slot: int) -> Iterator[None]:
        """Show the virtual machine these accounts as they were at the end of the slot, for a simulation."""
        newest = {key: self.newest(key) for key in keys if not self._is_program(key)}
        older = {key: self.at(key, slot) for key in newest}
        moved = {key: newest[key] for key in newest if newest[key] != older[key]}
        for key in moved:
            self._svm.set_account(key, older[key] or EMPTY)
        try:
            yield
        finally:
            for key, account in moved.items():
                self._svm.set_account(key, account or EMPTY)

    def _is_program(self, key: Pubkey) -> bool:
        # The machine compiles a program when its account is set: programs stay as deployed.
        account = self.newest(key)
        return account is not None and account.owner in _LOADERS
