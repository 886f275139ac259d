"""`reach`, `hold` and `outcome` on hand-made paths; every expectation is read off `conditions.md`."""

from __future__ import annotations

import pytest

from tests.unit.conditions.build import (
    Line,
    book,
    candle,
    document,
    executable,
    gap,
    hold,
    judged,
    mid,
    quote,
    reach,
    result,
    stand,
    status,
    trade,
    trades,
    verdict_of,
    watermark,
)

TOUCH = document(reach(), executable())
HELD = document(reach(), executable(held_s=2))
OVER = watermark(10_000)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([quote(0, "0.70"), OVER], ("yes", 0, "0.7000"), id="levels are inclusive, start is inside"),
        pytest.param([quote(0, "0.6999"), OVER], ("no", 10_000, None), id="a hundredth of a cent below"),
        pytest.param([quote(0, "0.69999"), OVER], ("no", 10_000, None), id="bids round down"),
        pytest.param([quote(-5, "0.71"), quote(0, "0.60"), OVER], ("no", 10_000, None), id="replaced at the start"),
        pytest.param([quote(-5, "0.71"), quote(1, "0.60"), OVER], ("yes", 0, "0.7100"), id="in force at the start"),
        pytest.param([quote(0, "0.60"), quote(10_000, "0.70"), OVER], ("no", 10_000, None), id="the end is outside"),
        pytest.param([quote(0, "0.6"), quote(9999, "0.70"), OVER], ("yes", 9999, "0.7000"), id="the last instant"),
        pytest.param([quote(0, "0.60"), quote(5, "0.70"), quote(5, "0.60"), OVER], ("no", 10_000, None), id="same t"),
        pytest.param([quote(0, "0.60"), quote(5, "0.70")], ("pending", None, None), id="the last instant is uncertain"),
        pytest.param([quote(0, "0.6"), quote(5, "0.7"), trade(9, "0.1")], ("yes", 5, "0.7000"), id="no watermark line"),
        pytest.param(
            [watermark(0), quote(0, "0.6"), quote(5, "0.7"), trade(9, "0.1")],
            ("pending", None, None),
            id="a trade proves nothing about books",
        ),
        pytest.param([quote(1, "0.60"), OVER], ("unknown", 10_000, None), id="unknown before the first quote"),
        pytest.param([gap(-9, 3), quote(3, "0.60"), OVER], ("unknown", 10_000, None), id="a gap at the start"),
        pytest.param([quote(0, "0.6"), watermark(9999)], ("pending", None, None), id="not over"),
        pytest.param([quote(0, "0.6"), watermark(9999), quote(10_001, "0.7")], ("pending", None, None), id="needs W"),
        pytest.param([quote(0), OVER], ("no", 10_000, None), id="an absent side is false"),
        pytest.param([quote(0, "1.00"), OVER], ("yes", 0, "1.0000"), id="a bid of 1 is a price"),
        pytest.param([quote(0, "0.6"), result(500, "no")], ("no", 500, None), id="final before the end"),
        pytest.param([quote(0, "0.6"), result(500, "no", final=False)], ("pending", None, None), id="not final"),
        pytest.param([quote(0, "0.6"), result(500, "no"), quote(600, "0.9"), OVER], ("no", 500, None), id="jump"),
        pytest.param([quote(0, "0.6"), result(20_000, "no")], ("no", 10_000, None), id="final after the end"),
        pytest.param([result(-5, "no"), OVER], ("unknown", -5, None), id="no trading time in the window"),
        pytest.param([status(-9, "paused"), OVER], ("unknown", 10_000, None), id="never traded"),
        pytest.param(
            [quote(0, "0.6"), result(500, "no"), result(600, "no"), result(700, "yes", final=False), quote(800, "0.7"),
             watermark(801)],
            ("yes", 800, "0.7000"),
            id="a final result taken back",
        ),
        pytest.param(
            [quote(0, "0.6"), result(500, "no"), result(600, "yes"), result(700, "yes")], ("no", 600, None), id="run"
        ),
    ],
)  # fmt: skip
def test_touch(lines: list[Line], expected: tuple[str, int | None, str | None]) -> None:
    assert judged(TOUCH, *lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([quote(0, "0.7"), quote(2000, "0.6"), OVER], ("yes", 2000, "0.7000"), id="just long enough"),
        pytest.param([quote(0, "0.7"), quote(1999, "0.6"), OVER], ("no", 10_000, None), id="a millisecond short"),
        pytest.param([quote(0, "0.7"), watermark(2000)], ("yes", 2000, "0.7000"), id="certain at once"),
        pytest.param([quote(0, "0.7"), watermark(1999)], ("pending", None, None), id="not yet certain"),
        pytest.param([quote(0, "0.6"), quote(8000, "0.7"), OVER], ("yes", 10_000, "0.7000"), id="ends at the end"),
        pytest.param([quote(0, "0.6"), quote(8001, "0.7"), OVER], ("no", 10_000, None), id="too late to fit"),
        pytest.param([quote(-9000, "0.7"), quote(1999, "0.6"), OVER], ("no", 10_000, None), id="begins in the window"),
        pytest.param(
            [quote(0, "0.7"), quote(1000, "0.8"), quote(1500, "0.75"), OVER], ("yes", 2000, "0.7500"), id="last instant"
        ),
        pytest.param(
            [quote(0, "0.7"), gap(1000, 1001), quote(1001, "0.7"), watermark(2500)], ("pending", None, None), id="gap"
        ),
        pytest.param(
            [quote(0, "0.7"), gap(1000, 1001), quote(1001, "0.7"), quote(2900, "0.6"), OVER],
            ("unknown", 10_000, None),
            id="a gap breaks a stretch but may have been true",
        ),
        pytest.param(
            [quote(0, "0.7"), gap(900, 1000), quote(1000, "0.7"), OVER], ("yes", 3000, "0.7000"), id="after the gap"
        ),
        pytest.param(
            [quote(0, "0.6"), gap(900, 1000), quote(1000, "0.6"), OVER], ("no", 10_000, None), id="too short a gap"
        ),
        pytest.param(
            [quote(0, "0.6"), gap(900, 2900), quote(2900, "0.6"), OVER], ("unknown", 10_000, None), id="a gap that fits"
        ),
        pytest.param(
            [quote(0, "0.6"), gap(900, 2899), quote(2900, "0.6"), OVER],
            ("unknown", 10_000, None),
            id="unknown from the end of the gap to the next quote",
        ),
        pytest.param(
            [quote(0, "0.7"), status(1000, "paused"), status(5000), quote(5000, "0.7"), OVER],
            ("yes", 6000, "0.7000"),
            id="not trading is cut out",
        ),
        pytest.param([quote(0, "0.7"), status(2000, "paused"), OVER], ("yes", 2000, "0.7000"), id="earliest wall time"),
        pytest.param(
            [quote(0, "0.7"), status(1000, "paused"), status(5000), quote(5001, "0.7"), quote(6001, "0.6"), OVER],
            ("unknown", 10_000, None),
            id="unknown after a pause until a quote",
        ),
        pytest.param(
            [quote(0, "0.7"), status(500, "closed"), quote(600, "0.8"), OVER],
            ("unknown", 10_000, None),
            id="less trading time than held_s",
        ),
        pytest.param([quote(0, "0.7"), status(500), OVER], ("yes", 2000, "0.7000"), id="active again changes nothing"),
        pytest.param(
            [quote(0, "0.7"), status(1500, "active", since=1000), quote(1500, "0.7"), quote(3000, "0.6"), OVER],
            ("unknown", 10_000, None),
            id="since is a gap of the book",
        ),
        pytest.param([quote(0, "0.7"), result(2000, "yes")], ("yes", 2000, "0.7000"), id="up to the final result"),
        pytest.param([quote(0, "0.6"), quote(500, "0.7"), result(2000, "yes")], ("no", 2000, None), id="cut by it"),
    ],
)
def test_dwell(lines: list[Line], expected: tuple[str, int | None, str | None]) -> None:
    assert judged(HELD, *lines) == expected


def test_status_and_result_of_a_millisecond_come_first() -> None:
    assert judged(TOUCH, quote(0, "0.6"), quote(5, "0.7"), status(5, "paused"), OVER)[0] == "no"
    assert judged(TOUCH, quote(0, "0.6"), status(5, "paused"), quote(9, "0.7"), status(9), OVER)[:2] == ("yes", 9)
    assert judged(TOUCH, quote(0, "0.6"), quote(5, "0.7"), result(5, "no"))[:2] == ("no", 5)


def test_levels_add_up_to_the_size_asked_for() -> None:
    deep = book(0, [["0.72", "40"], ["0.71", "60"], ["0.70", "1"]], [])
    assert judged(document(reach(), executable(min_size="100.00")), deep, OVER) == ("yes", 0, "0.7100")
    assert judged(document(reach("0.7100"), executable(min_size="100.01")), deep, OVER)[0] == "no"
    assert judged(document(reach(), executable(min_size="101.01")), deep, OVER) == ("no", 10_000, None)
    thin = book(0, [["0.72", "0.009"], ["0.60", "100"]], [])
    assert judged(TOUCH, thin, OVER)[0] == "no"


@pytest.mark.parametrize(
    ("direction", "line", "expected"),
    [
        ("down", quote(0, "0.60", "0.70"), ("yes", 0, "0.7000")),
        ("down", quote(0, "0.60", "0.70001"), ("no", 10_000, None)),
        ("down", quote(0, "0.60", "1.00"), ("no", 10_000, None)),
        ("either", quote(0, "0.20", "0.30"), ("yes", 0, "0.3000")),
        ("either", quote(0, "0.70", "0.80"), ("yes", 0, "0.7000")),
        ("either", quote(0, "0.31", "0.69"), ("no", 10_000, None)),
    ],
)
def test_directions(direction: str, line: Line, expected: tuple[str, int | None, str | None]) -> None:
    assert judged(document(reach(direction=direction), executable()), line, OVER) == expected


def test_either_judges_each_side_alone() -> None:
    both = document(reach(direction="either"), executable(held_s=2))
    lines = [quote(0, "0.7", "0.8"), quote(1000, "0.2", "0.3"), quote(2500, "0.5", "0.6"), OVER]
    assert judged(both, *lines) == ("no", 10_000, None)
    kept = document(hold(direction="either"), executable())
    assert judged(kept, quote(0, "0.7", "0.8"), quote(5, "0.2", "0.3"), OVER) == ("no", 5, "0.2000")
    assert judged(kept, quote(0, "0.2", "0.3"), OVER) == ("yes", 10_000, None)
    assert judged(kept, quote(0, "0.2", "0.3"), gap(5, 6), quote(6, "0.2", "0.3"), OVER)[0] == "unknown"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([quote(0, "0.7"), OVER], ("yes", 10_000, None), id="held"),
        pytest.param([quote(0, "0.7"), watermark(9999)], ("pending", None, None), id="not over"),
        pytest.param([quote(0, "0.7"), quote(5, "0.6"), quote(2005, "0.7"), OVER], ("no", 2005, "0.6000"), id="lost"),
        pytest.param([quote(0, "0.7"), quote(5, "0.6"), quote(2004, "0.7"), OVER], ("yes", 10_000, None), id="dip"),
        pytest.param([quote(0, "0.7"), quote(5), OVER], ("no", 2005, "absent"), id="an absent side is a dip"),
        pytest.param([quote(0, "0.7"), gap(5, 2004), quote(2004, "0.7"), OVER], ("yes", 10_000, None), id="short gap"),
        pytest.param([quote(0, "0.7"), gap(5, 2005), quote(2005, "0.7"), OVER], ("unknown", 10_000, None), id="gap"),
        pytest.param([quote(0, "0.7"), result(500, "yes")], ("unknown", 500, None), id="too little trading time"),
        pytest.param([quote(0, "0.7"), result(2000, "yes")], ("yes", 2000, None), id="final"),
    ],
)
def test_hold(lines: list[Line], expected: tuple[str, int | None, str | None]) -> None:
    assert judged(document(hold(), executable(held_s=2)), *lines) == expected


@pytest.mark.parametrize(
    ("max_spread", "line", "expected"),
    [
        ("0.1000", quote(0, "0.65", "0.75"), ("yes", 0, "0.7000")),
        ("0.0999", quote(0, "0.65", "0.75"), ("no", 10_000, None)),
        ("0.1000", quote(0, "0.6999", "0.7002"), ("yes", 0, "0.70005")),
        ("0.1000", quote(0, "0.6998", "0.7001"), ("no", 10_000, None)),
        ("0.9000", quote(0, "0.9"), ("no", 10_000, None)),
    ],
)
def test_mid(max_spread: str, line: Line, expected: tuple[str, int | None, str | None]) -> None:
    assert judged(document(reach(), mid(max_spread=max_spread)), line, OVER) == expected


GAP = gap(1000, 4000)


@pytest.mark.parametrize(
    ("candles", "expected"),
    [
        pytest.param([candle(1000, 4000, bid="0.50 0.69")], ("no", 10_000, None), id="below throughout"),
        pytest.param([candle(1000, 4000, bid="0.50 0.72")], ("yes", 4000, "0.7200"), id="a high is attained"),
        pytest.param([candle(1000, 4000, bid="0.71 0.75")], ("yes", 4000, "0.7100"), id="true throughout"),
        pytest.param([candle(999, 4000, bid="0.50 0.72")], ("unknown", 10_000, None), id="not wholly in its gap"),
        pytest.param([candle(1000, 4001, bid="0.71 0.72")], ("yes", 4001, "0.7100"), id="bounds reach beyond the gap"),
        pytest.param([candle(1000, 4000, ask="0.90")], ("unknown", 10_000, None), id="a missing key proves nothing"),
        pytest.param([candle(1000, 4000, bid=None)], ("no", 10_000, None), id="null: no bid"),
        pytest.param([candle(1000, 4000, bid="0")], ("no", 10_000, None), id="high 0 is null"),
        pytest.param([candle(1000, 3000, bid="0.6")], ("unknown", 10_000, None), id="only part of the gap"),
        pytest.param(
            [candle(1000, 3000, bid="0.60"), candle(3000, 4000, bid="0.61")], ("no", 10_000, None), id="two candles"
        ),
        pytest.param(
            [status(2000, "paused"), status(2500), candle(1000, 4000, bid="0.50 0.72")],
            ("unknown", 10_000, None),
            id="not wholly trading",
        ),
    ],
)
def test_candles_bound_and_attain_in_gaps(candles: list[Line], expected: tuple[str, int | None, str | None]) -> None:
    assert judged(TOUCH, quote(0, "0.6"), GAP, *candles, quote(4000, "0.6"), OVER) == expected


def test_candles_outside_gaps_prove_nothing() -> None:
    assert judged(TOUCH, quote(0, "0.6"), candle(1000, 2000, bid="0.9"), OVER)[0] == "no"


def test_candles_and_sizes() -> None:
    large = document(reach(), executable(min_size="0.02"))
    assert judged(large, quote(0, "0.6"), GAP, candle(1000, 4000, bid="0.71"), quote(4000, "0.6"), OVER)[0] == "unknown"
    assert judged(large, quote(0, "0.6"), GAP, candle(1000, 4000, bid="0.69"), quote(4000, "0.6"), OVER)[0] == "no"


def test_a_stretch_through_a_candle_follows_at_its_end() -> None:
    lines = [quote(0, "0.6"), gap(1000, 3500), candle(1000, 6000, bid="0.71 0.74")]
    assert judged(HELD, *lines, quote(3500, "0.6"), OVER) == ("yes", 6000, "0.7100")
    assert judged(HELD, *lines, quote(3500, "0.73"), OVER) == ("yes", 5500, "0.7300")


def test_attained_low_breaks_a_hold() -> None:
    kept = document(hold(), executable())
    lines = [quote(0, "0.7"), GAP, candle(1000, 4000, bid="0.69 0.80"), quote(4000, "0.7"), OVER]
    assert judged(kept, *lines) == ("no", 4000, "0.6900")
    empty = [quote(0, "0.7"), GAP, candle(1000, 4000, bid="0 0.80"), quote(4000, "0.7"), OVER]
    assert judged(kept, *empty) == ("unknown", 10_000, None)


def test_trades_within_a_time() -> None:
    three = document(reach(), trades("3.00", 2, 1))
    assert judged(three, trade(0, "0.7", "1"), trade(999, "0.8", "2"), OVER) == ("yes", 999, "0.8000")
    assert judged(three, trade(0, "0.7", "1"), trade(1000, "0.8", "2"), OVER) == ("no", 10_000, None)
    assert judged(three, trade(0, "0.7", "5"), OVER)[0] == "no"
    assert judged(three, trade(-1, "0.7", "1"), trade(0, "0.8", "2"), OVER)[0] == "no"
    assert judged(three, trade(5, "0.7", "1"), trade(5, "0.69", "9"), trade(5, "0.71", "2"), OVER)[:2] == ("yes", 5)
    assert judged(three, trade(9999, "0.7", "1.5"), trade(9999, "0.71", "1.5"), watermark(9999))[0] == "pending"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (trade(5, "0.69995"), "yes"),
        (trade(5, "0.69994"), "no"),
        (trade(5, "0.8", block=True), "no"),
        (trade(5, "0.8", "0.009"), "no"),
        (trade(10_000, "0.8"), "no"),
    ],
)
def test_which_trades_count(line: Line, answer: str) -> None:
    assert judged(document(reach(), trades()), line, OVER)[0] == answer


def test_empty_and_block_trades_do_not_count_towards_a_number() -> None:
    two = document(reach(), trades("1.00", 2, 1))
    assert judged(two, trade(5, "0.7", "5"), trade(6, "0.7", "0"), OVER)[0] == "no"
    assert judged(two, trade(5, "0.7", "5"), trade(6, "0.7", "1", block=True), OVER)[0] == "no"
    assert judged(two, trade(5, "0.7", "5"), trade(6, "0.7", "0.01"), OVER)[0] == "yes"


def test_a_repeated_id_is_ignored_whatever_the_first_one_was() -> None:
    first, again = trade(5, "0.8", "0", id="x"), trade(6, "0.8", "1", id="x")
    assert judged(document(reach(), trades()), first, again, OVER)[0] == "no"


def test_trades_need_no_book_and_stop_with_trading() -> None:
    spec = document(reach(), trades())
    assert judged(spec, gap(0, 9000, complete=True), trade(5, "0.7"), OVER) == ("yes", 5, "0.7000")
    assert judged(spec, gap(0, 9000), trade(5, "0.7"), OVER) == ("unknown", 10_000, None)
    assert judged(spec, trade(5, "0.7"), status(5, "paused"), OVER)[0] == "no"
    assert judged(spec, status(50, "paused", since=2), trade(50, "0.7"), OVER)[0] == "no"
    assert judged(spec, trade(5, "0.6"), trade(9, "0.7"))[0] == "pending"
    assert judged(spec, watermark(0), trade(9, "0.7"), trade(10, "0.6")) == ("yes", 9, "0.7000")


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ({"trades": None}, ("no", 10_000, None)),
        ({"trades": "0.5 0.69"}, ("no", 10_000, None)),
        ({"trades": "0.5 0.71"}, ("yes", 4000, "0.7100")),
        ({"bid": "0.5"}, ("unknown", 10_000, None)),
    ],
)
def test_candles_where_trades_are_missing(sides: Line, expected: tuple[str, int | None, str | None]) -> None:
    lines = [trade(5, "0.6"), GAP, candle(1000, 4000, **sides), OVER]
    assert judged(document(reach(), trades()), *lines) == expected
    if expected[0] == "yes":
        assert judged(document(reach(), trades("0.02")), *lines)[0] == "unknown"
        assert judged(document(reach(), trades(min_trades=2)), *lines)[0] == "unknown"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([result(5, "yes")], ("yes", 5, None)),
        ([result(5, "no")], ("no", 5, None)),
        ([result(5, "void")], ("unknown", 5, None)),
        ([result(5, "yes", final=False)], ("pending", None, None)),
        ([OVER], ("pending", None, None)),
        ([result(20_000, "yes"), result(20_005, "yes")], ("yes", 20_000, None)),
        ([result(5, "yes"), result(9, "no", final=False)], ("pending", None, None)),
        ([result(5, "yes"), result(9, "no"), result(12, "yes")], ("yes", 12, None)),
    ],
)
def test_outcome(lines: list[Line], expected: tuple[str, int | None, str | None]) -> None:
    assert judged(document({"type": "outcome", "result": "yes"}, None), *lines) == expected


def test_coverage_adds_up_to_the_time_known() -> None:
    lines = [
        quote(-5, "0.6"),
        gap(1000, 4000),
        candle(2000, 3000, bid="0.6"),
        quote(4500, "0.6"),
        status(7000, "paused"),
        status(8000),
        watermark(9000),
    ]
    coverage = verdict_of(TOUCH, lines).coverage
    assert coverage.observed_ms == 1000 + 2500
    assert coverage.bounded_ms == 1000
    assert coverage.unknown_ms == 2000 + 500 + 1000
    assert coverage.not_trading_ms == 1000
    assert coverage.window_ms == 10_000


def test_time_after_a_final_result_is_known_not_to_trade() -> None:
    coverage = verdict_of(TOUCH, [quote(0, "0.6"), result(4000, "no")]).coverage
    assert (coverage.observed_ms, coverage.not_trading_ms) == (4000, 6000)


def test_coverage_of_trades() -> None:
    lines = [gap(1000, 4000), candle(1000, 2000, trades=None), candle(2000, 3000, bid="0.5"), watermark(5000)]
    coverage = verdict_of(document(reach(), trades()), lines).coverage
    assert (coverage.observed_ms, coverage.bounded_ms, coverage.unknown_ms) == (2000, 1000, 2000)


def test_from_all_data_before_a_moment() -> None:
    lines = [quote(0, "0.7"), quote(5000, "0.6"), OVER]
    assert judged(HELD, *lines, at=1999) == ("pending", None, None)
    assert judged(HELD, *lines, at=2000) == ("yes", 2000, "0.7000")
    stays = [quote(0, "0.6"), status(5000, "paused", since=1000), OVER]
    coverage = verdict_of(TOUCH, stays, at=3000).coverage
    assert (coverage.observed_ms, coverage.unknown_ms) == (1000, 2000)
    bounded = [quote(0, "0.6"), gap(1000, 4000), candle(1000, 3000, bid="0.9"), quote(4000, "0.6"), OVER]
    assert judged(TOUCH, *bounded, at=2999)[0] == "pending"
    assert judged(TOUCH, *bounded, at=3000) == ("yes", 3000, "0.9000")


def test_standing_at_a_time_needs_the_watermark_past_it() -> None:
    spec = document(stand(5), mid())
    assert judged(spec, quote(0, "0.7", "0.72"), watermark(5000))[0] == "pending"
    assert judged(spec, quote(0, "0.7", "0.72"), watermark(5001)) == ("yes", 5000, "0.7100")
