"""What the oracle program must do, in plain Python: the reference that the stateful test holds it against.

Times of boards in milliseconds, of committees in seconds. `Refused` carries the program's error number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from solders.pubkey import Pubkey

from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome

NOBODY = Pubkey.default()
EPOCHS = 2**32
DAY_S = 24 * 3600


class Refused(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def require(ok: bool, number: int) -> None:
    if not ok:
        raise Refused(number)


@dataclass(frozen=True)
class Entry:
    """One entry of a batch as it lies in the instruction."""

    index: int
    bid: int
    ask: int
    last: int
    status: int
    size: int
    age: int

    def good(self) -> bool:
        return self.bid <= self.ask <= 10_000 and self.last <= 10_000 and self.status <= 8


@dataclass
class Slot:
    values: tuple[int, int, int, int, int] = (0, 10_000, 0, 0, 0)
    as_of: int = 0
    updates: int = 0
    generation: int = 0
    retired: bool = False


@dataclass
class BoardModel:
    authority: Pubkey
    publisher: Pubkey
    capacity: int
    growing: int
    """Calls of `init_board` still to come."""
    pending: Pubkey = NOBODY
    epoch: int = 0
    updates: int = 0
    last_publish: int = 0
    tape_head: bytes = bytes(32)
    slots: list[Slot] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    closed: bool = False

    def _by(self, signer: Pubkey, holder: Pubkey, number: int) -> None:
        require(not self.closed, 6012)
        require(signer == holder, number)

    def extend(self, signer: Pubkey, capacity: int) -> None:
        self._by(signer, self.authority, 6009)
        require(capacity == self.capacity, 6014)
        self.growing = max(0, self.growing - 1)

    def publish(self, signer: Pubkey, epoch: int, base: int, entries: Sequence[Entry], now: int) -> None:
        self._by(signer, self.publisher, 6010)
        require((epoch - self.epoch) % EPOCHS < EPOCHS // 2, 6011)
        self.epoch, self.last_publish = epoch, now
        for entry in entries:
            if entry.index < len(self.slots) and entry.good() and not self.slots[entry.index].retired:
                self._write(self.slots[entry.index], entry, min(base - 10 * entry.age, now + 5_000))

    def _write(self, slot: Slot, entry: Entry, as_of: int) -> None:
        if as_of > slot.as_of:
            slot.values = (entry.bid, entry.ask, entry.last, entry.status, entry.size)
            slot.as_of = as_of
            slot.updates += 1
            self.updates += 1

    def list(self, signer: Pubkey, feeds: Sequence[tuple[int, bytes]]) -> None:
        self._by(signer, self.authority, 6009)
        require(not self.growing, 6013)
        slots, ids = list(self.slots), list(self.ids)
        for index, feed_id in feeds:
            require(index <= len(slots) and index < self.capacity, 6015)
            if index == len(slots):
                slots.append(Slot())
                ids.append(feed_id)
                continue
            require(slots[index].retired, 6016)
            slots[index] = Slot(generation=slots[index].generation + 1)
            ids[index] = feed_id
        require(bool(feeds), 6000)
        self.slots, self.ids, self.epoch = slots, ids, (self.epoch + 1) % EPOCHS

    def retire(self, signer: Pubkey, indices: Sequence[int]) -> None:
        self._by(signer, self.authority, 6009)
        gone: set[int] = set()
        for index in indices:
            require(index < len(self.slots), 6015)
            require(not self.slots[index].retired and index not in gone, 6017)
            gone.add(index)
        require(bool(indices), 6000)
        for index in gone:
            self.slots[index].retired = True
        self.epoch = (self.epoch + 1) % EPOCHS

    def propose(self, signer: Pubkey, proposed: Pubkey) -> None:
        self._by(signer, self.authority, 6009)
        self.pending = proposed

    def accept(self, signer: Pubkey) -> None:
        self._by(signer, self.pending, 6018)
        self.authority, self.pending = self.pending, NOBODY

    def set_publisher(self, signer: Pubkey, publisher: Pubkey) -> None:
        self._by(signer, self.authority, 6009)
        self.publisher = publisher

    def anchor(self, signer: Pubkey, head: bytes) -> None:
        self._by(signer, self.publisher, 6010)
        self.tape_head = head

    def close(self, signer: Pubkey) -> None:
        self._by(signer, self.authority, 6009)
        self.closed = True


class State(IntEnum):
    OPEN = 0
    SETTLED = 1
    ELSEWHERE = 2
    CONTRADICTED = 3


@dataclass
class MarketModel:
    """A market of the PNP stand-in, which names the committee's settler."""

    kind: PnpKind
    created: int
    end: int
    buffer: int
    resolvable: bool = False
    minted: bool = False
    winner: Outcome | None = None

    def activate(self, now: int) -> bool:
        """Whether tokens are made."""
        require(self.winner is None, 6001)
        require(now <= self.created + self.buffer, 6004)
        makes = self.kind is PnpKind.V2 and not self.minted
        self.resolvable, self.minted = True, True
        return makes

    def ripe(self, now: int) -> bool:
        """Whether it can be settled now."""
        return self.winner is None and self.resolvable and now >= self.end

    def settle(self, winner: Outcome, now: int) -> None:
        require(self.winner is None, 6001)
        require(self.resolvable, 6002)
        require(now >= self.end, 6003)
        self.winner = winner


@dataclass
class Part:
    """What one member did in one resolution."""

    outcome: Outcome | None = None
    votes: int = 0
    accepted: bool = False
    flagged: bool = False


@dataclass
class FileModel:
    """One resolution. Unlike the program it drops a leaver's part at once: the two must agree all the same."""

    opener: Pubkey
    deposit: int
    market: MarketModel | None
    opened: int
    parts: dict[Pubkey, Part] = field(default_factory=dict)
    since: int | None = None
    shown_since: int = 0
    """What the account shows: it lags behind a replaced member where `replace_member` did not name the file."""
    not_before: int = 0
    state: State = State.OPEN
    winner: Outcome | None = None
    decided: int = 0
    closed: bool = False


@dataclass
class CommitteeModel:
    members: list[Pubkey]
    threshold: int
    challenge: int
    safety: int
    reward: int
    activation_cost: int = 0
    donated: int = 0
    """What lies on the settler's address."""
    files: dict[Pubkey, FileModel] = field(default_factory=dict)

    def replace(
        self, signers: Sequence[Pubkey], leaver: Pubkey, newcomer: Pubkey, named: Sequence[FileModel] = ()
    ) -> None:
        seen: set[Pubkey] = set()
        for signer in signers:
            require(signer in self.members, 6020)
            require(signer not in seen, 6007)
            seen.add(signer)
        require(len(seen) >= self.threshold, 6022)
        require(leaver in self.members, 6020)
        require(newcomer not in self.members, 6023)
        self.members[self.members.index(leaver)] = newcomer
        for file in self.files.values():
            before = self.majority(file)
            file.parts.pop(leaver, None)
            if self.majority(file) is not before:
                file.since = None
        for file in named:
            if file.state is State.OPEN and self.majority(file) is None:
                file.shown_since = 0

    def open(self, market: Pubkey, file: FileModel, *, honest: bool = True) -> None:
        """`honest`: the spec is the one that the market commits to."""
        known = self.files.get(market)
        require(known is None or known.closed, 6042)
        require(honest, 6043 if file.market is None else 6025)
        require(file.market is None or file.market.winner is None, 6026)
        self.files[market] = file

    def majority(self, file: FileModel) -> Outcome | None:
        votes = [part.outcome for part in file.parts.values()]
        return next((outcome for outcome in Outcome if votes.count(outcome) >= self.threshold), None)

    def _part(self, member: Pubkey, file: FileModel) -> Part:
        require(not file.closed, 6004)
        require(member in self.members, 6020)
        require(file.state is State.OPEN, 6028)
        return file.parts.setdefault(member, Part())

    def accept(self, member: Pubkey, file: FileModel) -> None:
        part = self._part(member, file)
        require(not part.accepted, 6029)
        part.accepted = True

    def attest(self, member: Pubkey, file: FileModel, outcome: Outcome, now: int) -> None:
        part = self._part(member, file)
        require(part.votes < 2, 6030)
        before = self.majority(file)
        part.outcome, part.votes = outcome, part.votes + 1
        after = self.majority(file)
        if after is not before:
            file.since = None if after is None else now
            file.shown_since = file.since or 0

    def flag(self, member: Pubkey, file: FileModel, now: int) -> None:
        part = self._part(member, file)
        require(not part.flagged, 6031)
        part.flagged = True
        file.not_before = max(file.not_before, now + self.safety)

    def activate(self, member: Pubkey, file: FileModel, now: int) -> int:
        """What the member gains: what lay on the settler, and out of the deposit what the rest has cost."""
        self._part(member, file)
        assert file.market is not None
        cost = (self.activation_cost if file.market.activate(now) else 0) - self.donated
        refund = min(max(cost, 0), file.deposit)
        file.deposit -= refund
        self.donated = 0
        return refund - cost

    def settle(self, file: FileModel, now: int) -> int:
        """What the caller gets."""
        require(not file.closed, 6004)
        require(file.state is State.OPEN, 6028)
        outcome = self.majority(file)
        require(outcome is not None and file.since is not None, 6032)
        assert outcome is not None
        assert file.since is not None
        require(now >= file.since + self.challenge, 6033)
        require(now >= file.not_before, 6034)
        require(file.market is None or now >= file.market.end, 6035)
        file.state = self._carry_out(file, outcome, now)
        file.winner, file.decided = outcome, now
        paid = self.reward if file.state is State.SETTLED and file.deposit >= self.reward else 0
        file.deposit -= paid
        return paid

    @staticmethod
    def _carry_out(file: FileModel, outcome: Outcome, now: int) -> State:
        if file.market is None:
            return State.SETTLED
        if file.market.winner is not None:
            return State.ELSEWHERE if file.market.winner is outcome else State.CONTRADICTED
        file.market.settle(outcome, now)
        return State.SETTLED

    def close(self, file: FileModel, opener: Pubkey, now: int) -> None:
        require(not file.closed, 6004)
        require(file.market is not None, 6040)
        assert file.market is not None
        if file.state is State.OPEN:
            begun = max(file.opened, file.market.end, file.shown_since)
            longest = self.challenge + len(self.members) * self.safety
            require(now >= begun + longest + 180 * DAY_S, 6038)
        else:
            require(now >= file.decided + 30 * DAY_S, 6039)
        require(opener == file.opener, 6041)
        file.closed = True
