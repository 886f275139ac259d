from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from solders.account import Account
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

from relayer.domain.errors import UsageError
from relayer.localnet import Localnet
from relayer.localnet.dump import load_accounts, load_program, parse_address, read_account

OWNER = Pubkey.from_string("Stake11111111111111111111111111111111111111")
ADDRESS = Pubkey.new_unique()
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


def dump(file: Path, account: Account) -> Path:
    """As `solana account ADDR --output json` writes it."""
    body = {
        "lamports": account.lamports,
        "data": [base64.b64encode(account.data).decode(), "base64"],
        "owner": str(account.owner),
        "executable": account.executable,
        "rentEpoch": 18446744073709551615,
        "space": len(account.data),
    }
    file.write_text(json.dumps({"pubkey": str(ADDRESS), "account": body}))
    return file


def test_an_account_file_is_loaded_at_the_address_given(node: Localnet, tmp_path: Path) -> None:
    file = dump(tmp_path / "a.json", Account(5_000_000, b"\x01\x02", OWNER))
    other = Pubkey.new_unique()
    load_accounts(node, [(str(other), file)])
    loaded = node.accounts.newest(other)
    assert loaded is not None
    assert (loaded.lamports, loaded.data, loaded.owner) == (5_000_000, b"\x01\x02", OWNER)
    assert node.accounts.newest(ADDRESS) is None


def upgradeable(svm: LiteSVM, program: Pubkey) -> tuple[Account, Pubkey, Account]:
    account = svm.get_account(program)
    assert account is not None
    code = Pubkey(account.data[4:36])
    data = svm.get_account(code)
    assert data is not None
    return account, code, data


def elf() -> bytes:
    """The memo program that LiteSVM carries: any ELF file will do."""
    account = LiteSVM().get_account(MEMO)
    assert account is not None
    return account.data


def test_a_dumped_program_comes_with_its_code_in_any_order(node: Localnet, tmp_path: Path) -> None:
    svm, program = LiteSVM(), Pubkey.new_unique()
    svm.add_program(program, elf())
    account, code, data = upgradeable(svm, program)
    files = [(str(program), dump(tmp_path / "p.json", account)), (str(code), dump(tmp_path / "d.json", data))]
    load_accounts(node, files)
    loaded = node.accounts.newest(program)
    assert loaded is not None
    assert loaded.executable


def test_a_dumped_program_without_its_code_says_so(node: Localnet, tmp_path: Path) -> None:
    svm, program = LiteSVM(), Pubkey.new_unique()
    svm.add_program(program, elf())
    account, code, _ = upgradeable(svm, program)
    file = dump(tmp_path / "p.json", account)
    expected = rf"p\.json: the code of program {program} is missing: add --account {code} and its file"
    with pytest.raises(UsageError, match=expected):
        load_accounts(node, [(str(program), file)])


def test_a_dumped_program_whose_code_is_broken_is_refused(node: Localnet, tmp_path: Path) -> None:
    svm, program = LiteSVM(), Pubkey.new_unique()
    svm.add_program(program, elf())
    account, code, data = upgradeable(svm, program)
    broken = dump(tmp_path / "d.json", Account(data.lamports, data.data[:100], data.owner))
    with pytest.raises(UsageError, match=rf"p\.json: account {program} is refused \(.*\): dump it again"):
        load_accounts(node, [(str(program), dump(tmp_path / "p.json", account)), (str(code), broken)])


def test_an_elf_file_is_deployed(node: Localnet, tmp_path: Path) -> None:
    file, program = tmp_path / "memo.so", Pubkey.new_unique()
    file.write_bytes(elf())
    load_program(node, str(program), file)
    account = node.accounts.newest(program)
    assert account is not None
    assert account.executable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nonsense", r"a\.json is no account file \(.*\): write it with `solana account --output json`"),
        (b"{}", r"a\.json is no account file \(.*missing required field `account`\)"),
        (
            b'{"account":{"lamports":1,"data":["","base64"],"owner":"abc"}}',
            r"a\.json is no account file \(String is the wrong size\)",
        ),
        (
            b'{"account":{"lamports":1,"data":["!","base64"],"owner":"11111111111111111111111111111111"}}',
            r"a\.json is no account file",
        ),
        (
            b'{"account":{"lamports":-1,"data":["","base64"],"owner":"11111111111111111111111111111111"}}',
            r"a\.json is no account file",
        ),
        (
            b'{"account":{"lamports":1,"data":["","base58"],"owner":"11111111111111111111111111111111"}}',
            r"a\.json: account data is in base58: write the file with `--output json`",
        ),
    ],
)
def test_a_bad_account_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_account(file)


def test_files_and_addresses_that_are_not_there(node: Localnet, tmp_path: Path) -> None:
    missing = tmp_path / "missing.so"
    with pytest.raises(UsageError, match=r"missing\.so cannot be read \(No such file or directory\): check the path"):
        load_program(node, str(ADDRESS), missing)
    with pytest.raises(UsageError, match="'abc' is not an address: give 32 bytes in base58"):
        parse_address("abc")


def test_a_file_that_is_no_program_is_named(node: Localnet, tmp_path: Path) -> None:
    file = tmp_path / "program.so"
    file.write_bytes(b"nonsense")
    with pytest.raises(UsageError, match=rf"program\.so: program {ADDRESS} is not a loadable ELF file: .*"):
        load_program(node, str(ADDRESS), file)
