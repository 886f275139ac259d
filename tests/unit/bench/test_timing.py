from __future__ import annotations

from collections.abc import Callable

import pytest

from relayer.bench.timing import Job, Round, cost_ratio, in_turns, speed_ratio


class Machine:
    """A clock that jobs move, and a record of what ran."""

    def __init__(self) -> None:
        self.now = 100.0
        self.ran: list[str] = []

    def preparing(self, name: str, seconds: float) -> Callable[[], Job]:
        def prepare() -> Job:
            self.now += 1_000  # preparation is not timed
            return run

        def run() -> None:
            self.ran.append(name)
            self.now += seconds

        return prepare


def test_candidate_and_baseline_take_turns_and_alternate_in_beginning() -> None:
    machine = Machine()
    rounds = in_turns(
        machine.preparing("candidate", 1.0), machine.preparing("baseline", 4.0), rounds=3, clock=lambda: machine.now
    )
    assert rounds == [Round(1.0, 4.0)] * 3
    assert machine.ran == ["candidate", "baseline", "baseline", "candidate", "candidate", "baseline"]


def test_a_cost_is_best_where_it_is_least() -> None:
    measured = cost_ratio([Round(1e-6, 2e-6), Round(3e-6, 3e-6)], units=1, unit="frame")
    assert [measured.value, measured.worst] == pytest.approx([0.5, 1.0])
    assert measured.note == "1.00 against 2.00 µs per frame"


def test_a_speed_is_best_where_it_is_greatest() -> None:
    measured = speed_ratio([Round(10e-6, 20e-6), Round(40e-6, 30e-6)], units=10, unit="event")
    assert [measured.value, measured.worst] == pytest.approx([2.0, 0.75])
    assert measured.note == "1.00 against 2.00 µs per event"
