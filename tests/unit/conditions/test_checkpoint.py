"""Kill and restart at any event: the same verdict, moment and coverage as without."""

from __future__ import annotations

from random import Random

import pytest

from relayer.conditions.checkpoint import restore, save
from relayer.conditions.condition import Condition
from relayer.conditions.parse import spec_of
from relayer.domain.errors import PermanentError
from tests.unit.conditions.agreement import filled_late, tell_line, told_live
from tests.unit.conditions.build import document, executable, reach
from tests.unit.conditions.generate import random_case


@pytest.mark.parametrize("block", range(4))
def test_a_restart_after_every_event_changes_nothing(block: int) -> None:
    for seed in range(block * 300, block * 300 + 300):
        rng = Random(seed)
        case = random_case(rng, complete=True)
        spec, lines = spec_of(case.spec), filled_late(rng, case.lines)
        condition = Condition(spec, candles_follow=True)
        for line in lines:
            tell_line(condition, spec, line)
            condition = restore(spec, save(condition), candles_follow=True)
        assert condition.verdict() == told_live(spec, lines).verdict(), f"seed {seed}"


def test_what_is_saved_twice_is_the_same() -> None:
    case = random_case(Random(7), complete=True)
    spec = spec_of(case.spec)
    saved = save(told_live(spec, case.lines))
    assert save(restore(spec, saved)) == saved


@pytest.mark.parametrize("saved", [b"", b"[]", b"{}", b'{"version": 0, "spec": ""}'])
def test_bytes_of_something_else_are_refused(saved: bytes) -> None:
    spec = spec_of(document(reach(), executable()))
    with pytest.raises(PermanentError, match=spec.hash):
        restore(spec, saved)


def test_a_checkpoint_belongs_to_its_spec() -> None:
    one, other = (spec_of(document(reach(level), executable())) for level in ("0.6000", "0.7000"))
    with pytest.raises(PermanentError, match="not of spec"):
        restore(other, save(Condition(one)))
