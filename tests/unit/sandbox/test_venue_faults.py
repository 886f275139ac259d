"""Venue faults: the tape as they rewrite it stays consistent, and tells the story that the fault is named for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from relayer.sandbox.faults.kit import ALL, FaultKit, Group
from relayer.sandbox.faults.venue import market_of
from relayer.sandbox.state import VenueState
from relayer.tape.replay import FrameRecord, Record, RestRecord
from tests.fakes.tapes import OPENING, START_MS, A, B, Line, delta, frame, market, write_tape

VENUE = [name for name, known in ALL.items() if known.group is Group.VENUE]
END_MS = 3_600_000
"""The markets' close time, an hour after the start."""
MOVES = [
    delta(1_000 * n, ticker, "yes", f"0.3{n % 10}00", change)
    for n in range(1, 3_500, 7)
    for ticker in (A, B)
    for change in ("2.00", "-1.00")
]


def closing(ticker: str, result: str) -> list[Line]:
    value = "1.0000" if result == "yes" else "0.0000"
    done = {"result": result, "settlement_value_dollars": value, "settlement_timer_seconds": 300}
    told = {"market_ticker": ticker, "result": result, "settlement_value": value}
    return [
        market(END_MS, ticker, status="closed"),
        market(END_MS + 60_000, ticker, status="determined", **done),
        frame(END_MS + 60_000, "market_lifecycle_v2", event_type="determined", determination_ts=1, **told),
        market(END_MS + 360_000, ticker, status="finalized", settlement_ts="2025-12-20T16:06:00Z", **done),
        frame(END_MS + 360_000, "market_lifecycle_v2", event_type="settled", market_ticker=ticker, settled_ts=1),
    ]


def lived(folder: Path, *faults: str, seed: int = 0) -> list[Record]:
    lines = [*OPENING, *MOVES, *sorted([*closing(A, "yes"), *closing(B, "no")], key=lambda line: int(line["t"]))]
    tape = write_tape(folder / "t.jsonl.gz", lines, to_ms=END_MS * 2)
    return list(FaultKit(faults, seed=seed).rewrite(tape.records()))


def bodies(records: list[Record], ticker: str) -> list[tuple[int, dict[str, Any]]]:
    found = [(record.at_ms - START_MS, market_of(record)) for record in records]
    return [(at, body) for at, body in found if body is not None and body["ticker"] == ticker]


def statuses(records: list[Record], ticker: str) -> list[str]:
    return [body["status"] for _, body in bodies(records, ticker)]


def told(records: list[Record], ticker: str) -> list[str]:
    frames = [record for record in records if isinstance(record, FrameRecord) and record.type == "market_lifecycle_v2"]
    msgs = [msgspec.json.decode(record.msg) for record in frames]
    return [msg["event_type"] for msg in msgs if msg["market_ticker"] == ticker]


def final_state(records: list[Record]) -> VenueState:
    state = VenueState()
    for record in records:
        state.apply(record)
    return state


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("faults", [*[(name,) for name in VENUE], tuple(VENUE)], ids=" ".join)
def test_the_rewritten_tape_is_in_order_consistent_and_repeatable(
    tmp_path: Path, faults: tuple[str, ...], seed: int
) -> None:
    records = lived(tmp_path, *(f"{name}=1" for name in faults), seed=seed)
    times = [record.at_ms for record in records]
    assert times == sorted(times)
    final_state(records)  # a contradiction would raise
    assert records == lived(tmp_path, *(f"{name}=1" for name in faults), seed=seed)


@pytest.mark.parametrize("fault", ["pause", "maintenance", "status-lies", "reopened", "amended-result"])
def test_books_end_as_on_the_tape(tmp_path: Path, fault: str) -> None:
    plain, struck = final_state(lived(tmp_path)), final_state(lived(tmp_path, f"{fault}=1"))
    for ticker in (A, B):
        assert struck.book(ticker).levels("yes") == plain.book(ticker).levels("yes")
        assert struck.book(ticker).levels("no") == plain.book(ticker).levels("no")


def test_an_amended_result_is_the_opposite_and_settles_later(tmp_path: Path) -> None:
    records = lived(tmp_path, "amended-result=1")
    assert statuses(records, A)[1:] == ["closed", "determined", "disputed", "amended", "finalized"]
    results = [body["result"] for _, body in bodies(records, A)]
    assert results == ["", "", "yes", "yes", "no", "no"]
    assert told(records, A) == ["determined", "settled"], "neither dispute nor amendment has a frame"
    final_at, final = bodies(records, A)[-1]
    assert (final_at, final["settlement_value_dollars"]) == (END_MS + 360_000 + 150_000, "0.0000")
    assert final["settlement_ts"] == "2025-12-20T16:08:30Z"


def test_a_scalar_result_is_one_everywhere(tmp_path: Path) -> None:
    records = lived(tmp_path, "scalar-result=1")
    assert [(b["result"], b.get("settlement_value_dollars")) for _, b in bodies(records, A)[2:]] == [
        ("scalar", "0.3700")
    ] * 2
    frames = [record for record in records if isinstance(record, FrameRecord) and b'"determined"' in record.msg]
    assert {msgspec.json.decode(record.msg)["settlement_value"] for record in frames} == {"0.3700"}


def test_a_pause_empties_the_book_before_it_fills_again(tmp_path: Path) -> None:
    records = lived(tmp_path, "pause=1")
    assert statuses(records, A)[:3] == ["active", "inactive", "active"]
    assert told(records, A)[:2] == ["deactivated", "activated"]
    (from_ms, _), (to_ms, _) = bodies(records, A)[1:3]
    deltas = [
        (record.at_ms - START_MS, msgspec.json.decode(record.msg))
        for record in records
        if isinstance(record, FrameRecord) and record.type == "orderbook_delta"
    ]
    inside = [at for at, msg in deltas if msg["market_ticker"] == A and from_ms <= at < to_ms]
    assert inside == []
    restart = [msg["delta_fp"] for at, msg in deltas if msg["market_ticker"] == A and at == to_ms]
    removals = [change.startswith("-") for change in restart]
    assert removals[0]
    assert removals.index(False) > 3, "all that was shown before goes first"


@pytest.mark.parametrize("seed", range(12))
def test_a_pause_leaves_a_market_that_has_closed_alone(tmp_path: Path, seed: int) -> None:
    records = lived(tmp_path, "early-close=1", "pause=1", seed=seed)
    for ticker in (A, B):
        over = statuses(records, ticker)
        over = over[over.index("closed") :]
        assert "inactive" not in over
        assert "active" not in over


def test_maintenance_says_so_and_nothing_trades(tmp_path: Path) -> None:
    records = lived(tmp_path, "maintenance=1")
    exchange = [
        (record.at_ms, msgspec.json.decode(record.body))
        for record in records
        if isinstance(record, RestRecord) and record.path.endswith("/exchange/status")
    ]
    assert [status["trading_active"] for _, status in exchange] == [True, False, True]
    inside = [
        record
        for record in records
        if isinstance(record, FrameRecord) and exchange[1][0] <= record.at_ms < exchange[2][0]
    ]
    assert inside == []


def test_an_early_close_rewrites_the_close_time_and_ends_the_frames(tmp_path: Path) -> None:
    records = lived(tmp_path, "early-close=1")
    assert statuses(records, A) == ["active", "closed", "determined", "finalized"]
    closed_at, closed = bodies(records, A)[1]
    assert END_MS // 2 <= closed_at < END_MS
    assert {body["close_time"] for _, body in bodies(records, A)[1:]} == {closed["close_time"]}
    assert told(records, A)[0] == "close_date_updated"
    last = max(
        record.at_ms for record in records if isinstance(record, FrameRecord) and record.type == "orderbook_delta"
    )
    closes = [bodies(records, ticker)[1][0] for ticker in (A, B)]
    assert last - START_MS < max(closes)


def test_a_reopened_market_closes_again(tmp_path: Path) -> None:
    records = lived(tmp_path, "reopened=1")
    assert statuses(records, A) == ["active", "closed", "active", "closed", "determined", "finalized"]
    assert told(records, A)[0] == "close_date_updated"
    assert [body["close_time"][14:19] for _, body in bodies(records, A)] == ["00:00", "00:00", *["00:45"] * 4]


def test_a_lying_status_returns_to_the_truth(tmp_path: Path) -> None:
    records = lived(tmp_path, "status-lies=1")
    assert statuses(records, A)[:4] == ["active", "closed", "active", "closed"]
    lie, truth = bodies(records, A)[1][0], bodies(records, A)[2][0]
    assert truth - lie == 60_000
    assert truth <= END_MS


def test_at_rate_zero_the_tape_is_untouched(tmp_path: Path) -> None:
    plain = lived(tmp_path)
    for name in VENUE:
        changed = lived(tmp_path, f"{name}=0")
        assert [(one.at_ms, type(one)) for one in changed] == [(one.at_ms, type(one)) for one in plain], name
