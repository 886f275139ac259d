"""Candidate against baseline: in turns within one run, so that both meet the same machine."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

from relayer.bench.row import Measured

Job = Callable[[], object]
Prepare = Callable[[], Job]
"""Makes ready, untimed, what is then timed once."""


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds that each took."""

    candidate: float
    baseline: float


def in_turns(
    candidate: Prepare, baseline: Prepare, *, rounds: int, clock: Callable[[], float] = time.thread_time
) -> list[Round]:
    """Time both, one after the other, `rounds` times; who begins alternates.

    Seconds are those of the processor: waiting for other processes is not what is asked about.
    """
    taken = []
    for number in range(rounds):
        if number % 2:
            second = _seconds(baseline, clock)
            taken.append(Round(_seconds(candidate, clock), second))
        else:
            taken.append(Round(_seconds(candidate, clock), _seconds(baseline, clock)))
    return taken


def cost_ratio(rounds: list[Round], *, units: int, unit: str) -> Measured:
    """Candidate's time over the baseline's, for the same `units` of work: the less the better."""
    ratios = [taken.candidate / taken.baseline for taken in rounds]
    return Measured(min(ratios), max(ratios), _note(rounds, units, unit))


def speed_ratio(rounds: list[Round], *, units: int, unit: str) -> Measured:
    """Candidate's speed over the baseline's: the more the better."""
    ratios = [taken.baseline / taken.candidate for taken in rounds]
    return Measured(max(ratios), min(ratios), _note(rounds, units, unit))


def _note(rounds: list[Round], units: int, unit: str) -> str:
    candidate, baseline = (
        min(seconds) / units * 1e6
        for seconds in ([taken.candidate for taken in rounds], [taken.baseline for taken in rounds])
    )
    return f"{candidate:.2f} against {baseline:.2f} µs per {unit}"


def _seconds(prepare: Prepare, clock: Callable[[], float]) -> float:
    job = prepare()
    gc.collect()  # what was thrown away before is not this job's to clean up
    started = clock()
    job()
    return clock() - started
