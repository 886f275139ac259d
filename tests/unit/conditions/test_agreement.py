"""The incremental evaluator against the definitions, on random paths."""

from __future__ import annotations

from tests.unit.conditions.agreement import disagreements
from tests.unit.conditions.generate import SWINGS

CASES = 5000


def test_a_whole_file_at_any_moment() -> None:
    assert disagreements(range(CASES), live=False) == []


def test_a_live_stream_with_late_gaps_and_candles() -> None:
    assert disagreements(range(CASES), live=True) == []


def test_more_swings() -> None:
    assert disagreements(range(CASES // 2), live=False, kinds=SWINGS) == []
    assert disagreements(range(CASES // 5), live=True, kinds=SWINGS) == []
