"""The window of a spec cut into pieces of constant state, and what they add up to: coverage and trading time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from relayer.conditions.reference.market import Market, Moment, inside
from relayer.conditions.spec import Spec, Trades
from relayer.domain.verdicts import Coverage

_ORDER = ("not_trading_ms", "unknown_ms", "bounded_ms", "observed_ms")
"""The worst of two parents is the first of these."""


@dataclass(frozen=True)
class Piece:
    """`[from_ms, to_ms)` in which the state of every leg is constant."""

    from_ms: int
    to_ms: int
    moments: tuple[Moment, ...]

    @property
    def trading(self) -> bool:
        return all(moment.trading for moment in self.moments)

    @property
    def follows_ms(self) -> int:
        """Whatever follows from a candle follows at its `to`: the largest of the candles in this piece, else 0."""
        return max((moment.candle.to_ms for moment in self.moments if moment.candle is not None), default=0)


def pieces(markets: Sequence[Market], from_ms: int, to_ms: int) -> list[Piece]:
    """`[from_ms, to_ms)` as far as it is known and before any final result."""
    to_ms = min(to_ms, *(min(market.known_ms, market.final_ms) for market in markets))
    cuts = {time for market in markets for time in market.changes if from_ms < time < to_ms}
    edges = [from_ms, *sorted(cuts), to_ms] if from_ms < to_ms else []
    return [Piece(start, end, tuple(market.moment(start) for market in markets)) for start, end in pairwise(edges)]


def coverage(spec: Spec, markets: Sequence[Market]) -> Coverage:
    """The shares of the window; time not yet known is in none, time after a final result is not trading."""
    spent = dict.fromkeys(_ORDER, 0)
    for from_ms, to_ms, share in _shares(spec, markets):
        spent[share] += to_ms - from_ms
    final_ms = min(market.final_ms for market in markets)
    spent["not_trading_ms"] += max(spec.end_ms - max(final_ms, spec.start_ms), 0)
    return Coverage(window_ms=spec.end_ms - spec.start_ms, **spent)


def _shares(spec: Spec, markets: Sequence[Market]) -> list[tuple[int, int, str]]:
    if isinstance(spec.price, Trades):
        return [(start, end, share) for start, end, share, _ in trade_shares(spec, markets[0])]
    window = pieces(markets, spec.start_ms, spec.end_ms)
    return [(piece.from_ms, piece.to_ms, min(map(_share, piece.moments), key=_ORDER.index)) for piece in window]


def _share(moment: Moment) -> str:
    if not moment.trading:
        return "not_trading_ms"
    if moment.book is not None:
        return "observed_ms"
    return "unknown_ms" if moment.candle is None else "bounded_ms"


def trade_shares(spec: Spec, market: Market) -> list[tuple[int, int, str, tuple[int, int] | None]]:
    """Pieces of the window as trades see it: start, end, share, and the low and high where a candle shows some."""
    end_ms = min(spec.end_ms, market.trades_known_ms, market.final_ms)
    cuts = {time for time in market.changes if spec.start_ms < time < end_ms}
    edges = [spec.start_ms, *sorted(cuts), end_ms] if spec.start_ms < end_ms else []
    return [(start, end, *_trade_share(market, start)) for start, end in pairwise(edges)]


def _trade_share(market: Market, at_ms: int) -> tuple[str, tuple[int, int] | None]:
    if not market.trading(at_ms):
        return "not_trading_ms", None
    if not inside(market.incomplete, at_ms):
        return "observed_ms", None
    candle = market.candle(at_ms)
    if candle is None or isinstance(candle.trades, msgspec.UnsetType):
        return "unknown_ms", None
    return "bounded_ms", candle.trades


def trading_ms(spec: Spec, markets: Sequence[Market]) -> int:
    """Trading time of the window."""
    return sum(end - start for start, end, share in _shares(spec, markets) if share != "not_trading_ms")
