"""`relayer feeds`: the table of all feeds, and how one of them is heard."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from relayer.cli import watching
from relayer.cli.main import app
from relayer.domain.errors import PermanentError

WHY = "Kalshi's WebSocket closed (code 1001, no error)."


def feed(**changed: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "market": "kalshi:KXA-1",
        "status": "active",
        "bid": "0.4000",
        "ask": "0.6000",
        "last": None,
        "watermark": "2026-01-01T00:00:00Z",
        "age_s": 1.25,
        "result": None,
        "gaps": 1,
        "latest_gaps": [
            {"from": None, "to": "2026-01-01T00:00:00Z", "reason": "start", "filled_by": "trades and candles"}
        ],
        "source": "kalshi",
        "connections": [
            {"connection": 1, "proves": True, "sequence": 4711, "trouble": None},
            {"connection": 3, "proves": False, "sequence": None, "trouble": WHY},
        ],
        "agreed_with_rest": "2025-12-31T23:59:50Z",
    }
    return usual | changed


def printed(monkeypatch: pytest.MonkeyPatch, found: list[dict[str, Any]], *words: str) -> str:
    monkeypatch.setattr(watching, "_get", lambda base, view: found)
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(app, ["feeds", *words, "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_says_who_tells_of_a_market_and_where_its_sequences_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    output = printed(monkeypatch, [feed()])
    assert "kalshi" in output
    assert "1:4711 3:-" in output
    assert "2026-01-01 00:00:00Z" in output
    assert "dflow" not in output


def test_the_live_table_waits_for_a_relayer_that_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    polls: list[Any] = [PermanentError("No relayer answers."), [feed()], KeyboardInterrupt()]

    def get(base: str, view: str) -> Any:
        found = polls.pop(0)
        if isinstance(found, BaseException):
            raise found
        return found

    monkeypatch.setattr(watching, "_get", get)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(app, ["feeds", "--live", "--url", "http://127.0.0.1:1"])
    assert "1:4711 3:-" in result.output


def test_on_a_narrow_screen_markets_and_prices_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_get", lambda base, view: [feed(market="kalshi:KXHIGHNY-25DEC21-B44.5")])
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(app, ["feeds", "--url", "http://127.0.0.1:1"])
    [row] = [line for line in result.output.splitlines() if "KXHIGHNY-25DEC21-B44.5" in line]
    assert "0.4000" in row
    assert "0.6000" in row


def test_dflow_has_a_column_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    dflow = {"mode": "second", "agreement": "differs", "bid": "0.3900", "ask": None, "trouble": None}
    output = printed(monkeypatch, [feed(dflow=dflow), feed(market="kalshi:KXB-2", dflow=None)])
    assert "differs 0.3900/-" in output


def test_a_feed_of_dflow_alone_has_no_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    dflow = {"mode": "first", "agreement": None, "bid": "0.3900", "ask": "0.4100", "trouble": "no answer"}
    alone = feed(source="dflow", dflow=dflow)
    del alone["connections"], alone["agreed_with_rest"]
    output = printed(monkeypatch, [alone], "KXA-1")
    assert "DFlow (first): -, no answer." in output
    assert "nothing is proven" in output
    assert "Everything before" not in output
    assert "Connection" not in output


def test_of_a_market_that_was_never_heard_of_nothing_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    output = printed(monkeypatch, [feed(watermark=None, age_s=None)], "KXA-1")
    assert "Nothing of it has been told yet." in output
    assert "Everything before" not in output


def test_one_market_says_how_each_connection_hears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    output = printed(monkeypatch, [feed()], "KXA-1")
    assert "Everything before 2026-01-01T00:00:00Z has been told." in output
    assert "Connection 1 proves its book; newest frame of its books: 4711." in output
    assert f"Connection 3 does not prove its book now ({WHY}); newest frame of its books: None." in output
    assert "REST last showed the same book as of 2025-12-31T23:59:50Z." in output
    assert "the beginning" in output
    assert "trades and candles" in output


def test_a_gap_that_nobody_judges_needs_no_filling(monkeypatch: pytest.MonkeyPatch) -> None:
    gap = {"from": None, "to": "2026-01-01T00:00:00Z", "reason": "start", "filled_by": None}
    assert "no need" in printed(monkeypatch, [feed(latest_gaps=[gap])], "KXA-1")


MARKET = {"market": "9Tgk", "pnp": "v2", "id": 1, "state": "open", "why": "pending", "question": "Will it?"}


def explained(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], *words: str) -> str:
    def ask(url: str, base: str) -> Any:
        return answers[url.removeprefix(f"{base}/v1/")]

    monkeypatch.setattr(watching, "_ask", ask)
    result = CliRunner().invoke(app, ["explain", *words, "--url", "http://127.0.0.1:1"])
    assert result.exit_code == 0, result.output
    return result.output


def test_all_markets_are_a_line_each_and_alarms_stand_out(monkeypatch: pytest.MonkeyPatch) -> None:
    output = explained(monkeypatch, {"markets": [MARKET, {**MARKET, "alarm": "too cheap"}]})
    assert output.count("9Tgk (v2 1): open, pending\n  Will it?\n") == 2
    assert output.endswith("  Will it?\n  ALARM: too cheap\n")


def test_one_market_is_asked_for_alone_for_its_dwell_is_read_off_the_tape(monkeypatch: pytest.MonkeyPatch) -> None:
    detail = {**MARKET, "dwell": {"wanted_s": 60.0, "levels": []}}
    output = explained(monkeypatch, {"markets": [MARKET], "markets/9Tgk": detail}, "9Tgk", "--json")
    assert json.loads(output) == [detail]
