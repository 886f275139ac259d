"""What a transaction asks for and offers: compute limit, loaded-data limit, priority fee. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from relayer.chain.rpc import Simulation

MAX_UNITS = 1_400_000
MAX_LOADED_BYTES = 64 * 1024 * 1024
_LOADED_STEP = 32 * 1024  # the scheduler prices loaded data in pages of this size (SIMD-0186)
_PERCENTILE = 0.75
ENTRY_UNITS = 45
"""Most that the program takes for an entry of a large batch, its fixed part included."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Compute units, micro-lamports offered for each, bytes of accounts loaded (None = leave the default)."""

    units: int
    micro_lamports: int
    loaded_bytes: int | None


TRIAL = Budget(MAX_UNITS, 0, MAX_LOADED_BYTES)
"""For simulations: no limit binds, and there are as many instructions as in the real one."""


def budget_for(simulation: Simulation, *, margin: float, micro_lamports: int) -> Budget:
    """Ask for what the simulation used times the margin."""
    units = min(math.ceil(simulation.units * margin), MAX_UNITS)
    return Budget(units, micro_lamports, _loaded_limit(simulation.loaded_bytes, margin))


def _loaded_limit(loaded_bytes: int | None, margin: float) -> int | None:
    if not loaded_bytes:
        return None
    return min(math.ceil(loaded_bytes * margin / _LOADED_STEP) * _LOADED_STEP, MAX_LOADED_BYTES)


def price_offered(recent: Sequence[int], *, floor: int, cap: int) -> int:
    """Micro-lamports a unit: the 75th percentile of the recent blocks' lowest prices, between floor and cap."""
    if not recent:
        return min(floor, cap)
    ranked = sorted(recent)
    return min(max(ranked[math.ceil(_PERCENTILE * len(ranked)) - 1], floor), cap)


@dataclass(frozen=True, slots=True)
class PublishCost:
    """What publishing was measured to take: units for each instruction and each entry, bytes of accounts.

    What the transaction itself takes is counted with every instruction, which is a little too much for several.
    """

    instruction_units: int
    entry_units: int
    loaded_bytes: int | None

    def budget(self, instructions: int, entries: int, *, margin: float, micro_lamports: int) -> Budget:
        units = self.instruction_units * instructions + self.entry_units * entries
        used = Simulation(None, (), units, self.loaded_bytes)
        return budget_for(used, margin=margin, micro_lamports=micro_lamports)


def publish_cost(one: Simulation, many: Simulation, entries: int) -> PublishCost:
    """From simulations of 1 entry and of `entries`; never below the program's promise for an entry."""
    measured = math.ceil((many.units - one.units) / (entries - 1)) if entries > 1 else 0
    return PublishCost(one.units, max(measured, ENTRY_UNITS), many.loaded_bytes)
