"""The TypeScript reader on the accounts and answers that all readers share (`tests/vectors/reader.json`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from relayer.localnet import serve
from tests.node import npm
from tests.node.test_typescript import FOLDER, client
from tests.readable import Readable
from tests.svm.rig import NOW_MS

pytestmark = pytest.mark.node
Json = dict[str, Any]
VECTORS: Json = json.loads((Path(__file__).parents[1] / "vectors" / "reader.json").read_text())


def key(text: str) -> Pubkey:
    return Pubkey(bytes.fromhex(text))


PROGRAM = key(VECTORS["program"])


def account(name: str) -> Json:
    held = VECTORS["accounts"][name]
    return {"address": key(held["address"]), "owner": key(held["owner"]), "data": bytes.fromhex(held["data"])}


def source(given: Json) -> Json:
    return {**given, "authority": key(given["authority"]), "board": key(given["board"])}


def terms(case: Json) -> Json:
    return {"program": PROGRAM, "nowMs": case["now_ms"], "maxAgeMs": case["max_age_ms"]}


def price_call(name: str, case: Json) -> tuple[str, list[Any]]:
    return name, [source(case["source"]), account(case["account"]), terms(case)]


def find_call(case: Json) -> tuple[str, list[Any]]:
    return "find", [account(case["board"]), account(case["ids"]), PROGRAM, bytes.fromhex(case["id"])]


def median_call(case: Json) -> tuple[str, list[Any]]:
    sources, accounts = map(source, case["sources"]), map(account, case["accounts"])
    return "medianOf", [list(sources), list(accounts), terms(case), case["quorum"]]


def answer_call(case: Json) -> tuple[str, list[Any]]:
    asked = case["question"]
    keys = {"committee": key(asked["committee"]), "market": key(asked["market"])}
    return "answer", [account(case["account"]), PROGRAM, {**keys, "specHash": bytes.fromhex(asked["spec_hash"])}]


def shown(result: Any) -> Json:
    """The client's result in the words of the vectors."""
    match result:
        case {"refusal": reason}:
            return {"refusal": reason}
        case {"bid": bid, "ask": ask, "asOfMs": {"u64": as_of}}:
            return {"is": {"bid": bid, "ask": ask, "as_of_ms": int(as_of)}}
        case {"twiceMid": mid, "voices": voices}:
            return {"is": {"twice_mid": mid, "voices": voices}}
        case bool(yes):
            return {"is": {"yes": yes}}
    return {"is": result}


async def test_the_reader_answers_as_the_others_do(tmp_path: Path) -> None:
    prices, finds, medians, answers = (VECTORS[kind] for kind in ("prices", "finds", "medians", "answers"))
    calls = [price_call("price", case) for case in prices]
    calls += [price_call("twiceMid", case) for case in prices]
    calls += [*map(find_call, finds), *map(median_call, medians), *map(answer_call, answers)]
    want = [case["price"] for case in prices] + [case["twice_mid"] for case in prices]
    want += [case["expect"] for case in (*finds, *medians, *answers)]
    results = (await client(tmp_path, *calls))["results"]
    assert list(map(shown, results)) == want


async def test_a_time_that_is_no_number_makes_nothing_fresh(tmp_path: Path) -> None:
    case = VECTORS["prices"][0]
    name, (of, held, given) = price_call("price", case)
    (result,) = (await client(tmp_path, (name, [of, held, {**given, "nowMs": None, "maxAgeMs": "x"}])))["results"]
    assert result["refusal"] == "Stale"
    assert result["message"] == f"Board {of['board']}, slot 2: Stale."


async def test_the_example_reads_the_median_off_a_cluster(tmp_path: Path) -> None:
    await client(tmp_path)  # compiles
    given = Readable(7000, 6000, 9000)
    async with serve(given.node) as urls:
        command = ("node", "build/example.js", urls.rpc, *given.asked)
        assert await npm.run(FOLDER, *command) == "71.000 cents, by 3 of 3\n"
        given.wait(NOW_MS + 31_000)
        with pytest.raises(AssertionError, match="NoQuorum"):
            await npm.run(FOLDER, *command)
