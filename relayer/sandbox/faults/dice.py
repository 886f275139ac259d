"""Seeded chance: each fault on each connection has its own, so that adding one fault leaves the others as they were."""

from __future__ import annotations

import random


class Dice:
    """`rate` is the chance of a fault at each opportunity."""

    def __init__(self, rate: float, *seed: object) -> None:
        self.rate = rate
        self.random = random.Random(":".join(map(str, seed)))  # noqa: S311 - repeatable on purpose

    def strikes(self) -> bool:
        return self.random.random() < self.rate

    def seconds(self, low: float, high: float) -> float:
        return self.random.uniform(low, high)
