"""`relayer committee` and `relayer resolution`, from the first seat to the answer, against a local cluster."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from relayer.conditions.parse import spec_of
from relayer.conditions.question import question
from relayer.domain.errors import PermanentError, UsageError
from tests.fakes.specs import document
from tests.integration.cli.conftest import Desk

MEMBERS = ("member1", "member2", "member3")


@pytest.fixture(scope="module")
def judges(desk: Desk) -> str:
    """A generic committee of three, two of whom decide at once."""
    done = desk.facts(*_init(desk, "0"), "--generic", "--yes")
    assert len(done["signatures"]) == 1
    return str(done["committee"])


@pytest.fixture(scope="module")
def spec(desk: Desk) -> Path:
    file = desk.folder / "spec.json"
    file.write_text(json.dumps(document()))
    return file


def _init(desk: Desk, index: str, *, threshold: str = "2") -> list[str]:
    members = [word for role in MEMBERS for word in ("--member", desk.keys[role])]
    rules = ["--threshold", threshold, "--challenge-s", "0", "--safety-s", "0", "--reward", "5000", "--index", index]
    return ["committee", "init", "--creator", desk.file("creator"), *members, *rules]


def _opened(desk: Desk, judges: str, market: str, spec: Path) -> Any:
    words = ["resolution", "open", judges, market, "--spec", str(spec), "--deposit", "10000"]
    return desk.facts(*words, "--opener", desk.file("creator"), "--yes")


def _vote(desk: Desk, judges: str, market: str, role: str, outcome: str) -> list[str]:
    words = ["resolution", "attest", judges, market, "--outcome", outcome, "--evidence-hash", "ab" * 32]
    return [*words, "--member", desk.file(role), "--yes"]


def test_a_committee_is_shown_as_it_was_made(desk: Desk, judges: str) -> None:
    assert desk.facts("committee", "show", judges) == {
        "committee": judges,
        "members": [desk.keys[role] for role in MEMBERS],
        "threshold": 2,
        "challenge_s": 0,
        "safety_s": 0,
        "reward": 5000,
        "pnp_program": None,
        "creator": desk.keys["creator"],
        "index": 0,
    }


def test_a_seat_changes_hands_by_a_threshold_of_members(desk: Desk) -> None:
    address = desk.facts(*_init(desk, "1"), "--generic", "--yes")["committee"]
    words = [
        "committee",
        "replace-member",
        address,
        "--leaver",
        desk.keys["member3"],
        "--newcomer",
        desk.keys["stranger"],
    ]
    with pytest.raises(PermanentError, match="refuses the committee transaction"):
        raise desk.run(*words, "--signer", desk.file("member1"), "--dry-run").exception
    signers = ["--signer", desk.file("member1"), "--signer", desk.file("member2")]
    rehearsed = desk.facts(*words, *signers, "--dry-run")
    assert (rehearsed["signatures"], rehearsed["members"][2]) == ([], desk.keys["member3"])
    done = desk.facts(*words, *signers, "--yes")
    assert done["members"] == [desk.keys["member1"], desk.keys["member2"], desk.keys["stranger"]]


def test_a_market_is_opened_voted_on_and_settled(desk: Desk, judges: str, spec: Path) -> None:
    market = "kalshi:KXANSWERED"
    assert desk.facts("resolution", "show", judges, market)["state"] == "not opened"
    opened = _opened(desk, judges, market, spec)
    parsed = spec_of(document())
    assert (opened["state"], opened["spec"], opened["spec_hash"]) == ("open", parsed.canonical.decode(), parsed.hash)

    accepted = desk.facts("resolution", "accept", judges, market, "--member", desk.file("member1"), "--yes")
    assert [seat["accepted"] for seat in accepted["members"]] == [True, False, False]
    with pytest.raises(PermanentError, match="has not decided kalshi:KXANSWERED yet: see `relayer resolution show`"):
        raise desk.run("resolution", "settle", judges, market, "--caller", desk.file("stranger"), "--yes").exception

    desk.facts(*_vote(desk, judges, market, "member1", "no"))
    flagged = desk.facts(
        "resolution", "flag", judges, market, "--reason", "doubt", "--member", desk.file("member3"), "--yes"
    )
    assert [seat["flagged"] for seat in flagged["members"]] == [False, False, True]
    decided = desk.facts(*_vote(desk, judges, market, "member2", "no"))
    assert (decided["proposed"], decided["votes"], decided["winner"]) == ("no", {"yes": 0, "no": 2}, None)
    assert decided["members"][1]["evidence"] == "ab" * 32
    assert decided["settle_not_before"]

    settled = desk.facts("resolution", "settle", judges, market, "--caller", desk.file("stranger"), "--yes")
    assert (settled["state"], settled["winner"]) == ("settled", "no")
    assert settled["market"] != market, "the feed's id stands for it"
    by_key = desk.facts("resolution", "show", judges, settled["market"])
    assert by_key["winner"] == "no"


def test_the_vote_and_the_question_are_shown_before_signing(desk: Desk, judges: str, spec: Path) -> None:
    market = "kalshi:KXASKED"
    words = ["resolution", "open", judges, market, "--spec", str(spec), "--opener", desk.file("creator")]
    asked = desk.run(*words, answer="n\n")
    assert asked.exit_code == 1
    assert question(spec_of(document())) in asked.stderr
    _opened(desk, judges, market, spec)
    evidence = desk.folder / "bundle"
    evidence.write_bytes(b"evidence")
    vote = ["resolution", "attest", judges, market, "--outcome", "yes", "--evidence", str(evidence)]
    asked = desk.run(*vote, "--member", desk.file("member1"), answer="n\n")
    assert asked.exit_code == 1
    for words_shown in ("vote       YES", hashlib.sha256(b"evidence").hexdigest(), desk.keys["member1"], judges):
        assert words_shown in asked.stderr
    rehearsed = desk.facts(*vote, "--member", desk.file("member1"), "--dry-run")
    assert rehearsed["votes"] == {"yes": 0, "no": 0}
    with pytest.raises(PermanentError, match=r"refuses the resolution transaction: instruction 4 .*NotAMember"):
        raise desk.run(*vote, "--member", desk.file("stranger"), "--dry-run").exception


def test_a_file_is_printed_for_people(desk: Desk, judges: str, spec: Path) -> None:
    market = "kalshi:KXPRINTED"
    _opened(desk, judges, market, spec)
    shown = desk.run("resolution", "show", judges, market).stdout
    assert "votes              yes 0, no 0" in shown
    assert f"member {desk.keys['member1']}, accepted False, vote -" in shown


@pytest.mark.parametrize(
    ("words", "error", "reason"),
    [
        (["committee", "show", "abc"], UsageError, "'abc' is not an address"),
        (["committee", "show", "STRANGER"], PermanentError, "is held by program 1111.* and not by"),
        (["resolution", "show", "JUDGES", "nowhere:X"], UsageError, "Venue 'nowhere' of market"),
        (["resolution", "attest", "JUDGES", "kalshi:X", "--outcome", "yes"], UsageError, "What proves the vote\\?"),
        (
            ["resolution", "attest", "JUDGES", "kalshi:X", "--outcome", "yes", "--evidence-hash", "abc"],
            UsageError,
            "'abc' is not a SHA-256: give 64 hexadecimal digits",
        ),
        (["resolution", "accept", "JUDGES", "kalshi:X"], UsageError, "Who signs as oracle\\? Give --member"),
        (["resolution", "flag", "JUDGES", "kalshi:X", "--reason", "x" * 33], UsageError, "longer than 32 bytes"),
        (["resolution", "open", "JUDGES", "kalshi:X", "--spec", "/none"], UsageError, "/none cannot be read"),
    ],
)
def test_wrong_use_is_named(desk: Desk, judges: str, words: list[str], error: type[Exception], reason: str) -> None:
    named = {"JUDGES": judges, "STRANGER": desk.keys["stranger"]}
    with pytest.raises(error, match=reason):
        raise desk.run(*[named.get(word, word) for word in words]).exception


def test_impossible_rules_are_refused_before_signing(desk: Desk) -> None:
    with pytest.raises(UsageError, match="The committee cannot be so: threshold 1 is not above half of 3 members"):
        raise desk.run(*_init(desk, "2", threshold="1"), "--generic").exception
    with pytest.raises(UsageError, match="give --generic or --pnp, not both"):
        raise desk.run(*_init(desk, "2"), "--generic", "--pnp", desk.pnp_program).exception
