"""What it costs to force a market's answer now, beside what its answer decides about (`conditions.md` section 6.6).

An estimate from the book that stands. What is done about it is left to the resolver, and to the operator.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from relayer.conditions.spec import Direction, Executable, Hold, Reach, Spec, Trades
from relayer.domain.feeds import BookView
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import PRICE_MAX, contracts, dollars
from relayer.domain.verdicts import Outcome
from relayer.services.feeds import Feed

MICRO = 10**6
"""Micro-dollars of a dollar: a hundredth of a contract at a hundredth of a cent."""


@dataclass(frozen=True, slots=True)
class Forcing:
    """To push the parent's price to one level."""

    outcome: Outcome
    """The answer that it brings about."""
    up: bool
    level: int
    in_the_way: int
    """Centi-contracts to be taken."""
    cost: int
    """Micro-dollars, without fees, and nothing sold back."""


def levels(spec: Spec) -> list[tuple[bool, int]]:
    """(up, level) of each side of `reach` and `hold` on one parent."""
    if len(spec.legs) > 1 or not isinstance(spec.test, Reach | Hold):
        return []
    direction, level = spec.test.direction, int(spec.test.level)
    if direction is Direction.EITHER:
        return [(True, level), (False, PRICE_MAX - level)]
    return [(direction is Direction.UP, level)]


def forcings(spec: Spec, parents: Sequence[Feed]) -> list[Forcing]:
    """Of every level; empty where no single price decides, or no book stands."""
    price, book = spec.price, parents[0].book
    if book is None or not parents[0].book_stands or not isinstance(price, Executable | Trades):
        return []
    if isinstance(spec.test, Hold):
        return [_broken(book, up=up, level=level) for up, level in levels(spec)]
    return [_reached(price.min_size, book, up=up, level=level) for up, level in levels(spec)]


def cheapest(spec: Spec, parents: Sequence[Feed]) -> int | None:
    """Micro-dollars for the answer that can be forced: of `reach` one level, of `hold` every one must be lost."""
    costs = [one.cost for one in forcings(spec, parents)]
    if not costs:
        return None
    return sum(costs) if isinstance(spec.test, Hold) else min(costs)


def stake(market: PnpMarket, dollar_mints: Collection[str]) -> int | None:
    """Micro-dollars, rounded up; None where the collateral is not known to be worth a dollar, or its mint not read."""
    if market.decimals is None or market.collateral_mint not in dollar_mints:
        return None
    unit: int = 10**market.decimals
    return -(-market.stake * MICRO // unit)


def alarm(market: PnpMarket, spec: Spec, parents: Sequence[Feed], dollar_mints: Collection[str]) -> str | None:
    """What is wrong where forcing the answer costs less than it wins."""
    cost, at_stake = cheapest(spec, parents), stake(market, dollar_mints)
    if cost is None or at_stake is None or at_stake <= cost:
        return None
    return (
        f"forcing the answer costs about {as_dollars(cost)} dollars now, and {as_dollars(at_stake)} are at stake: "
        "look at the path before it is settled"
    )


def as_dollars(micro: int) -> str:
    """Rounded half up to cents."""
    cents = (micro + 5_000) // 10_000
    return f"{cents // 100}.{cents % 100:02d}"


def described(one: Forcing) -> dict[str, str]:
    return {
        "answer": str(one.outcome),
        "level": dollars(one.level),
        "direction": "up" if one.up else "down",
        "contracts_in_the_way": contracts(one.in_the_way),
        "dollars": as_dollars(one.cost),
    }


def _reached(min_size: int, book: BookView, *, up: bool, level: int) -> Forcing:
    """Up: buy every ask at or below the level, then bid for `min_size` there. Down is the mirror image, in NO."""
    taken = _taken(book, asks=up, level=level)
    rest = min_size * (level if up else PRICE_MAX - level)
    return _forcing(Outcome.YES, taken, up=up, level=level, more=rest)


def _broken(book: BookView, *, up: bool, level: int) -> Forcing:
    """Up: take every bid at or above the level, so that no price holds it."""
    return _forcing(Outcome.NO, _taken(book, asks=not up, level=level), up=not up, level=level, more=0)


def _taken(book: BookView, *, asks: bool, level: int) -> list[tuple[int, int]]:
    """What is paid and how much is got, for each level of the book in the way."""
    if asks:
        return [(price, size) for price, size in book.asks() if price <= level]
    return [(PRICE_MAX - price, size) for price, size in book.bids() if price >= level]


def _forcing(outcome: Outcome, taken: list[tuple[int, int]], *, up: bool, level: int, more: int) -> Forcing:
    paid = sum(price * size for price, size in taken)
    return Forcing(outcome, up, level, sum(size for _, size in taken), paid + more)
