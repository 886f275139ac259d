"""What the tape remembers for the judge: the path of a market as it was told, by this process and those before."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import msgspec

from relayer.tape.paths import recorded_paths
from relayer.tape.recorder import Recorder
from relayer.tape.segments import read, segment_files


class TapeMemory:
    """Reads the directory that the recorder writes to."""

    def __init__(self, recorder: Recorder, directory: Path) -> None:
        self._recorder = recorder
        self._directory = directory

    async def sync(self) -> None:
        """Everything told so far is durable when this returns. Raises TransientError while the disk fails."""
        await self._recorder.sync()

    async def path_lines(self, markets: Collection[str]) -> list[bytes]:
        """Path lines (`conditions.md` section 2) of these markets, `venue:ticker`, in the order of a path file."""
        await self.sync()
        return await asyncio.to_thread(self._read, frozenset(markets))

    def _read(self, markets: frozenset[str]) -> list[bytes]:
        if not segment_files(self._directory):
            return []
        lines = recorded_paths(read(self._directory), markets, unfinished=True)
        return [msgspec.json.encode(line) for line in lines]
