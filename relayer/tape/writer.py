"""Segment files, written: one block a call, durable when the call returns. Blocking; `recorder` runs it in a thread.

Files are only ever appended to, or deleted whole, the oldest first. A block that could not be written whole is cut off
again if the disk allows it; if not, what is left is a torn tail, the next block goes to a new segment, and the chain
shows that nothing is missing between.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import zstandard

from relayer.domain.errors import UsageError
from relayer.tape.entries import GENESIS, block_hash, encode_block
from relayer.tape.segments import SUFFIX, Block, pack, scan, segment_files
from relayer.tape.settings import TapeSettings

MEGABYTE = 1_000_000
_LEVEL = 6
_LOOK_AGAIN_S = 60
"""How often it is tried to get back within the budget; else at each new segment."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain stands: the newest block's number and hash, and the newest entry's number."""

    block: int
    hash: str
    entry: int


class SegmentWriter:
    """Goes on where the directory's last readable block ends, in a new segment.

    needed: markets (`venue:ticker`) of which no segment is deleted; None while nobody can tell, and nothing is deleted.
    crowded: why more room is taken than the budget allows, None while it is not. Raises UsageError if another process
    writes there, or the directory cannot be used.
    """

    def __init__(
        self,
        directory: Path,
        settings: TapeSettings,
        *,
        needed: Collection[str] | None = (),
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._settings, self._wall_s = directory, settings, wall_s
        self.needed = needed
        self.crowded: str | None = None
        self._looked_s = 0.0
        self._holders: dict[Path, str] = {}
        self._lock: int | None = _locked(directory)
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self.head = _recover(directory)
        self._file: int | None = None
        self._size = 0
        self._opened_s = 0.0
        self.delete_old()

    def write(self, lines: list[bytes]) -> None:
        """Append one block of encoded entries. Raises OSError; then nothing of it counts, and it may be tried again."""
        plain = encode_block(self.head.block + 1, self.head.hash, lines)
        packed = pack(plain, self._compressor)
        self._rotate_if_due()
        if self.crowded and self._wall_s() >= self._looked_s + _LOOK_AGAIN_S:
            self.delete_old()
        file = self._open() if self._file is None else self._file
        try:
            _write_all(file, packed)
            os.fsync(file)
        except OSError:
            self._cut_off()
            raise
        self._size += len(packed)
        self.head = Head(self.head.block + 1, block_hash(plain), self.head.entry + len(lines))

    def delete_old(self) -> int:
        """Delete the oldest segments beyond budget or retention, never the open one; returns how many.

        It stops at the first that holds a needed market, since a chain without its middle could not be verified.
        """
        segments = segment_files(self._directory)
        sizes = {segment: segment.stat() for segment in segments}
        total, budget = sum(stat.st_size for stat in sizes.values()), self._settings.budget_mb * MEGABYTE
        oldest_s = self._wall_s() - self._settings.retention_days * 86_400
        self.crowded, self._looked_s, deleted = None, self._wall_s(), 0
        for segment in segments[:-1]:
            if total <= budget and sizes[segment].st_mtime >= oldest_s:
                break
            if reason := self._spared(segment):
                self.crowded = self._too_much(total, segment, reason) if total > budget else None
                break
            segment.unlink()
            total -= sizes[segment].st_size
            deleted += 1
        return deleted

    def _spared(self, segment: Path) -> str | None:
        """Why this segment may not be deleted."""
        if self.needed is None:
            return "it is not known yet which markets are still judged"
        if self._holders.get(segment) not in self.needed:
            self._holders[segment] = _first_about(segment, frozenset(self.needed))
        holder = self._holders[segment]
        return f"market {holder} is still judged" if holder else None

    def _too_much(self, total: int, segment: Path, reason: str) -> str:
        return (
            f"The tape in {self._directory} takes {total // MEGABYTE} MB, more than tape.budget_mb, but its oldest "
            f"segment {segment.name} is spared: {reason}. Raise tape.budget_mb, or give it more disk."
        )

    def close(self) -> None:
        """Finish the segment and let others write."""
        self._finish()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _rotate_if_due(self) -> None:
        full = self._size >= self._settings.segment_mb * MEGABYTE
        old = self._wall_s() - self._opened_s >= self._settings.segment_hours * 3600
        if self._file is not None and (full or old):
            self._finish()

    def _open(self) -> int:
        path = self._directory / f"{self.head.block + 1:012d}{SUFFIX}"
        if path.exists():  # holds no whole block, or the chain would be further
            path.rename(path.with_suffix(".torn"))
        self._file = file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._size, self._opened_s = 0, self._wall_s()
        _sync_directory(self._directory)
        self.delete_old()
        return file

    def _finish(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _cut_off(self) -> None:
        try:
            os.ftruncate(self._file if self._file is not None else -1, self._size)
        except OSError:
            self._finish()


def _locked(directory: Path) -> int:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UsageError(
            f"The tape cannot be written to {directory} ({error.strerror}): set tape.directory to a place it can."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise UsageError(
            f"Another process records to {directory}: stop it, or give this one its own tape.directory."
        ) from error
    return lock


def _recover(directory: Path) -> Head:
    """The end of what is readable; a torn tail behind it counts for nothing."""
    for segment in reversed(segment_files(directory)):
        blocks = [found for found in scan(segment) if isinstance(found, Block)]
        if blocks:
            last = blocks[-1]
            return Head(last.head.block, last.hash, last.entries[-1].number if last.entries else 0)
    return Head(0, GENESIS, 0)


def _first_about(segment: Path, markets: frozenset[str]) -> str:
    """The first of these markets that a segment holds something about, "" for none."""
    if not markets:
        return ""
    blocks = (found for found in scan(segment) if isinstance(found, Block))
    held = (entry.market for block in blocks for entry in block.entries)
    return next((market for market in held if market in markets), "")


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
