"""Edges: amounts just exceeded, horizons just long enough, smallest prices, candles of one side."""

from __future__ import annotations

import pytest

from tests.unit.conditions.build import (
    candle,
    document,
    executable,
    gap,
    judged,
    mid,
    quote,
    reach,
    swing,
    trade,
    trades,
)
from tests.unit.conditions.build import watermark as proven

END = proven(10_000)


@pytest.mark.parametrize(
    ("high", "low", "expected"),
    [("0.9902", "0.9001", "yes"), ("0.9901", "0.9001", "no"), ("0.0011", "0.0010", "no"), ("0.0012", "0.0010", "yes")],
)
def test_relative_amounts_are_exact(high: str, low: str, expected: str) -> None:
    spec = document(swing("0.1000", unit="relative"), trades())
    assert judged(spec, quote(0), trade(1, low), trade(2, high), END)[0] == expected


@pytest.mark.parametrize("price", [trades(), executable(), mid(max_spread="0.9999")])
def test_unknown_time_may_swing_by_all_of_a_dollar(price: dict[str, object]) -> None:
    spec = document(swing("0.9999"), price)
    assert judged(spec, quote(0, "0.5", "0.6"), gap(1000, 9000), quote(9000, "0.5", "0.6"), END)[0] == "unknown"


@pytest.mark.parametrize(("horizon_s", "expected"), [(2, ("unknown", 10_000, None)), (3, ("yes", 5000, "0.7000"))])
def test_an_attained_high_after_a_plateau_is_as_far_as_its_end(horizon_s: int, expected: tuple[str, int, str]) -> None:
    spec = document(swing(horizon_s=horizon_s), executable())
    lines = [quote(0, "0.3", "0.4"), gap(2001, 6000), candle(3000, 5000, bid="0.3 0.7", ask="0.8")]
    assert judged(spec, *lines, quote(6000, "0.6", "0.8"), END) == expected


@pytest.mark.parametrize(("horizon_s", "expected"), [(2, ("unknown", 10_000, None)), (3, ("yes", 6000, "0.7000"))])
def test_a_plateau_after_an_attained_low_is_as_far_as_its_start(horizon_s: int, expected: tuple[str, int, str]) -> None:
    spec = document(swing(horizon_s=horizon_s), executable())
    lines = [quote(0, "0.5", "0.65"), gap(2001, 6000), candle(3001, 5000, bid="0.3", ask="0.4 0.65")]
    assert judged(spec, *lines, quote(6000, "0.7", "0.8"), END) == expected


@pytest.mark.parametrize("ask", ["0.0002", "0.0001 0.0002"])
def test_a_mid_of_the_smallest_prices_is_surely_there(ask: str) -> None:
    spec = document({"type": "average", "direction": "down", "level": "0.1000"}, mid(max_spread="0.1000"))
    lines = [gap(-1000, 10_000), candle(0, 10_000, bid="0.0001", ask=ask)]
    assert judged(spec, *lines, END)[0] == "yes"


def test_a_candle_shows_the_farthest_trade_of_a_gap() -> None:
    spec = document(swing("0.2000", horizon_s=10), trades("5.00"))
    lines = [quote(0), trade(500, "0.50", "5"), gap(1000, 2000), candle(1000, 2000, trades="0.4 0.71")]
    assert judged(spec, *lines, END)[0] == "unknown"
    narrow = [quote(0), trade(500, "0.50", "5"), gap(1000, 2000), candle(1000, 2000, trades="0.51 0.70")]
    assert judged(spec, *narrow, END)[0] == "no"


@pytest.mark.parametrize(("horizon_s", "expected"), [(1, ("unknown", 10_000, None)), (2, ("yes", 6000, "0.7000"))])
def test_of_a_plateau_in_a_gap_the_end_is_nearest_to_what_comes_next(
    horizon_s: int, expected: tuple[str, int, str]
) -> None:
    spec = document(swing(horizon_s=horizon_s), executable())
    lines = [gap(0, 6000), candle(1000, 4000, bid="0.3", ask="0.4"), candle(4000, 6000, bid="0.3 0.7", ask="0.8")]
    assert judged(spec, quote(-1), *lines, quote(6000, "0.3", "0.8"), END) == expected


@pytest.mark.parametrize(("at", "expected"), [(999, "no"), (1000, "unknown"), (5999, "unknown"), (6000, "no")])
def test_how_near_a_trade_lies_to_a_gap(at: int, expected: str) -> None:
    spec = document(swing(horizon_s=2), trades("5.00"))
    lines = [gap(3000, 4000), candle(3000, 4000, trades="0.55 0.75")]
    earlier, later = ([trade(at, "0.50", "5")], []) if at < 3000 else ([], [trade(at, "0.50", "5")])
    assert judged(spec, quote(0), *earlier, *lines, *later, END)[0] == expected


@pytest.mark.parametrize(
    ("sides", "direction", "level", "expected"),
    [({"bid": "0.3"}, "down", "0.1500", "unknown"), ({"bid": "0.3"}, "down", "0.1499", "no"),
     ({"ask": "0.3"}, "down", "0.1500", "unknown"), ({"ask": "0.3"}, "down", "0.1499", "no"),
     ({"bid": "0.3"}, "up", "0.6500", "unknown"), ({"bid": "0.3"}, "up", "0.6501", "no")],
)  # fmt: skip
def test_a_candle_of_one_side_bounds_the_mid(sides: dict[str, str], direction: str, level: str, expected: str) -> None:
    spec = document({"type": "reach", "direction": direction, "level": level}, mid(max_spread="0.9999"))
    lines = [gap(-1000, 10_000), candle(0, 10_000, **sides)]
    assert judged(spec, *lines, END)[0] == expected


@pytest.mark.parametrize(
    ("bounds", "last", "at", "expected"),
    [("0.60 0.75", "0.50", 4900, "unknown"), ("0.60 0.75", "0.50", 4901, "no"),
     ("0.45 0.60", "0.70", 4900, "unknown"), ("0.45 0.60", "0.70", 4901, "no")],
)  # fmt: skip
def test_a_trade_soon_after_a_gap_may_complete_what_the_gap_hides(
    bounds: str, last: str, at: int, expected: str
) -> None:
    spec = document(swing(horizon_s=2), trades("5.00"))
    lines = [gap(1000, 2000), candle(1000, 2000, trades=bounds), trade(2900, "0.60", "5"), trade(at, last, "5")]
    assert judged(spec, quote(0), *lines, END)[0] == expected


@pytest.mark.parametrize(("at", "expected"), [(6998, "unknown"), (6999, "no")])
def test_how_long_one_candle_of_trades_reaches_into_the_next(at: int, expected: str) -> None:
    spec = document(swing(horizon_s=4), trades("5.00"))
    candles = [candle(1000, 2000, trades="0.60 0.75"), candle(2000, 6000, trades="0.60 0.60")]
    assert judged(spec, quote(0), gap(1000, 6000), *candles, trade(at, "0.50", "5"), END)[0] == expected


@pytest.mark.parametrize("later", ["0.70", "0.80"])
def test_of_an_attained_price_and_a_later_trade_the_earlier_decides(later: str) -> None:
    spec = document(reach(), trades())
    lines = [quote(0), gap(1000, 2000), candle(1000, 2000, trades="0.71 0.75"), trade(3000, later)]
    assert judged(spec, *lines, END) == ("yes", 2000, "0.7100")
    assert judged(spec, quote(0), trade(500, later), *lines[1:], END) == ("yes", 500, f"{later}00")


@pytest.mark.parametrize(("at", "expected"), [(999, "yes"), (998, "unknown")])
def test_an_attained_trade_is_taken_at_its_farthest(at: int, expected: str) -> None:
    spec = document(swing(horizon_s=2), trades())
    lines = [gap(1000, 3000), candle(1000, 3000, trades="0.50")]
    assert judged(spec, quote(0), trade(at, "0.75"), *lines, END)[0] == expected
