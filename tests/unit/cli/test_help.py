"""Every command of the groups that act on chain says what it does, and shows how."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from relayer.cli.board import board
from relayer.cli.committee import committee
from relayer.cli.main import app
from relayer.cli.program import program
from relayer.cli.resolution import resolution

GROUPS = {"board": board, "committee": committee, "resolution": resolution, "program": program}
COMMANDS = [
    (group, str(one.name or getattr(one.callback, "__name__", "")).replace("_", "-"))
    for group, commands in GROUPS.items()
    for one in commands.registered_commands
]
LOOKING = {("board", "list"), ("board", "show"), ("committee", "show"), ("resolution", "show")}
LOOKING |= {("program", "verify"), ("program", "buffers")}


@pytest.mark.parametrize(("group", "name"), COMMANDS)
def test_help_has_an_example_and_the_options_of_all(group: str, name: str) -> None:
    shown = CliRunner().invoke(app, [group, name, "--help"], env={"COLUMNS": "200"}).output
    assert f"Example: relayer {group} {name}" in shown
    signing = {"--yes", "--dry-run", "--payer"}
    missing = {option for option in signing | {"--json", "--rpc", "--config", "--program"} if option not in shown}
    assert missing == (signing if (group, name) in LOOKING else set())


def test_there_is_a_command_for_each_instruction_that_an_operator_signs() -> None:
    assert {name for group, name in COMMANDS if group == "board"} == {
        "init",
        "list",
        "add",
        "retire",
        "set-publisher",
        "propose-authority",
        "accept-authority",
        "anchor",
        "close",
        "show",
    }
    assert {name for group, name in COMMANDS if group == "resolution"} == {
        "show",
        "open",
        "accept",
        "activate",
        "attest",
        "flag",
        "settle",
        "close",
    }
