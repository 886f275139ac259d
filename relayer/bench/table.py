"""Rows measured one after the other, as a table for people and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from relayer.bench.row import Effort, Measured, Row
from relayer.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class Line:
    row: Row
    measured: Measured


def chosen(rows: Sequence[Row], ids: Sequence[str]) -> list[Row]:
    """The rows of these ids in the table's order, all for none. Raises UsageError naming the unknown ones."""
    known = {row.id for row in rows}
    if unknown := [wanted for wanted in ids if wanted not in known]:
        raise UsageError(
            f"There is no bench row {', '.join(unknown)}: choose from {', '.join(row.id for row in rows)}."
        )
    return [row for row in rows if not ids or row.id in ids]


def measured(rows: Iterable[Row], effort: Effort, tell: Callable[[Row], None]) -> list[Line]:
    """Measure each row; `tell` is called before it begins."""
    lines = []
    for row in rows:
        tell(row)
        lines.append(Line(row, row.measure(effort)))
    return lines


def as_table(lines: Iterable[Line]) -> Table:
    """Value, worst round, goal and whether it is met."""
    table = Table("row", "value", "worst", "goal", "unit", "", "behind it")
    for line in lines:
        row, found = line.row, line.measured
        met = "[green]met[/green]" if row.met(found.value) else "[red]missed[/red]"
        worst = "" if found.worst is None else _number(found.worst)
        goal = f"{'≤' if row.at_most else '≥'} {_number(row.goal)}"
        table.add_row(row.id, _number(found.value), worst, goal, row.unit, met, found.note)
    return table


def as_json(lines: Iterable[Line]) -> str:
    """One array in the form that scripts read (architecture section 4)."""
    return json.dumps(
        [
            {"id": line.row.id, "value": round(line.measured.value, 4), "goal": line.row.goal, "unit": line.row.unit}
            for line in lines
        ]
    )


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")
