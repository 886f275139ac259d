"""Kalshi's candlesticks and trades as fetched, as path lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relayer.cli.fetched import candle_lines, lines_of, trade_lines
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId, Venue


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


def test_a_candle_made_up_of_what_stood_before_proves_nothing() -> None:
    """`include_latest_before_start` puts one in front, without prices; no price is not an empty side."""
    made_up = {
        "end_period_ts": 60,
        "yes_bid": dict.fromkeys(("open", "low", "high", "close")),
        "yes_ask": {},
        "price": {},
    }
    [candle] = [line for line in candle_lines([made_up, _dual(180, *QUIET)]) if line.get("to") == 60_000]
    assert not {"bid", "ask"} & candle.keys()
    assert [line["type"] for line in candle_lines([_dual(120, *QUIET), {**made_up, "end_period_ts": 180}])][
        -2
    ] == "candle"


def test_trades_are_complete_from_the_first_on() -> None:
    trade = {"trade_id": "a", "created_time": "2026-01-01T00:00:01.5Z", "yes_price_dollars": "0.4", "count_fp": "2.00"}
    earlier = {**trade, "trade_id": "b", "created_time": "2026-01-01T00:00:00Z", "is_block_trade": True}
    lines = trade_lines([trade, earlier])
    assert [line.get("id") for line in lines] == [None, "b", "a", None]
    assert lines[0]["to"] == lines[1]["t"]
    assert (lines[1]["block"], lines[2]["block"], lines[2]["size"]) == (True, False, "2.00")


def _lines(answer: Any, *legs: MarketId) -> list[Any]:
    return [json.loads(line) for line in lines_of(json.dumps(answer).encode(), name="x.json", legs=legs)]


def test_hours_and_days_show_in_the_ends() -> None:
    """Kalshi's days end at midnight in New York; that of 2026-03-08 has 23 hours."""
    hours = candle_lines([_dual(hour * 3600, *QUIET) for hour in (10, 11, 15)])
    assert [line["from"] for line in hours if line["type"] == "candle"] == [
        32_400_000,
        36_000_000,
        39_600_000,
        50_400_000,
    ]
    ends = [1_772_859_600, 1_772_946_000, 1_773_028_800]
    days = [line for line in candle_lines([_dual(end, *QUIET) for end in ends]) if line["type"] == "candle"]
    assert [(line["to"] - line["from"]) // 3_600_000 for line in days] == [24, 24, 23]


def test_a_candle_of_which_nobody_can_tell_how_long_it_is_is_refused() -> None:
    body = json.dumps({"candlesticks": [_dual(7200, *QUIET)]}).encode()
    with pytest.raises(UsageError, match=r"x\.json: one candle alone .* fetch more"):
        lines_of(body, name="x.json")
    assert candle_lines([_dual(7200, *QUIET)], minutes=1)[1]["from"] == 7_140_000
    assert candle_lines([_dual(7260, *QUIET)])[1]["from"] == 7_200_000


def test_a_later_reading_of_a_candle_counts_in_whatever_order_they_come() -> None:
    moved = _dual(120, ("0.11",) * 4, ("0.20",) * 4)
    lines = candle_lines([_dual(180, *QUIET), _dual(120, *QUIET), moved])
    assert [(line["from"], line["bid"][0]) for line in lines[1:3]] == [(60_000, "0.11"), (120_000, "0.10")]


def test_answers_about_several_markets_name_them() -> None:
    """Batches and events of candles, and trades asked for without a ticker, are told apart."""
    leg, candles = MarketId(Venue.KALSHI_DEMO, "A"), [_dual(120, *QUIET)]
    batch = {"markets": [{"market_ticker": one, "candlesticks": candles} for one in ("A", "B")]}
    event = {"market_tickers": ["A", "B"], "market_candlesticks": [candles, candles]}
    for answer in (batch, event):
        assert [line["market"] for line in _lines(answer, leg)] == ["kalshi-demo:A"] * 3 + ["kalshi:B"] * 3
    assert {line["market"] for line in _lines({"ticker": "A", "candlesticks": candles}, leg)} == {"kalshi-demo:A"}
    assert "market" not in _lines({"candlesticks": candles}, leg)[0]


def test_trades_of_several_markets_are_complete_over_the_same_time() -> None:
    def trade(number: int, ticker: str) -> Any:
        when = f"2026-01-01T00:00:0{number}Z"
        return {"trade_id": str(number), "ticker": ticker, "created_time": when, "yes_price": 40, "count": 1}

    answer = {"trades": [trade(3, "B"), trade(2, "A"), trade(1, "B")], "cursor": ""}
    found = {one: [line for line in _lines(answer) if line["market"] == one] for one in ("kalshi:A", "kalshi:B")}
    start = 1_767_225_601_000
    for lines in found.values():
        assert (lines[0]["to"], lines[-1]["t"]) == (start, start + 2000)
    assert [line["id"] for line in found["kalshi:B"][1:-1]] == ["1", "3"]
    cut = _lines({**answer, "cursor": "next"})
    assert cut[0]["to"] == start + 1  # the page before it may hold others of that millisecond


def test_answers_without_a_row_are_empty_paths() -> None:
    assert lines_of(b'{"candlesticks": []}', name="x") == []
    assert lines_of(b'{"trades": []}', name="x") == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"candlesticks": [{}]}', b'{"trades": ["x"]}', json.dumps({"trades": 3}).encode()]
)
def test_anything_else_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(UsageError, match=r"x\.json holds neither Kalshi candlesticks nor trades"):
        lines_of(body, name="x.json")
