"""Any order of any instructions by any mix of signers, against the reference model: invariants 1 to 5 of the design.

`RELAYER_STATEFUL_EPISODES` lengthens the run, `RELAYER_STATEFUL_SEED` moves it. One failing step names its episode.
"""

from __future__ import annotations

import hashlib
import os
import random
import struct
from collections.abc import Callable

import pytest
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.chain.programs import committee as committees
from relayer.chain.programs.committee import OnPnp
from relayer.chain.programs.pnp import METADATA_PROGRAM
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.chain import START_S, Chain
from tests.svm.court import CHALLENGE_S, DEPOSIT, EVIDENCE, REWARD, SAFETY_S, SPEC, Court, global_settle
from tests.svm.exchange import BUFFER_S, END_S, Exchange
from tests.svm.model import (
    NOBODY,
    BoardModel,
    CommitteeModel,
    Entry,
    FileModel,
    MarketModel,
    Refused,
)
from tests.svm.rig import grow_rig

EPISODES = int(os.environ.get("RELAYER_STATEFUL_EPISODES", "50"))
SEED = int(os.environ.get("RELAYER_STATEFUL_SEED", "1"))
STEPS = 400
CAPACITY = 6
MONTH_S = 30 * 24 * 3600


class Episode:
    """One cluster with a board and a committee, walked at random."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.chain = Chain()
        self.now = START_S
        self.exchange = Exchange(self.chain)
        self.actors = {key.pubkey(): key for key in (self.chain.funded() for _ in range(9))}
        self.keys = list(self.actors)
        self._make_board()
        self._make_committee()

    def _make_board(self) -> None:
        authority, publisher = (self.actors[key] for key in self.keys[:2])
        self.board = grow_rig(self.chain, authority, publisher, capacity=CAPACITY).board
        self.board_model = BoardModel(authority.pubkey(), publisher.pubkey(), CAPACITY)

    def _make_committee(self) -> None:
        size = self.chance.choice([1, 3, 4, 5])
        threshold = size // 2 + 1
        self.court = Court(self.chain, size=size, threshold=threshold, pnp_program=self.exchange.id)
        self.generic = Court(self.chain, size=size, threshold=threshold)
        for member in (*self.court.members, *self.generic.members):
            self.actors[member.pubkey()] = member
        rent = self.chain.svm.minimum_balance_for_rent_exemption
        cost = 2 * (rent(82) + rent(607) + rent(165))
        self.models = {
            court.address: CommitteeModel(
                [member.pubkey() for member in court.members], threshold, CHALLENGE_S, SAFETY_S, REWARD, cost
            )
            for court in (self.court, self.generic)
        }
        self.subjects: dict[Pubkey, list[Pubkey | OnPnp]] = {self.court.address: [], self.generic.address: []}
        self.markets: dict[Pubkey, MarketModel] = {}
        self.specs: dict[Pubkey, bytes] = {}
        """Of generic subjects; all markets of PNP ask the same."""

    # -- choices

    def someone(self, *likely: Pubkey) -> Keypair:
        """Mostly one of the likely ones."""
        known = [key for key in likely if key in self.actors]
        if known and self.chance.random() < 0.75:
            return self.actors[self.chance.choice(known)]
        return self.actors[self.chance.choice(list(self.actors))]

    def some_court(self) -> tuple[Court, CommitteeModel]:
        court = self.chance.choice([self.court, self.generic])
        return court, self.models[court.address]

    def some_file(self) -> tuple[Court, CommitteeModel, Pubkey | OnPnp, FileModel] | None:
        court, model = self.some_court()
        opened = [subject for subject in self.subjects[court.address] if key_of(subject) in model.files]
        if not opened:
            return None
        subject = self.chance.choice(opened[-3:])
        return court, model, subject, model.files[key_of(subject)]

    # -- the step

    def step(self) -> None:
        moves: list[tuple[int, Callable[[], None]]] = [
            (12, self.publish),
            (3, self.list),
            (2, self.retire),
            (1, self.propose),
            (2, self.accept_authority),
            (1, self.set_publisher),
            (1, self.anchor),
            (20, self.attest),
            (1, self.flag),
            (3, self.accept),
            (3, self.activate),
            (10, self.settle),
            (3, self.replace),
            (3, self.open),
            (2, self.close_resolution),
            (1, self.new_subject),
            (1, self.global_settle),
            (8, self.wait),
        ]
        if self.chance.random() < 0.001:
            return self.close_board()
        weights = [weight for weight, _ in moves]
        self.chance.choices([move for _, move in moves], weights)[0]()
        return None

    def attempt(self, made: Instruction, expect: Callable[[], int | None], *signers: Keypair) -> None:
        """Send it, now and then unsigned, and demand the model's answer: a refusal, or the signer's gain."""
        if len(signers) == 1 and self.chance.random() < 0.04:
            first, *rest = made.accounts if made.accounts[0].is_signer else [None]
            if first is not None and made.data[0] not in (17,):
                bare = Instruction(
                    made.program_id, made.data, [AccountMeta(first.pubkey, False, first.is_writable), *rest]
                )
                assert self.chain.send(bare).custom == 6002
                return
        before = [self.chain.svm.get_balance(signer.pubkey()) or 0 for signer in signers]
        try:
            gain, number = expect(), None
        except Refused as refused:
            gain, number = None, refused.number
        sent = self.chain.send(made, *signers)
        assert sent.custom == number, (sent.error, number, sent.logs)
        assert (sent.error is None) == (number is None), sent.logs
        if gain is not None:
            after = self.chain.svm.get_balance(signers[0].pubkey()) or 0
            assert after - before[0] == gain, "lamports of the first signer"

    def wait(self) -> None:
        self.now += self.chance.choices([1, 20, 150, 700, MONTH_S], [20, 20, 20, 20, 1])[0]
        self.chain.set_time(self.now)

    # -- boards

    def publish(self) -> None:
        model, chance = self.board_model, self.chance
        signer = self.someone(model.publisher)
        epoch = max(0, model.epoch + chance.choice([0, 0, 0, 0, 1, -1]))
        base = self.now * 1000 + chance.choice([0, 0, -500, 4_000, 9_000])
        entries = [self.entry() for _ in range(chance.randrange(5))]
        data = struct.pack("<BBHIQQ", 2, 0, len(entries), epoch, 0, base) + b"".join(map(packed, entries))
        accounts = [AccountMeta(signer.pubkey(), True, False), AccountMeta(self.board, False, True)]
        self.attempt(
            Instruction(self.chain.oracle, data, accounts),
            lambda: model.publish(signer.pubkey(), epoch, base, entries, self.now * 1000),
            signer,
        )
        self.compare_board()

    def entry(self) -> Entry:
        chance = self.chance
        return Entry(
            index=chance.choice([0, 1, 2, 3, 4, 5, 6, 65_535]),
            bid=chance.choice([0, 100, 5_000, 10_000, 10_001]),
            ask=chance.choice([100, 5_000, 10_000, 10_000, 10_001]),
            last=chance.choice([0, 5_000, 10_000, 10_001]),
            status=chance.choice([0, 2, 8, 9]),
            size=chance.randrange(256),
            age=chance.choice([0, 1, 7, 300, 65_535]),
        )

    def list(self) -> None:
        model, chance = self.board_model, self.chance
        signer = self.someone(model.authority)
        feeds = [(chance.randrange(CAPACITY + 1), chance.randbytes(32)) for _ in range(chance.randrange(3))]
        if chance.random() < 0.4:
            feeds = [(len(model.slots), chance.randbytes(32))]
        made = boards.list_feeds(self.chain.oracle, signer.pubkey(), self.board, feeds)
        self.attempt(made, lambda: model.list(signer.pubkey(), feeds), signer)
        self.compare_board()

    def retire(self) -> None:
        model = self.board_model
        signer = self.someone(model.authority)
        indices = [self.chance.randrange(CAPACITY) for _ in range(self.chance.randrange(3))]
        made = boards.retire_feeds(self.chain.oracle, signer.pubkey(), self.board, indices)
        self.attempt(made, lambda: model.retire(signer.pubkey(), indices), signer)
        self.compare_board()

    def propose(self) -> None:
        model = self.board_model
        signer, proposed = self.someone(model.authority), self.chance.choice([*self.keys, NOBODY])
        made = boards.propose_authority(self.chain.oracle, signer.pubkey(), self.board, proposed)
        self.attempt(made, lambda: model.propose(signer.pubkey(), proposed), signer)
        self.compare_board()

    def accept_authority(self) -> None:
        model = self.board_model
        signer = self.someone(model.pending)
        made = boards.accept_authority(self.chain.oracle, signer.pubkey(), self.board)
        self.attempt(made, lambda: model.accept(signer.pubkey()), signer)
        self.compare_board()

    def set_publisher(self) -> None:
        model = self.board_model
        signer, publisher = self.someone(model.authority), self.chance.choice(self.keys)
        made = boards.set_publisher(self.chain.oracle, signer.pubkey(), self.board, publisher)
        self.attempt(made, lambda: model.set_publisher(signer.pubkey(), publisher), signer)
        self.compare_board()

    def anchor(self) -> None:
        model, head = self.board_model, self.chance.randbytes(32)
        signer = self.someone(model.publisher)
        made = boards.anchor(self.chain.oracle, signer.pubkey(), self.board, head)
        self.attempt(made, lambda: model.anchor(signer.pubkey(), head), signer)
        self.compare_board()

    def close_board(self) -> None:
        model = self.board_model
        signer = self.someone(model.authority)
        made = boards.close_board(self.chain.oracle, signer.pubkey(), self.board)
        self.attempt(made, lambda: model.close(signer.pubkey()), signer)
        self.compare_board()

    def compare_board(self) -> None:
        data, model = self.chain.data(self.board), self.board_model
        if model.closed:
            assert len(data) == 8
            return
        board = boards.decode_board(data)
        header = board.header
        assert (header.authority, header.pending_authority or NOBODY) == (model.authority, model.pending)
        assert (header.publisher, header.epoch, header.updates) == (model.publisher, model.epoch, model.updates)
        assert (header.tape_head, header.last_publish_ms) == (model.tape_head, model.last_publish)
        ids = boards.decode_ids(self.chain.data(boards.ids_address(self.chain.oracle, self.board)), header.length)
        assert [feed.feed_id for feed in ids] == model.ids
        for shown, listed, slot in zip(board.slots, ids, model.slots, strict=True):
            assert (shown.updates, shown.generation, listed.generation) == (
                slot.updates,
                slot.generation,
                slot.generation,
            )
            assert (shown.state is None) == slot.retired
            if shown.state is not None:
                state = shown.state
                assert (state.bid, state.ask, state.last, state.status, state.size_bits) == slot.values
                assert state.as_of_ms == slot.as_of

    # -- committees

    def new_subject(self) -> None:
        if self.chance.random() < 0.4:
            spec = SPEC + str(len(self.specs)).encode()
            subject = committees.generic_subject(spec)
            self.specs[subject] = spec
            self.subjects[self.generic.address].append(subject)
            return
        kind = self.chance.choice(list(PnpKind))
        address = self.exchange.create(kind, self.court.settler(), end_time=self.now + END_S - START_S)
        self.subjects[self.court.address].append(OnPnp(self.exchange.id, self.exchange.market(address, kind)))
        self.markets[address] = MarketModel(kind, self.now, self.now + END_S - START_S, BUFFER_S)

    def open(self) -> None:
        court, model = self.some_court()
        if not self.subjects[court.address]:
            return self.new_subject()
        subject = self.chance.choice(self.subjects[court.address][-3:])
        opener, deposit = self.someone(), self.chance.choice([0, REWARD - 1, REWARD, DEPOSIT])
        market = self.markets.get(key_of(subject))
        made = committees.open_resolution(
            self.chain.oracle, opener.pubkey(), court.address, subject, spec=self.spec_of(subject), deposit=deposit
        )
        file = FileModel(opener.pubkey(), deposit, market)
        self.attempt(made, lambda: model.open(key_of(subject), file), opener)
        self.compare_file(court, model, subject)
        if isinstance(subject, OnPnp):
            self.activate()
        return None

    def on_file(
        self, make: Callable[[Pubkey, Pubkey, Pubkey | OnPnp], Instruction], expect: Callable[..., int | None]
    ) -> None:
        chosen = self.some_file()
        if chosen is None:
            return
        court, model, subject, file = chosen
        signer = self.someone(*model.members)
        made = make(signer.pubkey(), court.address, subject)
        self.attempt(made, lambda: expect(model, signer.pubkey(), file), signer)
        self.compare_file(court, model, subject)

    def attest(self) -> None:
        vote = self.chance.choices(list(Outcome), [9, 1])[0]
        self.on_file(
            lambda member, court, subject: committees.attest(
                self.chain.oracle, member, court, subject, outcome=vote, evidence_hash=EVIDENCE
            ),
            lambda model, member, file: model.attest(member, file, vote, self.now),
        )

    def flag(self) -> None:
        self.on_file(
            lambda member, court, subject: committees.flag(self.chain.oracle, member, court, subject, reason=b"?"),
            lambda model, member, file: model.flag(member, file, self.now),
        )

    def accept(self) -> None:
        self.on_file(
            lambda member, court, subject: committees.accept(self.chain.oracle, member, court, subject),
            lambda model, member, file: model.accept(member, file),
        )

    def settle(self) -> None:
        self.on_file(
            lambda caller, court, subject: committees.settle(self.chain.oracle, caller, court, subject),
            lambda model, _, file: model.settle(file, self.now),
        )

    def activate(self) -> None:
        model = self.models[self.court.address]
        opened = [subject for subject in self.subjects[self.court.address] if key_of(subject) in model.files]
        if not opened:
            return
        subject = self.chance.choice(opened[-3:])
        assert isinstance(subject, OnPnp)
        member, file = self.someone(*model.members), model.files[key_of(subject)]
        made = committees.activate(
            self.chain.oracle,
            member.pubkey(),
            self.court.address,
            subject,
            metadata_program=METADATA_PROGRAM,
            advance=committees.ACTIVATION_ADVANCE,
        )
        self.attempt(made, lambda: model.activate(member.pubkey(), file, self.now), member)
        assert not self.chain.svm.get_balance(self.court.settler())
        self.compare_file(self.court, model, subject)

    def replace(self) -> None:
        court, model = self.some_court()
        pool = [*model.members, *self.keys]
        leaver, newcomer = self.chance.choice(pool), self.chance.choice(pool)
        count = min(model.threshold + self.chance.choice([-1, 0, 0, 0, 1]), len(model.members))
        signers = self.chance.sample(model.members, max(count, 1))
        if self.chance.random() < 0.15:
            signers[0] = self.chance.choice(pool)
        if len(set(signers)) < len(signers):
            return
        made = committees.replace_member(
            self.chain.oracle, court.address, leaver=leaver, newcomer=newcomer, signers=signers
        )
        self.attempt(made, lambda: model.replace(signers, leaver, newcomer), *(self.actors[key] for key in signers))
        assert list(court.committee().members) == model.members

    def global_settle(self) -> None:
        """PNP's own oracle decides over our head, if PNP lets it."""
        subjects = self.subjects[self.court.address]
        if not subjects or self.chance.random() < 0.5:
            return
        subject, winner = self.chance.choice(subjects[-3:]), self.chance.choice(list(Outcome))
        assert isinstance(subject, OnPnp)
        try:
            self.markets[subject.address].settle(winner, self.now)
            number = None
        except Refused as refused:
            number = refused.number
        assert global_settle(self.exchange, subject, winner).custom == number

    def close_resolution(self) -> None:
        court, model = self.court, self.models[self.court.address]
        if not model.files:
            return
        subject = self.chance.choice([s for s in self.subjects[court.address] if key_of(s) in model.files])
        assert isinstance(subject, OnPnp)
        file = model.files[subject.address]
        opener = self.someone(file.opener)
        made = committees.close_resolution(self.chain.oracle, court.address, subject, opener=opener.pubkey())
        self.attempt(made, lambda: model.close(file, opener.pubkey(), self.now))
        self.compare_file(court, model, subject)

    def spec_of(self, subject: Pubkey | OnPnp) -> bytes:
        return self.specs.get(key_of(subject), SPEC)

    def compare_file(self, court: Court, model: CommitteeModel, subject: Pubkey | OnPnp) -> None:
        file, address = model.files.get(key_of(subject)), court.resolution_address(subject)
        if file is None or file.closed:
            assert self.chain.svm.get_account(address) is None
            return
        shown, data = court.resolution(subject), self.chain.data(address)
        held = self.chain.svm.get_balance(address) or 0
        assert held - self.chain.svm.minimum_balance_for_rent_exemption(len(data)) == file.deposit
        assert (int(shown.state), shown.winner, shown.decided_at) == (int(file.state), file.winner, file.decided)
        assert (shown.opener, shown.spec, shown.not_before) == (file.opener, self.spec_of(subject), file.not_before)
        committee = court.committee()
        for outcome in Outcome:
            want = sum(part.outcome is outcome for part in file.parts.values())
            assert shown.votes_for(outcome, committee) == want
        majority = model.majority(file)
        if majority is not None and file.since is not None:
            assert (shown.proposed, shown.proposed_since) == (majority, file.since)
        if isinstance(subject, OnPnp):
            market = self.exchange.market(subject.address, subject.market.kind)
            known = self.markets[subject.address]
            assert (market.resolvable, market.winner) == (known.resolvable, known.winner)


def key_of(subject: Pubkey | OnPnp) -> Pubkey:
    return subject.address if isinstance(subject, OnPnp) else subject


def packed(entry: Entry) -> bytes:
    return struct.pack("<HHHBBHH", entry.bid, entry.ask, entry.last, entry.status, entry.size, entry.index, entry.age)


@pytest.mark.parametrize("number", range(EPISODES))
def test_the_program_does_what_the_model_does(number: int) -> None:
    seed = int.from_bytes(hashlib.sha256(f"{SEED}:{number}".encode()).digest()[:8], "big")
    episode = Episode(seed)
    for _ in range(STEPS):
        episode.step()
