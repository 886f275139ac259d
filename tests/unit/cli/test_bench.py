"""`relayer bench`: output and exit status; what rows measure is tested beside them."""

from __future__ import annotations

import json
import sys

import pytest

from relayer.bench import catalogue
from relayer.bench.row import Measured, Row
from relayer.cli.main import main


@pytest.fixture(autouse=True)
def _rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple(Row(name, name, 1.0, "ratio", lambda effort: Measured(2.0, 3.0)) for name in ("one", "two"))
    monkeypatch.setattr(catalogue, "ROWS", rows)


def _run(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    monkeypatch.setattr(sys, "argv", ["relayer", "bench", *args])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_json_has_standard_output_to_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "two", "--json") == 0
    out, err = capsys.readouterr()
    assert "missed" in err
    assert json.loads(out) == [{"id": "two", "value": 2.0, "goal": 1.0, "unit": "ratio"}]


def test_without_json_a_table_tells_that_goals_were_missed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch) == 0
    out = capsys.readouterr().out
    assert "one" in out
    assert "two" in out
    assert "missed" in out


def test_an_unknown_row_is_wrong_use(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, "three") == 2
    assert "There is no bench row three: choose from one, two." in capsys.readouterr().err
