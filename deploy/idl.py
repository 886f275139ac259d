#!/usr/bin/env python3
"""Write relayer/data/programs/oracle.json: the oracle program's interface in Anchor's IDL format (spec 0.1.0).

Tags, errors, events, account layouts and their discriminators are read out of the Rust source; what each instruction
takes is the table below, which tests hold against the Python client and the program itself.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = HERE / "program" / "src"
LAYOUTS = HERE / "program" / "reader" / "src"
TARGET = HERE.parent / "relayer" / "data" / "programs" / "oracle.json"

Json = dict[str, Any]
KEY = "pubkey"
MEMBER = "member s, committee, resolution w"

# Arguments behind the tag, then accounts: s signs, w is written, ? only for a market of PNP.
INSTRUCTIONS: dict[str, tuple[str, str]] = {
    "init_board": (
        "index u16, capacity u32, publisher pubkey, name bytes16",
        "authority sw, board w, ids w, system_program",
    ),
    "list_feeds": ("feeds rest", "authority s, board w, ids w"),
    "publish": (
        "version u8, count u16, epoch u32, reserved u64, base_ms u64, entries rest",
        "publisher s, board w",
    ),
    "retire_feed": ("indices rest", "authority s, board w"),
    "propose_authority": ("proposed pubkey", "authority s, board w"),
    "accept_authority": ("", "proposed s, board w"),
    "set_publisher": ("publisher pubkey", "authority s, board w"),
    "anchor": ("head bytes32", "publisher s, board w"),
    "close_board": ("", "authority sw, board w, ids w"),
    "init_committee": (
        "index u16, threshold u8, challenge_s u32, safety_s u32, reward u64, pnp_program pubkey, "
        "metadata_program pubkey, members rest",
        "creator sw, committee w, system_program",
    ),
    "replace_member": ("leaver pubkey, newcomer pubkey", "committee w"),
    "open": (
        "deposit u64, market pubkey, spec rest",
        "opener sw, committee, resolution w, system_program, market ?, extension ?",
    ),
    "accept": ("", MEMBER),
    "activate": ("advance u64", "member sw, committee, resolution w, pnp_program, settler w"),
    "attest": ("outcome u8, evidence_hash bytes32", MEMBER),
    "flag": ("reason bytes32", MEMBER),
    "settle": (
        "",
        "caller sw, committee, resolution w, settler w?, market w?, extension ?, global_config ?, pnp_program ?",
    ),
    "close_resolution": ("", "resolution w, committee, market, opener w, creator w"),
}
REMAINING = {
    "list_feeds": "feeds: index u16 and id 32 each, to the end of the data.",
    "publish": "entries: bid u16, ask u16, last u16, status u8, size u8, index u16, age u16 each, `count` of them.",
    "retire_feed": "indices: u16 each, to the end of the data.",
    "init_committee": "members: 32 bytes each, to the end of the data.",
    "replace_member": "Remaining accounts: a threshold of members, each signing.",
    "open": "spec: to the end of the data, 1 to 640 bytes.",
    "activate": "Remaining accounts: those of PNP's set_market_resolvable_v2 or _v3 behind the authority.",
}


def read(path: Path) -> str:
    return path.read_text()


def field_type(name: str) -> Any:
    """IDL type of one of ours: u8 to u64, pubkey, bytesN."""
    if found := re.fullmatch(r"(?:bytes)?(\d+)", name):
        return {"array": ["u8", int(found[1])]}
    return name


def struct(members: list[Json]) -> Json:
    return {"kind": "struct", "fields": members}


def fields(text: str, names: dict[str, str] | None = None) -> list[Json]:
    pairs = (part.rsplit(" ", 1) for part in text.split(", ") if part and not part.endswith(" rest"))
    return [{"name": name, "type": field_type((names or {}).get(name, kind))} for name, kind in pairs]


def accounts(text: str) -> list[Json]:
    made: list[Json] = []
    for part in text.split(", "):
        name, _, flags = part.partition(" ")
        one: Json = {"name": name}
        for letter, flag in (("w", "writable"), ("s", "signer"), ("?", "optional")):
            if letter in flags:
                one[flag] = True
        made.append(one)
    return made


def instructions() -> list[Json]:
    tags = re.findall(r"pub const (\w+): u8 = (\d+);", read(SOURCE / "lib.rs"))
    made = []
    for upper, number in tags:
        name = upper.lower()
        args, needs = INSTRUCTIONS[name]
        one: Json = {"name": name, "discriminator": [int(number)], "accounts": accounts(needs), "args": fields(args)}
        if name in REMAINING:
            one["docs"] = [REMAINING[name]]
        made.append(one)
    assert len(made) == len(INSTRUCTIONS), "an instruction of the table has no tag"
    return made


def errors() -> list[Json]:
    found = re.findall(r"/// (.+)\n    (\w+) = (\d+),", read(SOURCE / "error.rs"))
    return [{"code": int(code), "name": name, "msg": message} for message, name, code in found]


def events() -> tuple[list[Json], list[Json]]:
    """Event list and the types of their fields. Addresses are told as 32 bytes of a key, hashes as bytes."""
    found = re.findall(r"/// (\w+): (.+)\.\npub const \w+: \[u8; 8\] =\s*\[([\d, ]+)\];", read(SOURCE / "event.rs"))
    hashes = dict.fromkeys(("spec_hash", "evidence_hash", "reason", "head"), "32")
    named = []
    kinds = []
    for name, text, numbers in found:
        keys = {part.rsplit(" ", 1)[0]: KEY for part in text.split(", ") if part.endswith(" 32")}
        named.append({"name": name, "discriminator": [int(number) for number in numbers.split(",")]})
        kinds.append({"name": name, "type": struct(fields(text, keys | hashes))})
    return named, kinds


def rust_type(text: str) -> Any:
    """IDL type of a field of a repr(C) struct."""
    constants = {"MAX_MEMBERS": 9}
    if text == "[[u8; 32]; MAX_MEMBERS]":
        return {"array": [KEY, constants["MAX_MEMBERS"]]}
    if not text.startswith("["):
        return text if text[0].islower() else {"defined": {"name": text}}
    inner, count = text[1:-1].rsplit("; ", 1)
    return {"array": [rust_type(inner), constants.get(count) or int(count)]}


def layouts() -> list[Json]:
    """The account structs and their parts, in C layout; the programs' own order of fields leaves no hidden padding."""
    keys = {"authority", "pending_authority", "publisher", "creator", "pnp_program", "metadata_program"}
    keys |= {"committee", "market", "opener"}
    made = []
    for file in ("board.rs", "committee.rs"):
        for name, body in re.findall(r"pub struct (\w+) \{\n(.*?)\n\}", read(LAYOUTS / file), re.DOTALL):
            pairs = re.findall(r"pub (\w+): (.+),", body)
            shown = [
                {"name": field, "type": KEY if field in keys else rust_type(kind)}
                for field, kind in pairs
                if field != "discriminator"
            ]
            made.append(
                {
                    "name": {"Header": "Board"}.get(name, name),
                    "serialization": "bytemuck",
                    "repr": {"kind": "c"},
                    "type": struct(shown),
                }
            )
    # Of the ids account only the discriminator is fixed: a FeedId for each of the board's feeds follows.
    return [*made, {"name": "Ids", "serialization": "bytemuck", "repr": {"kind": "c"}, "type": struct([])}]


def discriminators() -> list[Json]:
    made = []
    homes = {"Board": "board.rs", "Ids": "board.rs", "Committee": "committee.rs", "Resolution": "committee.rs"}
    for name, file in homes.items():
        found = re.search(rf'pub const {name.upper()}: \[u8; 8\] = \*b"(.+)";', read(LAYOUTS / file))
        assert found is not None, f"{name} has no discriminator"
        made.append({"name": name, "discriminator": list(found[1].encode().decode("unicode_escape").encode())})
    return made


def build() -> Json:
    named, kinds = events()
    return {
        "address": "11111111111111111111111111111111",
        "metadata": {
            "name": "oracle",
            "version": "0.1.0",
            "spec": "0.1.0",
            "description": "Boards carry prices, committees carry resolutions. The address is wherever it is deployed.",
        },
        "instructions": instructions(),
        "accounts": discriminators(),
        "events": named,
        "errors": errors(),
        "types": [*layouts(), *kinds],
    }


if __name__ == "__main__":
    TARGET.write_text(json.dumps(build(), indent=2) + "\n")
