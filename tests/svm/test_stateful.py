"""Any order of any instructions by any mix of signers: the program does what the model does, and keeps its invariants.

Every transaction sent counts as a step: `RELAYER_STATEFUL_EPISODES` (of 400 steps) lengthens the run and
`RELAYER_STATEFUL_SEED` moves it. What must be met, and how often, is stated for 20,000 steps.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable

from tests.svm.walk.boards import Boards
from tests.svm.walk.committees import Committees
from tests.svm.walk.siege import Siege
from tests.svm.walk.world import World

EPISODES = int(os.environ.get("RELAYER_STATEFUL_EPISODES", "50"))
SEED = int(os.environ.get("RELAYER_STATEFUL_SEED", "1"))
STEPS = 400
FULL = 20_000
MET = {
    **dict.fromkeys(["init_board", "extend_board", "anchor", "set_publisher", "propose_authority", "list_feeds"], 60),
    **dict.fromkeys(["accept_authority", "retire_feed", "init_committee", "replace_member", "open", "accept"], 20),
    **dict.fromkeys(["publish", "attest"], 600),
    **dict.fromkeys(["activate v2", "activate v3", "flag", "settle", "donate"], 50),
    **dict.fromkeys(["activate v2, donated to", "activate v3, donated to", "close_resolution"], 8),
    "close_board": 5,
    **dict.fromkeys(["settle elsewhere v2", "settle elsewhere v3"], 10),
    **dict.fromkeys(["file SETTLED v2", "file SETTLED v3", "file SETTLED generic", "siege"], 15),
    **dict.fromkeys(["file ELSEWHERE v2", "file ELSEWHERE v3", "file CONTRADICTED v2", "file CONTRADICTED v3"], 2),
    **dict.fromkeys(["file closed v2", "file closed v3", "file given up v2", "file given up v3"], 4),
}
"""Least number of successes, by instruction and by what became of files; sieges are those of `walk/siege.py`."""


class Episode:
    """One cluster with boards and committees, walked at random."""

    def __init__(self, seed: int) -> None:
        self.world = world = World(seed)
        boards, committees = Boards(world), Committees(world)
        siege = Siege(world, committees)
        self.moves: dict[Callable[[], None], float] = {
            boards.init: 2,
            boards.publish: 14,
            boards.list: 5,
            boards.retire: 3,
            boards.propose: 1,
            boards.accept: 2,
            boards.set_publisher: 1,
            boards.anchor: 1,
            boards.close: 1,
            boards.donate: 0.5,
            committees.found: 0.5,
            committees.new_subject: 3,
            committees.open: 2,
            lambda: _ignore(committees.attest()): 18,
            lambda: _ignore(committees.flag()): 1,
            committees.accept: 3,
            committees.activate: 3,
            lambda: _ignore(committees.settle()): 10,
            committees.replace: 3,
            committees.close: 4,
            committees.donate: 1,
            committees.global_settle: 2,
            siege.lay: 1.5,
            world.wait: 8,
        }

    def walk(self) -> None:
        moves, weights = list(self.moves), list(self.moves.values())
        while self.world.sent < STEPS:
            self.world.chance.choices(moves, weights)[0]()


def _ignore(_: bool) -> None:
    """Of the move only what it did counts."""


def seed_of(number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{SEED}:{number}".encode()).digest()[:8], "big")


def test_the_program_does_what_the_model_does() -> None:
    met: Counter[str] = Counter()
    sent = 0
    for number in range(EPISODES):
        episode = Episode(seed_of(number))
        try:
            episode.walk()
        except Exception as error:
            error.add_note(f"in episode {number} of seed {SEED}, after {episode.world.sent} transactions")
            raise
        met += episode.world.met
        sent += episode.world.sent
    print(dict(sorted(met.items())))
    assert sent >= EPISODES * STEPS
    missing = {name: (met[name], count) for name, count in MET.items() if met[name] < count * sent // FULL}
    assert not missing, "met too seldom: (met, wanted)"
