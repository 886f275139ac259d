"""`relayer backtest`: one spec over one recorded path. What it runs is imported when it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from relayer.domain.units import Millis


def backtest(
    spec_file: Annotated[Path, typer.Argument(metavar="SPEC.json", help="The spec to evaluate.")],
    path_file: Annotated[Path, typer.Option("--path", metavar="FILE.jsonl[.gz]", help="The path of its market.")],
    at_ms: Annotated[
        int | None, typer.Option("--at", metavar="MS", help="Answer from all data before this moment, ms since 1970.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Evaluate one spec over one path file. Exit status 0 for any verdict, 2 for a bad spec or path.

    Example: relayer backtest momentum.json --path day.jsonl.gz --json
    """
    from relayer.cli import judging
    from relayer.conditions.path import read_path
    from relayer.conditions.replay import judge

    spec = judging.load_spec(spec_file)
    paths = read_path(judging.read_lines(path_file), spec.legs, name=str(path_file))
    verdict = judge(spec, paths, at_ms=None if at_ms is None else Millis(at_ms))
    if as_json:
        typer.echo(json.dumps(judging.as_document(spec, verdict)))
    else:
        judging.print_table(spec, verdict)
