#!/usr/bin/env python3
"""Write deploy/clients/typescript/oracle.ts: a typed client out of relayer/data/programs/oracle.json.

Accounts in, instructions out, errors by number, seeds of addresses. Bytes and base58 are `wire.ts`, written by hand.
Anchor's IDL format has no words for arrays to the end of the data and knows no seeds here: those are the tables below,
which tests hold against the Python client.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SOURCE = HERE.parent / "relayer" / "data" / "programs" / "oracle.json"
TARGET = HERE / "clients" / "typescript" / "oracle.ts"

Json = dict[str, Any]
Kind = Any
ENTRY = "bid u16, ask u16, last u16, status u8, size u8, index u16, age u16"

# What follows behind the fields of an account; as many as a field says, or the caller where no field does.
ACCOUNT_TAILS: dict[str, tuple[str, Kind]] = {
    "Board": ("slots", {"array": [{"defined": {"name": "Slot"}}, "length"]}),
    "Ids": ("feeds", {"array": [{"defined": {"name": "FeedId"}}, "length"]}),
    "Resolution": ("spec", {"array": ["u8", "specLen"]}),
}
# What follows behind the arguments, to the end of the data: name, and a type, `bytes` or the fields of one element.
ARGUMENT_TAILS = {
    "list_feeds": ("feeds", "index u16, id bytes32"),
    "publish": ("entries", ENTRY),
    "retire_feed": ("indices", "u16"),
    "init_committee": ("members", "pubkey"),
    "open": ("spec", "bytes"),
}
# Arguments that the caller does not choose.
FIXED_ARGUMENTS = {
    ("publish", "version"): "0",
    ("publish", "count"): "args.entries.length",
    ("publish", "reserved"): "0n",
}
REMAINING = {"replace_member", "activate"}
SEEDS = {
    "board": "authority pubkey, index u16",
    "ids": "board pubkey",
    "committee": "creator pubkey, index u16",
    "resolution": "committee pubkey, market pubkey",
    "settler": "committee pubkey, spec_hash bytes32",
}
UNSEEN = re.compile(r"padding|reserved")
SYSTEM_PROGRAM = "11111111111111111111111111111111"


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def size(kind: Kind) -> int:
    match kind:
        case {"array": [inner, int(count)]}:
            return size(inner) * count
        case _:
            return {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "pubkey": 32}[kind]


def typed(kind: Kind) -> str:
    """TypeScript's type of a field."""
    match kind:
        case {"array": ["u8", _]}:
            return "Uint8Array"
        case {"array": [inner, _]}:
            return f"{typed(inner)}[]"
        case {"defined": {"name": name}}:
            return str(name)
        case "pubkey":
            return "Address"
        case _:
            return "bigint" if kind == "u64" else "number"


def reading(kind: Kind) -> str:
    match kind:
        case {"array": ["u8", count]}:
            return f"reader.bytes({count})"
        case {"array": [inner, count]}:
            return f"reader.array({count}, {one_of(inner)})"
        case _:
            return f"reader.{kind}()"


def one_of(kind: Kind) -> str:
    """Function that reads one of them."""
    match kind:
        case {"defined": {"name": name}}:
            return f"read{name}"
        case _:
            return f"() => reader.{kind}()"


def writing(kind: Kind, value: str) -> str:
    match kind:
        case {"array": ["u8", count]}:
            return f"data.bytes({value}, {count});"
        case _:
            return f"data.{kind}({value});"


def pairs(text: str) -> list[tuple[str, Kind]]:
    """Names and IDL types of `name u16, other bytes32`."""
    split = (part.rsplit(" ", 1) for part in text.split(", "))
    return [(name, {"array": ["u8", int(kind[5:])]} if kind.startswith("bytes") else kind) for name, kind in split]


def shape(fields: list[tuple[str, str]]) -> str:
    return "{ " + "; ".join(f"{name}: {kind}" for name, kind in fields) + " }"


def interface(name: str, fields: list[tuple[str, Kind]]) -> list[str]:
    return [f"export interface {name} {{", *(f"  {field}: {typed(kind)};" for field, kind in fields), "}", ""]


def struct(name: str, members: list[Json], discriminator: list[int] | None) -> list[str]:
    """Interface of a layout and the function that reads it: `decode` for an account, `read` for a part of one."""
    fields: list[tuple[str, Kind]] = []
    steps = []
    for member in members:
        if UNSEEN.match(member["name"]):
            steps.append(f"reader.skip({size(member['type'])});")
            continue
        fields.append((camel(member["name"]), member["type"]))
        steps.append(f"const {fields[-1][0]} = {reading(member['type'])};")
    head = f"function read{name}(reader: Reader): {name} {{"
    if discriminator is not None:
        asked = ", length: number" if name in ACCOUNT_TAILS and not fields else ""
        head = f"export function decode{name}(data: Uint8Array{asked}): {name} {{"
        steps.insert(0, f'const reader = Reader.of("{name}", {discriminator}, data);')
    if name in ACCOUNT_TAILS:
        fields.append(ACCOUNT_TAILS[name])
        steps.append(f"const {fields[-1][0]} = {reading(fields[-1][1])};")
    result = f"return {{ {', '.join(field for field, _ in fields)} }};"
    return [*interface(name, fields), head, *(f"  {step}" for step in (*steps, result)), "}", ""]


def layouts(idl: Json) -> list[str]:
    discriminators = {one["name"]: one["discriminator"] for one in idl["accounts"]}
    made = []
    for one in idl["types"]:
        if "serialization" in one:
            made += struct(one["name"], one["type"]["fields"], discriminators.get(one["name"]))
    return made


def argument_tail(name: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The argument that goes to the end of the data: name and type, and the lines that write it."""
    if name not in ARGUMENT_TAILS:
        return [], []
    given, text = ARGUMENT_TAILS[name]
    if text == "bytes":
        return [(given, "Uint8Array")], [f"data.rest(args.{given});"]
    if " " not in text:
        return [(given, f"readonly {typed(text)}[]")], [f"for (const one of args.{given}) data.{text}(one);"]
    fields = pairs(text)
    element = shape([(camel(field), typed(kind)) for field, kind in fields])
    lines = [f"  {writing(kind, f'one.{camel(field)}')}" for field, kind in fields]
    return [(given, f"readonly {element}[]")], [f"for (const one of args.{given}) {{", *lines, "}"]


ROLES = {(False, False): "readonly", (True, False): "writable", (False, True): "signer", (True, True): "writableSigner"}


def meta(account: Json, holder: str) -> str:
    role = ROLES[account.get("writable", False), account.get("signer", False)]
    name = camel(account["name"])
    address = "SYSTEM_PROGRAM" if name == "systemProgram" else f"{holder}.{name}"
    return f"{{ address: {address}, role: Role.{role} }},"


def accounts(one: Json) -> tuple[str, list[str]]:
    """Type of the accounts that the caller names, and the lines of the list made of them."""
    needed = [account for account in one["accounts"] if not account.get("optional")]
    on_pnp = [account for account in one["accounts"] if account.get("optional")]
    given = [(camel(account["name"]), "Address") for account in needed if account["name"] != "system_program"]
    lines = [meta(account, "accounts") for account in needed]
    if on_pnp:
        given.append(("onPnp?", shape([(camel(account["name"]), "Address") for account in on_pnp])))
        optional = [f"  {meta(account, 'accounts.onPnp')}" for account in on_pnp]
        lines += ["...(accounts.onPnp === undefined ? [] : [", *optional, "]),"]
    if one["name"] in REMAINING:
        given.append(("remaining", "readonly AccountMeta[]"))
        lines.append("...accounts.remaining,")
    return shape(given), lines


def arguments(one: Json) -> tuple[list[tuple[str, str]], list[str]]:
    """Names and types of the arguments that the caller gives, and the lines that write all of them."""
    given, lines = [], []
    for field in one["args"]:
        fixed = FIXED_ARGUMENTS.get((one["name"], field["name"]))
        lines.append(writing(field["type"], fixed or f"args.{camel(field['name'])}"))
        if fixed is None:
            given.append((camel(field["name"]), typed(field["type"])))
    last, more = argument_tail(one["name"])
    return given + last, lines + more


def instruction(one: Json) -> list[str]:
    named, metas = accounts(one)
    given, writes = arguments(one)
    (tag,) = one["discriminator"]
    parameters = ["programAddress: Address", f"accounts: {named}", *([f"args: {shape(given)}"] if given else [])]
    return [
        *(f"/** {line} */" for line in one.get("docs", ())),
        f"export function {camel(one['name'])}(",
        *(f"  {parameter}," for parameter in parameters),
        "): BuiltInstruction {",
        "  const metas = [",
        *(f"    {line}" for line in metas),
        "  ];",
        f"  const data = new Writer().u8({tag});",
        *(f"  {line}" for line in writes),
        "  return { programAddress, accounts: metas, data: data.done() };",
        "}",
        "",
    ]


def seeds(name: str, text: str) -> list[str]:
    fields = [(camel(field), kind) for field, kind in pairs(text)]
    parts = [f'new TextEncoder().encode("{name}")']
    parts += [writing(kind, field).replace("data", "new Writer()", 1)[:-1] + ".done()" for field, kind in fields]
    given = ", ".join(f"{field}: {typed(kind)}" for field, kind in fields)
    return [
        f"export function {name}Seeds({given}): Uint8Array[] {{",
        f"  return [{', '.join(parts)}];",
        "}",
        "",
    ]


def build() -> str:
    idl = json.loads(SOURCE.read_text())
    lines = [
        "// Generated by deploy/typescript.py from relayer/data/programs/oracle.json; do not edit.",
        'import type { AccountMeta, Address } from "@solana/kit";',
        "",
        'import { type BuiltInstruction, Reader, Role, Writer } from "./wire.js";',
        "",
        f'const SYSTEM_PROGRAM = "{SYSTEM_PROGRAM}" as Address;',
        "",
        "// Accounts. u64 is a bigint, a key an Address, other bytes a Uint8Array; padding is left out.",
        "",
        *layouts(idl),
        "// Instructions. The program's address is wherever it is deployed; `onPnp`: only for a market of PNP.",
        "",
        *(line for one in idl["instructions"] for line in instruction(one)),
        "// Seeds of addresses, for getProgramDerivedAddress of @solana/kit. A market's oracle is the settler.",
        "",
        *(line for name, text in SEEDS.items() for line in seeds(name, text)),
        "/** The program's own errors by number. */",
        "export const ERRORS: Readonly<Record<number, { name: string; message: string }>> = {",
        *(f'  {one["code"]}: {{ name: "{one["name"]}", message: {json.dumps(one["msg"])} }},' for one in idl["errors"]),
        "};",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(build())
