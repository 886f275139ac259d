"""Segments and their chain: what survives a crash, what a change breaks, what is deleted."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from relayer.domain.errors import PermanentError, UsageError
from relayer.tape.entries import GENESIS, Entry, Kind, encode_entry, payload
from relayer.tape.segments import HEADER, Block, Damage, read, scan, segment_files, verify
from relayer.tape.settings import TapeSettings
from relayer.tape.writer import SegmentWriter

SETTINGS = TapeSettings()


def entries(first: int, count: int, *, text: str = "x") -> list[bytes]:
    return [
        encode_entry(Entry(number, 1_000 + number, Kind.FRAME, "kalshi", "ws1", text=f"{text}{number}"))
        for number in range(first, first + count)
    ]


def recorded(directory: Path, *counts: int, settings: TapeSettings = SETTINGS) -> None:
    """One run of a writer: a block for each count, numbers going on from what is there."""
    writer = SegmentWriter(directory, settings)
    for count in counts:
        writer.write(entries(writer.head.entry + 1, count))
    writer.close()


def test_what_is_written_is_read_across_restarts(tmp_path: Path) -> None:
    recorded(tmp_path, 3, 2)
    recorded(tmp_path, 1)
    assert [entry.number for entry in read(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert [entry.text for entry in read(tmp_path, from_entry=5)] == ["x5", "x6"]
    assert [path.name for path in segment_files(tmp_path)] == ["000000000001.zst", "000000000003.zst"]
    found = verify(tmp_path)
    assert (found.segments, found.blocks, found.entries, found.first_block) == (2, 3, 6, 1)
    assert (found.first_ns, found.last_ns, found.torn_bytes, found.lost_entries) == (1_001, 1_006, 0, 0)


def test_the_chain_starts_at_zero_and_its_hashes_are_those_of_the_plain_text(tmp_path: Path) -> None:
    recorded(tmp_path, 1, 1)
    first, second = (found for found in scan(segment_files(tmp_path)[0]) if isinstance(found, Block))
    assert first.head.prev == GENESIS
    assert second.head.prev == first.hash
    assert verify(tmp_path).head == second.hash
    assert verify(tmp_path, contains=first.hash.upper()).blocks == 2
    with pytest.raises(PermanentError, match=r"does not contain the hash ababab"):
        verify(tmp_path, contains="ab" * 32)


def test_any_zstd_reads_a_segment(tmp_path: Path) -> None:
    recorded(tmp_path, 2, 1)
    reader = zstandard.ZstdDecompressor().stream_reader(
        segment_files(tmp_path)[0].read_bytes(), read_across_frames=True
    )
    lines = reader.read().splitlines()
    assert [line[:12] for line in lines] == [
        b'{"tape":2,"b',
        b'{"n":1,"ns":',
        b'{"n":2,"ns":',
        b'{"tape":2,"b',
        b'{"n":3,"ns":',
    ]


@pytest.mark.parametrize("cut", [1, 7, 20, 60])
def test_a_torn_tail_costs_only_itself(tmp_path: Path, cut: int) -> None:
    recorded(tmp_path, 2, 2)
    segment = segment_files(tmp_path)[0]
    segment.write_bytes(segment.read_bytes()[:-cut])
    assert [entry.number for entry in read(tmp_path)] == [1, 2]
    assert verify(tmp_path).torn_bytes > 0
    recorded(tmp_path, 3)
    assert [entry.number for entry in read(tmp_path)] == [1, 2, 3, 4, 5]
    assert verify(tmp_path).blocks == 2


def test_a_crash_before_the_first_whole_block_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "000000000001.zst").write_bytes(b"half a header")
    recorded(tmp_path, 2)
    assert verify(tmp_path).entries == 2
    assert (tmp_path / "000000000001.torn").read_bytes() == b"half a header", "nothing is destroyed"


@pytest.mark.parametrize("where", ["middle", "head", "text"])
def test_a_changed_byte_is_found_and_located(tmp_path: Path, where: str) -> None:
    recorded(tmp_path, 2, 2, 2)
    segment = segment_files(tmp_path)[0]
    blocks = [found for found in scan(segment) if isinstance(found, Block)]
    data = bytearray(segment.read_bytes())
    at = blocks[1].offset + {"middle": 30, "head": 0, "text": len(data) - blocks[2].offset - 8}[where]
    data[at] ^= 1
    segment.write_bytes(data)
    with pytest.raises(PermanentError, match=rf"000000000001\.zst is damaged at byte {blocks[1].offset} \("):
        verify(tmp_path)
    assert [entry.number for entry in read(tmp_path)] == [1, 2, 5, 6], "what is readable stays readable"
    assert [type(found) for found in scan(segment)] == [Block, Damage, Block]


def test_a_header_that_claims_more_than_there_is_costs_no_memory(tmp_path: Path) -> None:
    recorded(tmp_path, 3)
    (segment,) = segment_files(tmp_path)
    whole = segment.read_bytes()
    frame = HEADER.size
    claims_a_petabyte = whole[:frame] + whole[frame : frame + 4] + b"\xe4" + (1 << 50).to_bytes(8, "little")
    segment.write_bytes(claims_a_petabyte + whole[frame + 6 :])
    assert [type(found) for found in scan(segment)] == [Damage]


def test_a_missing_or_foreign_segment_breaks_the_chain(tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for directory, word in ((mine, "x"), (other, "y")):
        for _ in range(3):
            writer = SegmentWriter(directory, SETTINGS)
            writer.write(entries(writer.head.entry + 1, 1, text=word))
            writer.close()
    first, second, third = segment_files(mine)
    kept = second.read_bytes()
    second.write_bytes((other / second.name).read_bytes())
    with pytest.raises(PermanentError, match=r"The chain breaks in 000000000002\.zst at byte 0: block 2 follows"):
        verify(mine)
    second.unlink()
    with pytest.raises(PermanentError, match=r"The chain breaks in 000000000003\.zst"):
        verify(mine)
    second.write_bytes(kept)
    assert verify(mine).blocks == 3
    first.unlink()
    assert verify(mine).first_block == 2, "the oldest may be deleted, and the verdict says so"
    assert third.exists()


def test_a_directory_without_a_tape_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no tape"):
        verify(tmp_path)
    (tmp_path / "000000000001.zst").touch()
    with pytest.raises(PermanentError, match="not one whole block"):
        verify(tmp_path)


def test_the_oldest_segments_go_when_the_budget_is_full(tmp_path: Path) -> None:
    settings = TapeSettings(budget_mb=2, segment_mb=1)
    noise = [os.urandom(300_000).hex() for _ in range(12)]
    for number, text in enumerate(noise, start=1):
        writer = SegmentWriter(tmp_path, settings)
        writer.write([encode_entry(Entry(number, number, Kind.FRAME, "kalshi", "ws1", text=text))])
        writer.close()
    total = sum(path.stat().st_size for path in segment_files(tmp_path))
    assert total < 2_400_000, "the budget and the open segment"
    found = verify(tmp_path)
    assert found.first_block > 1
    assert found.blocks == 12 - found.first_block + 1


def test_old_segments_go_and_new_ones_begin_by_the_clock(tmp_path: Path) -> None:
    now = [1_000_000.0]
    writer = SegmentWriter(tmp_path, TapeSettings(segment_hours=1, retention_days=1), wall_s=lambda: now[0])
    for number in range(1, 4):
        writer.write(entries(number, 1))
        os.utime(segment_files(tmp_path)[-1], (now[0], now[0]))
        now[0] += 1_800
    assert [path.name for path in segment_files(tmp_path)] == ["000000000001.zst", "000000000003.zst"]
    now[0] += 86_400
    assert writer.delete_old() == 1
    writer.close()


def test_a_segment_that_stays_over_budget_is_looked_at_again_each_minute(tmp_path: Path) -> None:
    now = [1_000_000.0]
    settings = TapeSettings(budget_mb=2, segment_mb=1)
    writer = SegmentWriter(tmp_path, settings, needed=None, wall_s=lambda: now[0])
    for number in range(1, 5):
        text = os.urandom(1_000_000).hex()
        writer.write([encode_entry(Entry(number, number, Kind.FRAME, "kalshi", "ws1", text=text))])
    assert "more than tape.budget_mb" in str(writer.crowded)
    assert len(segment_files(tmp_path)) == 4
    writer.needed = ()
    now[0] += 61
    writer.write(entries(5, 1))
    assert not writer.crowded
    assert len(segment_files(tmp_path)) == 2
    writer.close()


def test_only_one_writer_at_a_time(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, SETTINGS)
    with pytest.raises(UsageError, match="Another process records to"):
        SegmentWriter(tmp_path, SETTINGS)
    writer.close()
    SegmentWriter(tmp_path, SETTINGS).close()


def test_a_segment_that_is_deleted_while_others_are_read_spoils_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        recorded(tmp_path, 1)
    reading = read(tmp_path)
    assert next(reading).number == 1
    segment_files(tmp_path)[1].unlink()
    assert [entry.number for entry in reading] == [3]


def test_an_unusable_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"The tape cannot be written to .*file.*set tape\.directory"):
        SegmentWriter(tmp_path / "file", SETTINGS)


def test_a_write_that_fails_half_way_can_be_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SegmentWriter(tmp_path, SETTINGS)
    writer.write(entries(1, 2))
    write = os.write

    def half(file: int, data: bytes) -> int:
        write(file, bytes(data)[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left"):
        writer.write(entries(3, 2))
    monkeypatch.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError("no truncation either")))
    with pytest.raises(OSError, match="No space left"):
        writer.write(entries(3, 2))
    monkeypatch.undo()
    writer.write(entries(3, 2))
    writer.close()
    found = verify(tmp_path)
    assert (found.entries, found.blocks, found.torn_bytes) == (4, 2, 20)


def test_payloads_come_back_to_the_byte(tmp_path: Path) -> None:
    texts = [b'{"a":"\xc3\xa9"}\n', b"\xff\x00 no utf-8", b"", "\u2028 \r\n".encode()]
    writer = SegmentWriter(tmp_path, SETTINGS)
    writer.write(
        [encode_entry(Entry(n, n, Kind.BODY, "kalshi", "rest", **payload(text))) for n, text in enumerate(texts, 1)]
    )
    writer.close()
    assert [entry.raw for entry in read(tmp_path)] == texts


def test_a_budget_below_two_segments_is_refused() -> None:
    with pytest.raises(ValueError, match="budget_mb must hold at least two segments of segment_mb"):
        TapeSettings(budget_mb=100, segment_mb=64)


def test_a_killed_writer_leaves_what_it_had_synced(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from tests.unit.tape.test_segments import SegmentWriter, SETTINGS, entries\n"
        "writer = SegmentWriter(Path(sys.argv[1]), SETTINGS)\n"
        "writer.write(entries(1, 5)); print('synced', flush=True); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (-9, "synced\n"), done.stderr
    assert verify(tmp_path).entries == 5
    SegmentWriter(tmp_path, SETTINGS).close()
