"""One market's resting bids, YES and NO, in the venue's own terms.

This is the encoder's book. It shares nothing with `relayer.prices`, so that the two cannot make the same mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

DOLLAR = 1_000_000
"""Prices are micro-dollars, since the venue may quote up to six decimals."""

WireLevels = list[list[str]]
"""`[["0.4200","130.00"], ...]`, lowest price first."""


class Book:
    """Levels as `{price: size}` per side, in micro-dollars of that side and centi-contracts."""

    __slots__ = ("_sides",)

    def __init__(self) -> None:
        self._sides: dict[str, dict[int, int]] = {"yes": {}, "no": {}}

    def replace(self, side: str, levels: Iterable[Iterable[str]]) -> None:
        """Forget the side's levels and take these."""
        self._sides[side] = {_micros(price): _centis(size) for price, size in levels}

    def change(self, side: str, price: str, delta: str) -> None:
        """Add `delta` contracts to a level. Raises ValueError for a side that is none, or a size below zero."""
        levels = self._sides.get(side)
        if levels is None:
            raise ValueError(f"side {side!r} is neither yes nor no")
        at = _micros(price)
        size = levels.pop(at, 0) + _centis(delta)
        if size < 0:
            raise ValueError(f"{side} level {price} falls below zero by {delta}")
        if size:
            levels[at] = size

    def levels(self, side: str, *, yes_prices: bool = False) -> WireLevels:
        """The side in wire form; `yes_prices` turns NO prices into what a YES buyer pays."""
        turned = yes_prices and side == "no"
        return [
            [dollars(DOLLAR - price if turned else price), contracts(size)]
            for price, size in sorted(self._sides[side].items())
        ]

    def best(self, side: str) -> tuple[int, int] | None:
        """Highest bid and its size, None for an empty side."""
        levels = self._sides[side]
        if not levels:
            return None
        price = max(levels)
        return price, levels[price]

    @property
    def crossed(self) -> bool:
        """Whether both sides' best bids together reach a dollar."""
        yes, no = self.best("yes"), self.best("no")
        return yes is not None and no is not None and yes[0] + no[0] >= DOLLAR


def dollars(micros: int) -> str:
    """`420000` -> `"0.4200"`; six decimals only where four do not suffice."""
    text = f"{micros // DOLLAR}.{micros % DOLLAR:06d}"
    return text[:-2] if text.endswith("00") else text


def contracts(centis: int) -> str:
    return f"{centis // 100}.{centis % 100:02d}"


def _micros(text: str) -> int:
    return int(Decimal(text) * DOLLAR)


def _centis(text: str) -> int:
    return int(Decimal(text) * 100)
