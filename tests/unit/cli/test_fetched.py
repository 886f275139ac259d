"""Kalshi's candlesticks and trades as fetched, as path lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relayer.cli.fetched import candle_lines, lines_of, trade_lines
from relayer.domain.errors import UsageError


def _dual(end_s: int, bid: tuple[str, ...], ask: tuple[str, ...], trades: tuple[str, str] | None = None) -> Any:
    names = ("open", "low", "high", "close")
    low, high = trades or (None, None)
    return {
        "end_period_ts": end_s,
        "yes_bid": {f"{name}_dollars": price for name, price in zip(names, bid, strict=True)},
        "yes_ask": {f"{name}_dollars": price for name, price in zip(names, ask, strict=True)},
        "price": {"low_dollars": low, "high_dollars": high},
    }


QUIET = (("0.10",) * 4, ("0.20",) * 4)
CLOSED = (("0.0000",) * 4, ("1.0000",) * 4)


def test_candles_lie_in_one_gap_up_to_the_watermark() -> None:
    lines = candle_lines([_dual(120, *QUIET), _dual(180, *QUIET, ("0.12", "0.15"))], block_free=True)
    assert [line["type"] for line in lines] == ["gap", "candle", "candle", "watermark"]
    assert (lines[0]["from"], lines[0]["to"], lines[-1]["t"]) == (60_000, 180_000, 180_000)
    assert [line["trades"] for line in lines[1:3]] == [None, ["0.12", "0.15"]]
    assert "trades" not in candle_lines([_dual(120, *QUIET)])[1]


def test_a_minute_left_out_between_candles_that_agree_is_constant() -> None:
    lines = candle_lines([_dual(120, *QUIET), _dual(300, *QUIET)])
    assert lines[2] == {"type": "candle", "from": 120_000, "to": 240_000, "bid": ["0.10"] * 4, "ask": ["0.20"] * 4}
    moved = candle_lines([_dual(120, *QUIET), _dual(300, ("0.11",) * 4, ("0.20",) * 4)])
    assert [line["from"] for line in moved if line["type"] == "candle"] == [60_000, 240_000]


def test_trailing_candles_at_0_and_1_are_the_close() -> None:
    lines = candle_lines([_dual(120, *CLOSED), _dual(180, *QUIET), _dual(240, *CLOSED), _dual(300, *CLOSED)])
    assert [line["type"] for line in lines] == ["gap", "candle", "candle", "status", "watermark"]
    assert lines[3] == {"type": "status", "t": 180_000, "status": "closed"}


def test_cents_and_historical_names_mean_the_same() -> None:
    cents = {"open": 10, "low": 9, "high": 100, "close": 10}
    text = {"open": "0.1000", "low": "0.0900", "high": "1.0000", "close": "0.1000"}
    one, other = ({"end_period_ts": 60, "yes_bid": side, "yes_ask": side, "price": {}} for side in (cents, text))
    assert candle_lines([one])[1]["bid"] == ["0.10", "0.09", "1.00", "0.10"]
    assert candle_lines([other])[1]["bid"] == ["0.1000", "0.0900", "1.0000", "0.1000"]


def test_trades_are_complete_from_the_first_on() -> None:
    trade = {"trade_id": "a", "created_time": "2026-01-01T00:00:01.5Z", "yes_price_dollars": "0.4", "count_fp": "2.00"}
    earlier = {**trade, "trade_id": "b", "created_time": "2026-01-01T00:00:00Z", "is_block_trade": True}
    lines = trade_lines([trade, earlier])
    assert [line.get("id") for line in lines] == [None, "b", "a", None]
    assert lines[0]["to"] == lines[1]["t"]
    assert (lines[1]["block"], lines[2]["block"], lines[2]["size"]) == (True, False, "2.00")


def test_answers_without_a_row_are_empty_paths() -> None:
    assert lines_of(b'{"candlesticks": []}', name="x") == []
    assert lines_of(b'{"trades": []}', name="x") == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"candlesticks": [{}]}', b'{"trades": ["x"]}', json.dumps({"trades": 3}).encode()]
)
def test_anything_else_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(UsageError, match=r"x\.json holds neither Kalshi candlesticks nor trades"):
        lines_of(body, name="x.json")
