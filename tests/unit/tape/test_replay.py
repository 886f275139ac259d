"""Reading replay tapes: what is accepted, and how what is not is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from relayer.domain.errors import UsageError
from relayer.tape.replay import SHIPPED_TAPE, FrameRecord, ReplayTape, RestRecord
from tests.fakes.tapes import OPENING, START_MS, A, delta, market, write_tape

HEADER = b'{"tape":1,"venue":"kalshi-sandbox","source":"x","from":5,"to":9}\n'


@pytest.mark.parametrize("packed", [True, False])
def test_a_tape_gives_header_and_records_in_order(tmp_path: Path, packed: bool) -> None:
    tape = write_tape(tmp_path / "t", [*OPENING, delta(7, A, "yes", "0.4200", "-30.00")], packed=packed)
    records = list(tape.records())
    assert (tape.header.venue, tape.header.from_ms, tape.header.to_ms) == (
        "kalshi-sandbox",
        START_MS,
        START_MS + 3_600_000,
    )
    assert len(records) == len(OPENING) + 1
    assert isinstance(records[1], RestRecord)
    assert records[1].path == f"/trade-api/v2/markets/{A}"
    last = records[-1]
    assert isinstance(last, FrameRecord)
    assert (last.at_ms, last.type) == (START_MS + 7, "orderbook_delta")
    assert b'"delta_fp": "-30.00"' in last.msg
    assert list(tape.records()) == records, "each reading starts at the top"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"t":4,"ws":{"type":"trade","msg":{}}}', "its time 4 is before the line above (5)"),
        (b'{"t":10,"ws":{"type":"trade","msg":{}}}', "its time 10 is after the header's end 9"),
        (b'{"t":6,"ws":{"type":"trade","sid":1,"msg":{}}}', "unknown field `sid`"),
        (b'{"t":6,"ws":{"type":"trade","msg":[]}}', "must be an object, not []"),
        (b'{"t":6,"rest":"/x"}', "must be an object"),
        (b'{"t":6}', "either `rest` and `body`, or `ws`"),
        (b'{"t":6,"rest":"/x","body":{},"ws":{"type":"trade","msg":{}}}', "either `rest` and `body`, or `ws`"),
        (b'{"t":6,"body":{},"ws":{"type":"trade","msg":{}}}', "either `rest` and `body`, or `ws`"),
        (b'{"t":6,', "truncated"),
        (b'{"t":6,"flavour":1}', "unknown field `flavour`"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: bytes, why: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(HEADER + b'{"t":5,"ws":{"type":"trade","msg":{}}}\n' + line + b"\n")
    with pytest.raises(UsageError) as caught:
        list(ReplayTape(path).records())
    assert f"Tape {path}, line 3: " in str(caught.value)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "line 1: a tape starts with its header"),
        (b'{"t":1}\n', "line 1: a tape starts with its header"),
        (HEADER.replace(b'"tape":1', b'"tape":2'), "tape version 2, and only version 1"),
        (HEADER.replace(b'"to":9', b'"to":4'), "ends at 4, before it starts at 5"),
    ],
)
def test_a_wrong_header_is_named(tmp_path: Path, text: bytes, why: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        ReplayTape(path)
    assert why in str(caught.value)


def test_a_missing_and_a_torn_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read: .*No such file"):
        ReplayTape(tmp_path / "none.jsonl.gz")
    torn = tmp_path / "torn.jsonl.gz"
    write_tape(torn, [market(n, f"KX-{n}") for n in range(500)])
    torn.write_bytes(torn.read_bytes()[:-40])
    with pytest.raises(UsageError, match=r"torn\.jsonl\.gz cannot be read: Compressed file ended"):
        list(ReplayTape(torn).records())


def test_the_shipped_tape_is_small_and_whole() -> None:
    tape = ReplayTape(SHIPPED_TAPE)
    records = list(tape.records())
    assert SHIPPED_TAPE.stat().st_size < 2_000_000
    assert "Jetpackjules/Kalshi-Trader" in tape.header.source
    assert (records[0].at_ms, records[-1].at_ms) == (tape.header.from_ms, tape.header.to_ms)
    assert sum(isinstance(record, FrameRecord) for record in records) > 90_000
