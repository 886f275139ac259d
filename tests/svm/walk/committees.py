"""Moves on committees, resolutions and their markets, each expected of the model and compared with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import committee as committees
from relayer.chain.programs import pnp
from relayer.chain.programs.committee import OnPnp
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.svm.chain import START_S
from tests.svm.court import CHALLENGE_S, DEPOSIT, EVIDENCE, REWARD, SAFETY_S, SPEC
from tests.svm.exchange import BUFFER_S, END_S
from tests.svm.model import CommitteeModel, FileModel, MarketModel, Refused, State, require
from tests.svm.walk.world import World

Subject = Pubkey | OnPnp
DONATION = 10**6
RECENT = 4
"""Most moves concern one of a committee's latest subjects."""


def key_of(subject: Subject) -> Pubkey:
    return subject.address if isinstance(subject, OnPnp) else subject


def kind_of(subject: Subject) -> str:
    return subject.market.kind if isinstance(subject, OnPnp) else "generic"


@dataclass
class Bench:
    """A committee and what it is asked."""

    address: Pubkey
    model: CommitteeModel
    on_pnp: bool
    subjects: list[Subject] = field(default_factory=list)

    @property
    def opened(self) -> list[Subject]:
        return [subject for subject in self.subjects if key_of(subject) in self.model.files]

    def file(self, subject: Subject) -> FileModel:
        return self.model.files[key_of(subject)]


class Committees:
    def __init__(self, world: World) -> None:
        self.world, self.chance, self.program = world, world.chance, world.chain.oracle
        self.benches: list[Bench] = []
        self.markets: dict[Pubkey, MarketModel] = {}
        self.specs: dict[Pubkey, bytes] = {}
        """Of generic subjects; all markets of PNP ask the same."""
        for on_pnp in (True, False):
            self.init(on_pnp=on_pnp)
        [self.court] = [bench for bench in self.benches if bench.on_pnp]

    # -- committees

    def init(self, *, on_pnp: bool = False) -> None:
        creator, index = self.world.someone(), len(self.benches)
        members = [self._member() for _ in range(self.chance.choice([1, 3, 3, 4, 5]))]
        threshold = len(members) // 2 + 1
        made = committees.init_committee(
            self.program,
            creator.pubkey(),
            index=index,
            members=members,
            threshold=threshold,
            challenge_s=CHALLENGE_S,
            safety_s=SAFETY_S,
            reward=REWARD,
            pnp_program=self.world.exchange.id if on_pnp else None,
        )
        assert self.world.attempt("init_committee", made, lambda: None, creator)
        rent = self.world.chain.svm.minimum_balance_for_rent_exemption
        cost = 2 * (rent(82) + rent(607) + rent(165))
        model = CommitteeModel(members, threshold, CHALLENGE_S, SAFETY_S, REWARD, cost)
        address = committees.committee_address(self.program, creator.pubkey(), index)
        self.benches.append(Bench(address, model, on_pnp))
        assert not self.world.attempt("init_committee", made, lambda: require(False, 6042), creator)

    def found(self) -> None:
        """Seldom another committee, generic, or one that breaks the rules."""
        if self.chance.random() < 0.1:
            return self.init()
        creator = self.world.someone()
        made = committees.init_committee(
            self.program,
            creator.pubkey(),
            index=999,
            members=self.world.keys[:4],
            threshold=3,
            challenge_s=1,
            safety_s=1,
        )
        low = made.data[:3] + bytes([self.chance.choice([0, 1, 2, 5])]) + made.data[4:]
        made = Instruction(made.program_id, low, made.accounts)
        self.world.attempt("init_committee", made, lambda: require(False, 6021), creator)
        return None

    def _member(self) -> Pubkey:
        member = self.world.chain.funded()
        self.world.actors[member.pubkey()] = member
        return member.pubkey()

    def replace(self) -> None:
        bench = self.chance.choice(self.benches)
        model = bench.model
        pool = [*model.members, *self.world.keys]
        leaver = self.chance.choice(pool if self.chance.random() < 0.2 else model.members)
        newcomer = self.chance.choice(pool if self.chance.random() < 0.2 else self.world.keys)
        count = min(model.threshold + self.chance.choice([-1, 0, 0, 0, 1]), len(model.members))
        signers = self.chance.sample(model.members, max(count, 1))
        if self.chance.random() < 0.15:
            signers[0] = self.chance.choice(pool)
        if len(set(signers)) < len(signers):
            return
        named = [subject for subject in bench.opened if not bench.file(subject).closed][-2:]
        files = [self.file_address(bench, subject) for subject in named] if self.chance.random() < 0.5 else []
        made = committees.replace_member(
            self.program, bench.address, leaver=leaver, newcomer=newcomer, signers=signers, files=files
        )
        counted = [bench.file(subject) for subject in named] if files else []
        keys = [self.world.actors[key] for key in signers]
        self.world.attempt("replace_member", made, lambda: model.replace(signers, leaver, newcomer, counted), *keys)
        shown = committees.decode_committee(self.world.chain.data(bench.address))
        assert list(shown.members) == model.members
        for subject in named:
            self.compare(bench, subject)

    # -- subjects and markets

    def new_subject(self) -> None:
        if self.chance.random() < 0.3:
            bench = self.chance.choice([bench for bench in self.benches if not bench.on_pnp])
            spec = SPEC + str(len(self.specs)).encode()
            subject = committees.generic_subject(spec)
            self.specs[subject] = spec
            bench.subjects.append(subject)
            return self.open(bench)
        kind, exchange, now = self.chance.choice(list(PnpKind)), self.world.exchange, self.world.now
        end = now + END_S - START_S
        address = exchange.create(kind, self.settler(), end_time=end)
        self.court.subjects.append(OnPnp(exchange.id, exchange.market(address, kind)))
        self.markets[address] = MarketModel(kind, now, end, BUFFER_S)
        return self.open(self.court)

    def settler(self) -> Pubkey:
        return committees.settler_address(self.program, self.court.address, hashlib.sha256(SPEC).digest())

    def global_settle(self) -> None:
        """PNP's own oracle decides over our head, if PNP lets it."""
        if not self.court.subjects:
            return
        ripe = [subject for subject in self.court.subjects if self.markets[key_of(subject)].ripe(self.world.now)]
        likely = ripe if ripe and self.chance.random() < 0.8 else self.court.subjects[-RECENT:]
        subject, winner = self.chance.choice(likely), self.chance.choice(list(Outcome))
        assert isinstance(subject, OnPnp)
        market, exchange = self.markets[subject.address], self.world.exchange
        make = pnp.settle_market_v2 if market.kind is PnpKind.V2 else pnp.settle_market_v3
        oracle = exchange.global_oracle
        made = make(exchange.id, oracle.pubkey(), subject.market, winner)
        try:
            market.settle(winner, self.world.now)
            number = None
        except Refused as refused:
            number = refused.number
        assert self.world.send(f"settle elsewhere {market.kind}", made, oracle).custom == number

    def donate(self) -> None:
        """To the settler, or to a file, where it counts as deposit."""
        if self.chance.random() < 0.3:
            self.world.donate(self.settler(), DONATION)
            self.court.model.donated += DONATION
            return
        chosen = self.some_file()
        if chosen is not None and not chosen[0].file(chosen[1]).closed:
            bench, subject = chosen
            self.world.donate(self.file_address(bench, subject), REWARD // 2)
            bench.file(subject).deposit += REWARD // 2
            self.compare(bench, subject)

    # -- files

    def open(self, bench: Bench | None = None) -> None:
        bench = bench or self.chance.choice(self.benches)
        if not bench.subjects:
            return
        subject = self.chance.choice(bench.subjects[-RECENT:])
        opener, deposit = self.world.someone(), self.chance.choice([0, REWARD - 1, REWARD, DEPOSIT])
        made = committees.open_resolution(
            self.program, opener.pubkey(), bench.address, subject, spec=self.spec_of(subject), deposit=deposit
        )
        honest = self.chance.random() > 0.05
        if not honest:
            made = Instruction(made.program_id, made.data[:-1] + b"?", made.accounts)
        file = FileModel(opener.pubkey(), deposit, self.markets.get(key_of(subject)), self.world.now)
        good = self.world.attempt("open", made, lambda: bench.model.open(key_of(subject), file, honest=honest), opener)
        self.compare(bench, subject)
        if good and isinstance(subject, OnPnp):
            self.activate(subject)

    def some_file(self) -> tuple[Bench, Subject] | None:
        bench = self.chance.choice([self.court, self.chance.choice(self.benches)])
        opened = bench.opened
        return (bench, self.chance.choice(opened[-RECENT:])) if opened else None

    def by_member(
        self,
        name: str,
        make: Callable[[Pubkey, Pubkey, Subject], Instruction],
        expect: Callable[[CommitteeModel, Pubkey, FileModel], int | None],
        chosen: tuple[Bench, Subject] | None = None,
        member: Keypair | None = None,
    ) -> bool:
        chosen = chosen or self.some_file()
        if chosen is None:
            return False
        bench, subject = chosen
        signer = member or self.world.someone(*bench.model.members)
        made = make(signer.pubkey(), bench.address, subject)
        good = self.world.attempt(name, made, lambda: expect(bench.model, signer.pubkey(), bench.file(subject)), signer)
        self.compare(bench, subject)
        return good

    def attest(
        self,
        chosen: tuple[Bench, Subject] | None = None,
        member: Keypair | None = None,
        vote: Outcome | None = None,
    ) -> bool:
        told = vote or self.chance.choices(list(Outcome), [9, 1])[0]
        return self.by_member(
            "attest",
            lambda member, court, subject: committees.attest(
                self.program, member, court, subject, outcome=told, evidence_hash=EVIDENCE
            ),
            lambda model, member, file: model.attest(member, file, told, self.world.now),
            chosen,
            member,
        )

    def flag(self, chosen: tuple[Bench, Subject] | None = None, member: Keypair | None = None) -> bool:
        return self.by_member(
            "flag",
            lambda member, court, subject: committees.flag(self.program, member, court, subject, reason=b"?"),
            lambda model, member, file: model.flag(member, file, self.world.now),
            chosen,
            member,
        )

    def accept(self) -> None:
        self.by_member(
            "accept",
            lambda member, court, subject: committees.accept(self.program, member, court, subject),
            lambda model, member, file: model.accept(member, file),
        )

    def settle(self, chosen: tuple[Bench, Subject] | None = None) -> bool:
        chosen = chosen or self.some_file()
        if chosen is None:
            return False
        good = self.by_member(
            "settle",
            lambda caller, court, subject: committees.settle(self.program, caller, court, subject),
            lambda model, _, file: model.settle(file, self.world.now),
            chosen,
        )
        if good:
            bench, subject = chosen
            self.world.met[f"file {bench.file(subject).state.name} {kind_of(subject)}"] += 1
        return good

    def activate(self, subject: Subject | None = None) -> None:
        if not self.court.opened:
            return
        market = subject or self.chance.choice(self.court.opened[-RECENT:])
        assert isinstance(market, OnPnp)
        donated = self.court.model.donated > 0
        if self.by_member(
            f"activate {kind_of(market)}",
            lambda member, court, _: committees.activate(
                self.program,
                member,
                court,
                market,
                metadata_program=pnp.METADATA_PROGRAM,
                advance=committees.ACTIVATION_ADVANCE,
            ),
            lambda model, member, file: model.activate(member, file, self.world.now),
            (self.court, market),
        ):
            self.world.met[f"activate {kind_of(market)}, donated to"] += donated

    def close(self) -> None:
        """Of any file: they are closed when they are old."""
        if not self.court.opened:
            return
        left = [subject for subject in self.court.opened if not self.court.file(subject).closed]
        subject = self.chance.choice(left if left and self.chance.random() < 0.9 else self.court.opened)
        assert isinstance(subject, OnPnp)
        file = self.court.file(subject)
        opener = self.world.someone(file.opener)
        made = committees.close_resolution(self.program, self.court.address, subject, opener=opener.pubkey())
        late = file.state is State.OPEN
        if self.world.attempt(
            "close_resolution", made, lambda: self.court.model.close(file, opener.pubkey(), self.world.now)
        ):
            self.world.met[f"file {'given up' if late else 'closed'} {kind_of(subject)}"] += 1
        self.compare(self.court, subject)

    def spec_of(self, subject: Subject) -> bytes:
        return self.specs.get(key_of(subject), SPEC)

    def file_address(self, bench: Bench, subject: Subject) -> Pubkey:
        return committees.resolution_address(self.program, bench.address, key_of(subject))

    def compare(self, bench: Bench, subject: Subject) -> None:
        file, address, chain = (
            bench.model.files.get(key_of(subject)),
            self.file_address(bench, subject),
            self.world.chain,
        )
        if file is None or file.closed:
            assert chain.svm.get_account(address) is None
            return
        data = chain.data(address)
        shown = committees.decode_resolution(data)
        committee = committees.decode_committee(chain.data(bench.address))
        rent = chain.svm.minimum_balance_for_rent_exemption(len(data))
        assert self.world.balance(address) - rent == file.deposit
        assert (int(shown.state), shown.winner, shown.decided_at) == (int(file.state), file.winner, file.decided)
        assert (shown.opener, shown.spec, shown.not_before) == (file.opener, self.spec_of(subject), file.not_before)
        assert shown.proposed_since == file.shown_since
        for outcome in Outcome:
            want = sum(part.outcome is outcome for part in file.parts.values())
            assert shown.votes_for(outcome, committee) == want
        majority = bench.model.majority(file)
        if majority is not None and file.since is not None:
            assert (shown.proposed, shown.proposed_since) == (majority, file.since)
        if isinstance(subject, OnPnp):
            market = self.world.exchange.market(subject.address, subject.market.kind)
            known = self.markets[subject.address]
            assert (market.resolvable, market.winner) == (known.resolvable, known.winner)
