"""What a recording holds: entries, gathered into blocks that each name the hash of the block before.

A block's plain text is JSON Lines: first `{"tape":2,"block":n,"prev":"<sha256>"}`, then its entries. Its SHA-256 is
the `prev` of the next block, so the newest hash stands for everything recorded before it. Where blocks lie is left to
`segments`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from relayer.domain.errors import PermanentError

VERSION = 2
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises at text of another shape: broken UTF-8 and endless nesting are no DecodeError."""
GENESIS = "0" * 64
"""The `prev` of the first block of all."""


class Kind(StrEnum):
    FRAME = "frame"
    """A WebSocket frame as received."""
    BODY = "body"
    """A REST answer as received; `path` says to what."""
    PATH = "path"
    """A line of the path that the source proved (`conditions.md` section 2)."""
    LOSS = "loss"
    """Entries that could not be kept: `{"from_ns":…,"to_ns":…,"entries":…}`. Nothing between proves anything."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing received.

    number: counts over the whole recording, from 1. received_ns: local wall time. connection: which of the venue's
    connections. market: `venue:ticker` where it is about one market. text: the payload, verbatim; base64 in `b64` where
    it is not UTF-8.
    """

    number: int = msgspec.field(name="n")
    received_ns: int = msgspec.field(name="ns")
    kind: Kind
    venue: str
    connection: str
    text: str = ""
    market: str = ""
    path: str = ""
    b64: str = ""

    @property
    def raw(self) -> bytes:
        """The payload's bytes. Raises PermanentError where `b64` is none."""
        try:
            return base64.b64decode(self.b64) if self.b64 else self.text.encode()
        except ValueError as error:
            raise PermanentError(f"Entry {self.number} of the tape holds no payload: {error}.") from error


class BlockHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tape: int
    block: int
    prev: str


class Loss(msgspec.Struct, frozen=True):
    """The text of a LOSS entry."""

    from_ns: int
    to_ns: int
    entries: int


_ENCODER = msgspec.json.Encoder()
_HEAD = msgspec.json.Decoder(BlockHead)
_ENTRY = msgspec.json.Decoder(Entry)


def payload(text: str | bytes) -> dict[str, str]:
    """The fields of an Entry that carry this payload exactly."""
    if isinstance(text, str):
        return {"text": text}
    try:
        return {"text": text.decode()}
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(text).decode()}


def loss_of(entry: Entry) -> Loss | None:
    """What a LOSS entry says; None for any other. Raises PermanentError for one that says nothing."""
    if entry.kind is not Kind.LOSS:
        return None
    try:
        return msgspec.json.decode(entry.text, type=Loss)
    except UNREADABLE as error:
        raise PermanentError(f"Entry {entry.number} of the tape does not say what was lost: {error}.") from error


def encode_entry(entry: Entry) -> bytes:
    return _ENCODER.encode(entry)


def encode_block(block: int, prev: str, lines: Iterable[bytes]) -> bytes:
    """A block's plain text out of encoded entries."""
    return b"\n".join([_ENCODER.encode(BlockHead(VERSION, block, prev)), *lines, b""])


def decode_block(plain: bytes) -> tuple[BlockHead, list[Entry]]:
    """Raises PermanentError for what is no block of this version."""
    first, _, rest = plain.partition(b"\n")
    try:
        head = _HEAD.decode(first)
        entries = [_ENTRY.decode(line) for line in rest.splitlines()]
    except UNREADABLE as error:
        raise PermanentError(f"A block of the tape is unreadable: {error}.") from error
    if head.tape != VERSION:
        raise PermanentError(f"The tape is of version {head.tape}, and only version {VERSION} is known here.")
    return head, entries


def block_hash(plain: bytes) -> str:
    return hashlib.sha256(plain).hexdigest()
