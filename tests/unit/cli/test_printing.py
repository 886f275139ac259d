"""Results are whole for scripts and for people, and nothing in them steers a terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relayer.cli.printing import plain, report, show, sol

ADDRESS = "9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi"


@pytest.mark.parametrize(
    ("lamports", "text"), [(0, "0 SOL"), (1, "0.000000001 SOL"), (1_500_000, "0.0015 SOL"), (2 * 10**9, "2 SOL")]
)
def test_lamports_are_shown_in_sol(lamports: int, text: str) -> None:
    assert sol(lamports) == text


def test_a_fact_a_line_and_a_list_of_records_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"member": ADDRESS, "accepted": True, "vote": None}, {"member": "x", "accepted": False, "vote": "no"}]
    report({"state": "open", "votes": {"yes": 0}, "names": [], "members": rows, "winner": None}, as_json=False)
    assert capsys.readouterr().out == (
        "state   open\n"
        "votes   yes 0\n"
        "names   none\n"
        "winner  -\n"
        "member                                        accepted  vote\n"
        f"{ADDRESS}  yes       -\n"
        "x                                             no        no\n"
    )


@pytest.mark.parametrize("facts", [{"a": 1, "b": [{"c": None}]}, [{"a": "\x1b"}], []])
def test_scripts_get_one_json_document(facts: Any, capsys: pytest.CaptureFixture[str]) -> None:
    report(facts, as_json=True)
    printed = capsys.readouterr().out
    assert json.loads(printed) == facts
    assert printed.count("\n") == 1


def test_strangers_words_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain("Will it rain? \x1b[2J\nyes") == "Will it rain? \\x1b[2J\\x0ayes"
    show([("asks", "a\rb")])
    report({"question": "\x07"}, as_json=False)
    printed = capsys.readouterr()
    assert printed.err == "asks            a\\x0db\n"
    assert printed.out == "question  \\x07\n"
