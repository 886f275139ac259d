"""What order-book frames, books and prices mean, the slow way: `json` and `Decimal`, nothing of the relayer's parsers.

None stands for what nobody can make sense of. Prices are centi-cents, sizes centi-contracts, as everywhere.
"""

from __future__ import annotations

import json
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation, Overflow
from typing import Any

Levels = dict[int, int]
Change = tuple[bool, int, int]
"""Whether of a bid, its YES price, the change of its size."""


def price(text: Any, rounding: str) -> int | None:
    value = _number(text)
    if value is None or not 0 <= value <= 1:
        return None
    return int((value * 10_000).to_integral_value(rounding=rounding))


def bid(text: Any) -> int | None:
    return price(text, ROUND_FLOOR)


def ask(text: Any) -> int | None:
    return price(text, ROUND_CEILING)


def traded(text: Any) -> int | None:
    return price(text, ROUND_HALF_UP)


def size(text: Any) -> int | None:
    """Only whole hundredths of a contract: what is added up must not be rounded."""
    value = _number(text)
    return None if value is None or value != value.quantize(Decimal("0.01")) else int(value * 100)


def size_traded(text: Any) -> int | None:
    """Rounded down."""
    value = _number(text)
    return None if value is None or value < 0 else int((value * 100).to_integral_value(rounding=ROUND_FLOOR))


def levels(pairs: Any, *, of_no: bool = False, asks: bool = False) -> Levels | None:
    """Sizes by price, those of one price added up. of_no: NO bids at NO prices, as YES asks."""
    found: Levels = {}
    for pair in pairs if isinstance(pairs, list) else [None]:
        if not isinstance(pair, list) or len(pair) != 2:
            return None
        at, count = ask(pair[0]) if asks and not of_no else bid(pair[0]), size(pair[1])
        if at is None or count is None or count < 0:
            return None
        at = 10_000 - at if of_no else at
        found[at] = found.get(at, 0) + count
    return {at: count for at, count in found.items() if count}


def change(msg: dict[str, Any]) -> Change | None:
    """What an order-book change says, of a subscription with YES prices."""
    if msg.get("side") not in ("yes", "no"):
        return None
    is_bid = msg["side"] == "yes"
    at, count = (bid if is_bid else ask)(msg.get("price_dollars")), size(msg.get("delta_fp"))
    return None if at is None or count is None else (is_bid, at, count)


def read(text: bytes | str) -> Any:
    """The JSON, None for none. Of a key that comes twice the last counts; broken UTF-8 spoils only its own text."""
    try:
        return json.loads(text.decode(errors="replace") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError):
        return None


def _number(text: Any) -> Decimal | None:
    try:
        value = Decimal(text) if isinstance(text, str) and len(text) <= 28 else None
        return value if value is not None and value.is_finite() and abs(value) < 10**16 else None
    except (InvalidOperation, Overflow):
        return None
