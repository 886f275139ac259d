"""Units: integers with names. Decimals appear only in the parsing and printing functions at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation, Overflow
from typing import NewType

Price = NewType("Price", int)
"""Centi-cents of YES, 0..10000 (1 = $0.0001)."""
Size = NewType("Size", int)
"""Centi-contracts (1 = 0.01 contract)."""
Millis = NewType("Millis", int)
"""Milliseconds since 1970 UTC."""
Slot = NewType("Slot", int)
BlockHeight = NewType("BlockHeight", int)
Lamports = NewType("Lamports", int)

PRICE_MAX = Price(10_000)
NO_BID = Price(0)
NO_ASK = PRICE_MAX
NEVER = Millis(0)
LAMPORTS_PER_SOL = 1_000_000_000

_LONGEST = 28
"""Characters of a decimal number: as many digits as `Decimal` multiplies without rounding."""
_HIGHEST = 15
"""Power of ten of the largest: what is counted here stays within 64 bits."""
_ROUNDING = {"down": ROUND_FLOOR, "up": ROUND_CEILING, "half_up": ROUND_HALF_UP}


def _scaled(text: str, scale: int, rounding: str) -> int:
    try:
        value = Decimal(text[: _LONGEST + 1])
    except (InvalidOperation, Overflow):
        raise ValueError(f"{text[:40]!r} is not a decimal number of any use") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    if len(text) > _LONGEST or (value and value.adjusted() > _HIGHEST):
        raise ValueError(f"{text[:40]!r} is not a decimal number of any use")
    return int((value * scale).to_integral_value(rounding=_ROUNDING[rounding]))


def price_from_dollars(text: str, *, rounding: str) -> Price:
    """Centi-cents of a dollar string; `rounding` is "down" (bids), "up" (asks) or "half_up" (trades).

    Raises ValueError for anything that is not a number from 0 to 1.
    """
    price = _scaled(text, PRICE_MAX, rounding)
    if not 0 <= price <= PRICE_MAX or not 0 <= Decimal(text) <= 1:
        raise ValueError(f"price {text!r} is outside 0 to 1")
    return Price(price)


def size_from_contracts(text: str) -> Size:
    """Centi-contracts of a contract count, rounded down. Raises ValueError for what is not a number."""
    return Size(_scaled(text, 100, "down"))


def dollars(price: int) -> str:
    """`7000` -> `"0.7000"`; spreads may be negative."""
    sign, units = ("-" if price < 0 else ""), abs(price)
    return f"{sign}{units // PRICE_MAX}.{units % PRICE_MAX:04d}"


def contracts(size: int) -> str:
    """`10000` -> `"100.00"`."""
    return f"{size // 100}.{size % 100:02d}"


def millis_from_rfc3339(text: str) -> Millis:
    """Milliseconds of an RFC 3339 time, finer digits rounded down. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no time zone")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Millis((since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000)


def rfc3339(at_ms: int) -> str:
    """`2026-01-28T19:00:00Z`, with milliseconds only where there are any."""
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    fraction = f".{at_ms % 1000:03d}" if at_ms % 1000 else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
