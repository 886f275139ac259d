"""A disk that is really full under a real process: it goes on, says so, and what it could not keep is filled later."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
from pathlib import Path

from relayer.domain.clock import Clock, wall_ms
from relayer.domain.markets import MarketId
from relayer.sandbox.faults.kit import FaultKit
from relayer.sandbox.keys import make_key_pair
from relayer.sandbox.server import Sandbox, serve
from relayer.tape.entries import Kind
from relayer.tape.segments import read, segment_files, verify
from tests.campaigns.day_truth import shares, truths
from tests.fakes.tapes import OPENING, START_MS, A, B, Line, delta, trade, write_tape
from tests.integration.tape.test_record import SPEED, settings, start

BUSY_MS = 300_000
"""Of exchange time; with 30 changes a second more is told in it than may wait in memory."""
TO_MS = START_MS + BUSY_MS
MARKETS = [f"kalshi-sandbox:{ticker}" for ticker in (A, B)]


def busy() -> list[Line]:
    lines = [*OPENING]
    for number in range(1, BUSY_MS // 33):
        at_ms, up = number * 33, number % 2
        lines.append(delta(at_ms, A, "yes", f"0.{4210 + (number - 1) // 2 % 90}", "7.00" if up else "-7.00"))
        if number % 100 == 0:
            lines.append(trade(at_ms, A, number, "0.4300", "5.00"))
    for number, at_ms in enumerate(range(5_000, 2 * BUSY_MS, 50_000)):  # else no candle would tell of B
        lines.append(delta(at_ms, B, "yes", "0.1100", "-1.00" if number % 2 else "1.00"))
    return sorted(lines, key=lambda line: int(line["t"]))


async def told(process: asyncio.subprocess.Process, words: str) -> None:
    """Wait until the process says this on its standard error."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while words not in (line := (await process.stderr.readline()).decode()):
            assert line, f"it ended without saying {words!r}"


async def has_written(directory: Path, size: int) -> Path:
    """The first segment, once it has so many bytes."""
    async with asyncio.timeout(60):
        while not (segments := segment_files(directory)) or segments[0].stat().st_size < size:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return segments[0]


def times(directory: Path, market: str, kind: str) -> list[int]:
    """Of all lines of this kind that the tape holds of a market."""
    lines = (json.loads(entry.text) for entry in read(directory) if entry.kind == "path" and entry.market == market)
    return [line["t"] for line in lines if line["type"] == kind]


async def is_filled(directory: Path) -> None:
    """Wait until the tape proves all of the busy time."""
    async with asyncio.timeout(120):
        while not all(max(times(directory, market, "watermark"), default=0) > TO_MS for market in MARKETS):  # noqa: ASYNC110
            await asyncio.sleep(0.5)


def limit_files(process: asyncio.subprocess.Process, size: int) -> None:
    """No file of this process grows beyond this size: its writes fail as on a full disk."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def test_what_a_full_disk_cost_is_a_gap_and_then_filled(tmp_path: Path) -> None:
    directory, replay = tmp_path / "recording", write_tape(tmp_path / "tape.jsonl.gz", busy())
    key_id, key_file, public = make_key_pair(tmp_path / "keys")
    wall = int(wall_ms()) + 3000
    clock = Clock(origin_ms=START_MS, wall_origin_ms=wall, speed=SPEED)
    async with serve(Sandbox(tape=replay, clock=clock, keys={key_id: public})) as urls:
        config = settings(tmp_path, urls, key_id, key_file, wall)
        config.write_text(config.read_text() + "[tape]\nwaiting_mb = 1\nsync_interval_s = 0.1\n")
        process = await start("record", *MARKETS, "-c", str(config), "--directory", str(directory))
        segment = await has_written(directory, 20_000)
        limit_files(process, segment.stat().st_size)
        await told(process, "tape gives up entries: nothing is proven until it works again")
        limit_files(process, resource.RLIM_INFINITY)
        await told(process, "tape works again")
        await is_filled(directory)
        process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    assert b"head " in out
    assert verify(directory).lost_entries > 0
    assert [entry.kind for entry in read(directory)].count(Kind.LOSS) >= 1
    # Recording may begin before the venue's day does, where the venue has no candles.
    from_ms = max(START_MS, *(min(times(directory, market, "quote")) for market in MARKETS))
    known = truths(FaultKit([]), replay, from_ms, TO_MS)
    found = shares(directory, [MarketId.parse(market) for market in MARKETS], known, from_ms, TO_MS)
    assert found.false == []
    assert (found.spent["unknown"], found.spent["untold"], found.trades["unknown"]) == (0, 0, 0)
    assert found.spent["bounded"] > 0, "candles filled what was lost"
    assert found.trades["told"] > 0
