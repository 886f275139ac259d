"""The Python reader on the accounts and answers that all readers share (`tests/vectors/reader.json`)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from relayer.chain.programs import reader
from relayer.chain.programs.board import board_len, ids_address
from relayer.chain.programs.reader import Account, Question, Refusal, Refused, Source, Terms, Unanswered
from relayer.domain.errors import TransientError
from relayer.domain.verdicts import Outcome

Json = dict[str, Any]
VECTORS: Json = json.loads((Path(__file__).parents[3] / "vectors" / "reader.json").read_text())


def key(text: str) -> Pubkey:
    return Pubkey(bytes.fromhex(text))


PROGRAM = key(VECTORS["program"])


def account(name: str) -> Account:
    held = VECTORS["accounts"][name]
    return Account(key(held["address"]), key(held["owner"]), bytes.fromhex(held["data"]))


def source(given: Json) -> Source:
    return Source(key(given["authority"]), key(given["board"]), given["index"], given["generation"])


def terms(case: Json) -> Terms:
    return Terms(PROGRAM, case["now_ms"], case["max_age_ms"])


def named(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", VECTORS[kind], ids=[case["name"] for case in VECTORS[kind]])


def refusal(error: pytest.ExceptionInfo[Refused]) -> Json:
    return {"refusal": str(error.value.reason)}


@named("prices")
def test_prices(case: Json) -> None:
    given = source(case["source"]), account(case["account"]), terms(case)
    if "is" in case["price"]:
        state = reader.price(*given)
        assert {"bid": state.bid, "ask": state.ask, "as_of_ms": state.as_of_ms} == case["price"]["is"]
    else:
        with pytest.raises(Refused) as refused:
            reader.price(*given)
        assert refusal(refused) == case["price"]
    if "is" in case["twice_mid"]:
        assert reader.twice_mid(*given) == case["twice_mid"]["is"]
    else:
        with pytest.raises(Refused) as refused:
            reader.twice_mid(*given)
        assert refusal(refused) == case["twice_mid"]


@named("finds")
def test_finds(case: Json) -> None:
    given = account(case["board"]), account(case["ids"]), PROGRAM, bytes.fromhex(case["id"])
    if "is" in case["expect"]:
        assert reader.find(*given) == (case["expect"]["is"]["index"], case["expect"]["is"]["generation"])
        return
    with pytest.raises(Refused) as refused:
        reader.find(*given)
    assert refusal(refused) == case["expect"]


@named("medians")
def test_medians(case: Json) -> None:
    sources, accounts = [source(one) for one in case["sources"]], [account(name) for name in case["accounts"]]
    if "is" in case["expect"]:
        median = reader.median_of(sources, accounts, terms(case), quorum=case["quorum"])
        assert {"twice_mid": median.twice_mid, "voices": median.voices} == case["expect"]["is"]
        return
    with pytest.raises(Refused) as refused:
        reader.median_of(sources, accounts, terms(case), quorum=case["quorum"])
    assert refusal(refused) == case["expect"]


@named("answers")
def test_answers(case: Json) -> None:
    asked = case["question"]
    question = Question(key(asked["committee"]), key(asked["market"]), bytes.fromhex(asked["spec_hash"]))
    if "is" in case["expect"]:
        want = Outcome.YES if case["expect"]["is"]["yes"] else Outcome.NO
        assert reader.answer(account(case["account"]), PROGRAM, question) is want
        return
    with pytest.raises(Refused) as refused:
        reader.answer(account(case["account"]), PROGRAM, question)
    assert refusal(refused) == case["expect"]


def test_the_vectors_meet_every_refusal() -> None:
    """So no reader can lack one unseen."""
    met = {
        expect["refusal"]
        for case in VECTORS["prices"]
        for expect in (case["price"], case["twice_mid"])
        if "refusal" in expect
    }
    for kind in ("finds", "medians"):
        met |= {case["expect"]["refusal"] for case in VECTORS[kind] if "refusal" in case["expect"]}
    assert met == set(map(str, Refusal))
    assert {case["expect"].get("refusal") for case in VECTORS["answers"]} == {None, *map(str, Unanswered)}


def test_ids_of_another_board_are_refused() -> None:
    board, ids = account("many"), account("ids of twice")
    with pytest.raises(Refused) as refused:
        reader.find(board, ids, PROGRAM, bytes(32))
    assert refused.value.reason is Refusal.WRONG_BOARD
    assert account("ids of many").address == ids_address(PROGRAM, board.address)


def test_numbers_of_a_version_to_come_are_refused() -> None:
    board, file = account("a"), account("yes")
    status, state = board_len(0) + 6, 179
    later = replace(board, data=board.data[:status] + b"\x4d" + board.data[status + 1 :])
    given = next(case for case in VECTORS["medians"] if case["name"] == "three")
    with pytest.raises(Refused) as refused:
        reader.price(source(given["sources"][0]), later, terms(given))
    assert refused.value.reason is Refusal.NOT_A_BOARD
    answers = next(case for case in VECTORS["answers"] if case["name"] == "settled yes")["question"]
    question = Question(key(answers["committee"]), key(answers["market"]), bytes.fromhex(answers["spec_hash"]))
    for at in (state, state - 1):  # and the kind of its market
        unknown = replace(file, data=file.data[:at] + b"\x4d" + file.data[at + 1 :])
        with pytest.raises(Refused) as unanswered:
            reader.answer(unknown, PROGRAM, question)
        assert unanswered.value.reason is Unanswered.NOT_A_RESOLUTION


def test_a_refusal_is_a_sentence_and_may_pass() -> None:
    paused = source(next(case for case in VECTORS["prices"] if case["name"] == "paused")["source"])
    with pytest.raises(TransientError) as refused:
        reader.price(paused, account("paused"), terms(VECTORS["prices"][0]))
    assert str(refused.value) == (
        f"Board {paused.board}, slot 0, says that the market is not trading; ask again later."
    )
