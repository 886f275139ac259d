"""What the venue says afterwards, against verdicts that it allows and verdicts that it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from relayer.conditions.corroboration import Agreement, History, corroborate, until_ms
from relayer.conditions.parse import spec_of
from relayer.conditions.spec import Spec
from relayer.domain.feeds import Candle, Trade
from relayer.domain.markets import MarketId
from relayer.domain.units import Millis, Price, Size
from relayer.domain.verdicts import Answer, Coverage, Outcome, Verdict
from tests.fakes.kalshi_facts import facts
from tests.unit.conditions.build import START, Line, document, executable, hold, mid, reach, stand, swing, trades

KXA = MarketId.parse("kalshi:KXA")
MINUTE = 60_000
FACTS = facts("KXA", open_ms=Millis(START - 3_600_000), close_ms=Millis(START + 3_600_000))


def asked(test: Line, price: Line | None, minutes: int = 10) -> Spec:
    return spec_of(document(test, price, seconds=minutes * 60))


def verdict(answer: Answer, after_ms: int | None) -> Verdict:
    decided = None if after_ms is None else Millis(START + after_ms)
    return Verdict(answer, decided, "", None, Coverage(0, 0, 0, 0, 0))


def candle(minute: int, bid: tuple[int, int], ask: tuple[int, int] = (8000, 8000)) -> Candle:
    """The candle of the window's n-th minute by low and high of its sides; opens low, closes high."""
    start = START + minute * MINUTE
    (low, high), (ask_low, ask_high) = bid, ask
    return Candle(
        Millis(start),
        Millis(start + MINUTE),
        (low, low, high, high),
        (ask_low, ask_low, ask_high, ask_high),
        msgspec.UNSET,
    )


def calm(minutes: int = 10, bid: int = 5000) -> list[Candle]:
    return [candle(minute, (bid, bid)) for minute in range(minutes)]


def says(spec: Spec, found: Verdict, outcome: str, *candles: Candle, traded: Any = (), **changed: Any) -> Agreement:
    history = History(replace(FACTS, **changed), traded, candles)
    return corroborate(spec, found, Outcome(outcome), {KXA: history})[0]


def test_a_touch_is_allowed_by_the_candle_of_its_minute() -> None:
    history = calm()
    history[3] = candle(3, (5000, 7000))
    touched = verdict(Answer.YES, 3 * MINUTE + 20_000)
    assert says(asked(reach(), executable(5)), touched, "yes", *history) is Agreement.FITS


def test_a_touch_that_no_candle_shows_is_contradicted() -> None:
    touched = verdict(Answer.YES, 3 * MINUTE + 20_000)
    assert says(asked(reach(), executable()), touched, "yes", *calm()) is Agreement.CONTRADICTS


@pytest.mark.parametrize(("high", "expected"), [(6900, Agreement.FITS), (6899, Agreement.CONTRADICTS)])
def test_a_touch_may_miss_by_one_tick_and_no_more(high: int, expected: Agreement) -> None:
    history = calm()
    history[3] = candle(3, (5000, high))
    assert says(asked(reach(), executable()), verdict(Answer.YES, 3 * MINUTE), "yes", *history) is expected


@pytest.mark.parametrize(("low", "expected"), [(3100, Agreement.FITS), (3101, Agreement.CONTRADICTS)])
def test_a_fall_misses_the_other_way_round(low: int, expected: Agreement) -> None:
    history = calm(bid=2000)
    history[3] = candle(3, (2000, 2000), (low, 8000))
    fell = verdict(Answer.YES, 3 * MINUTE + 5)
    assert says(asked(reach("0.3000", "down"), executable()), fell, "yes", *history) is expected


def test_a_later_touch_does_not_speak_for_an_earlier_one() -> None:
    history = calm()
    history[5] = candle(5, (5000, 9000))
    assert says(asked(reach(), executable()), verdict(Answer.YES, 3 * MINUTE), "yes", *history) is Agreement.CONTRADICTS


@pytest.mark.parametrize(("high", "expected"), [(7099, Agreement.FITS), (7100, Agreement.CONTRADICTS)])
def test_a_no_is_contradicted_by_an_extreme_a_tick_beyond_the_level(high: int, expected: Agreement) -> None:
    history = calm()
    history[5] = candle(5, (5000, high))
    assert says(asked(reach(), executable()), verdict(Answer.NO, 10 * MINUTE), "no", *history) is expected


def test_an_extreme_does_not_contradict_where_size_or_holding_was_asked() -> None:
    history = calm()
    history[5] = candle(5, (5000, 9000))
    missed = verdict(Answer.NO, 10 * MINUTE)
    assert says(asked(reach(), executable(30)), missed, "no", *history) is Agreement.FITS
    assert says(asked(reach(), executable(0, "100.00")), missed, "no", *history) is Agreement.FITS


def test_without_the_candle_of_the_move_nothing_can_be_said() -> None:
    touched = verdict(Answer.YES, 3 * MINUTE + 20_000)
    spec = asked(reach(), executable())
    late = [candle(minute, (5000, 5000)) for minute in range(4, 10)]
    for history in (calm(3), late, []):
        assert says(spec, touched, "yes", *history) is Agreement.UNAVAILABLE


def test_a_candle_before_a_quiet_time_will_do() -> None:
    early, missed = calm(3), verdict(Answer.NO, 10 * MINUTE)
    assert says(asked(reach(), executable()), missed, "no", *early) is Agreement.FITS
    assert says(asked(reach(), executable(30)), verdict(Answer.YES, 9 * MINUTE), "yes", *early) is Agreement.FITS
    assert says(asked(reach(), executable()), verdict(Answer.YES, 0), "yes", *calm(1, 7000)) is Agreement.FITS
    assert says(asked(reach(), executable()), missed, "no") is Agreement.UNAVAILABLE


def test_trades_are_counted_exactly_and_need_no_candle() -> None:
    spec = asked(reach(), trades("5.00", 2, 10))
    found = verdict(Answer.YES, 3 * MINUTE)
    one = Trade("a", Millis(START + 3 * MINUTE - 9_000), Price(7000), Size(300), False)
    two = Trade("b", Millis(START + 3 * MINUTE), Price(7100), Size(200), False)
    assert says(spec, found, "yes", traded=[one, two]) is Agreement.FITS
    assert says(spec, found, "yes", traded=[two]) is Agreement.CONTRADICTS
    assert says(spec, found, "yes", traded=[one, replace(two, block=True)]) is Agreement.CONTRADICTS
    assert says(spec, verdict(Answer.NO, 10 * MINUTE), "no", traded=[one, two]) is Agreement.FITS  # within a tick
    more = [replace(one, price=Price(7100)), two]
    assert says(spec, verdict(Answer.NO, 10 * MINUTE), "no", traded=more) is Agreement.CONTRADICTS


def test_a_level_left_is_checked_too() -> None:
    spec = asked(hold(), executable(60))
    left = verdict(Answer.NO, 4 * MINUTE)
    steady = calm(bid=7500)
    assert says(spec, left, "no", *steady) is Agreement.CONTRADICTS
    steady[3] = candle(3, (6000, 7500))
    assert says(spec, left, "no", *steady) is Agreement.FITS


def test_a_swing_may_miss_by_a_tick_at_either_end() -> None:
    spec = asked(swing("0.2000", 600), executable())
    swung = verdict(Answer.YES, 5 * MINUTE)
    for high, expected in ((6801, Agreement.FITS), (6800, Agreement.CONTRADICTS)):
        history = [candle(minute, (4500, 4500), (5000, 5000)) for minute in range(5)]
        history.append(candle(5, (4500, high), (5000, 9000)))
        assert says(spec, swung, "yes", *history) is expected


def test_a_standing_is_checked_at_its_time() -> None:
    spec = asked(stand(300), mid())
    stood = verdict(Answer.YES, 5 * MINUTE)
    history = [candle(minute, (5000, 5000), (5100, 5100)) for minute in range(10)]
    assert says(spec, stood, "yes", *history) is Agreement.CONTRADICTS
    history[5] = candle(5, (5000, 7400), (5100, 7450))
    assert says(spec, stood, "yes", *history) is Agreement.FITS


def test_what_holds_otherwise_is_contradicted_by_data_that_decide() -> None:
    undecided = verdict(Answer.UNKNOWN, 10 * MINUTE)
    assert says(asked(reach(), executable()), undecided, "yes", *calm()) is Agreement.CONTRADICTS
    assert says(asked(reach(), executable()), undecided, "no", *calm()) is Agreement.FITS


def test_candles_after_the_close_are_no_prices() -> None:
    history = [*calm(5), *(candle(minute, (10_000, 10_000), (10_000, 10_000)) for minute in range(5, 10))]
    missed = verdict(Answer.NO, 5 * MINUTE)
    closed = Millis(START + 5 * MINUTE)
    assert says(asked(reach(), executable()), missed, "no", *history, close_ms=closed) is Agreement.FITS


@pytest.mark.parametrize(
    ("result", "final", "outcome", "expected"),
    [
        ("yes", True, "yes", Agreement.FITS),
        ("no", True, "yes", Agreement.CONTRADICTS),
        ("no", True, "no", Agreement.FITS),
        ("yes", False, "yes", Agreement.CONTRADICTS),
        ("scalar", True, "no", Agreement.FITS),
    ],
)
def test_a_result_is_compared_with_the_final_one(result: str, final: bool, outcome: str, expected: Agreement) -> None:
    spec = asked({"type": "outcome", "result": "yes"}, None)
    assert says(spec, verdict(Answer(outcome), 0), outcome, result=result, final=final) is expected


def test_a_result_still_open_allows_what_holds_otherwise() -> None:
    spec = asked({"type": "outcome", "result": "yes"}, None)
    assert says(spec, verdict(Answer.PENDING, None), "no", result="yes", final=False) is Agreement.FITS
    assert says(spec, verdict(Answer.PENDING, None), "no", result="yes", final=True) is Agreement.CONTRADICTS


def test_the_minute_in_question_ends_after_the_deciding_instant() -> None:
    at = asked(reach(), executable())
    held = asked(reach(), executable(60))
    assert until_ms(at, verdict(Answer.YES, 3 * MINUTE)) == START + 4 * MINUTE
    assert until_ms(held, verdict(Answer.YES, 3 * MINUTE)) == START + 3 * MINUTE
    assert until_ms(at, verdict(Answer.NO, 10 * MINUTE)) == START + 10 * MINUTE
