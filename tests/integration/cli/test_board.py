"""`relayer board` from init to close, against a local cluster."""

from __future__ import annotations

import pytest

from relayer.domain.errors import PermanentError, UsageError
from tests.integration.cli.conftest import Desk

FEEDS = [f"kalshi:KX{number}" for number in range(25)]


@pytest.fixture(scope="module")
def board(desk: Desk) -> str:
    done = desk.facts(*_init(desk, "0"), "--yes")
    assert len(done["signatures"]) == 1
    return str(done["board"])


def _init(desk: Desk, index: str) -> list[str]:
    words = ["board", "init", "--authority", desk.file("authority"), "--publisher", desk.keys["publisher"]]
    return [*words, "--capacity", "40", "--name", "desk", "--index", index]


def _owner(desk: Desk) -> list[str]:
    return ["--authority", desk.file("authority")]


def test_a_board_is_shown_as_it_was_made(desk: Desk, board: str) -> None:
    shown = desk.facts("board", "show", "--board", board)
    assert {key: shown[key] for key in ("board", "name", "authority", "publisher", "feeds", "capacity", "slots")} == {
        "board": board,
        "name": "desk",
        "authority": desk.keys["authority"],
        "publisher": desk.keys["publisher"],
        "feeds": 0,
        "capacity": 40,
        "slots": [],
    }
    assert desk.facts("board", "show", "--authority", desk.keys["authority"]) == shown
    assert [one["board"] for one in desk.facts("board", "list", "--authority", desk.keys["authority"])] == [board]
    assert desk.facts("board", "list", "--authority", desk.keys["stranger"]) == []


def test_making_it_again_signs_nothing(desk: Desk, board: str) -> None:
    assert desk.facts(*_init(desk, "0"), "--yes") == {"board": board, "signatures": []}


def test_markets_are_listed_once_retired_and_listed_again(desk: Desk, board: str) -> None:
    done = desk.facts("board", "add", *FEEDS, *_owner(desk), "--yes")
    assert done["slots"] == {feed: slot for slot, feed in enumerate(FEEDS)}
    assert len(done["signatures"]) == 2
    assert desk.facts("board", "add", FEEDS[3], *_owner(desk), "--yes")["signatures"] == []

    retired = desk.facts("board", "retire", FEEDS[3], FEEDS[7], *_owner(desk), "--yes")
    assert retired["retired"] == {FEEDS[3]: 3, FEEDS[7]: 7}
    shown = desk.facts("board", "show", *FEEDS, "--board", board)
    assert [(row["feed"], row["status"]) for row in shown["slots"][2:5]] == [
        (FEEDS[2], "unknown"),
        (FEEDS[3], "retired"),
        (FEEDS[4], "unknown"),
    ]
    assert desk.facts("board", "add", "kalshi:KXNEW", *_owner(desk), "--yes")["slots"] == {"kalshi:KXNEW": 3}
    table = desk.run("board", "show", "kalshi:KXNEW", "--board", board)
    assert "kalshi:KXNEW" in table.stdout


def test_what_will_be_signed_is_shown_and_asked(desk: Desk, board: str) -> None:
    done = desk.run("board", "add", "kalshi:KXASKED", *_owner(desk), answer="n\n")
    assert done.exit_code == 1
    for words in (board, "list       kalshi:KXASKED", "1 transaction", desk.keys["authority"], "Sign and send? [y/N]"):
        assert words in done.stderr
    assert "Nothing was sent." in done.stderr
    assert done.stdout == ""
    with pytest.raises(PermanentError, match="does not list kalshi:KXASKED: see `relayer board show`"):
        raise desk.run("board", "retire", "kalshi:KXASKED", *_owner(desk)).exception


def test_a_dry_run_simulates_and_sends_nothing(desk: Desk, board: str) -> None:
    done = desk.facts("board", "add", "kalshi:KXDRY", *_owner(desk), "--dry-run")
    assert done == {"board": board, "slots": {}, "signatures": []}
    stranger = ["--authority", desk.file("stranger"), "--board", board]
    with pytest.raises(PermanentError, match=r"refuses the board transaction: instruction 4 .*WrongAuthority"):
        raise desk.run("board", "add", "kalshi:KXDRY", *stranger, "--dry-run").exception


def test_closed_for_ever(desk: Desk) -> None:
    made = desk.facts(*_init(desk, "9"), "--yes")["board"]
    closed = desk.facts("board", "close", "--index", "9", *_owner(desk), "--yes")
    assert closed["board"] == made
    with pytest.raises(PermanentError, match="The board was closed; make another one under another index"):
        raise desk.run("board", "show", "--board", made).exception


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["board", "show"], "Which board\\? Give --board or --authority"),
        (["board", "show", "--board", "abc"], "'abc' is not an address"),
        (["board", "add", "--authority", "KEY"], "Which markets\\? Name them as venue:ticker"),
        (["board", "add", "nowhere:X", "--authority", "KEY"], "Venue 'nowhere' of market 'nowhere:X' is none of"),
        (["board", "init", "--authority", "KEY"], "Who may publish\\? Give --publisher"),
        (["board", "init", "--publisher", "abc", "--authority", "KEY"], "'abc' is not an address"),
        (["board", "init", "--name", "x" * 17, "--authority", "KEY"], "is longer than 16 bytes"),
        (["board", "close"], "Who signs as authority\\?"),
    ],
)
def test_wrong_use_is_named(desk: Desk, words: list[str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        raise desk.run(*[desk.file("authority") if word == "KEY" else word for word in words]).exception
