"""Resident memory that an armed condition takes, as the system counts it, in a process that does nothing else."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

from relayer.bench.row import Effort, Measured, Row

_MARKETS = 10_000
_CONDITIONS = 1_000_000


def _measure(effort: Effort) -> Measured:
    markets, conditions = effort.of(_MARKETS), effort.of(_CONDITIONS)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        taken = pool.apply(_resident_bytes_of, (markets, conditions))
    return Measured(taken / conditions, note=f"{taken / 1e6:,.0f} MB for {conditions:,}")


def _resident_bytes_of(markets: int, conditions: int) -> int:
    """What arming so many conditions adds to this process, the engine's share of the markets included."""
    from relayer.bench.house import made_specs
    from relayer.conditions.engine import Engine
    from relayer.domain.markets import MarketId, Venue

    parents = [MarketId(Venue.KALSHI, f"KXBENCHGAME-26AUG07-T{number:05d}") for number in range(markets)]
    engine = Engine()
    before = _resident_bytes()
    for spec in made_specs(parents, conditions):
        engine.arm(spec)
    return _resident_bytes() - before


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


ROW = Row(
    id="bytes_per_condition",
    what="resident memory of 1,000,000 armed conditions over their number",
    goal=200,
    unit="B",
    measure=_measure,
)
