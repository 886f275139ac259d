"""`at`, `average` and `realized`: one value, a mean, a sum of squares, known once the window is over (section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from relayer.conditions.events import Candle
from relayer.conditions.reference import bounds
from relayer.conditions.reference.bounds import FULL, Bounds, Presence
from relayer.conditions.reference.market import Market
from relayer.conditions.reference.stretches import Found, Side, Truth
from relayer.conditions.reference.window import Piece
from relayer.conditions.spec import At, Average, Direction, Mid, Realized, Spec
from relayer.domain.verdicts import Answer


def stands(spec: Spec, test: At, market: Market) -> tuple[Answer, Found | None]:
    """The value in force at the time; if trading is stopped then, that of the last trading instant in the window."""
    instant = _trading_instant(spec, test, market)
    if instant is None:
        return Answer.UNKNOWN, None
    side = Side(spec, test.direction is Direction.UP, 2 * test.level)
    signal = side.signal(Piece(instant, instant + 1, (market.moment(instant),)))
    truth = side.truth(signal)
    if signal.presence is Presence.ABSENT or truth is Truth.MAYBE:
        return Answer.UNKNOWN, None
    if truth is Truth.FALSE:
        return Answer.NO, None
    return Answer.YES, Found(0, side.nearest(signal, Truth.TRUE))


def _trading_instant(spec: Spec, test: At, market: Market) -> int | None:
    """`time` itself, or the last trading instant before it: the state changes only at `changes`."""
    if market.trading(test.at_ms):
        return test.at_ms
    candidates = {time - 1 for time in market.changes} | {test.at_ms - 1}
    inside = [time for time in candidates if spec.start_ms <= time < min(spec.end_ms, test.at_ms)]
    return max((time for time in inside if market.trading(time)), default=None)


def average(spec: Spec, test: Average, trading: Sequence[Piece]) -> Answer:
    """Time-weighted over trading time in which the signal is not surely absent."""
    side = Side(spec, test.direction is Direction.UP, 2 * test.level)
    spent = absent = low = high = 0
    for piece in trading:
        length, signal = piece.to_ms - piece.from_ms, side.signal(piece)
        spent += length
        if signal.presence is Presence.ABSENT:
            absent += length
        elif signal.presence is Presence.MAYBE:
            high += FULL * length
        else:
            low += signal.lo * length
            high += signal.hi * length
    counted = spent - absent
    if absent * 10 > spent or counted == 0:
        return Answer.UNKNOWN
    level = side.level * counted
    satisfied = [value >= level if side.up else value <= level for value in (low, high)]
    if all(satisfied):
        return Answer.YES
    return Answer.UNKNOWN if any(satisfied) else Answer.NO


@dataclass(frozen=True)
class _Sample:
    value: int | None
    """Half centi-cents, None where it is not exactly known."""


def realized(spec: Spec, test: Realized, market: Market) -> Answer:
    """The root of the sum of squared differences of neighbouring samples, compared in squares."""
    source = spec.price
    assert isinstance(source, Mid)
    times = range(spec.start_ms, spec.end_ms + 1, test.step_ms)
    samples = [sample for time in times if (sample := _sample(source, market, time)) is not None]
    low = high = 0
    for one, other in pairwise(samples):
        if one.value is None or other.value is None:
            high += FULL**2
        else:
            low += (other.value - one.value) ** 2
            high += (other.value - one.value) ** 2
    amount = (2 * test.amount) ** 2
    if low > amount:
        return Answer.YES
    return Answer.UNKNOWN if high > amount else Answer.NO


def _sample(source: Mid, market: Market, time: int) -> _Sample | None:
    """The value in force just before `time`, None to skip it: not trading, or surely absent."""
    moment = market.moment(time - 1)
    if not moment.trading:
        return None
    signal = _closing(source, moment.candle) if _ends(moment.candle, time) else bounds.mid(source, moment)
    if signal.presence is Presence.ABSENT:
        return None
    exact = signal.presence is Presence.PRESENT and signal.lo == signal.hi
    return _Sample(signal.lo if exact else None)


def _ends(candle: Candle | None, time: int) -> bool:
    return candle is not None and candle.to_ms == time


def _closing(source: Mid, candle: Candle | None) -> Bounds:
    """The mid of the closes, absent by the rules of `mid` if the closes are."""
    assert candle is not None
    if candle.bid is None or candle.ask is None:
        return bounds.ABSENT
    if not isinstance(candle.bid, tuple) or not isinstance(candle.ask, tuple):
        return bounds.UNKNOWN
    bid_close, ask_close = candle.bid[3], candle.ask[3]
    bid_price = bid_close if bid_close > 0 else None
    ask_price = ask_close if 0 < ask_close < 10_000 else None
    return bounds.exact(bounds.mid_of(bid_price, ask_price, source.max_spread))
