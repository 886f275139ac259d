"""`relayer bench`: what the hot paths cost, beside baselines measured in the same run."""

from __future__ import annotations

import sys
from typing import Annotated

import typer


def bench(
    rows: Annotated[list[str] | None, typer.Argument(metavar="[ROW]...", help="Measure these alone.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON array on standard output, the table on standard error.")
    ] = False,
) -> None:
    """Measure what the hot paths cost and print it beside the goals.

    A ratio is the best of several rounds in which candidate and baseline take turns; the worst is printed beside it.
    A goal that is missed does not change the exit status: a busy machine may be the reason.

    Example: relayer bench wire_to_book build_sign --json
    """
    from rich.console import Console

    from relayer.bench.catalogue import ROWS
    from relayer.bench.row import Effort
    from relayer.bench.table import as_json, as_table, chosen, measured

    progress = Console(stderr=True)
    wanted = chosen(ROWS, rows or [])
    with progress.status("bench") as status:
        lines = measured(wanted, Effort(), lambda row: status.update(f"{row.id}: {row.what}"))
    (progress if json else Console()).print(as_table(lines))
    if json:
        sys.stdout.write(as_json(lines) + "\n")
