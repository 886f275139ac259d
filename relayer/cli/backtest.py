"""`relayer backtest`: specs over recorded paths. What it runs is imported when it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from relayer.domain.errors import UsageError
from relayer.domain.units import Millis


def backtest(
    spec_file: Annotated[str, typer.Argument(metavar="SPEC.json", help="Spec file, or a directory or glob of them.")],
    path_file: Annotated[
        str,
        typer.Option("--path", metavar="FILE.jsonl[.gz]", help="Path of its market; a tape, directory or glob, too."),
    ],
    at_ms: Annotated[
        int | None, typer.Option("--at", metavar="MS", help="Answer from all data before this moment, ms since 1970.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; of many pairs, an array.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    sweep: Annotated[
        list[str], typer.Option("--sweep", metavar="KEY=V,V", help="Judge with each value of a price or test key.")
    ] = [],  # noqa: B006 - typer copies it
    plot: Annotated[Path | None, typer.Option(help="Draw one spec over one path as .png or .svg.")] = None,
) -> None:
    """Evaluate specs over path files. Exit status 0 for any verdict, 2 for a bad spec or path.

    A path may also be a tape, columns of `relayer tape export` (.parquet), or Kalshi's candlesticks or trades as
    fetched (.json).

    Example: relayer backtest momentum.json --path day.jsonl.gz --json
    """
    from relayer.cli import judging, many, path_files
    from relayer.conditions.path import read_path
    from relayer.conditions.replay import judge

    spec_files = path_files.expand(spec_file, (".json",))
    sources = [source for source in path_files.expand_paths(path_file) if source not in spec_files]
    before = None if at_ms is None else Millis(at_ms)
    one_pair = Path(spec_file).is_file() and (Path(path_file).is_file() or path_files.is_tape(Path(path_file)))
    if not one_pair or sweep or as_csv:
        if plot is not None:
            raise UsageError("--plot draws one spec over one path: name one of each.")
        _print_many(many.rows(many.sweep(spec_files, sweep), sources, before), sweep, as_json, as_csv)
        return
    spec = judging.load_spec(spec_files[0])
    paths = read_path(path_files.read_lines(sources[0], spec.legs), spec.legs, name=str(sources[0]))
    verdict = judge(spec, paths, at_ms=before)
    for leg in [leg for leg, path in paths.items() if path.watermark_ms is None]:
        _warn(f"{sources[0]} holds no line of {leg}, which the spec asks about: nothing is known of it.")
    if plot is not None:
        from relayer.cli.plotting import draw

        draw(spec, paths, verdict, plot)
    if as_json:
        typer.echo(json.dumps(judging.as_document(spec, verdict)))
    else:
        judging.print_table(spec, verdict)


def _print_many(rows: list[dict[str, object]], sweep: list[str], as_json: bool, as_csv: bool) -> None:
    from relayer.cli import many

    if not rows:
        _warn("no path holds a line of any spec's market: nothing is judged.")
    if as_json:
        typer.echo(json.dumps(rows))
    elif as_csv:
        typer.echo(many.as_csv(rows), nl=False)
    else:
        many.print_rows(rows, [text.partition("=")[0] for text in sweep])


def _warn(sentence: str) -> None:
    """On standard error, for standard output belongs to the verdict."""
    typer.echo(f"relayer: warning: {sentence}", err=True)
