"""Campaigns are run one after another, whatever becomes of each."""

from __future__ import annotations

import sys

import pytest

from tests.campaigns.__main__ import Campaign, main, run


def code(text: str, **settings: str) -> Campaign:
    return Campaign((sys.executable, "-c", text), settings)


def test_a_failure_stops_nothing_and_is_told_at_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    fails, passes = code("raise SystemExit(3)"), code("import os; print('heard', os.environ['NEWS'])", NEWS="today")
    assert run({"one": fails, "two": passes}) == 1
    told = capfd.readouterr().out.splitlines()
    assert "heard today" in told
    assert [line.split()[:2] for line in told[-2:]] == [["one", "FAILED"], ["two", "passed"]]


def test_without_a_failure_the_status_is_zero() -> None:
    assert run({"one": code("")}) == 0


def test_unknown_names_are_told_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conditions", "weather"]) == 2
    assert capsys.readouterr().err.startswith(
        "unknown campaign weather: choose from conditions, decoders, load, condition-mutants, "
    )
