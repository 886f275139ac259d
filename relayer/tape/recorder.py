"""The recorder: takes what arrives without ever waiting, and makes it durable in the background or on demand.

A disk that fails stops nobody. Entries wait in memory and are written once it works again; beyond a bound they are
given up, which `on_loss` is told at once and the tape itself says later. Whoever must not act on what is not durable
awaits `sync` first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from relayer.domain.errors import TransientError
from relayer.tape.entries import Entry, Kind, Loss, encode_entry, payload
from relayer.tape.settings import TapeSettings
from relayer.tape.writer import Head, SegmentWriter

log = logging.getLogger(__name__)

BLOCK_BYTES = 4_000_000
"""Plain bytes after which a block ends, so that readers need little memory."""
WAITING_BYTES = 64_000_000
"""Plain bytes that wait for a disk that does not take them."""


class Recorder:
    """One recording. Raises UsageError on construction if its directory cannot be had.

    on_loss: called with the receive time of the first entry of each loss, when it is given up.
    """

    def __init__(
        self,
        directory: Path,
        settings: TapeSettings,
        *,
        on_loss: Callable[[int], None] = lambda _: None,
        waiting_bytes: int = WAITING_BYTES,
    ) -> None:
        self._writer = SegmentWriter(directory, settings)
        self._directory, self._settings, self._on_loss = directory, settings, on_loss
        self._next_number = self._writer.head.entry + 1
        self._waiting: list[bytes] = []
        self._waiting_bytes, self._waiting_limit = 0, waiting_bytes
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
        if self._loss is None:
            self._on_loss(at_ns)
            self._loss = Loss(from_ns=at_ns, to_ns=at_ns, entries=0)
        self._loss = Loss(from_ns=self._loss.from_ns, to_ns=at_ns, entries=self._loss.entries + 1)

    async def run(self) -> None:
        """Flush for ever; a disk in trouble is tried again at every interval."""
        while True:
            await asyncio.sleep(self._settings.sync_interval_s)
            try:
                await self.sync()
            except TransientError as error:
                log.error("tape not written", extra={"reason": str(error)})

    async def sync(self) -> None:
        """Return once everything recorded before this call is on disk. Raises TransientError while the disk fails."""
        async with self._one_flush:
            while self._waiting:
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

    async def aclose(self) -> None:
        """Make the rest durable if the disk allows, and let go of the directory."""
        try:
            await self.sync()
        except TransientError as error:
            log.error("tape closed with entries unwritten", extra={"entries": len(self._waiting), "reason": str(error)})
        finally:
            self._writer.close()
