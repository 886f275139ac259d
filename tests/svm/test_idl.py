"""The committed IDLs and the TypeScript client are those of the Rust source, and Python builds what they say."""

from __future__ import annotations

import hashlib
import importlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs import board as boards
from relayer.chain.programs import committee as committees
from relayer.chain.programs.committee import OnPnp
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.units import Millis
from relayer.domain.verdicts import Outcome
from tests.svm.chain import PROGRAMS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
IDL: dict[str, Any] = json.loads((PROGRAMS / "oracle.json").read_text())
BY_NAME = {one["name"]: one for one in IDL["instructions"]}
TYPES = {one["name"]: one["type"]["fields"] for one in IDL["types"]}
P, A, B, C = (Pubkey(bytes([n]) * 32) for n in range(1, 5))
MARKET = PnpMarket(str(C), PnpKind.V3, 1, str(A), str(B), "?", Millis(0), Millis(0), False, False, None, str(C))
ON_PNP = OnPnp(B, MARKET)
BUILT: dict[str, Instruction] = {
    "init_board": boards.init_board(P, A, index=1, capacity=2, publisher=B, name="x"),
    "list_feeds": boards.list_feeds(P, A, B, [(0, bytes(32))]),
    "publish": boards.publish(P, A, B, epoch=1, base_ms=10**12, updates=[]),
    "retire_feed": boards.retire_feeds(P, A, B, [1]),
    "propose_authority": boards.propose_authority(P, A, B, C),
    "accept_authority": boards.accept_authority(P, A, B),
    "set_publisher": boards.set_publisher(P, A, B, C),
    "anchor": boards.anchor(P, A, B, bytes(32)),
    "close_board": boards.close_board(P, A, B),
    "init_committee": committees.init_committee(
        P, A, index=1, members=[B], threshold=1, challenge_s=1, safety_s=1, pnp_program=C
    ),
    "replace_member": committees.replace_member(P, A, leaver=B, newcomer=C, signers=[B], files=[C]),
    "open": committees.open_resolution(P, A, B, ON_PNP, spec=b"spec", deposit=1),
    "accept": committees.accept(P, A, B, ON_PNP),
    "activate": committees.activate(P, A, B, ON_PNP, metadata_program=C, advance=0),
    "attest": committees.attest(P, A, B, ON_PNP, outcome=Outcome.YES, evidence_hash=bytes(32)),
    "flag": committees.flag(P, A, B, ON_PNP, reason=b""),
    "settle": committees.settle(P, A, B, ON_PNP),
    "close_resolution": committees.close_resolution(P, B, ON_PNP, opener=A),
}
OPEN_ENDED = {"list_feeds", "publish", "retire_feed", "init_committee", "open"}


def size(kind: Any) -> int:
    match kind:
        case {"array": [inner, count]}:
            return size(inner) * int(count)
        case {"defined": {"name": name}}:
            return sum(size(field["type"]) for field in TYPES[name])
        case "pubkey":
            return 32
        case _:
            return struct.calcsize({"u8": "B", "u16": "<H", "u32": "<I", "u64": "<Q"}[kind])


@pytest.fixture
def generators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `deploy/` importable, as it is for the scripts there."""
    monkeypatch.syspath_prepend(str(DEPLOY))


@pytest.mark.usefixtures("generators")
def test_the_idl_is_generated_from_the_source() -> None:
    assert importlib.import_module("idl").build() == IDL, "run deploy/idl.py and commit the result"


@pytest.mark.usefixtures("generators")
def test_the_codama_idl_is_generated_from_it() -> None:
    committed = json.loads((PROGRAMS / "oracle.codama.json").read_text())
    assert importlib.import_module("codama").build(IDL) == committed, "run deploy/idl.py and commit the result"


@pytest.mark.usefixtures("generators")
def test_the_typescript_client_is_generated_from_the_idl() -> None:
    committed = (DEPLOY / "clients" / "typescript" / "oracle.ts").read_text()
    assert importlib.import_module("typescript").build() == committed, "run deploy/typescript.py and commit the result"


def test_events_are_named_as_anchor_names_them() -> None:
    for event in IDL["events"]:
        assert bytes(event["discriminator"]) == hashlib.sha256(f"event:{event['name']}".encode()).digest()[:8]


def test_error_numbers_are_one_each() -> None:
    assert [error["code"] for error in IDL["errors"]] == list(range(6000, 6000 + len(IDL["errors"])))


@pytest.mark.parametrize(("name", "length"), [("Board", 192 - 8), ("Committee", 456 - 8), ("Resolution", 616 - 8)])
def test_account_types_have_the_length_of_the_layouts(name: str, length: int) -> None:
    assert sum(size(field["type"]) for field in TYPES[name]) == length


def test_every_instruction_has_a_builder() -> None:
    assert BUILT.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", sorted(BUILT))
def test_the_python_client_builds_what_the_idl_says(name: str) -> None:
    made, idl = BUILT[name], BY_NAME[name]
    named = made.accounts[: len(idl["accounts"])]
    want = [(one.get("signer", False), one.get("writable", False)) for one in idl["accounts"]]
    assert [(meta.is_signer, meta.is_writable) for meta in named] == want
    assert list(made.data[:1]) == idl["discriminator"]
    fixed = 1 + sum(size(argument["type"]) for argument in idl["args"])
    assert len(made.data) >= fixed if name in OPEN_ENDED else len(made.data) == fixed
