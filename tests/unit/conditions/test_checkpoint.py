"""Kill and restart at any event: the same verdict, moment and coverage as without."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import msgspec
import pytest

from relayer.conditions.checkpoint import VERSION, restore, restore_engine, save, save_engine
from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.parse import spec_of
from relayer.conditions.spec import Spec
from relayer.domain.errors import PermanentError
from tests.unit.conditions.agreement import filled_late, tell_line, told_live
from tests.unit.conditions.build import document, executable, reach, trades
from tests.unit.conditions.engine_agreement import engine_disagreements
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


@pytest.mark.parametrize("restarts", [0.1, 1.0])
def test_an_engine_of_many_specs_restarts_after_any_event(restarts: float) -> None:
    assert engine_disagreements(range(200), restarts=restarts) == []


def test_an_engine_saved_twice_is_the_same() -> None:
    engine, handles = _engine()
    saved = save_engine(engine)
    assert save_engine(restore_engine(saved, handles)) == saved


def test_an_engine_belongs_to_its_specs() -> None:
    engine, handles = _engine()
    exchanged = dict(zip(handles, reversed(handles.values()), strict=True))
    with pytest.raises(PermanentError, match="is armed"):
        restore_engine(save_engine(engine), exchanged)


def test_an_engine_of_another_version_is_refused() -> None:
    saved = msgspec.msgpack.encode([VERSION + 1, {}])
    with pytest.raises(PermanentError, match=f"version {VERSION + 1}, and this relayer knows {VERSION}"):
        restore_engine(saved, {})


def test_damage_never_shows_as_anything_but_the_one_error() -> None:
    engine, handles = _engine()
    saved, rng = save_engine(engine), Random(3)
    for _ in range(2000):
        place = rng.randrange(len(saved))
        damaged = saved[:place] + bytes([rng.randrange(256)]) + saved[place + 1 :]
        with suppress(PermanentError):
            assert restore_engine(damaged, handles).rows.mark
    with pytest.raises(PermanentError, match="damaged"):
        restore_engine(saved[:-1], handles)


def _engine() -> tuple[Engine, dict[int, Spec]]:
    """With a shared spec and two of their own."""
    engine = Engine(candles_follow=True)
    prices = (executable(held_s=1), trades(), trades(min_trades=2))
    specs = [spec_of(document(reach(), price)) for price in prices]
    return engine, {engine.arm(spec): spec for spec in specs}


@pytest.mark.parametrize("saved", [b"", b"[]", b"{}", msgspec.msgpack.encode([VERSION, "", {}]), b"\x93\x00\x00\x80"])
def test_bytes_of_something_else_are_refused(saved: bytes) -> None:
    spec = spec_of(document(reach(), executable()))
    with pytest.raises(PermanentError, match=spec.hash):
        restore(spec, saved)


def test_a_checkpoint_belongs_to_its_spec() -> None:
    one, other = (spec_of(document(reach(level), executable())) for level in ("0.6000", "0.7000"))
    with pytest.raises(PermanentError, match="not of spec"):
        restore(other, save(Condition(one)))
