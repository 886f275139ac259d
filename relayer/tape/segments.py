"""Segment files, read: where their blocks lie, which are torn or damaged, and whether the chain holds.

A segment is named by its first block, `000000000017.zst`, and is a run of blocks. Each is a zstd skippable frame that
holds the length of what follows (so a reader can step over blocks, and find the next one after damage), then one
checksummed zstd frame. `zstd -dc *.zst` therefore prints a recording as JSON Lines.
"""

from __future__ import annotations

import contextlib
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from relayer.domain.errors import PermanentError, UsageError
from relayer.tape.entries import BlockHead, Entry, block_hash, decode_block, loss_of

HEADER = struct.Struct("<III")
"""Skippable magic, its length (4), compressed length of the block."""
MAGIC = 0x184D2A50
SUFFIX = ".zst"
_MARK = struct.pack("<II", MAGIC, 4)


@dataclass(frozen=True, slots=True)
class Block:
    """One block as it lies in its file."""

    segment: Path
    offset: int
    plain: bytes
    head: BlockHead
    entries: list[Entry]

    @property
    def hash(self) -> str:
        return block_hash(self.plain)


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no block. At a file's end they are a torn tail, which a crash leaves; elsewhere they are not."""

    segment: Path
    offset: int
    length: int
    tail: bool


def segment_files(directory: Path) -> list[Path]:
    """All segments, oldest first."""
    return sorted(directory.glob(f"[0-9]*{SUFFIX}"))


def pack(plain: bytes, compressor: zstandard.ZstdCompressor) -> bytes:
    """A block's bytes in a segment."""
    packed = compressor.compress(plain)
    return HEADER.pack(MAGIC, 4, len(packed)) + packed


def scan(segment: Path) -> Iterator[Block | Damage]:
    """Everything in one segment, in order; nothing of one that its writer has deleted since it was listed."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(segment.open("rb"))
            data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (FileNotFoundError, ValueError):  # an empty file cannot be mapped
            return
        at = 0
        while at < len(data):
            block = _block(segment, data, at)
            if block is not None:
                at += HEADER.size + HEADER.unpack_from(data, at)[2]
                yield block
            else:
                damage = _damage(segment, data, at)
                at += damage.length
                yield damage


def _block(segment: Path, data: mmap.mmap, at: int) -> Block | None:
    if len(data) - at < HEADER.size:
        return None
    magic, length, packed = HEADER.unpack_from(data, at)
    start = at + HEADER.size
    if (magic, length) != (MAGIC, 4) or start + packed > len(data):
        return None
    unpacker = zstandard.ZstdDecompressor().decompressobj()  # believes no length that a damaged header claims
    try:
        plain = unpacker.decompress(data[start : start + packed])
        head, entries = decode_block(plain)
    except (zstandard.ZstdError, PermanentError):
        return None
    whole = unpacker.eof and not unpacker.unused_data
    return Block(segment, at, plain, head, entries) if whole else None


def _damage(segment: Path, data: mmap.mmap, at: int) -> Damage:
    """From here to the next readable block, or to the end."""
    following = data.find(_MARK, at + 1)
    while following != -1 and _block(segment, data, following) is None:
        following = data.find(_MARK, following + 1)
    end = len(data) if following == -1 else following
    return Damage(segment, at, end - at, tail=following == -1)


def read(directory: Path, *, from_entry: int = 1) -> Iterator[Entry]:
    """All entries from a number on, skipping what is damaged. Raises UsageError if there is no recording."""
    for segment in _from(_present(directory), from_entry):
        for found in scan(segment):
            if isinstance(found, Block):
                yield from (entry for entry in found.entries if entry.number >= from_entry)


def _from(segments: list[Path], entry: int) -> list[Path]:
    """Without the segments that hold only what is older: who wants the newest need not read all."""
    for place in range(len(segments) - 1, 0, -1):
        first = next((found for found in scan(segments[place]) if isinstance(found, Block)), None)
        if first is not None and first.entries and first.entries[0].number <= entry:
            return segments[place:]
    return segments


def _present(directory: Path) -> list[Path]:
    segments = segment_files(directory)
    if not segments:
        raise UsageError(f"{directory} holds no tape: a recording is a directory of files like 000000000001{SUFFIX}.")
    return segments


@dataclass(frozen=True, slots=True)
class Verified:
    """What a whole chain covers.

    first_block: above 1 where older segments were deleted. torn_bytes: unfinished writes, of which nothing counted.
    head: hash of the newest block, to be compared with one published earlier. lost_entries: what the recorder itself
    says it could not keep.
    """

    segments: int
    first_block: int
    blocks: int
    entries: int
    first_ns: int
    last_ns: int
    lost_entries: int
    torn_bytes: int
    head: str


def verify(directory: Path, *, contains: str | None = None) -> Verified:
    """Follow the chain from the oldest block kept to the newest.

    contains: a hash published earlier, which the chain must go through. Raises PermanentError naming the place where
    the chain breaks, UsageError if there is no recording.
    """
    chain = _Chain(contains)
    segments = _present(directory)
    for segment in segments:
        for found in scan(segment):
            chain.add(found)
    return chain.verdict(len(segments), directory)


class _Chain:
    def __init__(self, contains: str | None) -> None:
        self._sought = contains.lower() if contains else None
        self._last: Block | None = None
        self._first_block = self._blocks = self._entries = self._lost = self._torn = 0
        self._first_ns = self._last_ns = self._next_number = 0
        self._head = ""

    def add(self, found: Block | Damage) -> None:
        if isinstance(found, Damage):
            if not found.tail:
                raise PermanentError(
                    f"{found.segment.name} is damaged at byte {found.offset} ({found.length} bytes): "
                    "the tape proves nothing about that time. Restore the file from a copy."
                )
            self._torn += found.length
            return
        self._follow(found)
        for entry in found.entries:
            self._count(entry, found)

    def _follow(self, block: Block) -> None:
        if self._last is None:
            self._first_block = block.head.block
        elif (block.head.block, block.head.prev) != (self._last.head.block + 1, self._head):
            raise PermanentError(
                f"The chain breaks in {block.segment.name} at byte {block.offset}: block {block.head.block} follows "
                f"{block.head.prev[:16]}…, but before it lies block {self._last.head.block} with {self._head[:16]}…. "
                "A segment is missing or was changed."
            )
        if self._sought == block.head.prev:
            self._sought = None
        self._last, self._head = block, block.hash
        self._blocks += 1
        if self._sought == self._head:
            self._sought = None

    def _count(self, entry: Entry, block: Block) -> None:
        if self._entries and entry.number != self._next_number:
            raise PermanentError(
                f"Block {block.head.block} in {block.segment.name} holds entry {entry.number} "
                f"where {self._next_number} is due: it was written by something else than this recorder."
            )
        self._first_ns = self._first_ns or entry.received_ns
        self._last_ns, self._next_number = entry.received_ns, entry.number + 1
        self._entries += 1
        loss = loss_of(entry)
        self._lost += loss.entries if loss else 0

    def verdict(self, segments: int, directory: Path) -> Verified:
        if self._last is None:
            raise PermanentError(f"{directory} holds segments but not one whole block: nothing was ever synced to it.")
        if self._sought is not None:
            raise PermanentError(
                f"The tape does not contain the hash {self._sought[:16]}…: it is another recording, it was rewritten, "
                "or the segment that held it was deleted."
            )
        return Verified(
            segments=segments,
            first_block=self._first_block,
            blocks=self._blocks,
            entries=self._entries,
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            lost_entries=self._lost,
            torn_bytes=self._torn,
            head=self._head,
        )
