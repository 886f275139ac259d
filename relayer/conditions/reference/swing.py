"""`range`: the largest `high(a) - low(b)` over instants at most `horizon_s` apart (section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from relayer.conditions.reference.bounds import Bounds, Presence
from relayer.conditions.reference.market import Market
from relayer.conditions.reference.stretches import Found, Side, attained_prices
from relayer.conditions.reference.traded import NOTHING, attained_extremes, extremes_at, possible_at, trades_of
from relayer.conditions.reference.window import Piece, trade_shares
from relayer.conditions.spec import Range, Spec, Trades, Unit


@dataclass(frozen=True)
class Extreme:
    """A high or a low (half centi-cents, None: there is none) at each of the dates `first..last`, both included.

    `anywhere`: at one unknown date of these instead. `follows_ms`: before it the value is not known.
    """

    first: int
    last: int
    high: int | None
    low: int | None
    follows_ms: int = 0
    anywhere: bool = False


def exceeds(test: Range, high: int, low: int) -> bool:
    """Amounts are exclusive."""
    if test.unit is Unit.POINTS:
        return high - low > 2 * test.amount
    return high * 10_000 > low * (10_000 + test.amount)


def first_swing(test: Range, extremes: Sequence[Extreme]) -> Found | None:
    """The earliest date at which two of the extremes exceed the amount, order and distance taken at their worst."""
    found = []
    for one in extremes:
        for other in extremes:
            if one.high is None or other.low is None or not exceeds(test, one.high, other.low):
                continue
            dates = _dates(one, other)
            if abs(dates[0] - dates[1]) <= test.horizon_ms:
                later = one.high if dates[0] >= dates[1] else other.low
                decided_ms = max(*dates, one.follows_ms, other.follows_ms)
                found.append(Found(decided_ms, later))
    return min(found, key=lambda one: one.decided_ms, default=None)


def _dates(one: Extreme, other: Extreme) -> tuple[int, int]:
    """The dates of the two that are nearest to each other and earliest; of an unknown date the worst is taken."""
    if one.anywhere and other.anywhere:
        return (one.first, other.last) if one.first <= other.first else (one.last, other.first)
    if one.anywhere:
        return _worst(one, other)
    if other.anywhere:
        return _worst(other, one)[::-1]
    if one.last < other.first:
        return one.last, other.first
    if other.last < one.first:
        return one.first, other.last
    both = max(one.first, other.first)
    return both, both


def _worst(unknown: Extreme, known: Extreme) -> tuple[int, int]:
    """The known date that is best, and of the unknown ones the one farthest from it."""
    middle = (unknown.first + unknown.last) // 2
    date = min(max(middle, known.first), known.last)
    return (unknown.first if date > middle else unknown.last), date


def certain_extremes(spec: Spec, markets: Sequence[Market], trading: Sequence[Piece]) -> list[Extreme]:
    """`lo` of the high and `hi` of the low where surely present, and what candles attained."""
    if isinstance(spec.price, Trades):
        return _certain_trades(spec, markets[0])
    found = [
        Extreme(
            first=dated.first,
            last=dated.last,
            high=dated.high.lo if dated.high.presence is Presence.PRESENT else None,
            low=dated.low.hi if dated.low.presence is Presence.PRESENT else None,
            follows_ms=dated.follows_ms,
        )
        for dated in _dated(spec, trading)
    ]
    for candle, prices in attained_prices(spec, markets, "bid"):
        found += [Extreme(candle.at_ms, candle.to_ms - 1, 2 * p, None, candle.to_ms, anywhere=True) for p in prices]
    for candle, prices in attained_prices(spec, markets, "ask"):
        found += [Extreme(candle.at_ms, candle.to_ms - 1, None, 2 * p, candle.to_ms, anywhere=True) for p in prices]
    return found


def possible_extremes(spec: Spec, markets: Sequence[Market], trading: Sequence[Piece]) -> list[Extreme]:
    """`hi` of the high and `lo` of the low wherever present or maybe."""
    if isinstance(spec.price, Trades):
        return _possible_trades(spec, markets[0])
    return [
        Extreme(
            first=dated.first,
            last=dated.last,
            high=None if dated.high.presence is Presence.ABSENT else dated.high.hi,
            low=None if dated.low.presence is Presence.ABSENT else dated.low.lo,
        )
        for dated in _dated(spec, trading)
    ]


@dataclass(frozen=True)
class _Dated:
    first: int
    last: int
    high: Bounds
    low: Bounds
    follows_ms: int


def _dated(spec: Spec, trading: Sequence[Piece]) -> Iterator[_Dated]:
    """The high and the low at each date: with `held_s` the minimum and maximum over the stretch that ends there."""
    up, down = Side(spec, True, 0), Side(spec, False, 0)
    if not spec.held_ms:
        for piece in trading:
            yield _Dated(piece.from_ms, piece.to_ms - 1, up.signal(piece), down.signal(piece), piece.follows_ms)
        return
    for first, last, stretch in _ends(spec.held_ms, trading):
        highs, lows = [up.signal(piece) for piece in stretch], [down.signal(piece) for piece in stretch]
        yield _Dated(first, last, _of(min, highs), _of(max, lows), max(piece.follows_ms for piece in stretch))


def _of(pick: Callable[[Iterable[int]], int], bounds: Sequence[Bounds]) -> Bounds:
    return Bounds(pick(one.lo for one in bounds), pick(one.hi for one in bounds), min(one.presence for one in bounds))


def _ends(held_ms: int, trading: Sequence[Piece]) -> Iterator[tuple[int, int, list[Piece]]]:
    """Ends of stretches, by wall time (first, last), between which the pieces touched are the same.

    Trading time runs from 0; a stretch that ends at trading time e is `[e - held, e)`, and e in a piece lies in
    `(start, end]` of it: the earliest wall time it can.
    """
    spans, spent = [], 0
    for piece in trading:
        spans.append((spent, spent + piece.to_ms - piece.from_ms, piece))
        spent += piece.to_ms - piece.from_ms
    changes = {start + 1 for start, _, _ in spans} | {end + held_ms for _, end, _ in spans} | {held_ms, spent + 1}
    edges = sorted(change for change in changes if held_ms <= change <= spent + 1)
    for first, after in pairwise(edges):
        touched = [piece for start, end, piece in spans if start < first and end > first - held_ms]
        start, _, piece = next(span for span in spans if span[0] < first <= span[1])
        wall = piece.from_ms - start
        yield wall + first, wall + after - 1, touched


def _certain_trades(spec: Spec, market: Market) -> list[Extreme]:
    source, trades = spec.price, trades_of(spec, market)
    assert isinstance(source, Trades)
    found = []
    for at_ms in sorted({trade.at_ms for trade in trades}):
        given = extremes_at(source, trades, at_ms)
        found.append(Extreme(at_ms, at_ms, _halves(given.high), _halves(given.low)))
    for candle, (low, high) in attained_extremes(spec, market):
        first, last, to_ms = candle.at_ms, candle.to_ms - 1, candle.to_ms
        found += [Extreme(first, last, 2 * price, 2 * price, to_ms, anywhere=True) for price in (low, high)]
    return found


def _possible_trades(spec: Spec, market: Market) -> list[Extreme]:
    """At each trade time, and at each millisecond of incomplete trades whose candle is not `null`."""
    source, trades = spec.price, trades_of(spec, market)
    assert isinstance(source, Trades)
    found = []
    times = {trade.at_ms for trade in trades}
    for at_ms in sorted(times):
        given = possible_at(spec, market, extremes_at(source, trades, at_ms), at_ms)
        found.append(Extreme(at_ms, at_ms, _halves(given.high), _halves(given.low)))
    shares = trade_shares(spec, market)
    changes = {start for start, _, _, _ in shares} | {end - 1 + source.within_ms for _, end, _, _ in shares}
    for start, end, share, extremes in shares:
        if share == "unknown_ms" or extremes is not None:
            edges = sorted({start, end} | {change for change in changes if start < change < end})
            for first, after in pairwise(edges):
                given = possible_at(spec, market, NOTHING, first)
                found.append(Extreme(first, after - 1, _halves(given.high), _halves(given.low)))
    return found


def _halves(price: int | None) -> int | None:
    return None if price is None else 2 * price
