#!/usr/bin/env python3
"""Write deploy/clients/typescript/oracle.ts: a typed client out of relayer/data/programs/oracle.json.

Accounts in, instructions out, errors by number, seeds of addresses. Bytes and base58 are `wire.ts`, written by hand.
What the IDL's format has no words for (arrays to the end of the data, seeds) comes from `interface.py`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from interface import ELEMENTS, INSTRUCTIONS, SEEDS, Account, Field, Instruction

HERE = Path(__file__).parent
SOURCE = HERE.parent / "relayer" / "data" / "programs" / "oracle.json"
TARGET = HERE / "clients" / "typescript" / "oracle.ts"

Json = dict[str, Any]
Kind = Any

# What follows behind the fields of an account; as many as a field says, or the caller where no field does.
ACCOUNT_TAILS: dict[str, tuple[str, Kind]] = {
    "Board": ("slots", {"array": [{"defined": {"name": "Slot"}}, "length"]}),
    "Ids": ("feeds", {"array": [{"defined": {"name": "FeedId"}}, "length"]}),
    "Resolution": ("spec", {"array": ["u8", "specLen"]}),
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


def idl_type(field: Field) -> Kind:
    return {"array": ["u8", int(field.kind[5:])]} if field.kind.startswith("bytes") else field.kind


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


def elements() -> list[str]:
    """Interfaces of what tails consist of."""
    return [
        line
        for name, fields in ELEMENTS.items()
        for line in interface(name, [(camel(field.name), idl_type(field)) for field in fields])
    ]


def tail(given: Field) -> tuple[str, list[str]]:
    """Type of the argument that goes to the end of the data, and the lines that write it."""
    value, kind = f"args.{camel(given.name)}", given.kind
    if kind == "bytes":
        return "Uint8Array", [f"data.rest({value});"]
    if kind not in ELEMENTS:
        return f"readonly {typed(kind)}[]", [f"for (const one of {value}) data.{kind}(one);"]
    lines = [f"  {writing(idl_type(field), f'one.{camel(field.name)}')}" for field in ELEMENTS[kind]]
    return f"readonly {kind}[]", [f"for (const one of {value}) {{", *lines, "}"]


ROLES = {(False, False): "readonly", (True, False): "writable", (False, True): "signer", (True, True): "writableSigner"}


def meta(account: Account, holder: str) -> str:
    role = ROLES[account.writable, account.signer]
    name = camel(account.name)
    address = "SYSTEM_PROGRAM" if name == "systemProgram" else f"{holder}.{name}"
    return f"{{ address: {address}, role: Role.{role} }},"


def accounts(one: Instruction) -> tuple[str, list[str]]:
    """Type of the accounts that the caller names, and the lines of the list made of them."""
    needed = [account for account in one.accounts if not account.optional]
    on_pnp = [account for account in one.accounts if account.optional]
    given = [(camel(account.name), "Address") for account in needed if account.name != "system_program"]
    lines = [meta(account, "accounts") for account in needed]
    if on_pnp:
        given.append(("onPnp?", shape([(camel(account.name), "Address") for account in on_pnp])))
        optional = [f"  {meta(account, 'accounts.onPnp')}" for account in on_pnp]
        lines += ["...(accounts.onPnp === undefined ? [] : [", *optional, "]),"]
    given += [(camel(account.name), "readonly AccountMeta[]") for account in one.others]
    lines += [f"...accounts.{camel(account.name)}," for account in one.others]
    return shape(given), lines


def fixed(field: Field, one: Instruction) -> str | None:
    """What an argument is when the caller does not choose it."""
    if field.fixed is not None:
        return f"{field.fixed}n" if field.kind == "u64" else str(field.fixed)
    if field.name == "count" and one.tail is not None:
        return f"args.{camel(one.tail.name)}.length"
    return None


def arguments(one: Instruction) -> tuple[list[tuple[str, str]], list[str]]:
    """Names and types of the arguments that the caller gives, and the lines that write all of them."""
    given, lines = [], []
    for field in one.arguments:
        value = fixed(field, one)
        lines.append(writing(idl_type(field), value or f"args.{camel(field.name)}"))
        if value is None:
            given.append((camel(field.name), typed(idl_type(field))))
    if one.tail is not None:
        kind, more = tail(one.tail)
        given.append((camel(one.tail.name), kind))
        lines += more
    return given, lines


def instruction(one: Instruction, tag: int) -> list[str]:
    named, metas = accounts(one)
    given, writes = arguments(one)
    parameters = ["programAddress: Address", f"accounts: {named}", *([f"args: {shape(given)}"] if given else [])]
    return [
        *(f"/** {line} */" for line in one.docs),
        f"export function {camel(one.name)}(",
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


def seeds(name: str, given: tuple[Field, ...]) -> list[str]:
    fields = [(camel(field.name), idl_type(field)) for field in given]
    parts = [f'new TextEncoder().encode("{name}")']
    parts += [writing(kind, field).replace("data", "new Writer()", 1)[:-1] + ".done()" for field, kind in fields]
    parameters = ", ".join(f"{field}: {typed(kind)}" for field, kind in fields)
    return [
        f"export function {name}Seeds({parameters}): Uint8Array[] {{",
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
        *elements(),
        *(
            line
            for one in idl["instructions"]
            for line in instruction(INSTRUCTIONS[one["name"]], *one["discriminator"])
        ),
        "// Seeds of addresses, for getProgramDerivedAddress of @solana/kit. A market's oracle is the settler.",
        "",
        *(line for name, fields in SEEDS.items() for line in seeds(name, fields)),
        "/** The program's own errors by number. */",
        "export const ERRORS: Readonly<Record<number, { name: string; message: string }>> = {",
        *(f'  {one["code"]}: {{ name: "{one["name"]}", message: {json.dumps(one["msg"])} }},' for one in idl["errors"]),
        "};",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(build())
