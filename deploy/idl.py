#!/usr/bin/env python3
"""Write the oracle program's IDLs into relayer/data/programs/: oracle.json in Anchor's format (spec 0.1.0) and
oracle.codama.json in Codama's (`codama.py`), which can say more.

Tags, errors, events, account layouts and their discriminators are read out of the Rust source; what each instruction
takes is the table of `interface.py`.

Anchor's format has no word for an array to the end of the data. So an instruction's documentation names what follows
behind its arguments, and the type of its elements stands among the types: encode the instruction, then the elements.
Its optional accounts are left out when absent; Anchor's own programs would want the program's id in their place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import codama
from interface import ELEMENTS, INSTRUCTIONS, Account, Field, Instruction
from interface import fields as parsed

HERE = Path(__file__).parent
SOURCE = HERE / "program" / "src"
LAYOUTS = HERE / "program" / "reader" / "src"
TARGET = HERE.parent / "relayer" / "data" / "programs" / "oracle.json"
CODAMA = TARGET.with_name("oracle.codama.json")

Json = dict[str, Any]
KEY = "pubkey"
HASHES = {"spec_hash", "evidence_hash", "reason", "head"}


def read(path: Path) -> str:
    return path.read_text()


def field_type(name: str) -> Any:
    """IDL type of one of ours: u8 to u64, pubkey, bytesN."""
    if found := re.fullmatch(r"bytes(\d+)", name):
        return {"array": ["u8", int(found[1])]}
    return name


def elements() -> list[Json]:
    return [{"name": name, "type": struct(fields(given))} for name, given in ELEMENTS.items()]


def struct(members: list[Json]) -> Json:
    return {"kind": "struct", "fields": members}


def fields(given: Iterable[Field]) -> list[Json]:
    return [{"name": one.name, "type": field_type(one.kind)} for one in given]


def account(given: Account) -> Json:
    flags = (("writable", given.writable), ("signer", given.signer), ("optional", given.optional))
    return {"name": given.name, **{flag: True for flag, holds in flags if holds}}


def instruction(given: Instruction, tag: int) -> Json:
    made: Json = {
        "name": given.name,
        "discriminator": [tag],
        "accounts": [account(one) for one in given.accounts],
        "args": fields(given.arguments),
    }
    return {**made, "docs": docs} if (docs := documentation(given)) else made


def documentation(given: Instruction) -> list[str]:
    """What the format cannot say."""
    lines = given.docs
    lines += [f"{one.name}: always {one.fixed}." for one in given.arguments if one.fixed is not None]
    if given.tail is not None:
        each = "as they are" if given.tail.kind == "bytes" else f"{given.tail.kind} each"
        lines.append(f"Behind the arguments, to the end of the data: {given.tail.name}, {each}.")
    lines += [f"Behind the accounts: {one.name}, any number." for one in given.others]
    if any(one.optional for one in given.accounts):
        lines.append("Optional accounts that are absent are left out; the program's id does not stand in for them.")
    return lines


def instructions() -> list[Json]:
    tags = re.findall(r"pub const (\w+): u8 = (\d+);", read(SOURCE / "lib.rs"))
    made = [instruction(INSTRUCTIONS[upper.lower()], int(number)) for upper, number in tags]
    assert len(made) == len(INSTRUCTIONS), "an instruction of the table has no tag"
    return made


def errors() -> list[Json]:
    found = re.findall(r"/// (.+)\n    (\w+) = (\d+),", read(SOURCE / "error.rs"))
    return [{"code": int(code), "name": name, "msg": message} for message, name, code in found]


def event_field(text: str) -> str:
    """Of `name 32`, `name u16`: 32 bytes are a key, unless they are told to be a hash."""
    name, kind = text.rsplit(" ", 1)
    if kind.isdigit():
        kind = f"bytes{kind}" if name in HASHES or kind != "32" else KEY
    return f"{name} {kind}"


def events() -> tuple[list[Json], list[Json]]:
    """Event list and the types of their fields."""
    found = re.findall(r"/// (\w+): (.+)\.\npub const \w+: \[u8; 8\] =\s*\[([\d, ]+)\];", read(SOURCE / "event.rs"))
    named = []
    kinds = []
    for name, text, numbers in found:
        told = parsed(", ".join(map(event_field, text.split(", "))))
        named.append({"name": name, "discriminator": [int(number) for number in numbers.split(",")]})
        kinds.append({"name": name, "type": struct(fields(told))})
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
        "types": [*layouts(), *elements(), *kinds],
    }


if __name__ == "__main__":
    idl = build()
    TARGET.write_text(json.dumps(idl, indent=2) + "\n")
    CODAMA.write_text(json.dumps(codama.build(idl), indent=2) + "\n")
