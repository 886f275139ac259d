"""`range`, `at`, `average`, `realized` and spreads on hand-made paths; expectations read off `conditions.md`."""

from __future__ import annotations

import pytest

from tests.unit.conditions.build import (
    LONG,
    SHORT,
    Line,
    average,
    candle,
    document,
    executable,
    gap,
    judged,
    mid,
    of,
    quote,
    reach,
    realized,
    result,
    stand,
    status,
    swing,
    trade,
    trades,
    verdict_of,
    watermark,
)

OVER = watermark(10_000)
SWING = document(swing(), executable())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([quote(0, "0.3", "0.4"), quote(5, "0.6", "0.7"), OVER], ("no", 10_000, None), id="exclusive"),
        pytest.param([quote(0, "0.3", "0.4"), quote(5, "0.61", "0.7"), OVER], ("yes", 5, "0.6100"), id="up: bid"),
        pytest.param([quote(0, "0.6", "0.7"), quote(5, "0.3", "0.39"), OVER], ("yes", 5, "0.3900"), id="down: ask"),
        pytest.param([quote(-5, "0.3", "0.4"), quote(0, "0.7", "0.8"), OVER], ("no", 10_000, None), id="before start"),
        pytest.param([quote(0, "0.3"), quote(5, "0.7"), OVER], ("no", 10_000, None), id="no ask, no low"),
        pytest.param(
            [quote(0, "0.3", "0.4"), gap(5, 6), quote(6, "0.3", "0.4"), OVER], ("unknown", 10_000, None), id="gap"
        ),
        pytest.param(
            [quote(0, "0.3", "0.4"), gap(1000, 2000), candle(1000, 2000, bid="0.3", ask="0.4"),
             quote(2000, "0.3", "0.4"), OVER],
            ("no", 10_000, None),
            id="a gap that a candle bounds",
        ),
        pytest.param(
            [quote(0, "0.3", "0.4"), gap(1000, 2000), candle(1000, 2000, bid="0.3 0.65", ask="0.4 0.7"),
             quote(2000, "0.3", "0.4"), OVER],
            ("yes", 2000, "0.6500"),
            id="an attained high",
        ),
        pytest.param(
            [quote(0, "0.5", "0.55"), gap(1000, 2000), candle(1000, 2000, bid="0.3 0.65", ask="0.4 0.7"),
             quote(2000, "0.5", "0.55"), OVER],
            ("yes", 2000, "0.4000"),
            id="high and low attained in one candle",
        ),
    ],
)  # fmt: skip
def test_swing(lines: list[Line], expected: tuple[str, int | None, str | None]) -> None:
    answer, decided, price = judged(SWING, *lines)
    assert (answer, decided) == expected[:2]
    assert price == expected[2] or (lines[1].get("type") == "gap" and price in ("0.6500", "0.4000"))


@pytest.mark.parametrize(
    ("low_until", "high_from", "answer"),
    [(1000, 2999, "yes"), (1000, 3000, "no"), (1001, 3000, "yes")],
)
def test_the_horizon_counts_from_the_last_instant(low_until: int, high_from: int, answer: str) -> None:
    """The low's last instant is a millisecond before it ends; 2 s after it is still within 2 s."""
    spec = document(swing(horizon_s=2), executable())
    lines = [quote(0, "0.3", "0.4"), quote(low_until), quote(high_from, "0.7", "0.8"), OVER]
    assert judged(spec, *lines)[0] == answer


def test_an_unknown_time_in_a_candle_is_taken_at_its_worst() -> None:
    spec = document(swing(horizon_s=3), executable())
    middle = [gap(1000, 2000), candle(1000, 2000, bid="0.3 0.65", ask="0.66 0.7")]
    lines = [quote(0), *middle, quote(2000, "0.3", "0.7")]
    assert judged(spec, *lines, quote(4000, "0.3", "0.4"), OVER) == ("yes", 4000, "0.4000")
    assert judged(spec, *lines, quote(4001, "0.3", "0.4"), OVER)[0] == "unknown"


def test_relative_swing() -> None:
    spec = document(swing("0.2000", unit="relative"), executable())
    assert judged(spec, quote(0, "0.3", "0.5"), quote(5, "0.6", "0.7"), OVER)[0] == "no"
    assert judged(spec, quote(0, "0.3", "0.5"), quote(5, "0.6001", "0.7"), OVER) == ("yes", 5, "0.6001")


def test_swing_of_stretches() -> None:
    spec = document(swing(), mid(held_s=2))
    lines = [quote(0, "0.3", "0.32"), quote(3000, "0.6", "0.62"), quote(4000, "0.58", "0.60"), watermark(9000)]
    assert judged(spec, *lines) == ("yes", 5000, "0.5900")
    close = document(swing(horizon_s=2), mid(held_s=2))
    assert judged(close, *lines, OVER) == ("yes", 5000, "0.5900")
    apart = [quote(0, "0.3", "0.32"), quote(3000), quote(3001, "0.6", "0.62"), OVER]
    assert judged(close, *apart)[0] == "no"
    flicker = [quote(0, "0.3", "0.32"), quote(3000, "0.6", "0.62"), quote(4999, "0.3", "0.32"), OVER]
    assert judged(spec, *flicker) == ("no", 10_000, None)


def test_swing_of_trades() -> None:
    spec = document(swing(horizon_s=2), trades())
    assert judged(spec, trade(0, "0.5"), trade(2000, "0.71"), OVER) == ("yes", 2000, "0.7100")
    assert judged(spec, trade(0, "0.5"), trade(2001, "0.71"), OVER) == ("no", 10_000, None)
    assert judged(spec, trade(0, "0.5"), gap(5, 6), OVER) == ("unknown", 10_000, None)
    assert judged(spec, trade(0, "0.5"), gap(5, 6), candle(5, 6, trades=None), OVER) == ("no", 10_000, None)
    assert judged(spec, trade(0, "0.5"), gap(5, 9), candle(5, 9, trades="0.6 0.8"), OVER) == ("yes", 9, "0.8000")
    pair = document(swing(horizon_s=3), trades("2.00", 2, 1))
    lines = [trade(0, "0.5"), trade(1, "0.52"), trade(2000, "0.75"), trade(2001, "0.8"), OVER]
    assert judged(pair, *lines) == ("yes", 2001, "0.7500")
    assert judged(pair, *lines[:3], OVER) == ("no", 10_000, None)


def test_missing_trades_reach_within_s_further() -> None:
    """What is missing may complete what was traded later: extremes count until `within_s` is past."""
    spec = document(swing(horizon_s=2), trades("2.00", 2, 2))
    near = [gap(1000, 1001), candle(1000, 1001, trades="0.2"), trade(3000, "0.5"), OVER]
    assert judged(spec, *near)[0] == "no"
    high = [gap(1000, 1001), candle(1000, 1001, trades="0.2"), trade(2999, "0.5"), trade(3000, "0.5"), OVER]
    assert judged(spec, *high)[0] == "unknown"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([quote(0, "0.69", "0.71"), OVER], ("yes", 5000, "0.7000"), id="in force"),
        pytest.param([quote(0, "0.2", "0.3"), quote(5000, "0.69", "0.71"), OVER], ("yes", 5000, "0.7000"), id="at t"),
        pytest.param([quote(0, "0.69", "0.71"), quote(5000, "0.2", "0.3"), OVER], ("no", 5000, None), id="replaced"),
        pytest.param([quote(0, "0.69", "0.71"), quote(5000, "0.69"), OVER], ("unknown", 5000, None), id="absent"),
        pytest.param([quote(0, "0.69", "0.71"), status(4000, "paused"), OVER], ("yes", 5000, "0.7000"), id="paused"),
        pytest.param([quote(0, "0.69", "0.71"), status(5000, "paused"), OVER], ("yes", 5000, "0.7000"), id="at once"),
        pytest.param([status(-1, "paused"), status(5001), OVER], ("unknown", 5000, None), id="no trading instant"),
        pytest.param([quote(0, "0.69", "0.71"), gap(4000, 6000), OVER], ("unknown", 5000, None), id="in a gap"),
        pytest.param([quote(0, "0.69", "0.71"), result(3000, "no")], ("yes", 3000, "0.7000"), id="final before"),
        pytest.param(
            [gap(4000, 6000), candle(4000, 6000, bid="0.70 0.71", ask="0.72 0.74"), OVER],
            ("yes", 5000, "0.7100"),
            id="a candle bounds it, decided at the fixed moment",
        ),
        pytest.param(
            [gap(4000, 6000), candle(4000, 6000, bid="0.4 0.5", ask="0.6 0.99"), OVER],
            ("unknown", 5000, None),
            id="maybe absent",
        ),
        pytest.param(
            [gap(4000, 6000), candle(4000, 6000, bid="0.4 0.5", ask="0.6 0.7"), OVER],
            ("no", 5000, None),
            id="maybe absent, but neither bound satisfies",
        ),
    ],
)
def test_at(lines: list[Line], expected: tuple[str, int | None, str | None]) -> None:
    assert judged(document(stand(5), mid()), *lines) == expected


def test_at_the_end_of_the_window() -> None:
    spec = document(stand(10), mid())
    lines = [quote(0, "0.2", "0.3"), quote(10_000, "0.69", "0.71")]
    assert judged(spec, *lines, OVER)[0] == "pending"
    assert judged(spec, *lines, watermark(10_001)) == ("yes", 10_000, "0.7000")
    assert judged(spec, quote(0, "0.69", "0.71"), status(10_000, "closed"), watermark(10_001))[0] == "yes"


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        pytest.param([quote(0, "0.59", "0.61"), quote(5000, "0.79", "0.81")], "yes", id="exactly"),
        pytest.param([quote(0, "0.59", "0.61"), quote(5001, "0.79", "0.81")], "no", id="a millisecond less"),
        pytest.param([quote(0, "0.69", "0.71"), quote(9000)], "yes", id="absent for a tenth"),
        pytest.param([quote(0, "0.69", "0.71"), quote(8999)], "unknown", id="absent for more"),
        pytest.param([quote(0)], "unknown", id="absent everywhere"),
        pytest.param([quote(0, "0.79", "0.81"), status(1000, "closed")], "yes", id="trading time only"),
        pytest.param([quote(0, "0.79", "0.81"), gap(5000, 6000), quote(6000, "0.79", "0.81")], "yes", id="gap: 0.72"),
        pytest.param([quote(0, "0.75", "0.77"), gap(5000, 6000), quote(6000, "0.75", "0.77")], "unknown", id="0.684"),
        pytest.param([quote(0, "0.49", "0.51"), gap(5000, 6000), quote(6000, "0.49", "0.51")], "no", id="0.55 at most"),
    ],
)
def test_average(lines: list[Line], answer: str) -> None:
    assert judged(document(average(), mid()), *lines, OVER) == (answer, 10_000, None)


def test_average_down_is_inclusive_to_the_millisecond() -> None:
    spec = document(average(direction="down"), mid())
    assert judged(spec, quote(0, "0.59", "0.61"), quote(5000, "0.79", "0.81"), OVER)[0] == "yes"
    assert judged(spec, quote(0, "0.59", "0.61"), quote(4999, "0.79", "0.81"), OVER)[0] == "no"


MINUTES = watermark(180_000)


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        pytest.param([quote(-1, "0.49", "0.51"), quote(59_999, "0.69", "0.71")], "no", id="0.2 is not more"),
        pytest.param([quote(-1, "0.49", "0.51"), quote(59_999, "0.6901", "0.7101")], "yes", id="0.2001 from the start"),
        pytest.param([quote(-1, "0.49", "0.51"), quote(180_000, "0.8", "0.82")], "no", id="just before the end"),
        pytest.param([quote(-1, "0.49", "0.51"), quote(179_999, "0.8", "0.82")], "yes", id="at the last sample"),
        pytest.param([quote(-1, "0.49", "0.51"), quote(30_000), quote(70_000, "0.7", "0.72")], "yes", id="skipped"),
        pytest.param([quote(-1, "0.49", "0.51"), gap(59_999, 60_000), quote(60_000, "0.49", "0.51")], "unknown",
                     id="a sample that is not known"),
        pytest.param([quote(-1, "0.49", "0.51"), gap(1, 60_000),
                      candle(1, 60_000, bid="0.2 0.49", ask="0.51 0.9"), quote(60_000, "0.49", "0.51")], "no",
                     id="closes too far apart are absent: skipped"),
        pytest.param([quote(-1, "0.49", "0.51"), gap(1, 60_000),
                      candle(1, 60_000, bid="0.2 0.49", ask="0.51"), quote(60_000, "0.49", "0.51")], "no",
                     id="the closes of a candle"),
        pytest.param([quote(-1, "0.49", "0.51"), status(30_000, "paused")], "no", id="not trading is skipped"),
    ],
)  # fmt: skip
def test_realized(lines: list[Line], answer: str) -> None:
    spec = document(realized(), mid(max_spread="0.3000"), seconds=180)
    assert judged(spec, *lines, MINUTES) == (answer, 180_000, None)


SPREAD = document(reach("0.0500"), executable(), spread=True)
BOTH_OVER = [*of(LONG, OVER), *of(SHORT, OVER)]


def test_a_spread_is_what_can_be_had_of_both() -> None:
    long, short = of(LONG, quote(0, "0.50", "0.52")), of(SHORT, quote(5, "0.57", "0.60"))
    assert judged(SPREAD, *long, *short, *BOTH_OVER) == ("yes", 5, "0.0500")
    dearer = of(SHORT, quote(5, "0.5699", "0.60"))
    assert judged(SPREAD, *long, *dearer, *BOTH_OVER)[0] == "unknown"
    known = [*of(SHORT, quote(0, "0.5", "0.6")), *long, *dearer, *BOTH_OVER]
    assert judged(SPREAD, *known) == ("no", 10_000, None)


def test_a_spread_in_either_order() -> None:
    either = document(reach("0.0500", "either"), executable(), spread=True)
    lines = [*of(LONG, quote(0, "0.57", "0.60")), *of(SHORT, quote(0, "0.50", "0.52"))]
    assert judged(either, *lines, *BOTH_OVER) == ("yes", 0, "0.0500")
    assert judged(SPREAD, *lines, *BOTH_OVER) == ("no", 10_000, None)


def test_a_spread_trades_while_both_legs_do() -> None:
    lines = [*of(LONG, quote(0, "0.50", "0.52"), status(100, "paused")), *of(SHORT, quote(200, "0.9", "0.95"))]
    assert judged(SPREAD, *lines, *BOTH_OVER)[0] == "unknown"
    lines = [*of(SHORT, quote(0, "0.5", "0.6")), *lines]
    verdict = verdict_of(SPREAD, [*lines, *BOTH_OVER])
    assert (str(verdict.answer), verdict.coverage.not_trading_ms) == ("no", 9900)


def test_a_spread_is_over_when_both_legs_are() -> None:
    books = [*of(LONG, quote(0, "0.5", "0.52")), *of(SHORT, quote(0, "0.5", "0.52"))]
    first = of(LONG, result(4000, "no"))
    assert judged(SPREAD, *books, *first, *of(SHORT, watermark(5000)))[0] == "pending"
    assert judged(SPREAD, *books, *first, *of(SHORT, result(6000, "no"))) == ("no", 6000, None)
    assert judged(SPREAD, *books, *first, *of(SHORT, OVER)) == ("no", 10_000, None)


def test_a_spread_takes_only_the_last_state_of_a_millisecond() -> None:
    start = [*of(LONG, quote(0, "0.50", "0.52")), *of(SHORT, quote(0, "0.50", "0.52"))]
    rise = [*of(SHORT, quote(5, "0.60", "0.62")), *of(LONG, quote(5, "0.60", "0.62"))]
    assert judged(SPREAD, *start, *rise, *BOTH_OVER)[0] == "no"


def test_a_spread_swings_on_its_own_signal() -> None:
    spec = document(swing("0.1000"), mid(), spread=True)
    start = [*of(LONG, quote(0, "0.50", "0.52")), *of(SHORT, quote(0, "0.50", "0.52"))]
    wide = of(SHORT, quote(5, "0.60", "0.6201"))
    assert judged(spec, *start, *wide, *BOTH_OVER) == ("yes", 5, "0.10005")
    assert judged(spec, *start, *of(SHORT, quote(5, "0.60", "0.62")), *BOTH_OVER)[0] == "no"


def test_a_spread_in_a_candle_is_bounded_and_attains_nothing() -> None:
    lines = [
        *of(LONG, quote(0, "0.50", "0.52")),
        *of(SHORT, quote(0, "0.50", "0.52"), gap(1000, 2000), candle(1000, 2000, bid="0.4 0.9")),
        *of(SHORT, quote(2000, "0.50", "0.52")),
    ]
    assert judged(SPREAD, *lines, *BOTH_OVER)[0] == "unknown"
    lines[3] = {**lines[3], "bid": ["0.6", "0.6", "0.9", "0.9"]}
    assert judged(SPREAD, *lines, *BOTH_OVER) == ("yes", 2000, "0.0800")
