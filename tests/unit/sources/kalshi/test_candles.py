"""Which candles bound a gap: overlap, quiet minutes, the end of a market."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from relayer.domain.feeds import Candle, Side
from relayer.domain.units import Millis
from relayer.sources.kalshi.candles import bounding

MINUTE = 60_000
BID, ASK = (4000, 3900, 4100, 4050), (6000, 5900, 6100, 6000)


def candle(minute: int, bid: Side = BID, ask: Side = ASK) -> Candle:
    return Candle(Millis(minute * MINUTE), Millis((minute + 1) * MINUTE), bid, ask, UNSET)


def flat(price: int) -> Side:
    return (price, price, price, price)


def minutes(found: list[Candle]) -> list[int]:
    return [one.at_ms // MINUTE for one in found]


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "expected"),
    [
        (2 * MINUTE, 4 * MINUTE, [2, 3]),
        (2 * MINUTE - 1, 4 * MINUTE + 1, [1, 2, 3, 4]),
        (2 * MINUTE + 5, 2 * MINUTE + 6, [2]),
    ],
)
def test_only_those_that_overlap_the_gap(from_ms: int, to_ms: int, expected: list[int]) -> None:
    answer = [candle(minute) for minute in (4, 1, 3, 2, 0, 5)]
    assert minutes(bounding(answer, from_ms, to_ms, ended=False)) == expected


def test_a_minute_told_twice_counts_once_as_told_last() -> None:
    again = candle(1, flat(4000))
    assert bounding([candle(1), again], MINUTE, 2 * MINUTE, ended=False) == [again]


def test_quiet_minutes_between_candles_that_agree_stand_still() -> None:
    answer = [candle(1, (4000, 4000, 4100, 4100)), candle(4, (4100, 4000, 4100, 4000))]
    found = bounding(answer, 2 * MINUTE, 4 * MINUTE, ended=False)
    assert found == [candle(2, flat(4100), flat(6000)), candle(3, flat(4100), flat(6000))]


@pytest.mark.parametrize(
    "after", [candle(4, flat(4100)), candle(4, flat(4050), flat(6050)), candle(4, flat(4050), None)]
)
def test_minutes_left_out_between_candles_that_differ_are_not_known(after: Candle) -> None:
    assert bounding([candle(1), after], 2 * MINUTE, 4 * MINUTE, ended=False) == []


def test_a_side_that_stays_empty_agrees() -> None:
    answer = [candle(1, flat(4000), (6000, 6000, 10_000, 10_000)), candle(3, flat(4000), None)]
    assert bounding(answer, 2 * MINUTE, 3 * MINUTE, ended=False) == [candle(2, flat(4000), None)]


def test_nothing_is_known_before_the_first_candle_and_after_the_last() -> None:
    assert minutes(bounding([candle(2)], MINUTE, 5 * MINUTE, ended=False)) == [2]


def test_empty_candles_at_the_end_of_a_market_say_nothing() -> None:
    answer = [candle(1), candle(2, None, None), candle(3), candle(4, None, None), candle(5, None, None)]
    assert minutes(bounding(answer, MINUTE, 5 * MINUTE, ended=True)) == [1, 2, 3]
    assert minutes(bounding(answer, MINUTE, 5 * MINUTE, ended=False)) == [1, 2, 3, 4]


def test_a_market_that_ended_is_not_continued_by_what_came_after() -> None:
    answer = [candle(1), candle(2, None, None), candle(3, None, None)]
    assert minutes(bounding(answer, MINUTE, 2 * MINUTE + 5, ended=True)) == [1]
