from __future__ import annotations

import asyncio

import pytest

from relayer.domain.clock import Clock


class Wall:
    def __init__(self) -> None:
        self.ms = 1_000_000.0

    def __call__(self) -> float:
        return self.ms


def test_a_production_clock_shows_wall_time() -> None:
    wall = Wall()
    clock = Clock(wall=wall)
    wall.ms += 1234
    assert clock.now_ms() == 1_001_234


def test_a_replay_runs_from_its_origin_at_its_speed() -> None:
    wall = Wall()
    clock = Clock(origin_ms=50_000, wall_origin_ms=wall.ms, speed=1200, wall=wall)
    wall.ms += 10
    assert clock.now_ms() == 50_000 + 12_000


def test_changing_speed_keeps_the_present_instant() -> None:
    wall = Wall()
    clock = Clock(origin_ms=0, speed=10, wall=wall)
    wall.ms += 100
    clock.set_speed(1000)
    assert clock.now_ms() == 1000
    wall.ms += 1
    assert clock.now_ms() == 2000


async def test_a_sleeper_wakes_when_the_clock_is_made_fast() -> None:
    clock = Clock(origin_ms=0)
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.set_speed(1e9)
    await asyncio.wait_for(sleeper, timeout=30)
    assert clock.now_ms() >= 3_600_000


@pytest.mark.parametrize("speed", [0, -1])
def test_time_does_not_stand_still_or_run_backwards(speed: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Clock(speed=speed)
