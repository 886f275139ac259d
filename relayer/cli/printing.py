"""Results and money as people and scripts read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from relayer.domain.units import LAMPORTS_PER_SOL

Rows = Sequence[tuple[str, str]]
"""(name, value) of what is shown before it is signed."""
_NAME_WIDTH = 15


def sol(lamports: int) -> str:
    """`1500000` -> `0.0015 SOL`."""
    whole, fraction = divmod(lamports, LAMPORTS_PER_SOL)
    return f"{whole}.{fraction:09d}".rstrip("0").rstrip(".") + " SOL"


def show(rows: Rows) -> None:
    """On standard error: standard output is for results."""
    for name, value in rows:
        typer.echo(f"{name:<{_NAME_WIDTH}} {plain(value)}", err=True)


def plain(text: str) -> str:
    """Without what could steer a terminal: questions and names on chain are strangers' words."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def report(facts: Any, *, as_json: bool) -> None:
    """The result on standard output: one JSON document; or a line a fact, and each list of records as a table."""
    if as_json:
        typer.echo(json.dumps(facts))
    elif isinstance(facts, list):
        _print_table(facts)
    else:
        _print_facts(facts)


def _print_facts(facts: Mapping[str, Any]) -> None:
    tables = {name: value for name, value in facts.items() if _is_table(value)}
    lines = {name: value for name, value in facts.items() if name not in tables}
    width = max(map(len, lines))
    for name, value in lines.items():
        typer.echo(f"{name:<{width}}  {_text(value)}".rstrip())
    for rows in tables.values():
        _print_table(rows)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Nothing is cut, however long: addresses are there to be copied."""
    if not rows:
        return
    lines = [list(rows[0]), *([_text(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_text, value)) or "none"
        case dict():
            return ", ".join(f"{name} {_text(one)}" for name, one in value.items()) or "none"
        case _:
            return plain(str(value))
