"""`relayer backtest`: output keys, exit status, errors that name the key or the line."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from relayer.cli.main import main
from tests.unit.conditions.build import START, document, executable, quote, reach, watermark

SPEC = document(reach(), executable(held_s=2))
LINES = [quote(0, "0.7"), quote(5000, "0.6"), watermark(10_000)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.json").write_text(json.dumps(SPEC, indent=1))
    (tmp_path / "path.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    return tmp_path


def _run(monkeypatch: pytest.MonkeyPatch, *args: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["relayer", "backtest", *map(str, args)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def _printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_one_verdict_as_json(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, folder / "spec.json", "--path", folder / "path.jsonl", "--json") == 0
    printed = _printed(capsys)
    assert list(printed) == ["spec_hash", "question", "verdict", "decided_at", "reason", "witness", "coverage"]
    assert printed["verdict"] == "yes"
    assert printed["decided_at"] == START + 2000
    assert printed["witness"] == {"t": START + 2000, "price": "0.7000"}
    assert printed["question"].endswith(f" spec:{printed['spec_hash']}")
    assert printed["coverage"] == {
        "window_ms": 10_000,
        "observed_ms": 10_000,
        "bounded_ms": 0,
        "unknown_ms": 0,
        "not_trading_ms": 0,
    }


def test_packed_paths_and_moments_before(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = folder / "path.jsonl.gz"
    packed.write_bytes(gzip.compress((folder / "path.jsonl").read_bytes()))
    assert _run(monkeypatch, folder / "spec.json", "--path", packed, "--at", str(START + 1999), "--json") == 0
    printed = _printed(capsys)
    assert (printed["verdict"], printed["decided_at"], printed["witness"]) == ("pending", None, None)


@pytest.mark.parametrize("lines", ["", '{"type":"watermark","t":5,"market":"kalshi:KXOTHER"}\n'])
def test_a_path_without_the_market_is_warned_about(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lines: str
) -> None:
    path = folder / "path.jsonl"
    path.write_text(lines)
    assert _run(monkeypatch, folder / "spec.json", "--path", path, "--json") == 0
    printed = capsys.readouterr()
    verdict = json.loads(printed.out)
    assert list(verdict) == ["spec_hash", "question", "verdict", "decided_at", "reason", "witness", "coverage"]
    assert verdict["verdict"] == "pending"
    assert printed.err == (
        f"relayer: warning: {path} holds no line of kalshi:KXA, which the spec asks about: nothing is known of it.\n"
    )


def test_a_path_with_the_market_is_not_warned_about(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = str(START - 1)
    assert _run(monkeypatch, folder / "spec.json", "--path", folder / "path.jsonl", "--at", before, "--json") == 0
    assert capsys.readouterr().err == ""


def test_paths_of_other_markets_alone_are_warned_about(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "path.jsonl").write_text('{"type":"watermark","t":5,"market":"kalshi:KXOTHER"}\n')
    assert _run(monkeypatch, folder / "spec.json", "--path", folder / "*.jsonl", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == []
    assert "relayer: warning: no path holds a line of any spec's market: nothing is judged." in printed.err


def test_a_table_for_human_eyes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, folder / "spec.json", "--path", folder / "path.jsonl") == 0
    printed = capsys.readouterr().out
    for word in ("yes", "2026-01-01T00:00:02Z", "0.7000", "not trading", "10.000 s"):
        assert word in printed


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("spec.json", '{"version": 2}', "spec.json: spec key 'version' must be 1"),
        ("spec.json", "{", "spec.json: the spec is not valid JSON"),
        ("path.jsonl", '{"type":"quote","t":1,"bids":[],"asks":[]}\n{"type":"what","t":2}\n', "line 2 of "),
        ("path.jsonl.gz", "not packed", "path.jsonl.gz cannot be read"),
    ],
)
def test_bad_input_is_named_with_status_2(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str,
    message: str,
) -> None:
    (folder / name).write_text(content)
    path = folder / (name if name.startswith("path") else "path.jsonl")
    assert _run(monkeypatch, folder / "spec.json", "--path", path) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("spec", "path"), [("none.json", "path.jsonl"), ("spec.json", "none.jsonl")])
def test_missing_files_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spec: str, path: str
) -> None:
    assert _run(monkeypatch, folder / spec, "--path", folder / path) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_lines_after_the_moment_are_checked_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / "path.jsonl").open("a") as file:
        file.write("{}\n")
    assert _run(monkeypatch, folder / "spec.json", "--path", folder / "path.jsonl", "--at", str(START)) == 2
    assert "line 4 of " in capsys.readouterr().err
