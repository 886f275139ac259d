"""`relayer board` from init to close, against a local cluster."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from solders.pubkey import Pubkey

from relayer.chain.programs.board import board_address
from relayer.chain.signer import write_keypair
from relayer.domain.errors import PermanentError, TransientError, UsageError
from relayer.domain.markets import MarketId
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
    assert board in desk.run("board", "list").stdout


def test_what_a_board_costs_is_said_before_it_is_paid(desk: Desk) -> None:
    asked = desk.run(*_init(desk, "7"), answer="n\n")
    assert asked.exit_code == 1
    rent = desk.row(asked, "rent")
    assert rent.endswith("SOL from the authority; `relayer board close` gives it back")
    assert desk.row(asked, "fee") == "0.000005 SOL for the transaction"
    before = desk.lamports("authority")
    desk.facts(*_init(desk, "7"), "--yes")
    assert before - desk.lamports("authority") == _lamports(rent) + 5_000


def test_making_it_again_signs_nothing(desk: Desk, board: str) -> None:
    done = desk.run(*_init(desk, "0"), "--yes", "--json")
    assert json.loads(done.stdout) == {"board": board, "signatures": []}
    assert f"Nothing to sign: board {board} is there as asked." in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--capacity", "50", "its capacity is 40 and not 50 \\(it never changes\\)"),
        ("--name", "deck", "its name is 'desk' and not 'deck' \\(it never changes\\)"),
        ("--publisher", "STRANGER", "its publisher is .* and not .* \\(see `relayer board set-publisher`\\)"),
    ],
)
def test_a_board_that_differs_from_what_is_asked_is_an_error(
    desk: Desk, board: str, option: str, value: str, said: str
) -> None:
    before = desk.lamports("authority")
    value = desk.keys["stranger"] if value == "STRANGER" else value
    with pytest.raises(PermanentError, match=f"Board {board} is there, but {said}. Nothing was signed: ask for it as"):
        raise desk.run(*_init(desk, "0"), option, value, "--yes").exception
    assert desk.lamports("authority") == before


def test_lamports_of_a_stranger_at_the_address_hinder_nobody(desk: Desk) -> None:
    address = board_address(Pubkey.from_string(desk.oracle_program), Pubkey.from_string(desk.keys["authority"]), 8)
    desk.airdrop(str(address), 1_000_000)
    assert desk.facts(*_init(desk, "8"), "--yes")["board"] == str(address)


def test_markets_are_listed_once_retired_and_listed_again(desk: Desk, board: str) -> None:
    done = desk.facts("board", "add", *FEEDS, *_owner(desk), "--yes")
    assert done["slots"] == {feed: slot for slot, feed in enumerate(FEEDS)}
    assert len(done["signatures"]) == 2
    again = desk.run("board", "add", FEEDS[3], *_owner(desk), "--yes")
    assert f"Nothing to sign: board {board} lists {FEEDS[3]} (slot 3) already." in again.stderr
    assert again.exit_code == 0

    retired = desk.facts("board", "retire", FEEDS[3], FEEDS[7], *_owner(desk), "--yes")
    assert retired["retired"] == {FEEDS[3]: 3, FEEDS[7]: 7}
    shown = desk.facts("board", "show", *FEEDS, "--board", board)
    assert [(row["feed"], row["status"]) for row in shown["slots"][2:5]] == [
        (FEEDS[2], "unknown"),
        (FEEDS[3], "retired"),
        (FEEDS[4], "unknown"),
    ]
    assert desk.facts("board", "add", "kalshi:KXNEW", *_owner(desk), "--yes")["slots"] == {"kalshi:KXNEW": 3}
    table = desk.run("board", "show", "kalshi:KXNEW", "--board", board).stdout
    assert re.search(r"^3 +kalshi:KXNEW +unknown", table, re.MULTILINE)
    assert shown["slots"][0]["feed"] == FEEDS[0]
    assert MarketId.parse(FEEDS[0]).feed_id().hex() in table, "a feed that nobody names is shown by its whole id"


def test_what_will_be_signed_is_shown_and_asked(desk: Desk, board: str) -> None:
    done = desk.run("board", "add", "kalshi:KXASKED", FEEDS[0], *_owner(desk), answer="n\n")
    assert done.exit_code == 1
    assert desk.row(done, "board") == board
    assert desk.row(done, "list") == "kalshi:KXASKED"
    assert desk.row(done, "listed") == f"{FEEDS[0]} (slot 0)"
    assert desk.row(done, "will sign") == "1 transaction"
    assert desk.row(done, "authority") == desk.keys["authority"]
    assert desk.row(done, "payer").startswith(f"{desk.keys['authority']}, holds 99.")
    assert "Sign and send? [y/N]" in done.stderr
    assert "Nothing was sent." in done.stderr
    assert done.stdout == ""
    with pytest.raises(PermanentError, match="does not list kalshi:KXASKED: see `relayer board show`"):
        raise desk.run("board", "retire", "kalshi:KXASKED", *_owner(desk)).exception


def test_where_nobody_answers_nothing_is_sent(desk: Desk, board: str) -> None:
    done = desk.run("board", "add", "kalshi:KXASKED", *_owner(desk), answer="")
    assert done.exit_code == 1
    assert "Nobody answered, nothing was sent: in scripts give --yes." in done.stderr


def test_a_dry_run_simulates_and_sends_nothing(desk: Desk, board: str) -> None:
    done = desk.facts("board", "add", "kalshi:KXDRY", *_owner(desk), "--dry-run")
    assert done == {"board": board, "slots": {}, "dry_run": True, "signatures": []}
    made = desk.facts(*_init(desk, "6"), "--dry-run")
    assert made["signatures"] == []
    with pytest.raises(PermanentError, match=f"There is no finished board {made['board']}: make or finish it with"):
        raise desk.run("board", "show", "--board", made["board"]).exception


def test_another_s_board_is_refused_before_signing(desk: Desk, board: str) -> None:
    stranger = ["--authority", desk.file("stranger"), "--board", board, "--yes"]
    expected = f"Board {board} obeys {desk.keys['authority']} and not {desk.keys['stranger']}: name that authority's"
    for words in (["add", "kalshi:KXDRY"], ["retire", FEEDS[0]], ["close"], ["set-publisher", "--publisher", board]):
        with pytest.raises(PermanentError, match=expected):
            raise desk.run("board", *words, *stranger).exception


def test_another_payer_pays_the_fee(desk: Desk, board: str) -> None:
    before = desk.lamports("creator")
    done = desk.run("board", "add", "kalshi:KXPAID", *_owner(desk), "--payer", desk.file("creator"), "--yes")
    assert desk.row(done, "fee") == "0.00001 SOL for the transaction"
    assert before - desk.lamports("creator") == 10_000


def test_the_publisher_is_changed(desk: Desk) -> None:
    board = desk.facts(*_init(desk, "3"), "--yes")["board"]
    words = ["board", "set-publisher", "--board", board, *_owner(desk), "--publisher", desk.keys["stranger"], "--yes"]
    done = desk.run(*words)
    assert desk.row(done, "publisher") == f"from {desk.keys['publisher']} to {desk.keys['stranger']}"
    assert desk.facts("board", "show", "--board", board)["publisher"] == desk.keys["stranger"]
    again = desk.run(*words)
    assert f"Nothing to sign: {desk.keys['stranger']} is the publisher of board {board} already." in again.stderr


def test_a_board_changes_hands_in_two_steps(desk: Desk) -> None:
    board = desk.facts(*_init(desk, "4"), "--yes")["board"]
    offer = ["board", "propose-authority", "--board", board, *_owner(desk), "--yes"]
    take = ["board", "accept-authority", "--board", board, "--new", desk.file("creator"), "--yes"]
    with pytest.raises(
        PermanentError, match=f"Board {board} is offered to nobody and not to {desk.keys['creator']}: it"
    ):
        raise desk.run(*take).exception
    assert desk.facts(*offer, "--new", desk.keys["stranger"])["pending_authority"] == desk.keys["stranger"]
    assert desk.facts(*offer, "--withdraw")["pending_authority"] is None
    assert desk.facts(*offer, "--new", desk.keys["creator"])["pending_authority"] == desk.keys["creator"]
    assert "is offered to" in desk.run(*offer, "--new", desk.keys["creator"]).stderr
    heir = ["board", "add", "kalshi:KX", "--board", board, "--authority", desk.file("creator"), "--yes"]
    with pytest.raises(PermanentError, match=r"still obeys .*: run `relayer board accept-authority` first"):
        raise desk.run(*heir).exception
    done = desk.facts(*take)
    assert (done["authority"], done["pending_authority"]) == (desk.keys["creator"], None)
    assert desk.facts(*heir)["slots"] == {"kalshi:KX": 0}
    assert "obeys" in desk.run(*take).stderr
    with pytest.raises(PermanentError, match=f"obeys {desk.keys['creator']} and not {desk.keys['authority']}"):
        raise desk.run(*offer, "--withdraw").exception


def test_the_tape_s_head_is_anchored_by_the_publisher(desk: Desk, board: str) -> None:
    words = ["board", "anchor", "cd" * 32, "--authority", desk.keys["authority"], "--yes"]
    with pytest.raises(PermanentError, match=f"is published by {desk.keys['publisher']} and not by"):
        raise desk.run(*words, "--publisher", desk.file("authority")).exception
    publisher = ["--publisher", desk.file("publisher")]
    assert desk.facts(*words, *publisher)["tape_head"] == "cd" * 32
    assert f"Nothing to sign: board {board} carries this hash already." in desk.run(*words, *publisher).stderr


def test_a_configuration_names_cluster_keys_and_board(desk: Desk) -> None:
    """After a handover too: the board keeps the address that its maker gave it."""
    config = ["--config", desk.settings(authority="creator", feeds=["kalshi:KXA", "kalshi:KXB"])]
    made = desk.facts("board", "init", *config, "--yes", bare=True)["board"]
    shown = desk.facts("board", "show", *config, bare=True)
    assert (shown["board"], shown["name"], shown["capacity"]) == (made, "filed", 30)
    assert shown["publisher"] == desk.keys["publisher"]
    before = desk.lamports("publisher")
    added = desk.facts("board", "add", *config, "--yes", bare=True)
    assert added["slots"] == {"kalshi:KXA": 0, "kalshi:KXB": 1}
    assert before - desk.lamports("publisher") == 10_000, "the publisher pays where the file names no payer"

    desk.facts("board", "propose-authority", "--new", desk.keys["stranger"], *config, "--yes", bare=True)
    heir = ["--config", desk.settings(authority="stranger", maker="creator")]
    assert desk.facts("board", "accept-authority", *heir, "--yes", bare=True)["board"] == made
    assert desk.facts("board", "retire", "kalshi:KXA", *heir, "--yes", bare=True)["retired"] == {"kalshi:KXA": 0}


def test_a_payer_without_money_is_told_so(desk: Desk, board: str) -> None:
    poor = write_keypair(desk.folder / "poor.json")
    words = ["board", "add", "kalshi:KXPOOR", *_owner(desk), "--payer", desk.file("poor"), "--yes"]
    with pytest.raises(TransientError, match="cannot be sent now: the payer has no lamports: fund it"):
        raise desk.run(*words).exception
    assert f"{poor.address}, holds 0 SOL" in desk.run(*words).stderr


def test_a_cluster_that_does_not_answer_is_named(desk: Desk) -> None:
    words = ["board", "list", "--rpc", "http://127.0.0.1:1", "--program", desk.oracle_program]
    with pytest.raises(TransientError, match=r"127\.0\.0\.1:1"):
        raise desk.run(*words, bare=True).exception


def test_a_program_must_be_named(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"Which program\? Give --program with its address, or --config with"):
        raise desk.run("board", "list", "--rpc", desk.url, bare=True).exception


def test_closed_for_ever(desk: Desk) -> None:
    made = desk.facts(*_init(desk, "9"), "--yes")["board"]
    before = desk.lamports("authority")
    closed = desk.run("board", "close", "--index", "9", *_owner(desk), "--yes", "--json")
    assert json.loads(closed.stdout)["board"] == made
    assert desk.row(closed, "close") == "for ever, with 0 feeds; last published never"
    assert desk.lamports("authority") - before == _lamports(desk.row(closed, "rent back")) - 5_000
    for words in (["board", "show", "--board", made], _init(desk, "9")):
        with pytest.raises(PermanentError, match="The board was closed; make another one under another index"):
            raise desk.run(*words).exception


def _lamports(text: str) -> int:
    """`0.02 SOL from …` -> 20000000."""
    return int(Decimal(text.partition(" SOL")[0]) * 10**9)


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
        (["board", "propose-authority", "--authority", "KEY"], "To whom\\? Give --new with an address, or --withdraw"),
        (["board", "anchor", "xyz", "--publisher", "KEY"], "HASH 'xyz' is not a SHA-256: give 64 hexadecimal digits"),
        (["board", "anchor", "ab" * 32, "--publisher", "KEY"], "Which board\\? Give --board or --authority"),
        (["board", "accept-authority", "--authority", "abc"], "Who signs as authority\\? Give --new with a key file"),
    ],
)
def test_wrong_use_is_named(desk: Desk, words: list[str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        raise desk.run(*[desk.file("authority") if word == "KEY" else word for word in words]).exception
