"""Invariant 4: where a threshold of honest members votes the same, nobody delays the settlement for long.

At the latest it succeeds after the challenge period and one safety period a member, from the market's end on.
"""

from __future__ import annotations

from relayer.chain.programs import committee as committees
from relayer.domain.verdicts import Outcome
from tests.svm.model import FileModel, State
from tests.svm.walk.committees import Bench, Committees, Subject
from tests.svm.walk.world import World


class Siege:
    """Honest members vote for one outcome, everybody flags at the worst moment, and strangers get in the way."""

    def __init__(self, world: World, moves: Committees) -> None:
        self.world, self.moves, self.chance = world, moves, world.chance

    def lay(self) -> None:
        """On a file that can be settled at all, if there is one."""
        chosen = self.moves.some_file()
        if chosen is None or not self._settleable(chosen[0].file(chosen[1])):
            return
        bench, subject = chosen
        outcome = self.chance.choice(list(Outcome))
        if self._vote(bench, subject, outcome):
            self._hold_out(bench, subject, outcome)

    @staticmethod
    def _settleable(file: FileModel) -> bool:
        market = file.market
        return file.state is State.OPEN and not file.closed and (market is None or market.resolvable)

    def _vote(self, bench: Bench, subject: Subject, outcome: Outcome) -> bool:
        """Whether a threshold of members now stands for the outcome."""
        parts = bench.file(subject).parts
        stands = [key for key in bench.model.members if key in parts and parts[key].outcome is outcome]
        free = [key for key in bench.model.members if key not in stands and (key not in parts or parts[key].votes < 2)]
        if len(stands) + len(free) < bench.model.threshold:
            return False
        for key in free[: max(0, bench.model.threshold - len(stands))]:
            assert self.moves.attest((bench, subject), self.world.actors[key], outcome)
        return True

    def _hold_out(self, bench: Bench, subject: Subject, outcome: Outcome) -> None:
        model, file = bench.model, bench.file(subject)
        end = file.market.end if file.market else 0
        last = max(end, self.world.now) + model.challenge + len(model.members) * model.safety
        self._dissent(bench, subject, outcome)
        for key in [key for key in model.members if key not in file.parts or not file.parts[key].flagged]:
            self._wait_until_due(bench, subject, end)
            if self.chance.random() < 0.1:
                break
            assert self.moves.flag((bench, subject), self.world.actors[key])
            self.moves.donate()
            assert not self.moves.settle((bench, subject)), "within the safety period"
        self._wait_until_due(bench, subject, end)
        assert self.world.now <= last, "held up beyond the bound"
        assert self.moves.settle((bench, subject)), "held up for ever"
        self.world.met["siege"] += 1

    def _dissent(self, bench: Bench, subject: Subject, outcome: Outcome) -> None:
        other, parts = Outcome.NO if outcome is Outcome.YES else Outcome.YES, bench.file(subject).parts
        for key in bench.model.members:
            if key not in parts or (parts[key].outcome is not outcome and parts[key].votes < 2):
                assert self.moves.attest((bench, subject), self.world.actors[key], other)

    def _wait_until_due(self, bench: Bench, subject: Subject, end: int) -> None:
        """By what the chain shows."""
        address = self.moves.file_address(bench, subject)
        shown = committees.decode_resolution(self.world.chain.data(address))
        committee = committees.decode_committee(self.world.chain.data(bench.address))
        due = max(shown.proposed_since + committee.challenge_s, shown.not_before, end)
        self.world.set_time(max(self.world.now, due))
