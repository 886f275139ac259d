"""A share of the campaign `day`: hours of a recorded day, fast, through every fault that a client can notice."""

from __future__ import annotations

from pathlib import Path

from tests.campaigns.day import chosen, live


async def test_hours_through_all_faults_are_told_truly_and_completely(tmp_path: Path) -> None:
    day = await live(tmp_path, hours=2, seed=2, faults=chosen(lies=False))
    assert list(day.failures(lies=False)) == []
    assert day.known.spent["observed"] + day.known.spent["bounded"] > 6 * 3_600_000, "most of the time of six markets"
    assert day.known.trades["told"] > 0
