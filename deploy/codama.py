"""The oracle program's IDL in Codama's format: `idl.py` writes what `build` gives.

It says what Anchor's format cannot: arrays to the end of the data, arguments with one value, optional accounts that are
left out, further accounts, and how addresses are made. One thing it cannot say either: that `count` of `publish` is the
number of its entries, which do not follow it directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from interface import INSTRUCTIONS, SEEDS, Account, Field, Instruction

Json = dict[str, Any]
SYSTEM_PROGRAM = "11111111111111111111111111111111"
BYTES = {"kind": "bytesTypeNode"}
# What follows behind the fields of an account, to its end. Of a board's slots the first `length` are listed.
ACCOUNT_TAILS = {"Board": ("slots", "Slot"), "Ids": ("feeds", "FeedId"), "Resolution": ("spec", "bytes")}
# Accounts whose address every instruction that names them can work out.
ADDRESSED = {"init_board": ("board", "ids"), "init_committee": ("committee",), "open": ("resolution",)}


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name[0].lower() + name[1:])


def node(kind: str, **members: Any) -> Json:
    """Without the members that are None."""
    return {"kind": f"{kind}Node", **{name: value for name, value in members.items() if value is not None}}


def number(kind: str) -> Json:
    return node("numberType", format=kind, endian="le")


def fixed_bytes(size: int) -> Json:
    return node("fixedSizeType", size=size, type=BYTES)


def constant(data: Iterable[int]) -> Json:
    return node("bytesValue", data=bytes(data).hex(), encoding="base16")


def type_of(kind: Any) -> Json:
    """Node of a type in Anchor's format."""
    match kind:
        case "pubkey":
            return node("publicKeyType")
        case {"array": ["u8", int(size)]}:
            return fixed_bytes(size)
        case {"array": [inner, int(count)]}:
            return node("arrayType", item=type_of(inner), count=node("fixedCount", value=count))
        case {"defined": {"name": name}}:
            return node("definedTypeLink", name=camel(name))
        case _:
            return number(kind)


def own_type(kind: str) -> Json:
    """Node of a type in the words of `interface.py`."""
    if found := re.fullmatch(r"bytes(\d+)", kind):
        return fixed_bytes(int(found[1]))
    return type_of(kind if kind.islower() else {"defined": {"name": kind}})


def to_the_end(kind: str) -> Json:
    if kind == "bytes":
        return BYTES
    return node("arrayType", item=own_type(kind), count=node("remainderCount"))


def struct(members: list[Json]) -> Json:
    pairs = [node("structFieldType", name=camel(one["name"]), type=type_of(one["type"])) for one in members]
    return node("structType", fields=pairs)


def discriminator(data: list[int]) -> Json:
    return {
        "name": "discriminator",
        "defaultValueStrategy": "omitted",
        "type": fixed_bytes(len(data)),
        "defaultValue": constant(data),
    }


FIRST = [node("fieldDiscriminator", name="discriminator", offset=0)]


def account_layout(name: str, first: list[int], members: list[Json]) -> Json:
    data = struct(members)
    data["fields"].insert(0, node("structFieldType", **discriminator(first)))
    if name in ACCOUNT_TAILS:
        tail, kind = ACCOUNT_TAILS[name]
        data["fields"].append(node("structFieldType", name=tail, type=to_the_end(kind)))
    link = node("pdaLink", name=camel(name))
    return node("account", name=camel(name), data=data, pda=link, discriminators=FIRST)


def event(name: str, first: list[int], members: list[Json]) -> Json:
    begins = node("constantValue", type=fixed_bytes(len(first)), value=constant(first))
    return node(
        "event",
        name=camel(name),
        data=node("hiddenPrefixType", type=struct(members), prefix=[begins]),
        discriminators=[node("constantDiscriminator", offset=0, constant=begins)],
    )


def argument(given: Field) -> Json:
    made = node("instructionArgument", name=camel(given.name), type=own_type(given.kind))
    if given.fixed is None:
        return made
    return {**made, "defaultValueStrategy": "omitted", "defaultValue": node("numberValue", number=given.fixed)}


def seed_value(given: Field, named: set[str]) -> Json:
    """Where an instruction has a seed from: one of its accounts, else one of its arguments."""
    source = "accountValue" if given.name in named else "argumentValue"
    return node("pdaSeedValue", name=camel(given.name), value=node(source, name=camel(given.name)))


def default(instruction: Instruction, account: Account) -> Json | None:
    if account.name == "system_program":
        return node("publicKeyValue", publicKey=SYSTEM_PROGRAM, identifier="splSystem")
    if account.name not in ADDRESSED.get(instruction.name, ()):
        return None
    # A market is told as an argument; the account of that name is there only on PNP.
    named = {one.name for one in instruction.accounts if not one.optional}
    seeds = [seed_value(seed, named) for seed in SEEDS[account.name]]
    return node("pdaValue", pda=node("pdaLink", name=camel(account.name)), seeds=seeds)


def instruction(given: Instruction, tag: list[int]) -> Json:
    arguments = [node("instructionArgument", **discriminator(tag)), *map(argument, given.arguments)]
    if given.tail is not None:
        name, kind = camel(given.tail.name), given.tail.kind
        arguments.append(node("instructionArgument", name=name, type=to_the_end(kind)))
    accounts = [
        node(
            "instructionAccount",
            name=camel(one.name),
            isWritable=one.writable,
            isSigner=one.signer,
            isOptional=one.optional,
            defaultValue=default(given, one),
        )
        for one in given.accounts
    ]
    return node(
        "instruction",
        name=camel(given.name),
        docs=given.docs,
        optionalAccountStrategy="omitted",
        accounts=accounts,
        arguments=arguments,
        remainingAccounts=list(map(others, given.others)) or None,
        discriminators=FIRST,
    )


def others(given: Account) -> Json:
    value = node("argumentValue", name=camel(given.name))
    return node("instructionRemainingAccounts", isSigner=given.signer, isWritable=given.writable, value=value)


def address(name: str, seeds: Iterable[Field]) -> Json:
    text = node("constantPdaSeed", type=node("stringType", encoding="utf8"), value=node("stringValue", string=name))
    variable = [node("variablePdaSeed", name=camel(seed.name), type=own_type(seed.kind)) for seed in seeds]
    return node("pda", name=camel(name), seeds=[text, *variable])


def build(idl: Json) -> Json:
    """The root node, out of the IDL in Anchor's format and the table of instructions."""
    types = {one["name"]: one["type"]["fields"] for one in idl["types"]}
    apart = {one["name"] for one in (*idl["accounts"], *idl["events"])}
    program = node(
        "program",
        name=idl["metadata"]["name"],
        publicKey=idl["address"],
        version=idl["metadata"]["version"],
        docs=[idl["metadata"]["description"]],
        accounts=[account_layout(one["name"], one["discriminator"], types[one["name"]]) for one in idl["accounts"]],
        instructions=[instruction(INSTRUCTIONS[one["name"]], one["discriminator"]) for one in idl["instructions"]],
        definedTypes=[
            node("definedType", name=camel(name), type=struct(members))
            for name, members in types.items()
            if name not in apart
        ],
        pdas=[address(name, seeds) for name, seeds in SEEDS.items()],
        events=[event(one["name"], one["discriminator"], types[one["name"]]) for one in idl["events"]],
        errors=[node("error", name=camel(one["name"]), code=one["code"], message=one["msg"]) for one in idl["errors"]],
    )
    return node("root", standard="codama", version="1.0.0", program=program, additionalPrograms=[])
