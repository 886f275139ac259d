"""Keys are read whole or refused by name, and never shown."""

from __future__ import annotations

import json
import logging
import pickle
import stat
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.signature import Signature

from relayer.chain.signer import Signer, load_keypair, write_keypair
from relayer.domain.errors import UsageError


@pytest.fixture
def numbers() -> list[int]:
    return list(bytes(Keypair()))


def key_file(folder: Path, content: str, *, mode: int = 0o600) -> Path:
    path = folder / "key.json"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_a_keypair_file_of_the_solana_tools_is_read(tmp_path: Path) -> None:
    keypair = Keypair()
    signer = load_keypair(key_file(tmp_path, keypair.to_json()), role="oracle")
    assert (signer.pubkey, signer.address) == (keypair.pubkey(), str(keypair.pubkey()))
    assert Signature.from_bytes(signer.sign(b"message")) == keypair.sign_message(b"message")


def test_a_new_key_is_private_and_readable_again(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    signer = write_keypair(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_keypair(path, role="payer").address == signer.address
    assert Keypair.from_json(path.read_text()).pubkey() == signer.pubkey
    with pytest.raises(UsageError, match=r"new\.json exists and is not overwritten"):
        write_keypair(path)
    with pytest.raises(UsageError, match=r"cannot be written \(.*\): choose another folder"):
        write_keypair(path / "below a file.json")


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(
        UsageError, match=rf"The oracle key file {path} does not exist: set keys\.oracle to .*solana-keygen"
    ):
        load_keypair(path, role="oracle")


def test_a_folder_is_not_a_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read \(Is a directory\): check its permissions"):
        load_keypair(tmp_path, role="payer")


def test_bytes_are_not_a_key(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(UsageError, match="not a text file"):
        load_keypair(path, role="payer")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda numbers: "5J" + "x" * 60, "is not JSON: it must be a list of 64 numbers"),
        (lambda numbers: json.dumps({"key": numbers}), "is not a list of numbers from 0 to 255"),
        (lambda numbers: json.dumps([str(n) for n in numbers]), "is not a list of numbers"),
        (lambda numbers: json.dumps([*numbers[:63], 256]), "is not a list of numbers from 0 to 255"),
        (lambda numbers: json.dumps([*numbers[:63], True]), "is not a list of numbers from 0 to 255"),
        (lambda numbers: json.dumps(numbers[:32]), "holds 32 numbers and not 64"),
        (lambda numbers: json.dumps([numbers[0] ^ 1, *numbers[1:]]), "is damaged: its public half does not belong"),
    ],
)
def test_a_wrong_file_is_refused_without_quoting_it(
    tmp_path: Path, numbers: list[int], change: object, words: str
) -> None:
    content: str = change(numbers)  # type: ignore[operator]
    with pytest.raises(UsageError, match=words) as caught:
        load_keypair(key_file(tmp_path, content), role="publisher")
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert content[5:25] not in str(caught.value)


def test_a_file_open_to_others_is_warned_about(
    tmp_path: Path, numbers: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="relayer.chain.signer"):
        load_keypair(key_file(tmp_path, json.dumps(numbers), mode=0o644), role="payer")
    [record] = caplog.records
    assert "is open to other users: run `chmod 600`" in record.getMessage()


def test_a_signer_shows_its_address_only(numbers: list[int]) -> None:
    signer = Signer(bytes(numbers[:32]))
    assert repr(signer) == f"Signer({signer.address})"
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(signer)
