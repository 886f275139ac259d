"""`relayer committee` and `relayer resolution`, from the first seat to the answer, against a local cluster."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import Any

import pytest

from relayer.chain.programs.pnp import METADATA_PROGRAM
from relayer.chain.resolutions import COMMITTEE_LEN
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


def question_file(desk: Desk, ticker: str) -> str:
    """A spec of its own for each test; before a generic committee it is the market."""
    file = desk.folder / f"{ticker}.json"
    file.write_text(json.dumps(asking(ticker)))
    return str(file)


def asking(ticker: str) -> dict[str, Any]:
    return document(parent={"venue": "kalshi", "market": ticker})


def _init(desk: Desk, index: str, *, threshold: str = "2") -> list[str]:
    members = [word for role in MEMBERS for word in ("--member", desk.keys[role])]
    rules = ["--threshold", threshold, "--challenge-s", "0", "--safety-s", "0", "--reward", "5000", "--index", index]
    return ["committee", "init", "--creator", desk.file("creator"), *members, *rules]


def _opened(desk: Desk, judges: str, market: str) -> Any:
    words = ["resolution", "open", judges, market, "--deposit", "10000"]
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
        "metadata_program": str(METADATA_PROGRAM),
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
    with pytest.raises(PermanentError, match="2 members must sign: give --signer with the key file of each"):
        raise desk.run(*words, "--signer", desk.file("member1"), "--yes").exception
    signers = ["--signer", desk.file("member1"), "--signer", desk.file("member2")]
    rehearsed = desk.facts(*words, *signers, "--dry-run")
    assert (rehearsed["signatures"], rehearsed["members"][2]) == ([], desk.keys["member3"])
    shown = desk.run(*words, *signers, answer="n\n")
    assert [desk.row(shown, f"member {seat}") for seat in (1, 2)] == [desk.keys["member1"], desk.keys["member2"]]
    done = desk.facts(*words, *signers, "--yes")
    assert done["members"] == [desk.keys["member1"], desk.keys["member2"], desk.keys["stranger"]]


@pytest.mark.parametrize(
    ("leaver", "newcomer", "signers", "said"),
    [
        ("member3", "member2", ("member1", "member2"), "is a member already: name another --newcomer"),
        ("publisher", "stranger", ("member1", "member2"), "--leaver .* is not a member: the members are"),
        ("member3", "stranger", ("member1", "stranger"), "--signer .* is not a member: the members are"),
        ("member3", "stranger", ("member1", "member1"), "2 members must sign"),
    ],
)
def test_a_seat_that_cannot_change_hands_so_is_said_before_signing(
    desk: Desk, judges: str, leaver: str, newcomer: str, signers: tuple[str, ...], said: str
) -> None:
    seat = ["--leaver", desk.keys[leaver], "--newcomer", desk.keys[newcomer]]
    keys = [word for role in signers for word in ("--signer", desk.file(role))]
    with pytest.raises(PermanentError, match=said):
        raise desk.run("committee", "replace-member", judges, *seat, *keys, "--yes").exception


def test_a_committee_is_made_once_and_its_cost_is_said(desk: Desk, judges: str) -> None:
    before = desk.lamports("creator")
    with pytest.raises(PermanentError, match=f"Committee {judges} is there, and its rules never change. Nothing was"):
        raise desk.run(*_init(desk, "0"), "--generic", "--yes").exception
    assert desk.lamports("creator") == before
    rehearsed = desk.run(*_init(desk, "5"), "--generic", "--dry-run")
    assert desk.row(rehearsed, "rules") == "2 of 3 votes decide, challenge 0 s, safety 0 s, reward 0.000005 SOL"
    assert desk.row(rehearsed, "rent").endswith(" SOL from the creator, for ever: a committee is never closed")
    desk.facts(*_init(desk, "5"), "--generic", "--yes")
    assert before - desk.lamports("creator") == COMMITTEE_LEN * 6_960 + 128 * 6_960 + 5_000


def test_a_market_is_opened_voted_on_and_settled(desk: Desk, judges: str) -> None:
    market = question_file(desk, "KXANSWERED")
    assert desk.facts("resolution", "show", judges, market)["state"] == "not opened"
    with pytest.raises(PermanentError, match="has no file yet: run `relayer resolution open` first"):
        raise desk.run("resolution", "accept", judges, market, "--member", desk.file("member1"), "--yes").exception
    opened = _opened(desk, judges, market)
    parsed = spec_of(asking("KXANSWERED"))
    assert (opened["state"], opened["spec"], opened["spec_hash"]) == ("open", parsed.canonical.decode(), parsed.hash)

    accepted = desk.facts("resolution", "accept", judges, market, "--member", desk.file("member1"), "--yes")
    assert [seat["accepted"] for seat in accepted["members"]] == [True, False, False]
    with pytest.raises(PermanentError, match=r"has not decided .*KXANSWERED.json yet: see `relayer resolution show`"):
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
    again = desk.run("resolution", "settle", judges, market, "--caller", desk.file("stranger"), "--yes")
    assert "Nothing to sign: the file of market" in again.stderr
    late = ["resolution", "accept", judges, market, "--member", desk.file("member2"), "--yes"]
    with pytest.raises(PermanentError, match=r"is settled as no at .*: nothing is left to do"):
        raise desk.run(*late).exception
    for name in (settled["market"], parsed.hash):
        assert desk.facts("resolution", "show", judges, name)["winner"] == "no"


def test_the_vote_and_the_question_are_shown_before_signing(desk: Desk, judges: str) -> None:
    market = question_file(desk, "KXASKED")
    words = ["resolution", "open", judges, market, "--opener", desk.file("creator")]
    asked = desk.run(*words, "--deposit", "7000", answer="n\n")
    assert asked.exit_code == 1
    assert desk.row(asked, "open") == question(spec_of(asking("KXASKED")))
    assert desk.row(asked, "deposit") == "0.000007 SOL from the opener, for activation and a reward of 0.000005 SOL"
    assert (
        "WARNING: a generic resolution is the answer itself: its rent and deposit stay there for ever." in asked.stderr
    )
    before = desk.lamports("creator")
    _opened(desk, judges, market)
    assert before - desk.lamports("creator") == _lamports(desk.row(asked, "rent")) + 10_000 + 5_000
    evidence = desk.folder / "bundle"
    evidence.write_bytes(b"evidence")
    vote = ["resolution", "attest", judges, market, "--outcome", "yes", "--evidence", str(evidence)]
    asked = desk.run(*vote, "--member", desk.file("member1"), answer="n\n")
    assert asked.exit_code == 1
    assert desk.row(asked, "spec asks") == question(spec_of(asking("KXASKED")))
    assert desk.row(asked, "vote") == "YES"
    assert desk.row(asked, "evidence") == hashlib.sha256(b"evidence").hexdigest()
    assert desk.row(asked, "member") == desk.keys["member1"]
    rehearsed = desk.facts(*vote, "--member", desk.file("member1"), "--dry-run")
    assert rehearsed["votes"] == {"yes": 0, "no": 0}
    with pytest.raises(PermanentError, match=f"{desk.keys['stranger']} is not a member: name the key file of one with"):
        raise desk.run(*vote, "--member", desk.file("stranger"), "--yes").exception


def test_what_a_member_has_done_is_not_done_again(desk: Desk, judges: str) -> None:
    market = question_file(desk, "KXTWICE")
    member = ["--member", desk.file("member1"), "--yes"]
    _opened(desk, judges, market)
    with pytest.raises(PermanentError, match=r"has its file, opened 20.*, for good: see `relayer resolution show`"):
        raise desk.run("resolution", "open", judges, market, "--opener", member[1]).exception
    desk.facts("resolution", "accept", judges, market, *member)
    assert "serves this market already" in desk.run("resolution", "accept", judges, market, *member).stderr
    desk.facts(*_vote(desk, judges, market, "member1", "yes"))
    assert "has voted YES with this evidence already" in desk.run(*_vote(desk, judges, market, "member1", "yes")).stderr
    changed = desk.run(*_vote(desk, judges, market, "member1", "no"))
    assert f"WARNING: {desk.keys['member1']} has voted YES: this is the one change of it." in changed.stderr
    with pytest.raises(PermanentError, match="has voted and changed the vote: NO stays"):
        raise desk.run(*_vote(desk, judges, market, "member1", "yes")).exception
    doubt = ["resolution", "flag", judges, market, "--reason", "doubt", *member]
    desk.facts(*doubt)
    with pytest.raises(PermanentError, match="has flagged this market, and may only once: another member can"):
        raise desk.run(*doubt).exception


def test_a_generic_file_is_never_activated_or_closed(desk: Desk, judges: str) -> None:
    market = question_file(desk, "KXGENERIC")
    _opened(desk, judges, market)
    with pytest.raises(PermanentError, match="A generic resolution has no market to activate"):
        raise desk.run("resolution", "activate", judges, market, "--member", desk.file("member1")).exception
    with pytest.raises(PermanentError, match="A generic resolution is the answer itself and is never closed"):
        raise desk.run("resolution", "close", judges, market, "--payer", desk.file("member1")).exception


def test_a_generic_file_cannot_carry_another_s_name(desk: Desk, judges: str) -> None:
    named, other = question_file(desk, "KXNAMED"), question_file(desk, "KXOTHER")
    with pytest.raises(
        PermanentError, match=r"KXNAMED.json does not name this spec: before a generic committee MARKET"
    ):
        raise desk.run("resolution", "open", judges, named, "--spec", other, "--opener", desk.file("creator")).exception


def test_a_file_is_printed_for_people(desk: Desk, judges: str) -> None:
    market = question_file(desk, "KXPRINTED")
    _opened(desk, judges, market)
    shown = desk.run("resolution", "show", judges, market).stdout
    assert "votes              yes 0, no 0" in shown
    assert f"spec_asks          {question(spec_of(asking('KXPRINTED')))}" in shown
    assert re.search(f"^{desk.keys['member1']}  no +- +- +no$", shown, re.MULTILINE)


def _lamports(text: str) -> int:
    """`0.02 SOL from …` -> 20000000."""
    return int(Decimal(text.partition(" SOL")[0]) * 10**9)


@pytest.mark.parametrize(
    ("words", "error", "reason"),
    [
        (["committee", "show", "abc"], UsageError, "'abc' is not an address"),
        (["committee", "show", "STRANGER"], PermanentError, "There is no committee .* on this cluster"),
        (["resolution", "show", "JUDGES", "nowhere:X"], UsageError, "'nowhere:X' is not an address"),
        (["resolution", "attest", "JUDGES", "ab" * 32, "--outcome", "yes"], UsageError, "What proves the vote\\?"),
        (
            ["resolution", "attest", "JUDGES", "ab" * 32, "--outcome", "yes", "--evidence-hash", "abc"],
            UsageError,
            "'abc' is not a SHA-256: give 64 hexadecimal digits",
        ),
        (["resolution", "accept", "JUDGES", "ab" * 32], UsageError, "Who signs as oracle\\? Give --member"),
        (["resolution", "flag", "JUDGES", "ab" * 32, "--reason", "x" * 33], UsageError, "longer than 32 bytes"),
        (["resolution", "open", "JUDGES", "ab" * 32, "--spec", "/none"], UsageError, "the spec /none cannot be read"),
    ],
)
def test_wrong_use_is_named(desk: Desk, judges: str, words: list[str], error: type[Exception], reason: str) -> None:
    named = {"JUDGES": judges, "STRANGER": desk.keys["stranger"]}
    with pytest.raises(error, match=reason):
        raise desk.run(*[named.get(word, word) for word in words]).exception


def test_a_committee_is_not_made_for_a_program_that_is_not_there(desk: Desk) -> None:
    nowhere = desk.keys["stranger"][:-4] + "1111"
    with pytest.raises(
        PermanentError, match=f"There is no PNP program {nowhere} on this cluster, and a committee never"
    ):
        raise desk.run(*_init(desk, "6"), "--pnp", nowhere, "--yes").exception
    assert desk.facts(*_init(desk, "6"), "--pnp", desk.pnp_program, "--yes")["pnp_program"] == desk.pnp_program


def test_votes_of_a_leaver_are_counted_out_at_once(desk: Desk) -> None:
    judges = desk.facts(*_init(desk, "8"), "--generic", "--yes")["committee"]
    market = question_file(desk, "KXLEFT")
    named = _opened(desk, judges, market)["market"]
    for role in ("member1", "member2"):
        desk.facts(*_vote(desk, judges, market, role, "yes"))
    seat = ["--leaver", desk.keys["member2"], "--newcomer", desk.keys["stranger"], "--market", named]
    signers = ["--signer", desk.file("member1"), "--signer", desk.file("member3")]
    desk.facts("committee", "replace-member", judges, *seat, *signers, "--yes")
    shown = desk.facts("resolution", "show", judges, market)
    assert (shown["proposed"], shown["votes"]["yes"]) == (None, 1)


def test_markets_counted_anew_are_named_as_elsewhere_and_have_files(desk: Desk, judges: str) -> None:
    seat = ["--leaver", desk.keys["member3"], "--newcomer", desk.keys["stranger"]]
    signers = [word for role in ("member1", "member2", "member1") for word in ("--signer", desk.file(role))]
    words = ["committee", "replace-member", judges, *seat, *signers, "--dry-run"]
    market = question_file(desk, "KXNAMEDTWICE")
    with pytest.raises(PermanentError, match=r"KXNAMEDTWICE.json has no file before this committee: leave out this"):
        raise desk.run(*words, "--market", market).exception
    named = _opened(desk, judges, market)["market"]
    shown = desk.run(*words, "--market", market, "--market", named)
    assert shown.exception is None, shown.output
    assert "member 3" not in shown.stderr, "one key signs once"


def test_more_markets_than_one_transaction_holds_are_refused(desk: Desk, judges: str) -> None:
    markets = [question_file(desk, f"KXMANY{number}") for number in range(22)]
    for market in markets:
        _opened(desk, judges, market)
    seat = ["--leaver", desk.keys["member3"], "--newcomer", desk.keys["stranger"]]
    signers = ["--signer", desk.file("member1"), "--signer", desk.file("member2")]
    named = [word for market in markets for word in ("--market", market)]
    with pytest.raises(UsageError, match="Too many markets at once: 25 accounts are more than 24: name fewer files"):
        raise desk.run("committee", "replace-member", judges, *seat, *signers, *named, "--dry-run").exception
    desk.facts("committee", "replace-member", judges, *seat, *signers, *named[2:], "--dry-run")


def test_the_payer_opens_and_settles_where_nobody_else_is_named(desk: Desk, judges: str) -> None:
    market = question_file(desk, "KXPAYER")
    with pytest.raises(UsageError, match=r"Who signs as payer\? Give --payer with a key file"):
        raise desk.run("resolution", "open", judges, market, "--yes").exception
    desk.facts("resolution", "open", judges, market, "--payer", desk.file("creator"), "--yes")
    for role in ("member1", "member2"):
        desk.facts(*_vote(desk, judges, market, role, "yes"))
    with pytest.raises(UsageError, match=r"Who signs as payer\? Give --payer with a key file"):
        raise desk.run("resolution", "settle", judges, market, "--yes").exception
    settled = desk.facts("resolution", "settle", judges, market, "--payer", desk.file("stranger"), "--yes")
    assert settled["winner"] == "yes"


def test_impossible_rules_are_refused_before_signing(desk: Desk) -> None:
    with pytest.raises(UsageError, match="The committee cannot be so: threshold 1 is not above half of 3 members"):
        raise desk.run(*_init(desk, "2", threshold="1"), "--generic").exception
    with pytest.raises(UsageError, match="give --generic or --pnp, not both"):
        raise desk.run(*_init(desk, "2"), "--generic", "--pnp", desk.pnp_program).exception
