"""A live source tells trades in a sequence of their own, a little later than books, statuses and results."""

from __future__ import annotations

import pytest

from relayer.conditions.condition import Condition
from relayer.conditions.parse import spec_of
from relayer.conditions.track import LONG_AGO
from relayer.domain.verdicts import Answer, Verdict
from tests.unit.conditions.agreement import tell_line
from tests.unit.conditions.build import (
    START,
    Line,
    document,
    quote,
    reach,
    result,
    status,
    trade,
    trades,
    watermark,
)

SPEC = spec_of(document(reach(), trades()))


def live(*lines: Line) -> Verdict:
    condition = Condition(SPEC, candles_follow=True)
    for line in lines:
        tell_line(condition, SPEC, line)
    return condition.verdict()


@pytest.mark.parametrize("earlier", [quote(900, "0.60", "0.70"), status(900, "paused")])
def test_a_trade_counts_that_is_told_after_something_later(earlier: Line) -> None:
    verdict = live(watermark(0), earlier, trade(500, "0.70"), watermark(10_000))
    assert (verdict.answer, verdict.decided_at) == (Answer.YES, START + 500)
    assert verdict.coverage.unknown_ms == 0


def test_a_trade_of_a_pause_does_not_count_although_the_pause_was_told_first() -> None:
    assert live(watermark(0), status(400, "paused"), trade(500, "0.70"), watermark(10_000)).answer is Answer.NO


def test_a_final_result_waits_for_nothing() -> None:
    verdict = live(watermark(0), status(900, "paused"), result(2_000, "yes"))
    assert (verdict.answer, verdict.decided_at) == (Answer.NO, START + 2_000)
    assert verdict.coverage.not_trading_ms == 9_100


def test_a_repeated_trade_is_forgotten_after_a_day_and_counts_once_before() -> None:
    spec = spec_of(document(reach(), trades(min_trades=2, within_s=9), seconds=200_000))
    condition = Condition(spec, candles_follow=True)
    for at in (0, 1_000, 90_000_000):
        tell_line(condition, spec, {**trade(at, "0.70"), "id": "again" if at < 2_000 else "other"})
        tell_line(condition, spec, watermark(at + 1))
    assert condition.verdict().answer is Answer.PENDING
    (track,) = condition._tracks.values()
    assert track.watermark_ms > LONG_AGO
    tell_line(condition, spec, {**trade(90_001_000, "0.60"), "id": "more"})
    assert vars(track)["_seen"] == {"other", "more"}


def test_a_hundredth_of_a_contract_too_little_is_too_little() -> None:
    spec = spec_of(document(reach(), trades(min_size="1.00", min_trades=2, within_s=9)))
    for size, answer in (("0.49", Answer.NO), ("0.50", Answer.YES)):
        condition = Condition(spec, candles_follow=True)
        for line in (trade(100, "0.70", "0.50"), trade(200, "0.71", size), watermark(10_000)):
            tell_line(condition, spec, line)
        assert condition.verdict().answer is answer
