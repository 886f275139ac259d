"""Reading committees, what they decide about, and their resolutions. What to sign is in `programs/committee.py`."""

from __future__ import annotations

from solders.pubkey import Pubkey

from relayer.chain.programs import pnp
from relayer.chain.programs.committee import (
    Committee,
    OnPnp,
    Resolution,
    decode_committee,
    decode_resolution,
    resolution_address,
)
from relayer.chain.rpc import Account, Rpc
from relayer.domain.errors import PermanentError

Subject = Pubkey | OnPnp
COMMITTEE_LEN = 456
"""Bytes of a committee's account (`deploy/program/reader/src/committee.rs`)."""
_RESOLUTION_LEN = 616


def resolution_len(spec: bytes) -> int:
    """Bytes of the account that holds a resolution with this spec."""
    return _RESOLUTION_LEN + len(spec)


async def find_committee(rpc: Rpc, program: Pubkey, address: Pubkey) -> Committee | None:
    """None if nothing is there. Raises PermanentError for something else."""
    account = await _account(rpc, program, address)
    return decode_committee(account.data) if account else None


async def read_committee(rpc: Rpc, program: Pubkey, address: Pubkey) -> Committee:
    """Raises PermanentError if there is no committee of this program at the address."""
    committee = await find_committee(rpc, program, address)
    if committee is None:
        raise PermanentError(f"There is no committee {address} on this cluster: check the address and the cluster.")
    return committee


async def read_subject(rpc: Rpc, committee: Committee, key: Pubkey, *, gone: bool = False) -> Subject:
    """What the committee decides about: for one on PNP the market at that address, else the key itself.

    Raises PermanentError if the market names no oracle of its own, or is not there; with `gone` that is the key too.
    """
    owner = committee.pnp_program
    if owner is None:
        return key
    account = await _account(rpc, owner, key)
    if account is None and gone:
        return key
    if account is None:
        raise PermanentError(f"There is no PNP market {key}: check the address and the cluster.")
    bare = pnp.decode_market(key, account.data, Pubkey.default())
    extension = await _account(rpc, owner, pnp.extension_address(owner, bare.kind, bare.market_id))
    if extension is None:
        raise PermanentError(f"PNP market {key} names no oracle of its own, so no committee can settle it.")
    oracle = pnp.decode_extension(extension.data).oracle
    return OnPnp(owner, pnp.decode_market(key, account.data, oracle))


async def read_resolution(rpc: Rpc, program: Pubkey, committee: Pubkey, subject: Subject) -> Resolution | None:
    """The file of the subject, None before it is opened."""
    key = subject.address if isinstance(subject, OnPnp) else subject
    account = await _account(rpc, program, resolution_address(program, committee, key))
    return decode_resolution(account.data) if account else None


async def activation_ends_s(rpc: Rpc, subject: OnPnp) -> int:
    """Until when PNP lets the market be made tradeable, seconds since 1970. Raises PermanentError without settings."""
    account = await _account(rpc, subject.program, pnp.global_config_address(subject.program))
    if account is None:
        raise PermanentError(f"PNP program {subject.program} is not set up on this cluster: check pnp_program.")
    return subject.market.created_ms // 1000 + pnp.decode_global_config(account.data).buffer_period_s


async def deposit_of(rpc: Rpc, program: Pubkey, resolution: Resolution) -> int:
    """Lamports in the file beyond its rent: for the activation and the reward."""
    address = resolution_address(program, resolution.committee, resolution.market)
    held, rent = await rpc.balance(str(address)), await rpc.minimum_balance(resolution_len(resolution.spec))
    return max(held - rent, 0)


async def lacking(rpc: Rpc, receiver: str, lamports: int) -> int:
    """What an address lacks to take so little: the cluster refuses accounts below their rent minimum."""
    held, least = await rpc.balance(receiver), await rpc.minimum_balance(0)
    return max(least - lamports, 0) if lamports and not held else 0


async def _account(rpc: Rpc, owner: Pubkey, address: Pubkey) -> Account | None:
    account = await rpc.account(str(address))
    if account is None or account.empty:
        return None
    if account.owner != str(owner):
        raise PermanentError(
            f"Account {address} is held by program {account.owner} and not by {owner}: check the addresses."
        )
    return account
