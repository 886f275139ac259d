"""Every comparison of `reach` and `hold` as one question: is this price at or above this level?

A price "at or below" is asked negated; `hold` asks whether its level is lost, which is the negated question one step
beyond the level, and an absent signal loses it. Oriented prices are half centi-cents shifted to be positive.
"""

from __future__ import annotations

from relayer.conditions.signal import FULL
from relayer.conditions.spec import Direction, Hold, Reach
from relayer.conditions.stairs import HIGHEST, LOWEST

_SHIFT = HIGHEST // 2


def oriented(halves: int | None, *, up: bool, hold: bool) -> int:
    """The price as the stairs of this side see it; None: the signal is absent."""
    if halves is None:
        return HIGHEST if hold else LOWEST
    return _SHIFT + halves if up is not hold else _SHIFT - halves


def halves_of(price: int, *, up: bool, hold: bool) -> int | None:
    """Inverse of `oriented`."""
    if price in (LOWEST, HIGHEST):
        return None
    return price - _SHIFT if up is not hold else _SHIFT - price


def levels_asked(test: Reach | Hold) -> list[tuple[bool, int]]:
    """Direction (up) and oriented level of each comparison of a test of one parent, each judged alone."""
    hold, step = isinstance(test, Hold), int(isinstance(test, Hold))
    asked = []
    if test.direction is not Direction.DOWN:
        asked.append((True, oriented(2 * test.level, up=True, hold=hold) + step))
    if test.direction is not Direction.UP:
        halves = FULL - 2 * test.level if test.direction is Direction.EITHER else 2 * test.level
        asked.append((False, oriented(halves, up=False, hold=hold) + step))
    return asked
