from __future__ import annotations

import json

import pytest
from rich.console import Console

from relayer.bench.row import Effort, Measured, Row
from relayer.bench.table import Line, as_json, as_table, chosen, measured
from relayer.domain.errors import UsageError


def row(name: str, value: float, goal: float, *, at_most: bool = True, worst: float | None = None) -> Row:
    return Row(
        name, f"what {name} is", goal, "ratio", lambda effort: Measured(value, worst, f"{effort.rounds}"), at_most
    )


CHEAP, DEAR, FAST = row("cheap", 0.25, 0.5, worst=0.75), row("dear", 2, 1.5), row("fast", 3, 2, at_most=False)


def printed(lines: list[Line]) -> list[list[str]]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(as_table(lines))
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in capture.get().splitlines() if "│" in line]


def test_a_goal_is_a_bound_on_its_own_side() -> None:
    assert CHEAP.met(0.5)
    assert not CHEAP.met(0.51)
    assert FAST.met(2)
    assert not FAST.met(1.99)


def test_rows_are_measured_in_turn_with_the_effort_asked_for() -> None:
    told: list[str] = []
    lines = measured([DEAR, CHEAP], Effort(rounds=4), lambda row: told.append(row.id))
    assert told == ["dear", "cheap"]
    assert [(line.row.id, line.measured.note) for line in lines] == [("dear", "4"), ("cheap", "4")]


def test_the_table_shows_worst_goal_and_what_was_missed() -> None:
    lines = measured([CHEAP, DEAR, FAST], Effort(rounds=1), lambda row: None)
    assert printed(lines) == [
        ["cheap", "0.25", "0.75", "≤ 0.5", "ratio", "met", "1"],
        ["dear", "2", "", "≤ 1.5", "ratio", "missed", "1"],
        ["fast", "3", "", "≥ 2", "ratio", "met", "1"],
    ]


def test_json_is_one_array_of_id_value_goal_and_unit() -> None:
    lines = measured([CHEAP, FAST], Effort(rounds=1), lambda row: None)
    assert json.loads(as_json(lines)) == [
        {"id": "cheap", "value": 0.25, "goal": 0.5, "unit": "ratio"},
        {"id": "fast", "value": 3, "goal": 2, "unit": "ratio"},
    ]


def test_rows_are_chosen_by_id_in_the_order_of_the_table() -> None:
    rows = [CHEAP, DEAR, FAST]
    assert chosen(rows, []) == rows
    assert chosen(rows, ["fast", "cheap"]) == [CHEAP, FAST]
    with pytest.raises(UsageError, match="There is no bench row slow, late: choose from cheap, dear, fast"):
        chosen(rows, ["slow", "fast", "late"])


def test_effort_never_shrinks_to_nothing() -> None:
    assert Effort(share=0.1).of(50) == 5
    assert Effort(share=0.001).of(50) == 1
