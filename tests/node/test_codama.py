"""Codama's own client over the committed IDL, with no code of ours: every instruction, and a life on the localnet."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from solders.pubkey import Pubkey

from relayer.domain.clock import Clock
from relayer.localnet import Localnet, serve
from tests.node import npm
from tests.node.test_typescript import GIVEN, as_json, camel, metas, shown
from tests.svm.chain import PROGRAMS
from tests.svm.test_idl import BUILT, BY_NAME, P

pytestmark = pytest.mark.node
FOLDER = npm.HERE / "codama"
IDL = PROGRAMS / "oracle.codama.json"
SPEC = "did it rain?"
Json = dict[str, Any]


def call(name: str) -> Json:
    """The instruction as the TypeScript client is asked for it, in the words of the Codama IDL."""
    accounts, args = GIVEN[name]
    optional = {camel(one["name"]): None for one in BY_NAME[name]["accounts"] if one.get("optional")}
    named = {**accounts, **optional, **accounts.get("onPnp", {})}
    named.pop("onPnp", None)
    lists = {key: named.pop(key) for key, value in accounts.items() if isinstance(value, list)}
    further = {key: [one["address"] for one in value] for key, value in lists.items()}
    counted = {"count": len(args["entries"])} if name == "publish" else {}
    return {"name": camel(name), "accounts": named, "args": {**args, **counted, **further}}


def base16(decoded: list[str]) -> bytes:
    encoding, text = decoded
    assert encoding == "base16"
    return bytes.fromhex(text)


async def build(tmp_path: Path, calls: list[Json]) -> list[Json]:
    await npm.installed(FOLDER)
    job = tmp_path / "job.json"
    job.write_text(as_json({"program": P, "calls": calls}))
    made: list[Json] = json.loads(await npm.run(FOLDER, "node", "build.mjs", str(IDL), str(job)))
    return made


async def test_every_instruction_is_built_as_python_does(tmp_path: Path) -> None:
    made = dict(zip(BUILT, await build(tmp_path, [call(name) for name in BUILT]), strict=True))
    want = {name: shown(one) for name, one in BUILT.items()}
    # The format has one role for all further accounts; which of them PNP writes is PNP's own IDL's to say.
    for one in want["activate"]["accounts"][5:]:
        one["role"] |= 1
    assert made == want


async def test_tails_are_built_to_the_end_of_the_data(tmp_path: Path) -> None:
    entry = {"bid": 6900, "ask": 7100, "last": 7000, "status": 2, "size": 9, "index": 258, "age": 772}
    publish = call("publish")
    publish["args"] |= {"count": 2, "entries": [entry, {**entry, "bid": 1}]}
    listed = call("list_feeds")
    listed["args"] = {"feeds": [{"index": 258, "id": b"a" * 32}, {"index": 1, "id": b"b" * 32}]}
    generic = call("open")
    generic["accounts"] |= {"market": None, "extension": None}
    published, listing, opened = await build(tmp_path, [publish, listed, generic])
    assert published["data"]["hex"][48:] == "f41abc1b581b020902010403" + "0100bc1b581b020902010403"
    assert listing["data"]["hex"] == "01" + "0201" + "61" * 32 + "0100" + "62" * 32
    assert (opened["accounts"], opened["data"]) == (metas(BUILT["open"])[:4], shown(BUILT["open"])["data"])


async def test_a_board_and_a_question_live_on_the_localnet() -> None:
    await npm.installed(FOLDER)
    node, program = Localnet(clock=Clock(), slot_ms=20), Pubkey.new_unique()
    node.add_program(program, (files("relayer") / "data" / "programs" / "oracle.so").read_bytes())
    async with serve(node) as urls:
        output = await npm.run(FOLDER, "node", "life.mjs", urls.rpc, urls.ws, str(IDL), str(program), SPEC)
    board, ids, resolution = json.loads(output)
    assert (board["length"], board["capacity"], board["updates"]) == (2, 4, "2")
    first, second, *unlisted = board["slots"]
    assert [(one["bid"], one["ask"], one["status"]) for one in (first, second)] == [(100, 7100, 2), (6900, 7100, 2)]
    assert int(second["asOfMs"]) - int(first["asOfMs"]) == 1_000
    assert len(unlisted) == 2
    listed = [base16(one["id"]) for one in ids["feeds"][:2]]
    assert listed == [hashlib.sha256(feed).digest() for feed in (b"a", b"b")]
    question = hashlib.sha256(SPEC.encode()).digest()
    assert (resolution["market"], base16(resolution["specHash"])) == (str(Pubkey(question)), question)
    assert base16(resolution["spec"]).decode() == SPEC
    assert (resolution["seats"][0]["outcome"], resolution["seats"][0]["votes"]) == (2, 1)
