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


async def read_committee(rpc: Rpc, program: Pubkey, address: Pubkey) -> Committee:
    """Raises PermanentError if there is no committee of this program at the address."""
    account = await _account(rpc, program, address)
    if account is None:
        raise PermanentError(f"There is no committee {address} on this cluster: check the address and the cluster.")
    return decode_committee(account.data)


async def read_subject(rpc: Rpc, committee: Committee, key: Pubkey) -> Subject:
    """What the committee decides about: for one on PNP the market at that address, else the key itself.

    Raises PermanentError if there is no such market, or it names no oracle of its own.
    """
    owner = committee.pnp_program
    if owner is None:
        return key
    account = await _account(rpc, owner, key)
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


async def _account(rpc: Rpc, owner: Pubkey, address: Pubkey) -> Account | None:
    account = await rpc.account(str(address))
    if account is not None and account.owner != str(owner):
        raise PermanentError(
            f"Account {address} is held by program {account.owner} and not by {owner}: check the addresses."
        )
    return account
