"""The invariants 1 to 3 of the design, held against the accounts before and after every transaction.

It knows no model: what it believes it has read on the chain. Who signed, and when, it has seen itself. Invariant 4 is
the siege's.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.chain.programs.committee import Committee, Resolution, ResolutionState
from relayer.domain.verdicts import Outcome
from tests.svm.chain import Chain, Sent

LIST, PUBLISH, RETIRE, CLOSE_BOARD = 1, 2, 3, 8
REPLACE_MEMBER, ACTIVATE, ATTEST, FLAG, SETTLE, CLOSE_RESOLUTION = 17, 20, 21, 22, 23, 24

_BOARD, _COMMITTEE, _RESOLUTION = b"board\0\0\x01", b"commit\0\x01", b"resolv\0\x01"


@dataclass(frozen=True)
class Act:
    """One successful transaction."""

    made: Instruction
    signers: frozenset[Pubkey]
    now: int
    before: Mapping[Pubkey, Account | None]
    after: Mapping[Pubkey, Account | None]

    @property
    def tag(self) -> int:
        return self.made.data[0]

    def key(self, place: int) -> Pubkey:
        return self.made.accounts[place].pubkey

    def gain(self, key: Pubkey) -> int:
        return _lamports(self.after[key]) - _lamports(self.before[key])


@dataclass
class Record:
    """What the watch has seen of one file."""

    committee: Pubkey
    held: Outcome | None = None
    since: int = 0
    """From when on `held` has had the votes without a break."""
    flags: dict[tuple[Pubkey, int], int] = field(default_factory=dict)
    """When each member flagged, by key and generation of the seat."""


class Watch:
    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self.records: dict[Pubkey, Record] = {}

    def send(self, made: Instruction, signers: Sequence[Keypair], now: int) -> Sent:
        keys = {meta.pubkey for meta in made.accounts}
        before = {key: self._chain.svm.get_account(key) for key in keys}
        sent = self._chain.send(made, *signers)
        if sent.error is None and made.program_id == self._chain.oracle:
            after = {key: self._chain.svm.get_account(key) for key in keys}
            self._check(Act(made, frozenset(signer.pubkey() for signer in signers), now, before, after))
        return sent

    def _check(self, act: Act) -> None:
        for key, account in act.after.items():
            self._losses(act, key)
            old, new = _data(act.before[key]), _data(account)
            if old[:8] == new[:8] == _BOARD:
                _prices(act, old, new)
            elif old[:8] == new[:8] == _COMMITTEE and old != new:
                self._seats(act, key, committees.decode_committee(old), committees.decode_committee(new))
            elif new[:8] == _RESOLUTION:
                self._file(act, key, old, new)

    # -- invariant 2

    def _file(self, act: Act, key: Pubkey, old: bytes, new: bytes) -> None:
        file = committees.decode_resolution(new)
        committee = committees.decode_committee(self._chain.data(file.committee))
        if old[:8] != _RESOLUTION:
            self.records[key] = Record(file.committee)
            return
        was, record = committees.decode_resolution(old), self.records[key]
        self._acts_of_members(act, record, committee, was, file)
        if was.state is ResolutionState.OPEN and file.state is not ResolutionState.OPEN:
            self._settlement(act, record, committee, file)
        else:
            assert (was.state, was.winner) == (file.state, file.winner), "what is decided stays"
            self._count(key, act.now)

    def _acts_of_members(
        self, act: Act, record: Record, committee: Committee, was: Resolution, file: Resolution
    ) -> None:
        """Each seat is moved by its holder alone, and a flag puts off by one safety period at most."""
        for seat, (old, new) in enumerate(zip(was.seats, file.seats, strict=False)):
            if old == new:
                continue
            assert committee.members[seat] in act.signers, "somebody else moved a seat"
            if new.flagged and not (old.flagged and old.generation == new.generation):
                assert (committee.members[seat], new.generation) not in record.flags, "flagged twice"
                record.flags[committee.members[seat], new.generation] = act.now
        if file.not_before != was.not_before:
            assert act.tag == FLAG
            assert was.not_before < file.not_before <= act.now + committee.safety_s

    def _settlement(self, act: Act, record: Record, committee: Committee, file: Resolution) -> None:
        assert act.tag == SETTLE
        assert file.winner is record.held is not None, "an outcome without the votes"
        assert act.now >= record.since + committee.challenge_s, "within the challenge period"
        assert all(act.now >= flagged + committee.safety_s for flagged in record.flags.values())
        assert file.spec_hash == hashlib.sha256(file.spec).digest()
        if file.kind is None:
            assert bytes(file.market) == file.spec_hash, "another question"
            return
        oracle = pnp.decode_extension(self._chain.data(act.key(5))).oracle
        assert oracle == committees.settler_address(self._chain.oracle, file.committee, file.spec_hash)
        market = pnp.decode_market(file.market, self._chain.data(file.market), oracle)
        assert act.now * 1000 >= market.end_ms
        assert (market.winner is file.winner) == (file.state is not ResolutionState.CONTRADICTED)

    def _count(self, key: Pubkey, now: int) -> None:
        """Who has the votes now, by the accounts as they stand."""
        record = self.records[key]
        committee = committees.decode_committee(self._chain.data(record.committee))
        file = committees.decode_resolution(self._chain.data(key))
        held = [outcome for outcome in Outcome if file.votes_for(outcome, committee) >= committee.threshold]
        assert len(held) <= 1
        now_held = held[0] if held else None
        if now_held is not record.held:
            record.held, record.since = now_held, now

    # -- invariant 3

    def _seats(self, act: Act, key: Pubkey, old: Committee, new: Committee) -> None:
        assert act.tag == REPLACE_MEMBER
        assert len(act.signers & set(old.members)) >= old.threshold, "a seat changed hands without the votes"
        assert sum(a != b for a, b in zip(old.members, new.members, strict=True)) <= 1
        for address, record in self.records.items():
            if record.committee == key and self._chain.svm.get_account(address) is not None:
                self._count(address, act.now)

    def _losses(self, act: Act, key: Pubkey) -> None:
        """Nobody loses a lamport that has not signed, but by the rules."""
        lost = -act.gain(key)
        if lost <= 0 or key in act.signers or key == self._chain.payer.pubkey():
            return
        rules = {
            SETTLE: self._reward,
            ACTIVATE: self._activation,
            CLOSE_BOARD: self._board_closing,
            CLOSE_RESOLUTION: self._closing,
        }
        assert act.tag in rules, f"tag {act.tag} took {lost} lamports of {key}"
        rules[act.tag](act, key, lost)

    def _reward(self, act: Act, key: Pubkey, lost: int) -> None:
        committee = committees.decode_committee(_data(act.before[act.key(1)]))
        assert (key, lost, act.gain(act.key(0))) == (act.key(2), committee.reward, lost)

    def _activation(self, act: Act, key: Pubkey, _: int) -> None:
        assert key in (act.key(2), act.key(4)), "neither deposit nor settler"
        assert self._chain.svm.get_account(act.key(4)) is None, "something stayed on the settler"

    def _board_closing(self, act: Act, _: Pubkey, __: int) -> None:
        board = boards.decode_board(_data(act.before[act.key(1)]))
        assert board.header.authority in act.signers
        assert act.gain(board.header.authority) == -sum(act.gain(act.key(place)) for place in (1, 2))

    def _closing(self, act: Act, key: Pubkey, lost: int) -> None:
        data = _data(act.before[key])
        file = committees.decode_resolution(data)
        assert (key, act.key(3)) == (act.key(0), file.opener)
        assert file.kind is not None, "a generic file stays"
        market = pnp.decode_market(file.market, self._chain.data(file.market), Pubkey.default())
        rent = self._chain.svm.minimum_balance_for_rent_exemption(len(data))
        assert act.gain(file.opener) == rent
        assert act.gain(Pubkey.from_string(market.creator)) == lost - rent


# -- invariant 1


def _prices(act: Act, old: bytes, new: bytes) -> None:
    was, length = boards.decode_board(old), len(boards.decode_board(new).slots)
    offers = _offers(act.made.data) if act.tag == PUBLISH else {}
    for index in range(min(length, len(was.slots))):
        before, after = (data[192 + 24 * index : 216 + 24 * index] for data in (old, new))
        if before == after:
            continue
        if act.tag == PUBLISH:
            assert was.header.publisher in act.signers
            _published(before, after, offers.get(index, set()) | {act.now * 1000 + boards.FUTURE_MS})
        else:
            assert was.header.authority in act.signers
            _emptied(act.tag, before, after)


def _published(before: bytes, after: bytes, offered: set[int]) -> None:
    (was, _), (as_of, _) = map(_age_of, (before, after))
    assert was < as_of, "a slot went back in time"
    assert as_of in offered, "a time that nobody told of this slot"


def _emptied(tag: int, before: bytes, after: bytes) -> None:
    """Listing and retiring leave no price."""
    (was, generation), (as_of, next_generation) = map(_age_of, (before, after))
    assert after[:8] == bytes([0, 0, 0x10, 0x27, 0, 0, {LIST: 0, RETIRE: 9}[tag], 0])
    assert as_of == was if tag == RETIRE else next_generation == generation + 1


def _age_of(slot: bytes) -> tuple[int, int]:
    """As of when, and of which generation."""
    as_of, generation = struct.unpack("<8xQ4xH2x", slot)
    return as_of, generation


def _offers(data: bytes) -> dict[int, set[int]]:
    """By index, the times that a batch tells."""
    [base] = struct.unpack_from("<Q", data, 16)
    offers: dict[int, set[int]] = {}
    for at in range(24, len(data), 12):
        index, age = struct.unpack_from("<8xHH", data, at)
        offers.setdefault(index, set()).add(base - 10 * age)
    return offers


def _data(account: Account | None) -> bytes:
    return account.data if account is not None else b""


def _lamports(account: Account | None) -> int:
    return account.lamports if account is not None else 0
