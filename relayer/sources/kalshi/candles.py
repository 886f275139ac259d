"""Which minute candles bound a gap, out of what the venue answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import UNSET

from relayer.domain.feeds import Candle, Side
from relayer.domain.units import NO_ASK, NO_BID, Millis
from relayer.sources.kalshi.parse import MINUTE_MS

LOOK_AROUND_MS = 180 * MINUTE_MS
"""How far beyond a stretch a candle is looked for that tells of quiet minutes in it."""


def bounding(candles: Sequence[Candle], from_ms: int, to_ms: int, *, ended: bool) -> list[Candle]:
    """Those that overlap `[from_ms, to_ms)`, oldest first, with the quiet minutes that the answer leaves out.

    candles: a complete answer, in any order. ended: trading stopped at `to_ms`; then trailing candles without any price
    are what the venue shows of a closed market, and say nothing of when it closed.
    """
    minutes = {candle.at_ms: candle for candle in candles}
    ordered = [minutes[at_ms] for at_ms in sorted(minutes)]
    while ended and ordered and (ordered[-1].at_ms >= to_ms or _is_empty(ordered[-1])):
        ordered.pop()
    known = [*ordered, *(quiet for pair in pairwise(ordered) for quiet in _quiet(*pair))]
    return sorted((one for one in known if one.at_ms < to_ms and from_ms < one.to_ms), key=lambda one: one.at_ms)


def _is_empty(candle: Candle) -> bool:
    return candle.bid is None and candle.ask is None


def _quiet(one: Candle, after: Candle) -> Iterator[Candle]:
    """Minutes left out between two candles that agree: nothing changed in them."""
    bid, ask = _close(one.bid), _close(one.ask)
    if (bid, ask) != (_open(after.bid), _open(after.ask)):
        return
    for at_ms in range(one.to_ms, after.at_ms, MINUTE_MS):
        yield Candle(Millis(at_ms), Millis(at_ms + MINUTE_MS), _constant(bid), _constant(ask), UNSET)


def _close(side: Side) -> int | None:
    return side[3] if isinstance(side, tuple) and side[3] not in (NO_BID, NO_ASK) else None


def _open(side: Side) -> int | None:
    return side[0] if isinstance(side, tuple) and side[0] not in (NO_BID, NO_ASK) else None


def _constant(price: int | None) -> Side:
    return None if price is None else (price, price, price, price)
