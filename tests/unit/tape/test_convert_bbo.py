"""The converter of recorded best bids: what its tape must say of a recording that is written out here."""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from relayer.tape.replay import SHIPPED_TAPE, FrameRecord, ReplayTape

SCRIPT = Path(__file__).parents[3] / "deploy" / "tapes" / "convert_bbo.py"
HEAD = "timestamp,market_ticker,best_yes_bid,best_no_bid,implied_no_ask,implied_yes_ask\n"
LOW, HIGH = "KXHIGHNY-25DEC21-T40", "KXHIGHNY-25DEC21-B40.5"
FIRST_MS = 1_766_242_877_360
"""2025-12-20T07:01:17.360 in Los Angeles."""


@pytest.fixture
def convert_bbo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("convert_bbo", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def records(module: ModuleType, folder: Path, *rows: str) -> list[dict[str, Any]]:
    """Convert rows written as `time after 07:01 ticker yes no`."""
    path = folder / "day.csv.gz"
    lines = [row.split() for row in rows]
    text = "".join(f"2025-12-20T07:{at},{ticker},{yes},{no},0,0\n" for at, ticker, yes, no in lines)
    path.write_bytes(gzip.compress((HEAD + text).encode()))
    lines_out: list[dict[str, Any]] = module.convert(module.read_quotes(path))
    return lines_out


def moves(lines: list[dict[str, Any]]) -> list[tuple[int, str, str, str, str]]:
    """Deltas as (ms after the first quote, ticker, side, price, change)."""
    frames = [(line["t"], line["ws"]["msg"]) for line in lines if line.get("ws", {}).get("type") == "orderbook_delta"]
    return [
        (at - FIRST_MS, msg["market_ticker"], msg["side"], msg["price_dollars"], msg["delta_fp"]) for at, msg in frames
    ]


ENDS = [f"09:00.000001 {LOW} 0 99", f"09:00.000002 {HIGH} 99 0"]


def test_first_quotes_become_the_start_state_in_utc(convert_bbo: ModuleType, tmp_path: Path) -> None:
    lines = records(convert_bbo, tmp_path, f"01:17.359900 {LOW} 1 35", f"01:17.360001 {HIGH} 0 100", *ENDS)
    assert lines[0]["from"] == FIRST_MS
    shown = [line["ws"]["msg"] for line in lines if line.get("ws", {}).get("type") == "orderbook_snapshot"]
    assert [msg["market_ticker"] for msg in shown] == [LOW, HIGH]
    assert shown[0]["yes_dollars_fp"] == [["0.0100", "100.00"]]
    assert shown[0]["no_dollars_fp"] == [["0.3500", "100.00"]]
    assert "yes_dollars_fp" not in shown[1], "0 means no bid"
    assert "no_dollars_fp" not in shown[1], "100 means no bid"


def test_a_change_is_removals_then_additions(convert_bbo: ModuleType, tmp_path: Path) -> None:
    start = [f"01:17.360 {LOW} 40 55", f"01:17.360 {HIGH} 1 2"]
    lines = records(convert_bbo, tmp_path, *start, f"01:17.400123 {LOW} 50 49", f"01:18.5 {LOW} 0 49", *ENDS)
    assert moves(lines)[:5] == [
        (40, LOW, "yes", "0.4000", "-100.00"),
        (40, LOW, "no", "0.5500", "-100.00"),
        (40, LOW, "yes", "0.5000", "100.00"),
        (40, LOW, "no", "0.4900", "100.00"),
        (1140, LOW, "yes", "0.5000", "-100.00"),
    ]
    stamped = next(line["ws"]["msg"] for line in lines if line.get("ws", {}).get("type") == "orderbook_delta")
    assert (stamped["ts"], stamped["ts_ms"]) == ("2025-12-20T15:01:17.400123Z", FIRST_MS + 40)


def test_of_one_millisecond_the_last_row_counts_and_crossed_rows_are_left_out(
    convert_bbo: ModuleType, tmp_path: Path
) -> None:
    start = [f"01:17.360 {LOW} 40 55", f"01:17.360 {HIGH} 1 2"]
    same = [f"01:17.4001 {LOW} 41 55", f"01:17.4009 {LOW} 42 55"]
    crossed = [f"01:17.500 {LOW} 46 54", f"01:17.600 {LOW} 47 55"]
    lines = records(convert_bbo, tmp_path, *start, *same, *crossed, *ENDS)
    assert moves(lines)[:2] == [(40, LOW, "yes", "0.4000", "-100.00"), (40, LOW, "yes", "0.4200", "100.00")]
    assert moves(lines)[2][0] > 240, "neither crossed row moved the book"
    assert "of which 2 crossed and left out" in lines[0]["source"]


def test_results_and_life_follow_the_last_quotes(convert_bbo: ModuleType, tmp_path: Path) -> None:
    lines = records(convert_bbo, tmp_path, f"01:17.360 {LOW} 40 55", f"01:17.360 {HIGH} 1 2", *ENDS)
    close_ms = FIRST_MS - 77_360 + 10 * 60_000  # 07:10, the full five minutes after 07:09:00
    bodies = {
        (line["t"], line["body"]["market"]["ticker"]): line["body"]["market"]
        for line in lines
        if "/markets/" in line.get("rest", "")
    }
    assert [bodies[at, HIGH]["status"] for at in (FIRST_MS, close_ms, close_ms + 300_000, close_ms + 600_000)] == [
        "active",
        "closed",
        "determined",
        "finalized",
    ]
    assert bodies[FIRST_MS, LOW]["close_time"] == "2025-12-20T15:10:00Z"
    assert bodies[close_ms + 600_000, HIGH]["result"] == "yes"
    assert bodies[close_ms + 600_000, HIGH]["settlement_value_dollars"] == "1.0000"
    assert bodies[close_ms + 600_000, LOW]["result"] == "no"
    assert (bodies[FIRST_MS, LOW]["strike_type"], bodies[FIRST_MS, LOW]["cap_strike"]) == ("less", 40)
    assert (bodies[FIRST_MS, HIGH]["floor_strike"], bodies[FIRST_MS, HIGH]["cap_strike"]) == (40, 41)
    told = [line["ws"]["msg"] for line in lines if line.get("ws", {}).get("type") == "market_lifecycle_v2"]
    assert [(msg["event_type"], msg["market_ticker"]) for msg in told] == [
        ("determined", LOW),
        ("determined", HIGH),
        ("settled", LOW),
        ("settled", HIGH),
    ]
    assert lines[0]["to"] == lines[-1]["t"] == close_ms + 600_000


def test_a_day_without_a_result_is_refused(convert_bbo: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"The last quote of .*T40 is 40/55: no result follows from it\."):
        records(convert_bbo, tmp_path, f"01:17.360 {LOW} 40 55", ENDS[1])


def test_the_same_rows_give_the_same_bytes(convert_bbo: ModuleType, tmp_path: Path) -> None:
    lines = records(convert_bbo, tmp_path, f"01:17.360 {LOW} 40 55", f"01:17.360 {HIGH} 1 2", *ENDS)
    first, second = tmp_path / "first.jsonl.gz", tmp_path / "second.jsonl.gz"
    convert_bbo.write_tape(lines, first)
    convert_bbo.write_tape(lines, second)
    assert first.read_bytes() == second.read_bytes()
    assert len(list(ReplayTape(first).records())) == len(lines) - 1


def test_the_shipped_day_shows_the_quotes_of_its_recording() -> None:
    """Facts of the recording, read off it by hand: first and last best bids, and the highest bid for B44.5."""
    bids: dict[tuple[str, str], dict[str, float]] = {}
    highest = 0.0
    for record in ReplayTape(SHIPPED_TAPE).records():
        if isinstance(record, FrameRecord) and record.type.startswith("orderbook"):
            msg = json.loads(record.msg)
            ticker = msg["market_ticker"].removeprefix("KXHIGHNY-25DEC21-")
            if record.type == "orderbook_snapshot":
                for side in ("yes", "no"):
                    bids[ticker, side] = {price: float(size) for price, size in msg.get(f"{side}_dollars_fp", [])}
                continue
            levels = bids[ticker, msg["side"]]
            levels[msg["price_dollars"]] = levels.get(msg["price_dollars"], 0.0) + float(msg["delta_fp"])
            if levels[msg["price_dollars"]] == 0:
                del levels[msg["price_dollars"]]
            if ticker == "B44.5" and msg["side"] == "yes":
                highest = max([highest, *map(float, levels)])
            assert all(size == 100 for size in levels.values())
            assert len(levels) <= 1, "only the best level is known"
    assert highest == 0.73
    assert {name: set(levels) for name, levels in bids.items() if levels} == {
        ("B46.5", "yes"): {"0.9900"},
        **{(name, "no"): {"0.9900"} for name in ("T40", "B40.5", "B42.5", "B44.5", "T47")},
    }
