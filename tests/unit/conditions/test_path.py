"""Path files: what is taken, and every error by its line."""

from __future__ import annotations

import json

import pytest

from relayer.conditions.events import Candle, Gap, Path, Quote, Status
from relayer.conditions.path import read_path
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId
from tests.unit.conditions.build import LONG, SHORT, Line, candle, gap, of, quote, status, trade, watermark

MARKET = MarketId.parse(LONG)


def _read(*lines: Line | str) -> Path:
    raw = [line.encode() if isinstance(line, str) else json.dumps(line).encode() for line in lines]
    return read_path(raw, [MARKET])[MARKET]


def test_prices_and_sizes_are_rounded_towards_safety() -> None:
    levels = {"bids": [["0.70009", "1.239"], ["0.00005", "1"]], "asks": [["0.70011", "2"], ["0.99999", "1"]]}
    (event,) = _read({"type": "quote", "t": 1, **levels}).events
    assert isinstance(event, Quote)
    assert event.book.bid_levels == ((7000, 123),)
    assert event.book.ask_levels == ((7002, 200),)


def test_equal_levels_are_allowed_and_empty_ones_left_out() -> None:
    levels = {"bids": [["0.9", "0"], ["0.7", "1"], ["0.70001", "2"]], "asks": [["0", "5"], ["0.8", "1"], ["0.8", "1"]]}
    (event,) = _read({"type": "quote", "t": 1, **levels}).events
    assert isinstance(event, Quote)
    assert event.book.bid_levels == ((7000, 100), (7000, 200))
    assert event.book.ask_levels == ((8000, 100), (8000, 100))


def test_sides_of_a_candle_without_any_price_are_null() -> None:
    line = {"type": "candle", "from": 0, "to": 1, "bid": ["0", "0", "0.00005", "0"], "ask": ["1", "1", "1", "1"]}
    assert _read(line).events[0] == Candle(0, 1, None, None, _read(candle(0, 1)).events[0].trades)  # type: ignore[union-attr, arg-type]
    (event,) = _read({"type": "candle", "from": 0, "to": 1, "ask": ["0", "0", "0", "0"]}).events
    assert isinstance(event, Candle)
    assert event.ask is None


def test_gaps_and_candles_take_their_place_in_time() -> None:
    path = _read(quote(0, "0.5"), quote(900, "0.5"), gap(100, 800), candle(200, 300))
    assert [type(event) for event in path.events] == [Quote, Gap, Candle, Quote]


def test_since_is_a_gap_with_complete_trades() -> None:
    path = _read(quote(0, "0.5"), status(9, "paused", since=5), status(12, "active", since=12))
    gaps = [event for event in path.events if isinstance(event, Gap)]
    assert [(one.to_ms - one.at_ms, one.trades) for one in gaps] == [(4, True)]
    assert [event.trading for event in path.events if isinstance(event, Status)] == [False, True]


def test_the_watermark_is_the_last_line_or_the_largest_time() -> None:
    assert _read(quote(0, "0.5"), gap(5, 90)).watermark_ms == _read(quote(90, "0.5")).watermark_ms
    assert _read(watermark(3), quote(9, "0.5")).watermark_ms == _read(quote(3, "0.5")).watermark_ms
    assert _read().watermark_ms is None


def test_what_a_line_proves() -> None:
    path = _read(quote(0, "0.5"), trade(7, "0.5"), gap(9, 99))
    assert path.book_proven_ms is not None
    assert path.trades_proven_ms == path.book_proven_ms + 7


def test_lines_of_other_markets_are_ignored_whatever_they_say() -> None:
    other = {"type": "sunshine", "market": "kalshi:OTHER"}
    late = {**quote(-100, "0.5"), "market": "kalshi:OTHER"}
    assert len(_read(quote(0, "0.5"), other, late, {**quote(5, "0.5"), "market": LONG}).events) == 2


def test_unknown_keys_and_empty_lines_are_ignored() -> None:
    assert len(_read({**quote(0, "0.5"), "note": 1}, "\n", quote(1, "0.5")).events) == 2


def test_each_parent_is_in_order_by_itself() -> None:
    legs = [MARKET, MarketId.parse(SHORT)]
    lines = [*of(LONG, quote(5, "0.5")), *of(SHORT, quote(0, "0.5"))]
    paths = read_path([json.dumps(line).encode() for line in lines], legs)
    assert [len(path.events) for path in paths.values()] == [1, 1]


def test_with_two_parents_every_line_names_its_own() -> None:
    with pytest.raises(UsageError, match=r"line 1 of .*'market' is missing"):
        read_path([json.dumps(quote(0, "0.5")).encode()], [MARKET, MarketId.parse(SHORT)])


OHLC = ["0.5", "0.5", "0.6", "0.5"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        pytest.param(["{"], "truncated", id="not JSON"),
        pytest.param(["[]"], "object", id="not an object"),
        pytest.param(['{"type":"quote"}'], "`t`", id="missing key"),
        pytest.param([{"type": "ticker", "t": 1}], "ticker", id="unknown type"),
        pytest.param([{**quote(0), "t": "1"}], r"\$\.t", id="time as a string"),
        pytest.param([{**quote(0), "t": 1.5}], r"\$\.t", id="time with a fraction"),
        pytest.param([{**quote(0), "bids": [[0.5, "1"]]}], "bids", id="price as a number"),
        pytest.param([{**quote(0), "bids": [["0.5"]]}], "bids", id="level without a size"),
        pytest.param([quote(0, "1.00001")], "outside 0 to 1", id="bid above 1"),
        pytest.param([quote(0, "", "1.00001")], "outside 0 to 1", id="ask above 1"),
        pytest.param([quote(0, "-0.1")], "not a decimal", id="below 0"),
        pytest.param([quote(0, "1e-1")], "not a decimal", id="exponent"),
        pytest.param([quote(0, "nan")], "not a decimal", id="nan"),
        pytest.param([quote(0, "0.5", size="-1")], "not a decimal", id="negative size"),
        pytest.param([quote(0, "0.5", "0.5")], "at or above", id="locked"),
        pytest.param([quote(0, "0.6", "0.5")], "at or above", id="crossed"),
        pytest.param([{**quote(0), "bids": [["0.5", "1"], ["0.6", "1"]]}], "bids are not best first", id="bids"),
        pytest.param([{**quote(0), "asks": [["0.6", "1"], ["0.5", "1"]]}], "asks are not best first", id="asks"),
        pytest.param([trade(0, "1.01")], "outside 0 to 1", id="trade above 1"),
        pytest.param([{**trade(0, "0.5"), "id": 7}], r"\$\.id", id="id as a number"),
        pytest.param([quote(5), quote(4)], "out of order", id="quotes"),
        pytest.param([watermark(5), trade(4, "0.5")], "out of order", id="trade"),
        pytest.param([quote(5), watermark(4)], "out of order", id="watermark"),
        pytest.param([gap(5, 9), quote(4)], "out of order", id="before the start of a gap"),
        pytest.param([gap(5, 5)], "not after from", id="empty gap"),
        pytest.param([candle(5, 4)], "not after from", id="candle backwards"),
        pytest.param([candle(0, 9), candle(8, 12)], "overlaps", id="candles"),
        pytest.param([candle(8, 12), candle(0, 9)], "overlaps", id="candles in any order"),
        pytest.param([candle(0, 9), candle(20, 30), candle(0, 9)], "overlaps", id="the same candle again"),
        pytest.param([{**candle(0, 9), "bid": ["0.5", "0.6", "0.5", "0.5"]}], "low of 'bid'", id="bid"),
        pytest.param([{**candle(0, 9), "ask": ["0.5", "0.6", "0.5", "0.5"]}], "low of 'ask'", id="ask"),
        pytest.param([{**candle(0, 9), "trades": ["0.6", "0.5"]}], "low of 'trades'", id="trades"),
        pytest.param([{**candle(0, 9), "bid": ["1.1", *OHLC[1:]]}], "outside 0 to 1", id="candle above 1"),
        pytest.param([{**candle(0, 9), "bid": OHLC[:3]}], "bid", id="three prices"),
        pytest.param([status(5, "paused", since=6)], "is after t", id="since after t"),
        pytest.param([quote(5), status(9, "paused", since=5)], "not later than", id="since at a quote"),
        pytest.param([trade(5, "0.5"), status(9, "paused", since=5)], "not later than", id="since at a trade"),
        pytest.param([status(5), status(9, "paused", since=4)], "not later than", id="since before a status"),
        pytest.param([watermark(5), status(9, "paused", since=4)], "before the watermark", id="since and watermark"),
        pytest.param([{"type": "result", "t": 1, "result": "yes"}], "final", id="final is required"),
        pytest.param([{**status(5), "status": 1}], "status", id="status as a number"),
        pytest.param(['{"t":' + "[" * 100_000], "recursion", id="endless nesting"),
    ],
)
def test_errors_name_the_line(lines: list[Line | str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as error:
        _read(quote(-1000), *lines)
    assert f"line {len(lines) + 1} of the path: " in str(error.value)


def test_since_may_be_at_the_watermark() -> None:
    assert len(_read(watermark(5), status(9, "paused", since=5)).events) == 3


def test_a_reader_does_not_check_how_late_gaps_and_candles_are() -> None:
    path = _read(watermark(5), quote(9, "0.5"), gap(4, 8), candle(4, 8))
    assert [type(event).__name__ for event in path.events] == ["Gap", "Candle", "Watermark", "Quote"]
