"""`relayer backtest` over many specs and paths: table, JSON, CSV, sweep and plot."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
import typer
from typer.testing import CliRunner

from relayer.cli import many
from relayer.cli.backtest import backtest
from relayer.conditions.path import read_path
from relayer.domain.errors import UsageError
from relayer.domain.markets import Venue
from relayer.tape.entries import Kind
from relayer.tape.export import write_parquet
from relayer.tape.recorder import Recorder
from relayer.tape.settings import TapeSettings
from tests.unit.conditions.build import (
    LONG,
    START,
    candle,
    document,
    executable,
    gap,
    of,
    quote,
    reach,
    trade,
    watermark,
)

runner = CliRunner()
app = typer.Typer()
app.command()(backtest)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, level in enumerate(["0.6000", "0.7000"]):
        (tmp_path / f"spec{number}.json").write_text(json.dumps(document(reach(level), executable(held_s=2))))
    (tmp_path / "paths").mkdir()
    touch = [quote(0, "0.65"), gap(500, 900), candle(500, 900, bid="0.5 0.6"), quote(1000, "0.7"), trade(1001, "0.7")]
    _write(tmp_path / "paths" / "touch.jsonl", [*touch, quote(1500, "0.65", "0.8"), watermark(10_000)])
    _write(tmp_path / "paths" / "stay.jsonl", of(LONG, quote(0, "0.7"), watermark(10_000)))
    _write(tmp_path / "paths" / "other.jsonl", of("kalshi:OTHER", quote(0, "0.9"), watermark(10_000)))
    return tmp_path


def _write(file: Path, lines: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _run(*args: str | Path | int) -> str:
    ended = runner.invoke(app, [str(arg) for arg in args])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def test_every_spec_over_every_path_of_its_market(folder: Path) -> None:
    rows = json.loads(_run(folder, "--path", folder / "paths", "--json"))
    found = {(Path(row["spec"]).stem, Path(row["path"]).stem): row["verdict"] for row in rows}
    assert found == {
        ("spec0", "touch"): "yes", ("spec0", "stay"): "yes", ("spec1", "touch"): "no", ("spec1", "stay"): "yes",
    }  # fmt: skip


def test_a_glob_and_a_moment(folder: Path) -> None:
    rows = json.loads(_run(folder / "spec1.json", "--path", folder / "paths" / "*", "--at", START + 1999, "--json"))
    assert [row["verdict"] for row in rows] == ["pending", "pending"]


def test_a_folder_of_one_file_is_a_list_of_one(folder: Path) -> None:
    (folder / "single").mkdir()
    (folder / "spec1.json").rename(folder / "single" / "spec1.json")
    rows = json.loads(_run(folder / "single", "--path", folder / "paths" / "touch.jsonl", "--json"))
    assert [row["verdict"] for row in rows] == ["no"]


def test_a_sweep_shows_how_the_verdict_depends_on_the_rule(folder: Path) -> None:
    text = _run(folder / "spec1.json", "--path", folder / "paths" / "touch.jsonl", "--sweep", "held_s=0,2",
                "--sweep", "min_size=0.01,100,100.01", "--csv")  # fmt: skip
    rows = list(csv.DictReader(text.splitlines()))
    assert [(row["held_s"], row["min_size"], row["verdict"]) for row in rows] == [
        ("0", "0.01", "yes"), ("0", "100", "yes"), ("0", "100.01", "unknown"),
        ("2", "0.01", "no"), ("2", "100", "no"), ("2", "100.01", "no"),
    ]  # fmt: skip
    assert rows[0]["coverage.window_ms"] == "10000"


def test_a_table_with_counts(folder: Path) -> None:
    assert "3 yes, 1 no, 0 unknown, 0 pending" in _run(folder, "--path", folder / "paths")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--sweep", "colour=1,2"], r"spec1\.json has no such key"),
        (["--sweep", "held_s"], "not written KEY=VALUE"),
        (["--sweep", "held_s=-1"], r"spec1\.json: .*'price.held_s'"),
        (["--sweep", "level=0.70001"], r"'test.level' is '0.70001', not a decimal with exactly 4 places"),
        (["--plot", "nowhere/x.png"], r"nowhere/x.png cannot be written: No such file or directory"),
        (["--sweep", "held_s=0,1", "--plot", "x.png"], "one spec over one path"),
        (["--plot", "x.gif"], "png or .svg"),
    ],
)
def test_wrong_use_is_named(folder: Path, args: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _run(folder / "spec1.json", "--path", folder / "paths" / "touch.jsonl", *args)


def test_lines_that_name_no_market_tell_a_spread_nothing(folder: Path) -> None:
    """Specs of all kinds may lie in one folder; those that such a path can answer are answered."""
    (folder / "spec2.json").write_text(json.dumps(document(reach("0.0500"), executable(), spread=True)))
    rows = json.loads(_run(folder, "--path", folder / "paths" / "touch.jsonl", "--json"))
    assert [Path(row["spec"]).stem for row in rows] == ["spec0", "spec1"]
    mixed = [*of("kalshi:OTHER", quote(0, "0.1"), watermark(10_000)), quote(0, "0.9"), watermark(10_000)]
    _write(folder / "mixed.jsonl", mixed)
    rows = json.loads(_run(folder, "--path", folder / "mixed.jsonl", "--json"))
    assert [(Path(row["spec"]).stem, row["verdict"]) for row in rows] == [("spec0", "yes"), ("spec1", "yes")]


def test_time_not_yet_known_is_not_called_known(folder: Path) -> None:
    text = _run(folder, "--path", folder / "paths" / "stay.jsonl", "--at", START + 1000)
    assert "10.0%" in text
    assert "2 pending" in text


def test_an_empty_folder_is_named(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match="empty holds no file"):
        _run(folder / "empty", "--path", folder / "paths")


def test_candlesticks_as_fetched_are_a_path(folder: Path) -> None:
    prices = {f"{name}_dollars": "0.75" for name in ("open", "low", "high", "close")}
    asks = dict.fromkeys(prices, "0.80")
    body = {"candlesticks": [{"end_period_ts": START // 1000 + 60, "yes_bid": prices, "yes_ask": asks, "price": {}}]}
    (folder / "fetched.json").write_text(json.dumps(body))
    printed = json.loads(_run(folder / "spec1.json", "--path", folder / "fetched.json", "--json"))
    assert (printed["verdict"], printed["decided_at"]) == ("yes", START + 60_000)


def test_path_lines_in_a_json_file_are_a_path(folder: Path) -> None:
    (folder / "touch.json").write_bytes((folder / "paths" / "touch.jsonl").read_bytes())
    printed = json.loads(_run(folder / "spec0.json", "--path", folder / "touch.json", "--json"))
    assert printed["verdict"] == "yes"


def test_specs_and_paths_may_lie_in_one_folder(folder: Path) -> None:
    _write(folder / "stay.jsonl", [quote(0, "0.7"), watermark(10_000)])
    rows = json.loads(_run(folder, "--path", folder, "--json"))
    assert [Path(row["path"]).name for row in rows] == ["stay.jsonl", "stay.jsonl"]


def test_a_moment_that_no_calendar_knows_is_printed_in_milliseconds(folder: Path) -> None:
    asked = document({"type": "outcome", "result": "yes"}, None)
    (folder / "outcome.json").write_text(json.dumps(asked))
    _write(folder / "far.jsonl", [{"type": "result", "t": 10**18, "result": "yes", "final": True}])
    assert f"{10**18} ms" in _run(folder / "outcome.json", "--path", folder / "far.jsonl")


def test_thousands_of_specs_read_each_path_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    markets = [f"KXA-{number}" for number in range(4)]
    (tmp_path / "specs").mkdir()
    for number in range(2000):
        spec = document(reach(f"0.{5000 + number:04d}"), executable())
        spec["parent"]["market"] = markets[number % 4]
        (tmp_path / "specs" / f"{number:04d}.json").write_text(json.dumps(spec))
    (tmp_path / "paths").mkdir()
    for name in ("one", "two"):
        lines = [line for market in markets for line in of(f"kalshi:{market}", quote(0, "0.6"), watermark(10_000))]
        _write(tmp_path / "paths" / f"{name}.jsonl", sorted(lines, key=lambda line: int(line["t"])))
    read: list[str] = []

    def counted(*args: Any, name: str) -> Any:
        read.append(name)
        return read_path(*args, name=name)

    monkeypatch.setattr(many, "read_path", counted)
    rows = json.loads(_run(tmp_path / "specs", "--path", tmp_path / "paths", "--json"))
    assert [Path(name).stem for name in read] == ["one", "two"]
    found = [(row["path"], int(Path(row["spec"]).stem), row["verdict"]) for row in rows]
    assert len(found) == 4000
    assert all((verdict == "yes") == (number <= 1000) for _, number, verdict in found)


async def _record(folder: Path, lines: list[dict[str, Any]]) -> None:
    recorder = Recorder(folder, TapeSettings())
    for line in lines:
        recorder.record(Kind.PATH, json.dumps(line), venue=Venue.KALSHI, connection="path", market=line["market"])
    await recorder.aclose()


TOUCH = [quote(0, "0.6"), quote(1000, "0.7"), quote(4000, "0.6"), watermark(10_000)]
OTHER = [*of("kalshi:KXB", quote(0, "0.9"), watermark(10_000))]


async def test_a_tape_is_a_path(folder: Path) -> None:
    await _record(folder / "tapes" / "day", [*of(LONG, *TOUCH), *OTHER])
    printed = json.loads(_run(folder / "spec1.json", "--path", folder / "tapes" / "day", "--json"))
    assert (printed["verdict"], printed["decided_at"]) == ("yes", START + 3000)
    assert printed["coverage"]["observed_ms"] == 10_000
    rows = json.loads(_run(folder, "--path", folder / "tapes", "--json"))
    assert [(Path(row["path"]).name, row["verdict"]) for row in rows] == [("day", "yes"), ("day", "yes")]


async def test_a_tape_of_two_markets_serves_specs_of_both(folder: Path) -> None:
    await _record(folder / "day", [*of(LONG, *TOUCH), *OTHER])
    other = document(reach("0.9000"), executable())
    other["parent"]["market"] = "KXB"
    (folder / "other.json").write_text(json.dumps(other))
    rows = json.loads(_run(folder / "*.json", "--path", folder / "day", "--json"))
    assert {Path(row["spec"]).stem: row["decided_at"] for row in rows} == {
        "other": START, "spec0": START + 2000, "spec1": START + 3000,
    }  # fmt: skip


@pytest.mark.parametrize("lines", [TOUCH, [*of(LONG, *TOUCH), *OTHER]], ids=["one market", "two markets"])
def test_parquet_is_a_path(folder: Path, lines: list[dict[str, Any]]) -> None:
    write_parquet(lines, folder / "day.parquet")
    printed = json.loads(_run(folder / "spec1.json", "--path", folder / "day.parquet", "--json"))
    assert (printed["verdict"], printed["decided_at"]) == ("yes", START + 3000)


def test_other_parquet_is_refused(folder: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"t": [1]}), folder / "other.parquet")
    with pytest.raises(UsageError, match=r"other\.parquet has no column 'line': write it with `relayer tape export"):
        _run(folder / "spec1.json", "--path", folder / "other.parquet")
    (folder / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match=r"the path .*torn\.parquet cannot be read"):
        _run(folder / "spec1.json", "--path", folder / "torn.parquet")


def test_a_spread_needs_lines_that_name_their_market(folder: Path) -> None:
    (folder / "spread.json").write_text(json.dumps(document(reach(), executable(), spread=True)))
    with pytest.raises(UsageError, match=r"line 1 of .*'market' is missing"):
        _run(folder / "spread.json", "--path", folder / "paths" / "touch.jsonl", "--csv")
