"""`relayer tape` as a process against a sandbox: what it records is what the venue showed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from relayer.conditions.path import read_path
from relayer.domain.clock import Clock, wall_ms
from relayer.domain.markets import MarketId
from relayer.sandbox.keys import make_key_pair
from relayer.sandbox.server import Sandbox, Urls, serve
from relayer.tape.segments import read, segment_files
from tests.fakes.tapes import OPENING, START_MS, A, B, delta, write_tape

SPEED = 20.0
MARKET = f"kalshi-sandbox:{A}"
MOVES = [delta(20_000 + 2_000 * n, ticker, "yes", "0.4300", "1.00") for n in range(10) for ticker in (A, B)]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relayer", "tape", *arguments, stdout=pipe, stderr=pipe
    )


async def relayer(*arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and errors of a command that ends by itself."""
    process = await start(*arguments)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def settings(folder: Path, urls: Urls, key_id: str, key_file: Path, wall: int) -> Path:
    file = folder / "relayer.toml"
    file.write_text(f"""
[kalshi]
environment = "sandbox"
rest_url = "{urls.rest}"
ws_url = "{urls.ws}"
key_id = "{key_id}"
key_file = "{key_file}"
[clock]
origin_ms = {START_MS}
wall_ms = {wall}
speed = {SPEED}
[cluster]
rpc_urls = ["http://127.0.0.1:1"]
oracle_program = "9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi"
[keys]
""")
    return file


MOVED = tuple(move["t"] for move in MOVES if move["ws"]["msg"]["market_ticker"] == A)


def moves_in(directory: Path) -> set[tuple[int, ...]]:
    """Times of the book changes on tape, of each connection: of one value where all heard the same."""
    heard: dict[str, list[int]] = {}
    for entry in read(directory):
        if entry.kind == "frame" and (frame := json.loads(entry.text))["type"] == "orderbook_delta":
            heard.setdefault(entry.connection, []).append(frame["msg"]["ts_ms"])
    return {tuple(times) for times in heard.values()}


@pytest.fixture
async def recording(tmp_path: Path) -> Path:
    """A directory recorded from a sandbox until its last frame had come."""
    for lead_s in (1, 4, 16):  # however long the process takes to come up, it must be there before the first move
        directory = tmp_path / f"recording-{lead_s}"
        await record(tmp_path / str(lead_s), directory, lead_s)
        if moves_in(directory) == {MOVED}:
            break
    return directory


async def record(folder: Path, directory: Path, lead_s: int) -> None:
    key_id, key_file, public = make_key_pair(folder / "keys")
    wall = int(wall_ms()) + (lead_s - 1) * 1000
    clock = Clock(origin_ms=START_MS, wall_origin_ms=wall, speed=SPEED)
    replay = write_tape(folder / "tape.jsonl.gz", [*OPENING, *MOVES])
    async with serve(Sandbox(tape=replay, clock=clock, keys={key_id: public})) as urls:
        config = settings(folder, urls, key_id, key_file, wall)
        process = await start("record", MARKET, "--config", str(config), "--directory", str(directory))
        await clock.sleep_until(MOVES[-1]["t"] + 25_000)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, err) == (0, b""), err.decode()
    assert b"Recording 1 markets" in out
    assert b"head " in out


async def test_a_recording_verifies_and_gives_the_path_back(recording: Path, tmp_path: Path) -> None:
    status, out, _ = await relayer("verify", str(recording), "--json")
    verdict = json.loads(out)
    assert status == 0
    assert verdict["entries"] > 20
    assert (verdict["lost_entries"], verdict["torn_bytes"]) == (0, 0)

    assert moves_in(recording) == {MOVED}
    bodies = [entry for entry in read(recording) if entry.kind == "body"]
    assert any("/trade-api/v2/markets?" in entry.path and A in entry.text for entry in bodies)

    out_file = tmp_path / "path.jsonl"
    assert (await relayer("export", str(recording), "--market", MARKET, "--out", str(out_file)))[0] == 0
    lines = [json.loads(line) for line in out_file.read_text().splitlines()]
    quotes = [line for line in lines if line["type"] == "quote"]
    assert [(line["t"], line["bids"][0]) for line in quotes[-10:]] == [
        (START_MS + 20_000 + 2_000 * n, ["0.4300", f"{n + 1}.00"]) for n in range(10)
    ]
    assert any(line["type"] == "watermark" for line in lines)
    read_path(out_file.read_bytes().splitlines(), [MarketId.parse(MARKET)])  # raises for a file `backtest` would refuse


async def test_looking_into_a_recording(recording: Path) -> None:
    status, out, _ = await relayer("cat", str(recording), "--market", MARKET, "--kind", "frame", "--limit", "2")
    entries = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [(one["kind"], one["market"]) for one in entries] == [("frame", MARKET)] * 2
    assert {one["connection"] for one in entries} <= {"ws1", "ws2"}
    _, later, _ = await relayer("cat", str(recording), "--from", str(entries[1]["n"]), "--limit", "1")
    assert json.loads(later)["n"] == entries[1]["n"]


async def test_a_changed_recording_fails_with_the_place(recording: Path) -> None:
    segment = segment_files(recording)[0]
    data = bytearray(segment.read_bytes())
    data[40] ^= 1
    segment.write_bytes(data)
    status, _, err = await relayer("verify", str(recording))
    assert status == 1
    assert "000000000001.zst is damaged at byte 0" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "{tmp}"], "holds no tape"),
        (["cat", "{tmp}", "--kind", "noise"], "--kind noise is none of frame, body, path, loss."),
        (["export", "{tmp}", "--market", "nowhere", "--out", "x"], "must be written venue:ticker"),
        (["record", "kalshi:X", "--config", "{tmp}/none.toml"], "none.toml"),
    ],
)
async def test_wrong_use_is_status_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    status, _, err = await relayer(*(part.replace("{tmp}", str(tmp_path)) for part in arguments))
    assert status == 2
    assert words in err
