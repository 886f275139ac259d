from __future__ import annotations

import pytest

from relayer.chain.fees import ENTRY_UNITS, MAX_UNITS, Budget, budget_for, price_offered, publish_cost
from relayer.chain.rpc import Simulation


def used(units: int, loaded: int | None = None) -> Simulation:
    return Simulation(None, (), units, loaded)


def test_limits_are_what_was_used_times_the_margin() -> None:
    assert budget_for(used(1_001, 100), margin=1.2, micro_lamports=5) == Budget(1_202, 5, 32_768)
    assert budget_for(used(10, 32_769), margin=1, micro_lamports=5) == Budget(10, 5, 65_536)
    assert budget_for(used(MAX_UNITS, None), margin=2, micro_lamports=0) == Budget(MAX_UNITS, 0, None)
    assert budget_for(used(1, 64 * 1024 * 1024), margin=2, micro_lamports=0).loaded_bytes == 64 * 1024 * 1024


@pytest.mark.parametrize(
    ("recent", "price"),
    [
        ([], 10),
        ([0, 0, 0, 0], 10),
        ([100, 20, 30, 40], 40),
        ([30], 30),
        ([5_000] * 4, 1_000),
        (list(range(1, 101)), 75),
    ],
)
def test_the_price_is_the_75th_percentile_between_floor_and_cap(recent: list[int], price: int) -> None:
    assert price_offered(recent, floor=10, cap=1_000) == price


def test_a_floor_above_the_cap_does_not_break_the_cap() -> None:
    assert price_offered([], floor=10, cap=5) == 5
    assert price_offered([7], floor=10, cap=5) == 5


def test_the_cost_of_publishing_is_measured_but_never_below_the_promise() -> None:
    cost = publish_cost(used(600), used(600 + 59 * 50, 40_000), 60)
    assert (cost.instruction_units, cost.entry_units, cost.loaded_bytes) == (600, 50, 40_000)
    assert publish_cost(used(600), used(600 + 59 * 28), 60).entry_units == ENTRY_UNITS
    assert publish_cost(used(600), used(600), 1).entry_units == ENTRY_UNITS
    assert cost.budget(1, 10, margin=1.0, micro_lamports=3) == Budget(1_100, 3, 65_536)
    assert cost.budget(3, 10, margin=1.0, micro_lamports=3) == Budget(2_300, 3, 65_536)
