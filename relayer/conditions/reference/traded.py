"""The signal of source `trades`: what was traded at or beyond a level within `within_s` (section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from relayer.conditions.events import Candle
from relayer.conditions.reference.market import Market
from relayer.conditions.reference.stretches import Found, Side, attained_in
from relayer.conditions.reference.window import trade_shares
from relayer.conditions.spec import Spec, Trades
from relayer.domain.feeds import Trade


def trades_of(spec: Spec, market: Market) -> list[Trade]:
    """The trades inside the window that count and are certain."""
    return market.trades(spec.start_ms, min(spec.end_ms, market.trades_known_ms))


def enough(source: Trades, trades: list[Trade]) -> bool:
    return len(trades) >= source.min_trades and sum(trade.size for trade in trades) >= source.min_size


def first_met(side: Side, market: Market) -> Found | None:
    """The earliest time at which enough was traded at or beyond the level; at a candle's `to` if that attained it."""
    source = side.spec.price
    assert isinstance(source, Trades)
    beyond = [trade for trade in trades_of(side.spec, market) if side.satisfies(2 * trade.price)]
    found = []
    for trade in beyond:
        recent = [one for one in beyond if trade.at_ms - source.within_ms < one.at_ms <= trade.at_ms]
        if enough(source, recent):
            found.append(Found(trade.at_ms, 2 * trade.price))
            break
    for candle, prices in attained_extremes(side.spec, market):
        met = [2 * price for price in prices if side.satisfies(2 * price)]
        if met:
            found.append(Found(candle.to_ms, min(met, key=lambda value: abs(value - side.level))))
    return min(found, key=lambda one: one.decided_ms, default=None)


def perhaps_met(side: Side, market: Market) -> bool:
    """Whether somewhere trades are not complete and no candle shows none at or beyond the level."""
    for _, _, share, extremes in trade_shares(side.spec, market):
        if share == "unknown_ms" or (extremes is not None and any(side.satisfies(2 * price) for price in extremes)):
            return True
    return False


def attained_extremes(spec: Spec, market: Market) -> Iterator[tuple[Candle, tuple[int, int]]]:
    """Candles whose low and high were both traded for certain, and are enough: one trade of 0.01."""
    source = spec.price
    if not isinstance(source, Trades) or source.min_size != 1 or source.min_trades != 1:
        return
    for candle in market.candles:
        if isinstance(candle.trades, tuple) and attained_in(
            spec, market, candle, market.incomplete, market.trades_known_ms
        ):
            yield candle, candle.trades


@dataclass(frozen=True)
class Extremes:
    """At a time: the highest and the lowest price at which enough was traded, None where nothing was."""

    high: int | None
    low: int | None


NOTHING = Extremes(None, None)


def extremes_at(source: Trades, trades: list[Trade], at_ms: int) -> Extremes:
    """What the path's trades give at a trade time: a trade of that very time lies at or beyond the price."""
    recent = [trade for trade in trades if at_ms - source.within_ms < trade.at_ms <= at_ms]
    prices = {trade.price for trade in recent}
    now = [trade.price for trade in recent if trade.at_ms == at_ms]
    high = [p for p in prices if p <= max(now) and enough(source, [trade for trade in recent if trade.price >= p])]
    low = [p for p in prices if p >= min(now) and enough(source, [trade for trade in recent if trade.price <= p])]
    return Extremes(max(high, default=None), min(low, default=None))


def possible_at(spec: Spec, market: Market, given: Extremes, at_ms: int) -> Extremes:
    """The farther of what the path's trades give and the extremes of all incomplete time in `(t - within_s, t]`."""
    source = spec.price
    assert isinstance(source, Trades)
    highs = [] if given.high is None else [given.high]
    lows = [] if given.low is None else [given.low]
    for start, end, share, extremes in trade_shares(spec, market):
        if start > at_ms or end - 1 <= at_ms - source.within_ms:
            continue
        if share == "unknown_ms":
            extremes = (0, 10_000)
        if extremes is not None:
            lows.append(extremes[0])
            highs.append(extremes[1])
    return Extremes(max(highs, default=None), min(lows, default=None))
