"""Paths on tape and out of it."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from relayer.conditions.path import read_path
from relayer.domain.errors import PermanentError, UsageError
from relayer.domain.feeds import Candle, Trade
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.tape.entries import Entry, Kind, loss_of
from relayer.tape.export import export_paths, write_jsonl, write_parquet
from relayer.tape.paths import PathLine, PathRecorder, recorded_paths
from relayer.tape.recorder import Recorder
from relayer.tape.settings import TapeSettings

A, B = MarketId(Venue.KALSHI, "KXA-1"), MarketId(Venue.KALSHI, "KXB-1")


class Ladder:
    """A BookView of fixed levels."""

    best_bid: Price | None = None
    best_ask: Price | None = None
    thinner_size = Size(0)

    def __init__(self, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> None:
        self._bids = [(Price(price), Size(size)) for price, size in bids]
        self._asks = [(Price(price), Size(size)) for price, size in asks]

    def bid_for(self, size: Size) -> Price | None:
        raise AssertionError("not needed to write a book down")

    ask_for = bid_for

    def bids(self) -> list[tuple[Price, Size]]:
        return self._bids

    def asks(self) -> list[tuple[Price, Size]]:
        return self._asks


async def record(directory: Path, *runs: Any) -> None:
    """Each run is a function that tells a listener something."""
    for run in runs:
        recorder = Recorder(directory, TapeSettings())
        run(PathRecorder(recorder))
        await recorder.aclose()


def ms(value: int) -> Millis:
    return Millis(value)


def tell_all(listener: PathRecorder) -> None:
    listener.on_status(A, ms(5), MarketStatus.ACTIVE, None)
    listener.on_gap(A, ms(0), ms(10), "start")
    listener.on_book(A, ms(10), Ladder([(7000, 12050), (6950, 5)], [(7100, 300)]))
    listener.on_trade(A, Trade("t-1", ms(11), Price(7050), Size(250), block=True))
    listener.on_book(B, ms(12), Ladder([], [(100, 1)]))
    listener.on_watermark(A, ms(15))
    listener.on_status(A, ms(20), MarketStatus.DETERMINED, ms(17))
    listener.on_result(A, ms(20), "yes", final=False)


async def test_everything_told_becomes_a_line_of_the_path_format(tmp_path: Path) -> None:
    await record(tmp_path, tell_all)
    assert list(export_paths(tmp_path, frozenset({str(A)}))) == [
        {"type": "status", "t": 5, "status": "active"},
        {"type": "gap", "from": 6, "to": 10, "trades": False, "reason": "start"},
        {"type": "quote", "t": 10, "bids": [["0.7000", "120.50"], ["0.6950", "0.05"]], "asks": [["0.7100", "3.00"]]},
        {"type": "trade", "t": 11, "id": "t-1", "price": "0.7050", "size": "2.50", "block": True},
        {"type": "watermark", "t": 15},
        {"type": "gap", "from": 17, "to": 20, "trades": False, "reason": "status"},
        {"type": "status", "t": 20, "status": "determined"},
        {"type": "result", "t": 20, "result": "yes", "final": False},
    ]


async def test_several_markets_name_themselves(tmp_path: Path) -> None:
    await record(tmp_path, tell_all)
    lines = list(export_paths(tmp_path, frozenset({str(A), str(B)})))
    assert [line["market"] for line in lines if line["type"] == "quote"] == ["kalshi:KXA-1", "kalshi:KXB-1"]


async def test_a_restart_does_not_unsay_what_was_proven(tmp_path: Path) -> None:
    def first(listener: PathRecorder) -> None:
        listener.on_book(A, ms(10), Ladder([(7000, 1)], []))
        listener.on_watermark(A, ms(30))

    def second(listener: PathRecorder) -> None:
        listener.on_gap(A, ms(0), ms(50), "start")
        listener.on_book(A, ms(50), Ladder([(6000, 1)], []))

    def third(listener: PathRecorder) -> None:
        listener.on_gap(A, ms(0), ms(51), "start")
        listener.on_book(A, ms(51), Ladder([], []))

    await record(tmp_path, first, second, third)
    lines = list(export_paths(tmp_path, frozenset({str(A)})))
    assert [(line["type"], line.get("t", line.get("from"))) for line in lines] == [
        ("quote", 10),
        ("watermark", 30),
        ("gap", 30),
        ("quote", 50),
        ("quote", 51),
    ]


async def test_lines_told_late_come_out_in_order(tmp_path: Path) -> None:
    def tell(listener: PathRecorder) -> None:
        listener.on_watermark(A, ms(5))
        listener.on_book(A, ms(10), Ladder([(7000, 1)], []))
        listener.on_watermark(A, ms(7))
        listener.on_trade(A, Trade("t-1", ms(8), Price(7000), Size(100), block=False))
        listener.on_watermark(A, ms(11))
        listener.on_trade(A, Trade("t-2", ms(13), Price(7000), Size(100), block=False))
        listener.on_gap(A, ms(12), ms(20), "sequence")
        listener.on_book(A, ms(20), Ladder([(7000, 1)], []))

    await record(tmp_path, tell)
    lines = list(export_paths(tmp_path, frozenset({str(A)})))
    assert [(line["type"], line.get("t", line.get("from"))) for line in lines] == [
        ("watermark", 5),
        ("watermark", 7),
        ("trade", 8),
        ("quote", 10),
        ("watermark", 11),
        ("gap", 12),
        ("trade", 13),
        ("quote", 20),
    ]


async def test_a_trade_that_filled_an_uncertain_status_stands_before_it(tmp_path: Path) -> None:
    def tell(listener: PathRecorder) -> None:
        listener.on_watermark(A, ms(5))
        listener.on_status(A, ms(20), MarketStatus.PAUSED, ms(10))
        listener.on_trade(A, Trade("t-1", ms(15), Price(7000), Size(100), block=False))
        listener.on_watermark(A, ms(21))

    await record(tmp_path, tell)
    lines = list(export_paths(tmp_path, frozenset({str(A)})))
    assert [(line["type"], line.get("t", line.get("from"))) for line in lines[1:]] == [
        ("gap", 10),
        ("trade", 15),
        ("status", 20),
        ("watermark", 21),
    ]
    assert lines[1]["trades"] is True
    read_path([json.dumps(line).encode() for line in lines], [A])  # raises for a file `backtest` would refuse


def test_what_the_tape_lost_is_a_gap_until_the_next_line() -> None:
    def entry(number: int, kind: Kind, text: str) -> Entry:
        return Entry(number, 0, kind, "kalshi", "path", text=text, market=str(A) if kind is Kind.PATH else "")

    entries = [
        entry(1, Kind.PATH, '{"type":"quote","t":10,"bids":[],"asks":[]}'),
        entry(2, Kind.PATH, '{"type":"watermark","t":30}'),
        entry(3, Kind.LOSS, '{"from_ns":1,"to_ns":2,"entries":5}'),
        entry(9, Kind.PATH, '{"type":"watermark","t":80}'),
        entry(10, Kind.PATH, '{"type":"quote","t":90,"bids":[],"asks":[]}'),
    ]
    lines = list(recorded_paths(entries, frozenset({str(A)})))
    assert [(line["type"], line.get("t", line.get("from")), line.get("to")) for line in lines] == [
        ("quote", 10, None),
        ("watermark", 30, None),
        ("gap", 30, 80),
        ("watermark", 80, None),
        ("quote", 90, None),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]", "no line of a path: Expected `object`"),
        ('{"t":1}', "a line of a path without its type or times"),
        ('{"type":"quote","t":"1"}', "a line of a path without its type or times"),
        ('{"type":"gap","from":1}', "a line of a path without its type or times"),
    ],
)
def test_an_entry_that_is_no_line_is_named(text: str, reason: str) -> None:
    odd = Entry(7, 0, Kind.PATH, "kalshi", "path", text=text, market=str(A))
    with pytest.raises(PermanentError, match=f"Entry 7 of the tape.* {reason}"):
        list(recorded_paths([odd], frozenset({str(A)})))


def test_a_loss_that_says_nothing_and_a_payload_that_is_none_are_named() -> None:
    with pytest.raises(PermanentError, match="Entry 7 of the tape does not say what was lost"):
        loss_of(Entry(7, 0, Kind.LOSS, "kalshi", "path", text="{}"))
    with pytest.raises(PermanentError, match="Entry 7 of the tape holds no payload"):
        _ = Entry(7, 0, Kind.FRAME, "kalshi", "ws1", b64="/w=").raw


def path_entries(*lines: dict[str, Any]) -> list[Entry]:
    return [
        Entry(number, 0, Kind.PATH, "kalshi", "path", text=json.dumps(line), market=str(A))
        for number, line in enumerate(lines, 1)
    ]


async def test_what_fills_a_gap_is_told_late_and_comes_out_where_it_belongs(tmp_path: Path) -> None:
    side = (5000, 4000, 6000, 5000)

    def tell(listener: PathRecorder) -> None:
        listener.on_watermark(A, ms(95_000))
        listener.on_gap(A, ms(100_000), ms(110_000), "sequence", trades=True)
        listener.on_book(A, ms(110_000), Ladder([(7000, 1)], []))
        listener.on_trade(A, Trade("t-1", ms(105_000), Price(7000), Size(100), block=False))
        listener.on_watermark(A, ms(100_000))
        listener.on_candle(A, Candle(ms(60_000), ms(120_000), side, None, msgspec.UNSET))
        listener.on_watermark(A, ms(115_000))

    await record(tmp_path, tell)
    assert list(export_paths(tmp_path, frozenset({str(A)}))) == [
        {"type": "watermark", "t": 95_000},
        {"type": "watermark", "t": 100_000},
        {"type": "candle", "from": 60_000, "to": 120_000, "bid": ["0.5000", "0.4000", "0.6000", "0.5000"], "ask": None},
        {"type": "gap", "from": 100_000, "to": 110_000, "trades": True, "reason": "sequence"},
        {"type": "trade", "t": 105_000, "id": "t-1", "price": "0.7000", "size": "1.00", "block": False},
        {"type": "quote", "t": 110_000, "bids": [["0.7000", "0.01"]], "asks": []},
        {"type": "watermark", "t": 115_000},
    ]


def test_a_minute_asked_for_again_after_a_restart_is_told_once() -> None:
    candle = {"type": "candle", "from": 0, "to": 60_000, "bid": None}
    lines = recorded_paths(path_entries(candle, {**candle, "ask": None}), frozenset({str(A)}))
    assert list(lines) == [{**candle, "market": str(A)}]


def test_a_gap_told_again_without_its_trades_is_not_cut() -> None:
    entries = path_entries(
        {"type": "watermark", "t": 95},
        {"type": "quote", "t": 99, "bids": [], "asks": []},
        {"type": "gap", "from": 99, "to": 110, "trades": True},
        {"type": "gap", "from": 95, "to": 110, "trades": False},
        {"type": "watermark", "t": 120},
    )
    lines = list(recorded_paths(entries, frozenset({str(A)})))
    assert [(line["from"], line["trades"]) for line in lines if line["type"] == "gap"] == [(95, False), (99, True)]


def test_trades_promised_and_not_told_yet_are_not_complete() -> None:
    gap = {"type": "gap", "from": 99, "to": 110, "trades": True}
    lines = list(recorded_paths(path_entries(gap, {"type": "watermark", "t": 99}), frozenset({str(A)})))
    assert [line["trades"] for line in lines if line["type"] == "gap"] == [False]
    lines = list(recorded_paths(path_entries(gap, {"type": "watermark", "t": 100}), frozenset({str(A)})))
    assert [line["trades"] for line in lines if line["type"] == "gap"] == [True]


async def test_another_converter_may_make_the_path(tmp_path: Path) -> None:
    await record(tmp_path, tell_all)

    def count(entries: Iterable[Entry], markets: frozenset[str]) -> Iterator[PathLine]:
        yield {"type": "watermark", "t": sum(entry.kind is Kind.PATH for entry in entries), "market": min(markets)}

    assert list(export_paths(tmp_path, frozenset({str(A)}), count)) == [{"type": "watermark", "t": 8}]


async def test_files_of_lines(tmp_path: Path) -> None:
    await record(tmp_path / "tape", tell_all)
    for name in ("path.jsonl", "path.jsonl.gz"):
        out = tmp_path / name
        assert write_jsonl(export_paths(tmp_path / "tape", frozenset({str(B)})), out) == 1
        text = gzip.decompress(out.read_bytes()) if name.endswith(".gz") else out.read_bytes()
        assert json.loads(text) == {"type": "quote", "t": 12, "bids": [], "asks": [["0.0100", "0.01"]]}


async def test_files_of_columns(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    await record(tmp_path / "tape", tell_all)
    out = tmp_path / "path.parquet"
    assert write_parquet(export_paths(tmp_path / "tape", frozenset({str(A), str(B)})), out) == 9
    rows = pq.read_table(out).to_pylist()
    quote = rows[2]
    assert {key: quote[key] for key in ("market", "t", "bid", "bid_size", "ask", "ask_size")} == {
        "market": "kalshi:KXA-1",
        "t": 10,
        "bid": 7000,
        "bid_size": 12050,
        "ask": 7100,
        "ask_size": 300,
    }
    assert json.loads(quote["line"])["bids"][1] == ["0.6950", "0.05"]
    assert (rows[1]["t"], rows[1]["to"]) == (6, 10)
    assert (rows[3]["price"], rows[3]["size"], rows[3]["block"]) == (7050, 250, True)
    assert rows[4]["bid"] is None, "an empty side is null"


def test_without_pyarrow_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        UsageError, match=r"Parquet needs pyarrow: install it with `pip install pnp-relayer\[parquet\]`"
    ):
        write_parquet([], tmp_path / "x.parquet")
