"""The recorder over a disk that works, fails, and works again."""

from __future__ import annotations

import asyncio
import errno
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[int] = []
    disk, recorder = Disk(monkeypatch), Recorder(tmp_path, SETTINGS, on_loss=lost.append, waiting_bytes=150)
    disk.full = True
    assert note(recorder, "a", 10)
    assert note(recorder, "b", 20)
    assert not note(recorder, "c", 30)
    assert not note(recorder, "d", 40)
    assert lost == [30], "one loss, from its first entry on"
    disk.full = False
    await recorder.sync()
    assert note(recorder, "e", 50)
    await recorder.aclose()
    kept = list(read(tmp_path))
    assert [entry.text for entry in kept if entry.kind is Kind.FRAME] == ["a", "b", "e"]
    (told,) = [loss for entry in kept if (loss := loss_of(entry))]
    assert (told.from_ns, told.to_ns, told.entries) == (30, 40, 2)
    assert verify(tmp_path).lost_entries == 2


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
