"""The commands in the documents are those that exist, with options that they have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from relayer.cli.main import app

DOCUMENT = Path(__file__).parents[3] / "docs" / "on-chain-commands.md"
LINES = re.findall(r"^relayer (.+)$", DOCUMENT.read_text(), re.MULTILINE)


def test_there_are_some() -> None:
    assert len(LINES) > 15


@pytest.mark.parametrize("line", LINES)
def test_a_documented_command_exists(line: str) -> None:
    group, name, *rest = line.split()
    shown = CliRunner().invoke(app, [group, name, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    options = [word for word in rest if word.startswith("--")]
    assert [option for option in options if f"{option} " not in shown.output] == []
