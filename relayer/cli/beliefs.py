"""What a parent's price says about its path: formulas for reading a derivative market's price against its parent's.

A belief (the price of YES) is taken as a martingale that ends at 0 or 1. These are estimates in floats for people;
verdicts are `relayer.conditions`, which has none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import NormalDist

_NORMAL = NormalDist()


def touch_bound(price: float, level: float) -> float:
    """Most that the chance of ever touching `level` from below can be: price / level.

    Ville's inequality for non-negative martingales (J. Ville, 1939; Doob, 1953). It is reached by a belief that moves
    without jumps until it is decided: after the touch it wins with chance `level`, without one never.
    """
    return min(price / level, 1.0)


def expected_movement(price: float) -> float:
    """Expected sum of squared moves until the outcome: price * (1 - price).

    Increments of a martingale are uncorrelated, so their squares add up to the variance of the end
    (Augenblick and Rabin, "Belief Movement, Uncertainty Reduction, and Rational Updating", QJE 2021).
    """
    return price * (1 - price)


def movement(prices: Sequence[float]) -> float:
    """Sum of squared moves of the prices: the realised counterpart of `expected_movement`."""
    return sum((after - before) ** 2 for before, after in pairwise(prices))


def volatility_left(price: float, seconds: float) -> float:
    """Volatility per root second that a price implies for the time until it is decided: sqrt(p (1 - p) / seconds)."""
    return math.sqrt(expected_movement(price) / seconds)


def touch_chance(price: float, level: float, share: float, *, steps: int = 400) -> float:
    """Chance of touching `level` or more within the first `share` (0..1) of the time until the outcome.

    Model: the outcome is the sign of a Brownian motion at the end, and the belief its conditional probability,
    `Phi(w / sqrt(1 - t))`; the touch is then a first passage of the motion over `z(level) * sqrt(1 - t)`. Solved
    backwards on a lattice of `steps` moves; price and level strictly between 0 and 1.
    """
    if price >= level:
        return 1.0
    over = _NORMAL.inv_cdf(level)
    return _passage(price, share, steps, lambda w, left: w >= over * math.sqrt(left))


def conviction_chance(price: float, level: float, share: float, *, steps: int = 400) -> float:
    """The same for conviction: the belief at or above `level`, or at or below 1 - `level` (level above one half)."""
    if max(price, 1 - price) >= level:
        return 1.0
    over = _NORMAL.inv_cdf(level)
    return _passage(price, share, steps, lambda w, left: abs(w) >= over * math.sqrt(left))


def conviction_time(price: float, level: float, chance: float = 0.5) -> float:
    """Share of the time until the outcome by which conviction has come with `chance`: a quantile, by bisection."""
    if max(price, 1 - price) >= level:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if conviction_chance(price, level, middle, steps=200) >= chance else (middle, high)
    return high


def _passage(price: float, share: float, steps: int, touched: Callable[[float, float], bool]) -> float:
    """Chance that a walk from the price's place is ever `touched(place, variance left)` in `steps` moves."""
    start, size = _NORMAL.inv_cdf(price), math.sqrt(share / steps)
    if size == 0:
        return 0.0
    chances = [float(touched(start + (2 * up - steps) * size, 1 - share)) for up in range(steps + 1)]
    for step in range(steps - 1, -1, -1):
        left = 1 - share * step / steps
        chances = [
            1.0 if touched(start + (2 * up - step) * size, left) else (chances[up] + chances[up + 1]) / 2
            for up in range(step + 1)
        ]
    return chances[0]
