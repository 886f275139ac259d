"""Many specs over many paths: which pairs there are, what a sweep changes, and the rows that come out."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from relayer.cli.judging import as_document, load_spec, moment
from relayer.cli.path_files import read_lines
from relayer.cli.spelling import padded
from relayer.conditions.events import Path as KnownPath
from relayer.conditions.parse import spec_of
from relayer.conditions.path import read_path
from relayer.conditions.replay import judge
from relayer.conditions.spec import Spec
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId
from relayer.domain.units import Millis

Row = dict[str, Any]


@dataclass(frozen=True)
class Variant:
    """One spec of a sweep: the keys that were set, and what they made of it."""

    file: Path
    keys: dict[str, str]
    spec: Spec


def sweep(files: Sequence[Path], settings: Sequence[str]) -> list[Variant]:
    """Every spec with every combination of `KEY=VALUE,VALUE,…`; without settings, the specs as they are."""
    named = [_setting(text) for text in settings]
    combinations = itertools.product(*[[(name, value) for value in values] for name, values in named])
    chosen = [dict(combination) for combination in combinations]
    return [Variant(file, keys, _with(file, keys)) for file in files for keys in chosen]


def rows(variants: Sequence[Variant], path_files: Sequence[Path], at_ms: Millis | None) -> list[Row]:
    """One row for each spec and each path file that holds lines of its market."""
    return [row for file in track(path_files, console=Console(stderr=True), transient=True, description="judging")
            for row in _rows_of(variants, file, at_ms)]  # fmt: skip


def _rows_of(variants: Sequence[Variant], source: Path, at_ms: Millis | None) -> Iterator[Row]:
    legs = list(dict.fromkeys(leg for variant in variants for leg in variant.spec.legs))
    lines = list(read_lines(source, legs))
    named = [b'"market"' in line for line in lines if not line.isspace()]
    asked = variants if all(named) else [variant for variant in variants if len(variant.spec.legs) == 1]
    known = _paths(legs, lines, named, str(source)) if asked else read_path(lines, legs, name=str(source))
    for variant in asked:
        paths = {leg: known[leg] for leg in variant.spec.legs}
        if any(path.watermark_ms is None for path in paths.values()):
            continue
        document = as_document(variant.spec, judge(variant.spec, paths, at_ms=at_ms))
        yield {"spec": str(variant.file), "path": str(source), **variant.keys, **document}


def _paths(
    legs: Sequence[MarketId], lines: Sequence[bytes], named: Sequence[bool], name: str
) -> Mapping[MarketId, KnownPath]:
    """The path of every parent, read once however many specs ask about it. named: of each line, whether it says whose.

    Lines that name no market belong to whichever single parent a spec asks about, and tell a spread nothing.
    """
    if all(named):
        return read_path(lines, legs, name=name)
    if any(named):
        return {leg: read_path(lines, [leg], name=name)[leg] for leg in legs}
    return dict.fromkeys(legs, read_path(lines, legs[:1], name=name)[legs[0]])


def as_csv(found: Sequence[Row]) -> str:
    """A line for each row, nested keys joined by a dot."""
    flat = [_flat(row) for row in found]
    names = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def print_rows(found: Sequence[Row], keys: Sequence[str]) -> None:
    """The rows for human eyes, and how many of each verdict; of each window the share that is known or bounded."""
    table = Table()
    for name in ("spec", "path", *keys, "verdict", "decided at", "known"):
        table.add_column(name, overflow="fold")
    for row in found:
        cells = [row["spec"], row["path"], *(row[key] for key in keys), row["verdict"], moment(row["decided_at"])]
        table.add_row(*cells, f"{_known(row['coverage']):.1%}")
    Console().print(table)
    counts = {word: sum(row["verdict"] == word for row in found) for word in ("yes", "no", "unknown", "pending")}
    Console().print(", ".join(f"{count} {word}" for word, count in counts.items()))


def _known(coverage: Mapping[str, int]) -> float:
    known = coverage["observed_ms"] + coverage["bounded_ms"] + coverage["not_trading_ms"]
    return known / coverage["window_ms"]


def _flat(row: Row, prefix: str = "") -> Row:
    flat: Row = {}
    for name, value in row.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _setting(text: str) -> tuple[str, list[str]]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise UsageError(f"--sweep {text!r} is not written KEY=VALUE,VALUE.")
    return name, values.split(",")


def _with(file: Path, keys: dict[str, str]) -> Spec:
    spec = load_spec(file)
    document = json.loads(spec.canonical)
    for name, value in keys.items():
        table = next((document[part] for part in ("price", "test") if name in document.get(part, {})), None)
        if table is None:
            raise UsageError(f"--sweep {name}: the spec {file} has no such key in 'price' or 'test'.")
        table[name] = _spelled(value, table[name])
    try:
        return spec_of(document) if keys else spec
    except UsageError as error:
        raise UsageError(f"--sweep: {file}: {error}") from error


def _spelled(value: str, like: str | int) -> str | int:
    """The value as a spec spells it: integers as such, decimals with as many places as the one that it replaces."""
    if isinstance(like, int):
        return int(value) if value.isdecimal() else value
    return padded(value, len(like.partition(".")[2]))
