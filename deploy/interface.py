"""What the oracle program's instructions take: the table out of which both IDLs and the TypeScript client are made.

Tags, errors, events and account layouts are in the Rust source, where `idl.py` reads them. Tests hold this table
against the Python client and the program itself.

Arguments stand behind the tag: name and type; `=` a value that never changes; `...` one after the other to the end of
the data. Accounts: s signs, w is written, ? only for a market of PNP; `...` any number of them, behind all others.
"""

from __future__ import annotations

from dataclasses import dataclass

MEMBER = "member s, committee, resolution w"
_INSTRUCTIONS: dict[str, tuple[str, str]] = {
    "init_board": (
        "index u16, capacity u32, publisher pubkey, name bytes16",
        "authority sw, board w, ids w, system_program",
    ),
    "list_feeds": ("feeds Listing...", "authority s, board w, ids w"),
    "publish": (
        "version u8=0, count u16, epoch u32, reserved u64=0, base_ms u64, entries Entry...",
        "publisher s, board w",
    ),
    "retire_feed": ("indices u16...", "authority s, board w"),
    "propose_authority": ("proposed pubkey", "authority s, board w"),
    "accept_authority": ("", "proposed s, board w"),
    "set_publisher": ("publisher pubkey", "authority s, board w"),
    "anchor": ("head bytes32", "publisher s, board w"),
    "close_board": ("", "authority sw, board w, ids w"),
    "init_committee": (
        "index u16, threshold u8, challenge_s u32, safety_s u32, reward u64, pnp_program pubkey, "
        "metadata_program pubkey, members pubkey...",
        "creator sw, committee w, system_program",
    ),
    "replace_member": ("leaver pubkey, newcomer pubkey", "committee w, members s..., files w..."),
    "open": (
        "deposit u64, market pubkey, spec bytes...",
        "opener sw, committee, resolution w, system_program, market ?, extension ?",
    ),
    "accept": ("", MEMBER),
    "activate": ("advance u64", "member sw, committee, resolution w, pnp_program, settler w, pnp_accounts w..."),
    "attest": ("outcome u8, evidence_hash bytes32", MEMBER),
    "flag": ("reason bytes32", MEMBER),
    "settle": (
        "",
        "caller sw, committee, resolution w, settler w?, market w?, extension ?, global_config ?, pnp_program ?",
    ),
    "close_resolution": ("", "resolution w, committee, market, opener w, creator w"),
}
_ELEMENTS = {
    "Listing": "index u16, id bytes32",
    "Entry": "bid u16, ask u16, last u16, status u8, size u8, index u16, age u16",
}
_SEEDS = {
    "board": "authority pubkey, index u16",
    "ids": "board pubkey",
    "committee": "creator pubkey, index u16",
    "resolution": "committee pubkey, market pubkey",
    "settler": "committee pubkey, spec_hash bytes32",
}
NOTES = {
    "init_board": "To be repeated with the same arguments until the accounts have the capacity's size.",
    "publish": "count: of the entries. An entry's age counts units of 10 ms before base_ms.",
    "init_committee": "members: 1 to 9. pnp_program: 32 zero bytes for generic resolutions.",
    "replace_member": "members: a threshold of them. files: open ones, whose proposals are counted anew; may be none.",
    "open": "spec: 1 to 640 bytes. market and extension: both for a market of PNP, neither for a generic resolution, "
    "where market in the arguments is the SHA-256 of the spec.",
    "activate": "pnp_accounts: those of PNP's set_market_resolvable_v2 or _v3 behind the authority, in its roles; "
    "for _v3 also the system program. advance: 0 for _v3.",
    "attest": "outcome: 1 is yes, 2 is no.",
    "close_resolution": "creator: the market's; once more the opener, if the market is gone.",
    "settle": "The last five accounts: all for a market of PNP, none for a generic resolution.",
}


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    """u8 to u64, pubkey, bytesN, or the name of an element; of a tail also `bytes`."""
    fixed: int | None = None


@dataclass(frozen=True)
class Account:
    name: str
    signer: bool
    writable: bool
    optional: bool


@dataclass(frozen=True)
class Instruction:
    name: str
    arguments: tuple[Field, ...]
    tail: Field | None
    accounts: tuple[Account, ...]
    others: tuple[Account, ...]
    """Any number of each, behind the accounts."""

    @property
    def docs(self) -> list[str]:
        return [NOTES[self.name]] if self.name in NOTES else []


def fields(text: str) -> tuple[Field, ...]:
    """Of `name u16, other bytes32, version u8=0`."""
    return tuple(_field(part) for part in text.split(", ") if part)


def _field(text: str) -> Field:
    name, kind = text.split(" ")
    kind, _, fixed = kind.partition("=")
    return Field(name, kind, int(fixed) if fixed else None)


def _account(text: str) -> Account:
    name, _, flags = text.partition(" ")
    return Account(name, "s" in flags, "w" in flags, "?" in flags)


def _split(text: str) -> tuple[list[str], list[str]]:
    """What is counted, and what is repeated."""
    parts = [part for part in text.split(", ") if part]
    return [part for part in parts if not part.endswith("...")], [part[:-3] for part in parts if part.endswith("...")]


def _instruction(name: str, arguments: str, accounts: str) -> Instruction:
    (counted, tails), (named, others) = _split(arguments), _split(accounts)
    return Instruction(
        name,
        tuple(map(_field, counted)),
        _field(tails[0]) if tails else None,
        tuple(map(_account, named)),
        tuple(map(_account, others)),
    )


INSTRUCTIONS = {name: _instruction(name, *texts) for name, texts in _INSTRUCTIONS.items()}
ELEMENTS = {name: fields(text) for name, text in _ELEMENTS.items()}
"""What tails consist of."""
SEEDS = {name: fields(text) for name, text in _SEEDS.items()}
"""Of each address: behind its own name."""
