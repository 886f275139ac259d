"""How long a level was held so far, off the tape or from who is judged alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import pytest

from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.parse import spec_of
from relayer.conditions.spec import Spec
from relayer.domain.errors import TransientError
from relayer.services.dwelling import NO_TAPE, Dwellings
from relayer.services.judge import Armed
from relayer.tape.memory import Told
from tests.fakes.specs import PARENT, START, outcome_document, spec

Line = dict[str, Any]


def quote(second: int, bid: str, ask: str) -> Line:
    return {"type": "quote", "t": START + second * 1000, "bids": [[bid, "9"]], "asks": [[ask, "9"]]}


LINES: list[Line] = [
    quote(0, "0.70", "0.72"),
    quote(40, "0.60", "0.62"),
    quote(50, "0.71", "0.72"),
    {"type": "status", "t": START + 60_000, "status": "paused"},
    {"type": "status", "t": START + 90_000, "status": "active"},
    quote(90, "0.71", "0.72"),
    {"type": "watermark", "t": START + 105_000},
]
"""Forty seconds at the level, then ten, a pause that is cut out, and fifteen more."""


class FakeTape:
    def __init__(self, lines: Sequence[Line], trouble: str = "") -> None:
        self._lines = lines
        self._trouble = trouble

    async def sync(self) -> None:
        """Always."""

    def place(self) -> int:
        return len(self._lines)

    async def told(self, markets: Collection[str], *, after: int = 0) -> list[Told]:
        if self._trouble:
            raise TransientError(self._trouble)
        assert list(markets) == [f"kalshi:{PARENT}"]
        return [Told(f"kalshi:{PARENT}", json.dumps(line).encode()) for line in self._lines]


def armed(asked: Spec) -> Armed:
    engine = Engine()
    return Armed(asked, engine, engine.arm(asked))


async def test_the_longest_dwell_and_the_one_that_lasts() -> None:
    assert await Dwellings(FakeTape(LINES)).of(armed(spec())) == {
        "wanted_s": 60.0,
        "levels": [{"direction": "up", "now_s": 25.0, "longest_s": 40.0}],
    }


async def test_each_level_of_either_has_its_own() -> None:
    either = spec(kind="timing", test={"type": "reach", "direction": "either", "level": "0.6500"})
    found = await Dwellings(FakeTape([*LINES[:2], quote(45, "0.30", "0.35"), LINES[-1]])).of(armed(either))
    assert found is not None
    assert found["levels"] == [
        {"direction": "up", "now_s": 0.0, "longest_s": 40.0},
        {"direction": "down", "now_s": 60.0, "longest_s": 60.0},
    ]


async def test_of_hold_the_time_counts_in_which_the_level_is_lost() -> None:
    hold = spec(kind="cascade", test={"type": "hold", "direction": "up", "level": "0.7000"})
    found = await Dwellings(FakeTape(LINES)).of(armed(hold))
    assert found is not None
    assert found["levels"] == [{"direction": "up", "now_s": 0.0, "longest_s": 10.0}]


async def test_who_is_judged_alone_needs_no_tape() -> None:
    asked = spec()
    engine, condition = Engine(), Condition(asked)
    assert await Dwellings(None).of(Armed(asked, engine, engine.arm(asked, condition))) == {
        "wanted_s": 60.0,
        "levels": [{"direction": "up", "now_s": 0.0, "longest_s": 0.0}],
    }


@pytest.mark.parametrize(
    ("tape", "why"), [(None, NO_TAPE), (FakeTape([], "the disk is full"), "the disk is full")], ids=["none", "trouble"]
)
async def test_without_a_tape_it_is_not_known_and_said_why(tape: FakeTape | None, why: str) -> None:
    assert await Dwellings(tape).of(armed(spec())) == {"unknown": why}


async def test_other_tests_wait_for_no_dwell() -> None:
    trades = {"source": "trades", "min_size": "1.00", "min_trades": 1, "within_s": 60}
    assert await Dwellings(None).of(armed(spec(price=trades))) is None
    assert await Dwellings(None).of(armed(spec_of(outcome_document()))) is None
