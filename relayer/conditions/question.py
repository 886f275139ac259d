"""The question text of a spec, to the byte (`conditions.md` section 5), and the hash that a text ends in."""

from __future__ import annotations

import re

from relayer.conditions.spec import (
    At,
    Average,
    Direction,
    Executable,
    Hold,
    Mid,
    Range,
    Reach,
    Realized,
    Resolves,
    Source,
    Spec,
    Spread,
    Test,
    Trades,
    Unit,
)
from relayer.domain.markets import MarketId
from relayer.domain.units import contracts, dollars, rfc3339

MAX_BYTES = 400
"""What PNP's create instructions leave room for in one transaction."""

_HASH = re.compile(r".* spec:([0-9a-f]{64})", re.DOTALL)


def question(spec: Spec) -> str:
    """ASCII text of the spec, values as spelled there."""
    return (
        f"Will {_parent(spec.parent)} {_test(spec.test)}{_price(spec.price)}, "
        f"from {rfc3339(spec.start_ms)} to {rfc3339(spec.end_ms)}? "
        f"If undecidable: {spec.answer} after {spec.after_days} days. spec:{spec.hash}"
    )


def spec_hash_of(text: str) -> str | None:
    """The last ` spec:<64 hex digits>` of a question, None where there is none."""
    found = _HASH.match(text)
    return found[1] if found else None


def _parent(parent: MarketId | Spread) -> str:
    return f"{parent.short} less {parent.long}" if isinstance(parent, Spread) else str(parent)


def _test(test: Test) -> str:
    match test:
        case Reach(Direction.UP, level):
            return f"reach {dollars(level)} or more"
        case Reach(Direction.DOWN, level):
            return f"fall to {dollars(level)} or less"
        case Reach(_, level):
            return f"reach {dollars(level)} or more on either side"
        case Hold(Direction.UP, level):
            return f"stay at {dollars(level)} or more"
        case Hold(Direction.DOWN, level):
            return f"stay at {dollars(level)} or less"
        case Hold(_, level):
            return f"stay at {dollars(level)} or more on one side"
        case Range(unit, amount, horizon_ms):
            what = "points" if unit is Unit.POINTS else "of its low"
            return f"swing by more than {dollars(amount)} {what} within {horizon_ms // 1000} s"
        case At(direction, level, at_ms):
            return f"stand at {dollars(level)} or {_side(direction)} at {rfc3339(at_ms)}"
        case Average(direction, level):
            return f"average {dollars(level)} or {_side(direction)}"
        case Realized(amount, step_ms):
            return f"move by more than {dollars(amount)} in root of summed squares every {step_ms // 1000} s"
        case Resolves(result):
            return f"resolve {result}"


def _side(direction: Direction) -> str:
    return "more" if direction is Direction.UP else "less"


def _price(price: Source | None) -> str:
    match price:
        case Trades(size, count, within_ms):
            return f" by trades ({contracts(size)} contracts in {count} trades within {within_ms // 1000} s)"
        case Executable(size, held_ms):
            return f" by executable price ({contracts(size)} contracts, held {held_ms // 1000} s)"
        case Mid(max_spread, held_ms):
            return f" by mid price (spread at most {dollars(max_spread)}, held {held_ms // 1000} s)"
        case None:
            return ""
