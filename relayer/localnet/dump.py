"""Accounts and programs from files: what `solana account --output json` and `solana program dump` write."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path

import msgspec
from solders.account import Account
from solders.pubkey import Pubkey

from relayer.domain.errors import UsageError
from relayer.localnet.bank import Localnet
from relayer.localnet.machine import UPGRADEABLE_LOADER


class _AccountBody(msgspec.Struct):
    lamports: int
    data: tuple[str, str]
    owner: str
    executable: bool = False


class _AccountFile(msgspec.Struct):
    account: _AccountBody


def parse_address(text: str) -> Pubkey:
    """Raises UsageError."""
    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not an address: give 32 bytes in base58") from error


def read_account(file: Path) -> Account:
    """The account in a file of `solana account ADDR --output json`. Raises UsageError naming the file."""
    try:
        body = msgspec.json.decode(_read(file), type=_AccountFile).account
        if body.data[1] != "base64":
            raise UsageError(f"{file}: account data is in {body.data[1]}: write the file with `--output json`")
        data = base64.b64decode(body.data[0], validate=True)
        return Account(body.lamports, data, Pubkey.from_string(body.owner), body.executable)
    except (msgspec.DecodeError, binascii.Error, ValueError, OverflowError) as error:
        raise UsageError(
            f"{file} is no account file ({error}): write it with `solana account --output json`"
        ) from error


def load_accounts(localnet: Localnet, files: Sequence[tuple[str, Path]]) -> None:
    """Set the accounts of (address, file) pairs. Raises UsageError."""
    accounts = [(parse_address(address), read_account(file), file) for address, file in files]
    # A program is compiled when its account is set: the account with its code has to be there before.
    for key, account, file in sorted(accounts, key=lambda one: one[1].executable):
        if account.executable and account.owner == UPGRADEABLE_LOADER:
            _require_code(localnet, key, account, file)
        try:
            localnet.set_account(key, account)
        except Exception as error:  # LiteSVMError is not exported
            raise UsageError(f"{file}: account {key} is refused ({error}): dump it again") from error


def _require_code(localnet: Localnet, key: Pubkey, program: Account, file: Path) -> None:
    code = program.data[4:36]
    if len(code) == 32 and localnet.accounts.newest(Pubkey(code)) is None:
        raise UsageError(f"{file}: the code of program {key} is missing: add --account {Pubkey(code)} and its file")


def load_program(localnet: Localnet, address: str, file: Path) -> None:
    """Deploy an ELF file at the address. Raises UsageError."""
    try:
        localnet.add_program(parse_address(address), _read(file))
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): check the path") from error
