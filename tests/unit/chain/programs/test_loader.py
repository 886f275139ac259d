from __future__ import annotations

import hashlib

import pytest
from solders.pubkey import Pubkey

from relayer.chain.deploy import CHUNK, Deployed, _missing
from relayer.chain.programs import loader
from relayer.domain.errors import PermanentError

KEY, OTHER = Pubkey(bytes([7] * 32)), Pubkey(bytes([8] * 32))


def test_a_write_carries_offset_length_and_bytes() -> None:
    instruction = loader.write(KEY, OTHER, 850, b"abc")
    assert instruction.data == bytes.fromhex("01000000520300000300000000000000616263")
    assert [(meta.pubkey, meta.is_signer, meta.is_writable) for meta in instruction.accounts] == [
        (KEY, False, True),
        (OTHER, True, False),
    ]


def test_the_acts_of_an_authority() -> None:
    assert loader.upgrade(KEY, OTHER, authority=OTHER, spill=KEY).data == bytes.fromhex("03000000")
    handover, gift = loader.set_authority(KEY, OTHER, KEY), loader.set_authority(KEY, OTHER, None)
    assert handover.data == gift.data == bytes.fromhex("04000000")
    assert (len(handover.accounts), len(gift.accounts)) == (3, 2)
    checked = loader.hand_over(KEY, OTHER, KEY)
    assert (checked.data, [meta.is_signer for meta in checked.accounts]) == (b"\x07\0\0\0", [False, True, True])
    assert loader.close_buffer(KEY, OTHER, KEY).data == bytes.fromhex("05000000")
    assert loader.extend(KEY, OTHER, 10_240).data == bytes.fromhex("0600000000280000")


def test_a_deployment_creates_the_program_account_and_names_the_length() -> None:
    create, deploy = loader.deploy(KEY, OTHER, KEY, authority=KEY, max_len=77_864, lamports=5)
    assert create.data[4:20] == (5).to_bytes(8, "little") + (36).to_bytes(8, "little")
    assert deploy.data == bytes.fromhex("020000002830010000000000")
    assert len(deploy.accounts) == 8


def test_a_buffer_s_address_follows_from_payer_and_seed() -> None:
    digest = hashlib.sha256(bytes(KEY) + b"seed" + bytes(loader.LOADER)).digest()
    assert loader.buffer_address(KEY, "seed") == Pubkey(digest)


def test_code_is_read_from_buffers_and_programs() -> None:
    buffer = loader.decode_buffer(bytes.fromhex("0100000001") + bytes(KEY) + b"code")
    assert (buffer.authority, buffer.code, buffer.slot) == (KEY, b"code", None)
    data = bytes.fromhex("03000000090000000000000000") + bytes(32) + b"code"
    assert loader.decode_program_data(data) == loader.Code(None, b"code", 9)


@pytest.mark.parametrize("data", [b"", bytes(37), bytes.fromhex("02000000") + bytes(60)])
def test_other_accounts_are_refused(data: bytes) -> None:
    with pytest.raises(PermanentError, match="is not a buffer of the upgradeable loader: close it or use another"):
        loader.decode_buffer(data)
    with pytest.raises(PermanentError, match="holds no code of the upgradeable loader: check the program's address"):
        loader.decode_program_data(data)


def test_only_chunks_that_differ_are_missing() -> None:
    elf = bytes(range(1, 251)) * 10
    assert _missing(elf, b"") == (0, CHUNK, 2 * CHUNK)
    assert _missing(elf, elf[:CHUNK] + bytes(CHUNK) + elf[2 * CHUNK :]) == (CHUNK,)
    assert _missing(elf, elf) == ()


@pytest.mark.parametrize(("held", "same"), [(b"elf", True), (b"elf\0\0", True), (b"elf\0x", False), (b"el", False)])
def test_code_matches_a_file_with_nothing_but_zeros_after_it(held: bytes, same: bool) -> None:
    assert Deployed(KEY, loader.Code(None, held, 1)).matches(b"elf") is same


@pytest.mark.parametrize(("held", "digest_of"), [(b"elf\0\0", b"elf"), (b"elf\0x\0", b"elf\0x"), (b"elf", b"elf")])
def test_the_hash_of_code_is_that_of_the_file_it_came_from(held: bytes, digest_of: bytes) -> None:
    shown = Deployed(KEY, loader.Code(None, held, 1)).sha256(len(b"elf"))
    assert shown == hashlib.sha256(digest_of).hexdigest()


def test_code_grows_by_what_is_missing_and_by_enough() -> None:
    shown = Deployed(KEY, loader.Code(None, bytes(100), 1))
    assert (shown.growth(bytes(100)), shown.growth(bytes(101)), shown.growth(bytes(20_000))) == (0, 10_240, 19_900)
