"""The recorder: takes what arrives without ever waiting, and makes it durable in the background or on demand.

A disk that fails stops nobody. Entries wait in memory and are written once it works again; beyond a bound they are
given up, which `on_loss` is told at once, `on_regain` once entries are taken again; between the two the tape itself
says so. Whoever must not act on what is not durable awaits `sync` first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from relayer.domain.errors import TransientError
from relayer.tape.entries import Entry, Kind, Loss, encode_entry, payload
from relayer.tape.settings import TapeSettings
from relayer.tape.writer import MEGABYTE, Head, SegmentWriter

log = logging.getLogger(__name__)

BLOCK_BYTES = 4_000_000
"""Plain bytes after which a block ends, so that readers need little memory."""


class Recorder:
    """One recording. Raises UsageError on construction if its directory cannot be had.

    on_loss: called with the receive time of the first entry of each loss, when it is given up. on_regain: called when
    the tape has said so, and entries are taken again. needed: as `SegmentWriter.needed`, asked before each block.
    """

    def __init__(
        self,
        directory: Path,
        settings: TapeSettings,
        *,
        on_loss: Callable[[int], None] = lambda _: None,
        on_regain: Callable[[], None] = lambda: None,
        needed: Callable[[], Collection[str] | None] = lambda: (),
    ) -> None:
        self._needed = needed
        self._writer = SegmentWriter(directory, settings, needed=needed())
        self._directory, self._settings = directory, settings
        self._on_loss, self._on_regain = on_loss, on_regain
        self._next_number = self._writer.head.entry + 1
        self._waiting: list[bytes] = []
        self._waiting_bytes, self._waiting_limit = 0, settings.waiting_mb * MEGABYTE
        self.lost = 0
        """Entries given up by this recorder."""
        self._loss: Loss | None = None
        self._trouble: str | None = None
        self._one_flush = asyncio.Lock()

    @property
    def head(self) -> Head:
        """The chain's durable end; its hash is worth publishing."""
        return self._writer.head

    @property
    def newest(self) -> int:
        """Number of the newest entry taken, durable or not."""
        return self._next_number - 1

    def trouble(self) -> str | None:
        """Why nothing new is durable; None while all is well."""
        return self._trouble

    def crowded(self) -> str | None:
        """Why the tape takes more room than its budget; None while it does not."""
        return self._writer.crowded

    def record(
        self,
        kind: Kind,
        text: str | bytes,
        *,
        venue: str,
        connection: str,
        market: str = "",
        path: str = "",
        received_ns: int | None = None,
    ) -> bool:
        """Take one entry, at once; False if it had to be given up because the disk has failed for too long."""
        at_ns = time.time_ns() if received_ns is None else received_ns
        if self._waiting_bytes >= self._waiting_limit:
            self._lose(at_ns)
            return False
        self._take(kind, payload(text), venue=venue, connection=connection, market=market, path=path, at_ns=at_ns)
        return True

    def _take(
        self, kind: Kind, what: dict[str, str], *, venue: str, connection: str, market: str, path: str, at_ns: int
    ) -> None:
        entry = Entry(self._next_number, at_ns, kind, venue, connection, market=market, path=path, **what)
        line = encode_entry(entry)
        self._next_number += 1
        self._waiting.append(line)
        self._waiting_bytes += len(line)

    def _lose(self, at_ns: int) -> None:
        self.lost += 1
        if self._loss is None:
            self._loss = Loss(from_ns=at_ns, to_ns=at_ns, entries=0)
            log.error("tape gives up entries: nothing is proven until it works again", extra={"reason": self._trouble})
            self._on_loss(at_ns)
        self._loss = Loss(from_ns=self._loss.from_ns, to_ns=at_ns, entries=self._loss.entries + 1)

    async def run(self) -> None:
        """Flush for ever; a disk in trouble is tried again at every interval."""
        said: str | None = None
        while True:
            await asyncio.sleep(self._settings.sync_interval_s)
            try:
                await self.sync()
            except TransientError as error:
                log.error("tape not written", extra={"reason": str(error)})
            if self.crowded() and not said:
                log.error("tape over its budget", extra={"reason": self.crowded()})
            said = self.crowded()

    async def sync(self) -> None:
        """Return once everything recorded before this call is on disk. Raises TransientError while the disk fails."""
        async with self._one_flush:
            while self._waiting:
                self._writer.needed = self._needed()
                await self._flush_block(self._next_block())
                self._confess()

    def _next_block(self) -> list[bytes]:
        size = count = 0
        while count < len(self._waiting) and size < BLOCK_BYTES:
            size += len(self._waiting[count])
            count += 1
        return self._waiting[:count]

    async def _flush_block(self, lines: list[bytes]) -> None:
        """A write is never abandoned half-way: cancellation waits for the thread."""
        writing = asyncio.ensure_future(asyncio.to_thread(self._writer.write, lines))
        cancelled: asyncio.CancelledError | None = None
        while not writing.done():
            try:
                await asyncio.wait([writing])
            except asyncio.CancelledError as error:
                cancelled = error
        try:
            self._settle(writing.exception(), lines)
        finally:
            if cancelled is not None:
                raise cancelled

    def _settle(self, error: BaseException | None, lines: list[bytes]) -> None:
        if error is None:
            del self._waiting[: len(lines)]
            self._waiting_bytes -= sum(map(len, lines))
            self._trouble = None
            return
        if not isinstance(error, OSError):
            raise error
        self._trouble = (
            f"The tape in {self._directory} cannot be written ({error.strerror}): "
            "free disk space or lower tape.budget_mb; judging holds until it works again."
        )
        raise TransientError(self._trouble) from error

    def _confess(self) -> None:
        """Once the disk works again, write down what was given up."""
        if self._loss is not None:
            loss, self._loss = self._loss, None
            text = {"text": msgspec.json.encode(loss).decode()}
            self._take(Kind.LOSS, text, venue="", connection="", market="", path="", at_ns=loss.to_ns)
            log.warning("tape works again", extra={"entries_lost": loss.entries})
            self._on_regain()

    async def aclose(self) -> None:
        """Make the rest durable if the disk allows, and let go of the directory."""
        try:
            await self.sync()
        except TransientError as error:
            log.error("tape closed with entries unwritten", extra={"entries": len(self._waiting), "reason": str(error)})
        finally:
            self._writer.close()
