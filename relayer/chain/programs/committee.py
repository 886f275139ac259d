"""Committees and resolutions of the oracle program: addresses, instructions out, accounts in.

Layouts are those of `deploy/program/reader/src/committee.rs`. What to vote, and when, is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from relayer.chain.programs import pnp
from relayer.domain.errors import PermanentError
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.units import Lamports
from relayer.domain.verdicts import Outcome

MAX_MEMBERS = 9
MAX_SPEC_LEN = 640
RETENTION_S = 30 * 24 * 3600
"""A decided resolution can be closed after that."""
ABANDON_S = 180 * 24 * 3600
"""One that nobody settles can be closed that long after the last moment to which its settlement can be put off."""
ACTIVATION_ADVANCE = Lamports(60_000_000)
"""Enough for PNP's mints, metadata and vaults of one market; what is left comes back in the same instruction."""
MAX_ADVANCE = Lamports(200_000_000)
"""A member never puts more at risk in one activation."""

_MAX_ACCOUNTS = 24
_COMMITTEE = b"commit\0\x01"
_RESOLUTION = b"resolv\0\x01"
(
    _INIT_COMMITTEE,
    _REPLACE_MEMBER,
    _OPEN,
    _ACCEPT,
    _ACTIVATE,
    _ATTEST,
    _FLAG,
    _SETTLE,
    _CLOSE_RESOLUTION,
) = range(16, 25)

_COMMITTEE_HEAD = struct.Struct("<8s32s32s32sQIIHBB4x")
_RESOLUTION_HEAD = struct.Struct("<8s32s32s32s32sQQQQQHBBBBBB")
_SEAT = struct.Struct("<32sQIBBBB")
_OUTCOME = {0: None, 1: Outcome.YES, 2: Outcome.NO}
_OUTCOME_NUMBER = {Outcome.YES: 1, Outcome.NO: 2}
_KIND = {0: None, 2: PnpKind.V2, 3: PnpKind.V3}


class ResolutionState(IntEnum):
    OPEN = 0
    SETTLED = 1
    SETTLED_ELSEWHERE = 2
    """Somebody else settled the market, with the winner that the committee proposed."""
    CONTRADICTED = 3
    """Somebody else settled the market, with the other winner."""


@dataclass(frozen=True, slots=True)
class OnPnp:
    """A market of a PNP program, which settles where its committee says; its oracle is the settler.

    Where a function takes a subject, a bare key stands for a generic resolution: `generic_subject` of its spec.
    """

    program: Pubkey
    market: PnpMarket

    @property
    def address(self) -> Pubkey:
        return Pubkey.from_string(self.market.address)

    @property
    def extension(self) -> Pubkey:
        return pnp.extension_address(self.program, self.market.kind, self.market.market_id)


@dataclass(frozen=True, slots=True)
class Committee:
    creator: Pubkey
    index: int
    members: tuple[Pubkey, ...]
    generations: tuple[int, ...]
    """By seat: how often it has changed hands."""
    threshold: int
    challenge_s: int
    safety_s: int
    reward: Lamports
    """For whoever settles, out of the deposit."""
    pnp_program: Pubkey | None
    """None: the committee's resolutions are generic."""
    metadata_program: Pubkey


@dataclass(frozen=True, slots=True)
class Seat:
    """One member's part in a resolution. It counts only while `generation` is that of the committee's seat."""

    outcome: Outcome | None
    evidence_hash: bytes
    voted_at: int
    generation: int
    votes: int
    """A vote may be changed once: 2 is the end."""
    accepted: bool
    flagged: bool


@dataclass(frozen=True, slots=True)
class Resolution:
    """The file of one market. Times in seconds, 0 = never."""

    committee: Pubkey
    market: Pubkey
    opener: Pubkey
    spec: bytes
    spec_hash: bytes
    kind: PnpKind | None
    """None: generic."""
    state: ResolutionState
    opened_at: int
    end_time: int
    proposed: Outcome | None
    proposed_since: int
    not_before: int
    """End of the last flag's safety period."""
    decided_at: int
    winner: Outcome | None
    seats: tuple[Seat, ...]

    def votes_for(self, outcome: Outcome, committee: Committee) -> int:
        """Votes of present members."""
        pairs = zip(self.seats, committee.generations, strict=False)
        return sum(seat.outcome is outcome and seat.generation == generation for seat, generation in pairs)

    def closable_s(self, committee: Committee) -> int | None:
        """From when on the file may be closed, as things stand; None for a generic one, which stays."""
        if self.kind is None:
            return None
        if self.state is not ResolutionState.OPEN:
            return self.decided_at + RETENTION_S
        periods = committee.challenge_s + len(committee.members) * committee.safety_s
        return max(self.end_time, self.opened_at, self.proposed_since) + periods + ABANDON_S


def committee_address(program_id: Pubkey, creator: Pubkey, index: int) -> Pubkey:
    return _pda(program_id, b"committee", bytes(creator), struct.pack("<H", index))


def resolution_address(program_id: Pubkey, committee: Pubkey, market: Pubkey) -> Pubkey:
    """`market` is a PNP market's address or, for a generic resolution, the hash of its spec."""
    return _pda(program_id, b"resolution", bytes(committee), bytes(market))


def generic_subject(spec: bytes) -> Pubkey:
    """What a generic resolution is about: the SHA-256 of its canonical spec, so that its address names the question."""
    return Pubkey(hashlib.sha256(spec).digest())


def settler_address(program_id: Pubkey, committee: Pubkey, spec_hash: bytes) -> Pubkey:
    """The custom oracle that a market names to commit to this committee and this spec."""
    return _pda(program_id, b"settler", bytes(committee), spec_hash)


def init_committee(
    program_id: Pubkey,
    creator: Pubkey,
    *,
    index: int,
    members: Sequence[Pubkey],
    threshold: int,
    challenge_s: int,
    safety_s: int,
    reward: int = 0,
    pnp_program: Pubkey | None = None,
    metadata_program: Pubkey = pnp.METADATA_PROGRAM,
) -> Instruction:
    """Make a committee; `creator` signs and pays. Without a PNP program its resolutions are generic.

    Raises ValueError for members or a threshold that the program would refuse.
    """
    if not 1 <= len(set(members)) == len(members) <= MAX_MEMBERS:
        raise ValueError(f"a committee has 1 to {MAX_MEMBERS} different members")
    if not len(members) < 2 * threshold <= 2 * len(members):
        raise ValueError(f"threshold {threshold} is not above half of {len(members)} members")
    data = struct.pack(
        "<BHBIIQ32s32s",
        _INIT_COMMITTEE,
        index,
        threshold,
        challenge_s,
        safety_s,
        reward,
        bytes(pnp_program or Pubkey.default()),
        bytes(metadata_program),
    )
    accounts = [
        _signer(creator, writable=True),
        _writable(committee_address(program_id, creator, index)),
        _readonly(SYSTEM_PROGRAM),
    ]
    return Instruction(program_id, data + b"".join(map(bytes, members)), accounts)


def replace_member(
    program_id: Pubkey,
    committee: Pubkey,
    *,
    leaver: Pubkey,
    newcomer: Pubkey,
    signers: Sequence[Pubkey],
    files: Sequence[Pubkey] = (),
) -> Instruction:
    """Give one seat to another key; a threshold of members sign. The leaver's votes count no longer.

    `files` are addresses of open resolutions, at most 23 with the signers: what they show as proposed is counted anew.
    In others it may lag until somebody votes; `settle` counts anyway.
    """
    data = bytes([_REPLACE_MEMBER]) + bytes(leaver) + bytes(newcomer)
    accounts = [_writable(committee), *map(_signer, signers), *map(_writable, files)]
    if len(accounts) > _MAX_ACCOUNTS:
        raise ValueError(f"{len(accounts)} accounts are more than {_MAX_ACCOUNTS}: name fewer files")
    return Instruction(program_id, data, accounts)


def open_resolution(
    program_id: Pubkey, opener: Pubkey, committee: Pubkey, subject: Pubkey | OnPnp, *, spec: bytes, deposit: int
) -> Instruction:
    """Put a market's spec on chain; `opener` signs and pays rent and deposit.

    Raises ValueError for a spec that is empty or too long, or is not that of a generic subject.
    """
    if not 1 <= len(spec) <= MAX_SPEC_LEN:
        raise ValueError(f"a spec of {len(spec)} bytes is outside 1 to {MAX_SPEC_LEN}")
    if isinstance(subject, Pubkey) and subject != generic_subject(spec):
        raise ValueError(f"generic subject {subject} is not the hash of the spec: use generic_subject(spec)")
    accounts = [
        _signer(opener, writable=True),
        _readonly(committee),
        _writable(resolution_address(program_id, committee, _key(subject))),
        _readonly(SYSTEM_PROGRAM),
    ]
    if isinstance(subject, OnPnp):
        accounts += [_readonly(subject.address), _readonly(subject.extension)]
    return Instruction(program_id, struct.pack("<BQ", _OPEN, deposit) + bytes(_key(subject)) + spec, accounts)


def accept(program_id: Pubkey, member: Pubkey, committee: Pubkey, subject: Pubkey | OnPnp) -> Instruction:
    """The member serves this market."""
    return _by_member(program_id, member, committee, subject, bytes([_ACCEPT]))


def attest(
    program_id: Pubkey,
    member: Pubkey,
    committee: Pubkey,
    subject: Pubkey | OnPnp,
    *,
    outcome: Outcome,
    evidence_hash: bytes,
) -> Instruction:
    """Vote, or change the vote once."""
    data = struct.pack("<BB32s", _ATTEST, _OUTCOME_NUMBER[outcome], evidence_hash)
    return _by_member(program_id, member, committee, subject, data)


def flag(
    program_id: Pubkey, member: Pubkey, committee: Pubkey, subject: Pubkey | OnPnp, *, reason: bytes
) -> Instruction:
    """No settlement before now and the safety period. `reason` is at most 32 bytes, for the event."""
    if len(reason) > 32:
        raise ValueError(f"the reason of a flag is longer than 32 bytes: {reason!r}")
    return _by_member(program_id, member, committee, subject, struct.pack("<B32s", _FLAG, reason))


def activate(
    program_id: Pubkey,
    member: Pubkey,
    committee: Pubkey,
    subject: OnPnp,
    *,
    metadata_program: Pubkey,
    advance: int,
) -> Instruction:
    """Make a market tradeable through its settler. The member advances the cost, which the deposit pays back.

    `metadata_program` is the committee's. `advance` in lamports, usually `ACTIVATION_ADVANCE`; an activation of a P2P
    market costs nothing and takes none. Raises ValueError for more than `MAX_ADVANCE`.
    """
    if not 0 <= advance <= MAX_ADVANCE:
        raise ValueError(f"an advance of {advance} lamports is outside 0 to {MAX_ADVANCE}")
    settler, market = Pubkey.from_string(subject.market.oracle), subject.market
    if market.kind is PnpKind.V2:
        call = pnp.set_market_resolvable_v2(subject.program, settler, market, metadata_program=metadata_program)
        theirs = call.accounts[1:]
    else:
        call = pnp.set_market_resolvable_v3(subject.program, settler, market)
        advance, theirs = 0, [*call.accounts[1:], _readonly(SYSTEM_PROGRAM)]
    accounts = [
        _signer(member, writable=True),
        _readonly(committee),
        _writable(resolution_address(program_id, committee, subject.address)),
        _readonly(subject.program),
        _writable(settler),
        *theirs,
    ]
    return Instruction(program_id, struct.pack("<BQ", _ACTIVATE, advance), accounts)


def settle(program_id: Pubkey, caller: Pubkey, committee: Pubkey, subject: Pubkey | OnPnp) -> Instruction:
    """Carry out what the committee has decided; anyone may."""
    accounts = [
        _signer(caller, writable=True),
        _readonly(committee),
        _writable(resolution_address(program_id, committee, _key(subject))),
    ]
    if isinstance(subject, OnPnp):
        accounts += [
            _writable(Pubkey.from_string(subject.market.oracle)),
            _writable(subject.address),
            _readonly(subject.extension),
            _readonly(pnp.global_config_address(subject.program)),
            _readonly(subject.program),
        ]
    return Instruction(program_id, bytes([_SETTLE]), accounts)


def close_resolution(program_id: Pubkey, committee: Pubkey, subject: Pubkey | OnPnp, *, opener: Pubkey) -> Instruction:
    """Close a file after `Resolution.closable_s`; anyone may. Rent to the opener, deposit to the market's creator.

    A bare key is the address of a market of PNP that is gone: there the opener gets both.
    """
    creator = Pubkey.from_string(subject.market.creator) if isinstance(subject, OnPnp) else opener
    accounts = [
        _writable(resolution_address(program_id, committee, _key(subject))),
        _readonly(committee),
        _readonly(_key(subject)),
        _writable(opener),
        _writable(creator),
    ]
    return Instruction(program_id, bytes([_CLOSE_RESOLUTION]), accounts)


def decode_committee(data: bytes) -> Committee:
    """Raises PermanentError for anything else."""
    members_at = _COMMITTEE_HEAD.size
    generations_at = members_at + 32 * MAX_MEMBERS
    if data[:8] != _COMMITTEE or len(data) < generations_at + 4 * MAX_MEMBERS:
        raise PermanentError("The account is not a committee of this program version; check the committee's address.")
    _, creator, owner, metadata, reward, challenge, safety, index, threshold, size = _COMMITTEE_HEAD.unpack_from(data)
    if size > MAX_MEMBERS:
        raise PermanentError(f"The committee claims {size} members, and no program version here has room for them.")
    keys = (data[members_at + 32 * seat : members_at + 32 * (seat + 1)] for seat in range(size))
    return Committee(
        creator=Pubkey(creator),
        index=index,
        members=tuple(map(Pubkey, keys)),
        generations=struct.unpack_from(f"<{size}I", data, generations_at),
        threshold=threshold,
        challenge_s=challenge,
        safety_s=safety,
        reward=Lamports(reward),
        pnp_program=Pubkey(owner) if any(owner) else None,
        metadata_program=Pubkey(metadata),
    )


def decode_resolution(data: bytes) -> Resolution:
    """Raises PermanentError for anything else, and for a spec that does not fit its hash."""
    seats_at = _RESOLUTION_HEAD.size
    spec_at = seats_at + MAX_MEMBERS * _SEAT.size
    if data[:8] != _RESOLUTION or len(data) < spec_at:
        raise PermanentError("The account is not a resolution of this program version; check the market's address.")
    (_, committee, market, opener, spec_hash, opened_at, end_time, since, not_before, decided_at, *small) = (
        _RESOLUTION_HEAD.unpack_from(data)
    )
    spec_len, kind, state, proposed, winner, _, _ = small
    spec = data[spec_at : spec_at + spec_len]
    if hashlib.sha256(spec).digest() != spec_hash:
        raise PermanentError("The resolution's spec does not fit its hash; read the whole account.")
    try:
        return Resolution(
            committee=Pubkey(committee),
            market=Pubkey(market),
            opener=Pubkey(opener),
            spec=spec,
            spec_hash=spec_hash,
            kind=_KIND[kind],
            state=ResolutionState(state),
            opened_at=opened_at,
            end_time=end_time,
            proposed=_OUTCOME[proposed],
            proposed_since=since,
            not_before=not_before,
            decided_at=decided_at,
            winner=_OUTCOME[winner],
            seats=tuple(_seat(*fields) for fields in _SEAT.iter_unpack(data[seats_at:spec_at])),
        )
    except (LookupError, ValueError) as error:
        raise PermanentError(f"The resolution holds what this program version does not know ({error}).") from error


def _seat(evidence: bytes, at: int, generation: int, outcome: int, votes: int, accepted: int, flagged: int) -> Seat:
    return Seat(_OUTCOME[outcome], evidence, at, generation, votes, bool(accepted), bool(flagged))


def _by_member(
    program_id: Pubkey, member: Pubkey, committee: Pubkey, subject: Pubkey | OnPnp, data: bytes
) -> Instruction:
    resolution = resolution_address(program_id, committee, _key(subject))
    return Instruction(program_id, data, [_signer(member), _readonly(committee), _writable(resolution)])


def _key(subject: Pubkey | OnPnp) -> Pubkey:
    return subject.address if isinstance(subject, OnPnp) else subject


def _pda(program_id: Pubkey, *seeds: bytes) -> Pubkey:
    return Pubkey.find_program_address(seeds, program_id)[0]


def _signer(key: Pubkey, *, writable: bool = False) -> AccountMeta:
    return AccountMeta(key, is_signer=True, is_writable=writable)


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)


def _readonly(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)
