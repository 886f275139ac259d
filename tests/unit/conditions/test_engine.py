"""The engine of many specs: the same verdicts as one condition each."""

from __future__ import annotations

import pytest

from relayer.conditions.engine import Engine
from relayer.conditions.events import Ladder
from relayer.conditions.parse import spec_of
from relayer.conditions.spec import Executable
from relayer.domain.markets import MarketId
from relayer.domain.units import Millis, Price, Size, rfc3339
from relayer.domain.verdicts import Answer
from tests.unit.conditions.build import LONG, START, document, executable, reach
from tests.unit.conditions.engine_agreement import engine_disagreements, whole_disagreements

CASES = 600
MARKET = MarketId.parse(LONG)
EXECUTABLE = Executable(Size(1), 0)
LATE = {"start": rfc3339(START + 48_000_000), "end": rfc3339(START + 60_000_000)}


def tell_bids(engine: Engine, *bids: tuple[int, int]) -> None:
    """Moments after the start of the window, and best bids."""
    for at, bid in bids:
        book = Ladder(((Price(bid), Size(100)),), ((Price(9900), Size(100)),))
        engine.on_book(MARKET, Millis(START + at), book)


def test_many_specs_on_one_stream() -> None:
    assert engine_disagreements(range(CASES)) == []


def test_many_specs_by_definition() -> None:
    assert whole_disagreements(range(5000)) == []


def test_a_decision_is_reported_once_and_by_the_frame_that_proves_it() -> None:
    engine = Engine()
    first, second = (engine.arm(spec_of(document(reach(level), executable()))) for level in ("0.6000", "0.7000"))
    tell_bids(engine, (-5, 5000), (10, 6500))
    assert engine.decided() == []
    tell_bids(engine, (11, 6500))
    assert engine.decided() == [first]
    tell_bids(engine, (12, 7000), (13, 6400))
    assert engine.decided() == [second]
    assert engine.verdict(first).decided_at == START + 10


def test_a_dwell_completes_between_quotes_that_change_nothing() -> None:
    engine = Engine()
    handle = engine.arm(spec_of(document(reach("0.6000"), executable(held_s=2))))
    tell_bids(engine, (0, 6500), (1000, 6500), (1999, 6500))
    assert engine.decided() == []
    tell_bids(engine, (2000, 6500))
    assert engine.decided() == [handle]
    assert engine.verdict(handle).decided_at == START + 2000


def test_what_was_disarmed_is_gone() -> None:
    engine = Engine()
    gone, kept = (engine.arm(spec_of(document(reach(level), executable()))) for level in ("0.6000", "0.6500"))
    engine.disarm(gone)
    tell_bids(engine, (0, 6600), (1, 6600))
    assert engine.decided() == [kept]
    assert engine.verdict(kept).answer is Answer.YES
    for ask in (engine.verdict, engine.disarm):
        with pytest.raises(KeyError):
            ask(gone)


def test_changes_of_sight_are_forgotten_that_no_armed_window_needs() -> None:
    engine = Engine()
    first = engine.arm(spec_of(document(reach(), executable(), seconds=10_000)))
    group = engine.parent(MARKET).groups[EXECUTABLE]
    for minute in range(1000):
        engine.on_gap(MARKET, Millis(START + minute * 60_000), Millis(START + minute * 60_000 + 10), False)
        tell_bids(engine, (minute * 60_000 + 10, 5000))
        if minute == 500:
            assert engine.verdict(first).coverage.unknown_ms == 167 * 10
            late = engine.arm(spec_of(document(reach("0.9000"), executable(), seconds=100_000) | {"window": LATE}))
            engine.disarm(first)
    assert len(group.sights) < 700
    assert engine.verdict(late).coverage.unknown_ms == 200 * 10


def test_a_signal_that_nobody_looks_at_is_let_go() -> None:
    engine = Engine()
    first, second = (engine.arm(spec_of(document(reach(level), executable()))) for level in ("0.6000", "0.7000"))
    parent = engine.parent(MARKET)
    engine.disarm(first)
    assert EXECUTABLE in parent.groups
    engine.disarm(second)
    assert not parent.groups
    assert not engine.groups
    again = engine.arm(spec_of(document(reach("0.6000"), executable())))
    tell_bids(engine, (0, 6600), (1, 6600))
    assert engine.decided() == [again]
