"""Rate limits as documented: token buckets that refill all the time, and a cap on connections. Wall time counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

COST = 10
"""Tokens of a read that `/account/endpoint_costs` does not list."""
MAX_CONNECTIONS = 200
"""WebSocket connections of one key, lowest tier."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens a second, and how many can wait."""

    refill_rate: int
    bucket_capacity: int


READ = Budget(200, 400)
"""The lowest tier, "basic"."""
WRITE = Budget(100, 100)
ANONYMOUS = Budget(600, 600)
"""Not documented; measured by a user: 51 requests a second passed, 77 did not."""


class Buckets:
    """One read bucket for each account; the empty name is everybody without a key."""

    def __init__(self, *, wall_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_s = wall_s
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, account: str) -> bool:
        """Pay for one request; False if the tokens do not suffice."""
        budget, now = READ if account else ANONYMOUS, self._wall_s()
        level, at = self._levels.get(account, (float(budget.bucket_capacity), now))
        level = min(budget.bucket_capacity, level + (now - at) * budget.refill_rate)
        paid = level >= COST
        self._levels[account] = (level - COST if paid else level, now)
        return paid
