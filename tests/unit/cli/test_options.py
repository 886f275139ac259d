"""A command gets the options of its groups and the common ones, each in its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.testing import CliRunner

from relayer.cli.options import spread


@dataclass(frozen=True)
class Common:
    loud: Annotated[bool, typer.Option("--loud")] = False


@dataclass(frozen=True)
class Place:
    street: Annotated[str, typer.Argument()]
    number: Annotated[int, typer.Option("--number")] = 1


async def greet(desk: str, place: Place, name: Annotated[str, typer.Option("--name")] = "you") -> str:
    """Say hello."""
    return f"{desk}: {name} at {place.street} {place.number}"


def _run(*words: str) -> tuple[Any, Any]:
    """What the frame got, and what the command made of it."""
    seen: list[Any] = []

    def run(common: Common, command: Callable[[str], Awaitable[str]]) -> None:
        step = command("desk").__await__()
        try:
            next(step)
        except StopIteration as done:
            seen.extend((common, done.value))

    app = typer.Typer()
    app.command()(spread(greet, Common, run))
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return seen[0], seen[1]


def test_groups_are_gathered_and_the_rest_is_handed_on() -> None:
    assert _run("Main", "--number", "7", "--name", "Ada", "--loud") == (Common(True), "desk: Ada at Main 7")
    assert _run("Main") == (Common(False), "desk: you at Main 1")


def test_the_help_is_the_command_s() -> None:
    app = typer.Typer()
    app.command()(spread(greet, Common, lambda *_: None))
    shown = CliRunner().invoke(app, ["--help"]).output
    for word in ("Say hello.", "street", "--number", "--name", "--loud"):
        assert word in shown
    assert "--desk" not in shown
    assert CliRunner().invoke(app, []).exit_code == 2, "what has no default is required"
