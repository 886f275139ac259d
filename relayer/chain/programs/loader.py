"""The upgradeable BPF loader: instructions out, accounts in (`solana-loader-v3-interface`). Deploying is `deploy.py`'s.

Every instruction is a little-endian u32 tag and its arguments.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import (
    CreateAccountParams,
    CreateAccountWithSeedParams,
    create_account,
    create_account_with_seed,
)
from solders.sysvar import CLOCK, RENT

from relayer.domain.errors import PermanentError

LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
BUFFER_HEADER_LEN = 37
PROGRAM_LEN = 36
PROGRAM_DATA_HEADER_LEN = 45
MIN_EXTENSION = 10_240
"""Bytes that a program grows by at least (SIMD-0431)."""

_INITIALIZE_BUFFER, _WRITE, _DEPLOY, _UPGRADE, _SET_AUTHORITY, _CLOSE, _EXTEND, _SET_AUTHORITY_CHECKED = range(8)
_BUFFER, _PROGRAM, _PROGRAM_DATA = 1, 2, 3
_TAG = struct.Struct("<I")
_BUFFER_HEADER = struct.Struct("<IB32s")
_PROGRAM_DATA_HEADER = struct.Struct("<IQB32s")


@dataclass(frozen=True, slots=True)
class Code:
    """Bytes of a program, in a buffer or deployed. `authority` None: nobody may change them."""

    authority: Pubkey | None
    code: bytes
    slot: int | None
    """Slot of the last deployment, None for a buffer."""


def buffers_of(authority: Pubkey) -> list[tuple[int, bytes]]:
    """What an account's data holds, and at which offset, if it is a buffer that obeys this authority."""
    return [(0, _TAG.pack(_BUFFER) + b"\x01" + bytes(authority))]


def program_data_address(program: Pubkey) -> Pubkey:
    """Where the code of a program lies."""
    return Pubkey.find_program_address([bytes(program)], LOADER)[0]


def decode_buffer(data: bytes) -> Code:
    """Raises PermanentError for an account that is no buffer."""
    if len(data) < BUFFER_HEADER_LEN or _TAG.unpack_from(data)[0] != _BUFFER:
        raise PermanentError("The account is not a buffer of the upgradeable loader: close it or use another payer.")
    _, has_authority, authority = _BUFFER_HEADER.unpack_from(data)
    return Code(Pubkey(authority) if has_authority else None, data[BUFFER_HEADER_LEN:], None)


def decode_program_data(data: bytes) -> Code:
    """Raises PermanentError for an account that holds no code."""
    if len(data) < PROGRAM_DATA_HEADER_LEN or _TAG.unpack_from(data)[0] != _PROGRAM_DATA:
        raise PermanentError("The account holds no code of the upgradeable loader: check the program's address.")
    _, slot, has_authority, authority = _PROGRAM_DATA_HEADER.unpack_from(data)
    return Code(Pubkey(authority) if has_authority else None, data[PROGRAM_DATA_HEADER_LEN:], slot)


def create_buffer(payer: Pubkey, seed: str, *, authority: Pubkey, code_len: int, lamports: int) -> list[Instruction]:
    """A buffer at the address that `payer` and the seed give; only the payer signs."""
    buffer = buffer_address(payer, seed)
    create = CreateAccountWithSeedParams(
        from_pubkey=payer,
        to_pubkey=buffer,
        base=payer,
        seed=seed,
        lamports=lamports,
        space=BUFFER_HEADER_LEN + code_len,
        owner=LOADER,
    )
    accounts = [_writable(buffer), _readonly(authority)]
    return [create_account_with_seed(create), Instruction(LOADER, _TAG.pack(_INITIALIZE_BUFFER), accounts)]


def buffer_address(payer: Pubkey, seed: str) -> Pubkey:
    return Pubkey.create_with_seed(payer, seed, LOADER)


def write(buffer: Pubkey, authority: Pubkey, offset: int, chunk: bytes) -> Instruction:
    """Put the chunk at that offset of the code; writing it twice does no harm."""
    data = struct.pack("<IIQ", _WRITE, offset, len(chunk)) + chunk
    return Instruction(LOADER, data, [_writable(buffer), _signer(authority)])


def deploy(
    payer: Pubkey, program: Pubkey, buffer: Pubkey, *, authority: Pubkey, max_len: int, lamports: int
) -> list[Instruction]:
    """Create the program's account with `lamports` and fill it from the buffer; payer, program and authority sign."""
    create = CreateAccountParams(
        from_pubkey=payer, to_pubkey=program, lamports=lamports, space=PROGRAM_LEN, owner=LOADER
    )
    accounts = [
        AccountMeta(payer, is_signer=True, is_writable=True),
        _writable(program_data_address(program)),
        _writable(program),
        _writable(buffer),
        _readonly(RENT),
        _readonly(CLOCK),
        _readonly(SYSTEM_PROGRAM),
        _signer(authority),
    ]
    return [create_account(create), Instruction(LOADER, struct.pack("<IQ", _DEPLOY, max_len), accounts)]


def upgrade(program: Pubkey, buffer: Pubkey, *, authority: Pubkey, spill: Pubkey) -> Instruction:
    """Replace the code by the buffer's; the buffer's lamports go to `spill`."""
    accounts = [
        _writable(program_data_address(program)),
        _writable(program),
        _writable(buffer),
        _writable(spill),
        _readonly(RENT),
        _readonly(CLOCK),
        _signer(authority),
    ]
    return Instruction(LOADER, _TAG.pack(_UPGRADE), accounts)


def hand_over(program: Pubkey, current: Pubkey, new: Pubkey) -> Instruction:
    """Hand the right to upgrade to `new`, which signs too, so that it is nobody's by mistake."""
    accounts = [_writable(program_data_address(program)), _signer(current), _signer(new)]
    return Instruction(LOADER, _TAG.pack(_SET_AUTHORITY_CHECKED), accounts)


def set_authority(program: Pubkey, current: Pubkey, new: Pubkey | None) -> Instruction:
    """Hand the right to upgrade to `new`, whether or not anybody has its key; None gives it up for ever."""
    accounts = [_writable(program_data_address(program)), _signer(current)]
    if new is not None:
        accounts.append(_readonly(new))
    return Instruction(LOADER, _TAG.pack(_SET_AUTHORITY), accounts)


def close_buffer(buffer: Pubkey, authority: Pubkey, recipient: Pubkey) -> Instruction:
    """Give a buffer up; its lamports go to `recipient`."""
    return Instruction(LOADER, _TAG.pack(_CLOSE), [_writable(buffer), _writable(recipient), _signer(authority)])


def extend(program: Pubkey, payer: Pubkey, additional: int) -> Instruction:
    """Make room for that many more bytes of code; the payer pays their rent."""
    accounts = [
        _writable(program_data_address(program)),
        _writable(program),
        _readonly(SYSTEM_PROGRAM),
        AccountMeta(payer, is_signer=True, is_writable=True),
    ]
    return Instruction(LOADER, struct.pack("<II", _EXTEND, additional), accounts)


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _readonly(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _signer(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=False)
