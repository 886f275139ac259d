"""What the tape remembers for the judge: what was told of a market, by this process and those before."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from relayer.tape.entries import Kind
from relayer.tape.recorder import Recorder
from relayer.tape.segments import read, segment_files


class Told(NamedTuple):
    """One line of a path (`conditions.md` section 2). Without a market: entries of any market were lost here."""

    market: str
    line: bytes


class TapeMemory:
    """Reads the directory that the recorder writes to."""

    def __init__(self, recorder: Recorder, directory: Path) -> None:
        self._recorder = recorder
        self._directory = directory

    async def sync(self) -> None:
        """Everything told so far is durable when this returns. Raises TransientError while the disk fails."""
        await self._recorder.sync()

    def place(self) -> int:
        """Where the tape stands now: number of its newest entry."""
        return self._recorder.newest

    async def told(self, markets: Collection[str], *, after: int = 0) -> list[Told]:
        """What was told of these markets, `venue:ticker`, after a place, in the order in which it was told."""
        await self.sync()
        return await asyncio.to_thread(self._read, frozenset(markets), after)

    def _read(self, markets: frozenset[str], after: int) -> list[Told]:
        if not segment_files(self._directory):
            return []
        return [
            Told("", b"") if entry.kind is Kind.LOSS else Told(entry.market, entry.raw)
            for entry in read(self._directory, from_entry=after + 1)
            if entry.kind is Kind.LOSS or (entry.kind is Kind.PATH and entry.market in markets)
        ]
