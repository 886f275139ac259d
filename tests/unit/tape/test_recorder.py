"""The recorder over a disk that works, fails, and works again."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from relayer.domain.errors import TransientError
from relayer.tape.entries import Kind, loss_of
from relayer.tape.recorder import Recorder
from relayer.tape.segments import read, verify
from relayer.tape.settings import TapeSettings
from relayer.tape.writer import SegmentWriter

SETTINGS = TapeSettings(sync_interval_s=0.01)


def note(recorder: Recorder, text: str, at_ns: int = 1) -> bool:
    return recorder.record(Kind.FRAME, text, venue="kalshi", connection="ws1", received_ns=at_ns)


class Disk:
    """Makes every write of a SegmentWriter fail while `full`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        write = SegmentWriter.write

        def maybe(writer: SegmentWriter, lines: list[bytes]) -> None:
            if self.full:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(writer, lines)

        monkeypatch.setattr(SegmentWriter, "write", maybe)


async def test_sync_makes_everything_before_it_durable(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, SETTINGS)
    assert note(recorder, "a")
    assert note(recorder, "b")
    await recorder.sync()
    assert [(entry.number, entry.text) for entry in read(tmp_path)] == [(1, "a"), (2, "b")]
    assert recorder.head.entry == 2
    assert recorder.head.hash == verify(tmp_path).head
    await recorder.sync()
    assert verify(tmp_path).blocks == 1, "nothing new, no block"
    await recorder.aclose()


async def test_it_flushes_by_itself_and_goes_on_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote = asyncio.Event()
    loop, write = asyncio.get_running_loop(), SegmentWriter.write

    def told(writer: SegmentWriter, lines: list[bytes]) -> None:
        write(writer, lines)
        loop.call_soon_threadsafe(wrote.set)

    monkeypatch.setattr(SegmentWriter, "write", told)
    for text in ("a", "b"):
        recorder = Recorder(tmp_path, SETTINGS)
        running = asyncio.create_task(recorder.run())
        note(recorder, text)
        await wrote.wait()
        wrote.clear()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await recorder.aclose()
    assert [entry.text for entry in read(tmp_path)] == ["a", "b"]


async def test_a_full_disk_keeps_entries_waiting_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, recorder = Disk(monkeypatch), Recorder(tmp_path, SETTINGS)
    disk.full = True
    assert note(recorder, "a")
    with pytest.raises(TransientError, match=r"cannot be written \(No space left on device\): free disk space"):
        await recorder.sync()
    assert recorder.trouble() is not None
    assert note(recorder, "b")
    disk.full = False
    await recorder.sync()
    assert recorder.trouble() is None
    assert [entry.text for entry in read(tmp_path)] == ["a", "b"]
    await recorder.aclose()


async def test_what_is_given_up_is_told_at_once_and_written_down_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[int] = []
    regained: list[bool] = []
    disk = Disk(monkeypatch)
    recorder = Recorder(
        tmp_path,
        TapeSettings(waiting_mb=1),
        on_loss=lost.append,
        on_regain=lambda: regained.append(note(recorder, "again", 45)),
    )
    disk.full = True
    assert note(recorder, "a" * 600_000, 10)
    assert note(recorder, "b" * 600_000, 20)
    assert not note(recorder, "c", 30)
    assert not note(recorder, "d", 40)
    assert lost == [30], "one loss, from its first entry on"
    assert recorder.lost == 2
    assert "nothing is proven until it works again" in caplog.text
    with pytest.raises(TransientError):
        await recorder.sync()
    assert regained == []
    disk.full = False
    await recorder.sync()
    assert regained == [True], "entries are taken again, and then it is told"
    assert note(recorder, "e", 50)
    await recorder.aclose()
    kept = list(read(tmp_path))
    assert [entry.kind for entry in kept] == [Kind.FRAME, Kind.FRAME, Kind.LOSS, Kind.FRAME, Kind.FRAME]
    assert [entry.text for entry in kept[3:]] == ["again", "e"]
    (told,) = [loss for entry in kept if (loss := loss_of(entry))]
    assert (told.from_ns, told.to_ns, told.entries) == (30, 40, 2)
    assert verify(tmp_path).lost_entries == 2


async def test_a_tape_over_its_budget_says_so_once_and_spares_what_is_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = TapeSettings(budget_mb=2, segment_mb=1, sync_interval_s=0.001)
    needed: list[str] | None = None
    recorder = Recorder(tmp_path, settings, needed=lambda: needed)
    for number in range(4):
        recorder.record(Kind.FRAME, os.urandom(1_000_000).hex(), venue="v", connection="ws1", market=f"v:M{number}")
        await recorder.sync()
    assert "it is not known yet which markets are still judged" in (recorder.crowded() or "")
    running = asyncio.create_task(recorder.run())
    for _ in range(3):
        await asyncio.sleep(0.01)
    assert caplog.text.count("tape over its budget") == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    needed = ["v:M1"]
    recorder.record(Kind.FRAME, os.urandom(1_000_000).hex(), venue="v", connection="ws1", market="v:M4")
    await recorder.sync()
    assert [entry.market for entry in read(tmp_path)] == ["v:M1", "v:M2", "v:M3", "v:M4"]
    assert "000000000002.zst is spared: market v:M1 is still judged. Raise tape.budget_mb" in (recorder.crowded() or "")
    needed = []
    recorder.record(Kind.FRAME, os.urandom(1_000_000).hex(), venue="v", connection="ws1", market="v:M5")
    await recorder.sync()
    assert recorder.crowded() is None
    assert [entry.market for entry in read(tmp_path)] == ["v:M4", "v:M5"]
    await recorder.aclose()


async def test_closing_with_a_full_disk_does_not_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk, recorder = Disk(monkeypatch), Recorder(tmp_path, SETTINGS)
    disk.full = True
    note(recorder, "a")
    await recorder.aclose()
    assert "tape closed with entries unwritten" in caplog.text
    await Recorder(tmp_path, SETTINGS).aclose()


async def test_a_cancelled_sync_still_ends_its_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path, SETTINGS)
    began, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    write = SegmentWriter.write

    def slow(writer: SegmentWriter, lines: list[bytes]) -> None:
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        write(writer, lines)

    monkeypatch.setattr(SegmentWriter, "write", slow)
    note(recorder, "a")
    syncing = asyncio.create_task(recorder.sync())
    await began.wait()
    syncing.cancel()
    await asyncio.sleep(0)
    assert not syncing.done(), "the thread is still writing"
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await syncing
    assert recorder.head.entry == 1
    monkeypatch.undo()
    await recorder.aclose()
    assert [entry.text for entry in read(tmp_path)] == ["a"], "written once"
