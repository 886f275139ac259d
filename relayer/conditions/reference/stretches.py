"""`reach` and `hold` on book signals: stretches of `held_s` of consecutive trading time (section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from relayer.conditions.events import Candle
from relayer.conditions.reference import bounds
from relayer.conditions.reference.bounds import Bounds, Presence
from relayer.conditions.reference.market import Interval, Market, covers
from relayer.conditions.reference.window import Piece
from relayer.conditions.spec import Direction, Executable, Mid, Spec


class Truth(Enum):
    TRUE = "true"
    FALSE = "false"
    MAYBE = "maybe"


@dataclass(frozen=True)
class Side:
    """One comparison, judged alone: UP at `level` looks at the signal with legs as they are or exchanged."""

    spec: Spec
    up: bool
    level: int
    """Half centi-cents."""
    exchanged: bool = False

    def signal(self, piece: Piece) -> Bounds:
        source, moments = self.spec.price, piece.moments
        if self.exchanged:
            moments = moments[::-1]
        if isinstance(source, Mid):
            mids = [bounds.mid(source, moment) for moment in moments]
            return mids[0] if len(mids) == 1 else bounds.less(mids[1], mids[0])
        assert isinstance(source, Executable)
        if len(moments) == 2:
            return bounds.less(bounds.bid(source, moments[1]), bounds.ask(source, moments[0]))
        return (bounds.bid if self.up else bounds.ask)(source, moments[0])

    def satisfies(self, value: int) -> bool:
        return value >= self.level if self.up else value <= self.level

    def truth(self, signal: Bounds) -> Truth:
        lo, hi = self.satisfies(signal.lo), self.satisfies(signal.hi)
        if signal.presence is Presence.PRESENT and lo and hi:
            return Truth.TRUE
        if signal.presence is Presence.ABSENT or not (lo or hi):
            return Truth.FALSE
        return Truth.MAYBE

    def nearest(self, signal: Bounds, wanted: Truth) -> int | None:
        """The bound nearest to the level on the wanted side of it; None where the signal is absent."""
        if signal.presence is Presence.ABSENT:
            return None
        fits = [value for value in (signal.lo, signal.hi) if self.satisfies(value) is (wanted is Truth.TRUE)]
        return min(fits, key=lambda value: abs(value - self.level))


def sides(spec: Spec, direction: Direction, level: int) -> list[Side]:
    """What `direction` stands for: `either` is the OR of two sides, each judged alone."""
    if direction is not Direction.EITHER:
        return [Side(spec, direction is Direction.UP, 2 * level)]
    if len(spec.legs) == 2:
        return [Side(spec, True, 2 * level), Side(spec, True, 2 * level, exchanged=True)]
    return [Side(spec, True, 2 * level), Side(spec, False, 2 * (10_000 - level))]


@dataclass(frozen=True)
class Found:
    decided_ms: int
    value: int | None


@dataclass(frozen=True)
class _Stretch:
    end_ms: int
    pieces: list[Piece]

    @property
    def follows_ms(self) -> int:
        return max(self.end_ms, *(piece.follows_ms for piece in self.pieces))


def first_all(wanted: Truth, side: Side, trading: Sequence[Piece], markets: Sequence[Market]) -> Found | None:
    """The earliest stretch (or attained instant) in which every comparison is `wanted`."""
    found = []
    for stretch in _stretches(side.spec.held_ms, trading):
        if all(side.truth(side.signal(piece)) is wanted for piece in stretch.pieces):
            last = side.signal(stretch.pieces[-1])
            found.append(Found(stretch.follows_ms, side.nearest(last, wanted)))
    found += _attained(wanted, side, markets)
    return min(found, key=lambda one: one.decided_ms, default=None)


def some_free_of(unwanted: Truth, side: Side, trading: Sequence[Piece]) -> bool:
    """Whether some stretch holds no comparison that is surely `unwanted`."""
    return any(
        all(side.truth(side.signal(piece)) is not unwanted for piece in stretch.pieces)
        for stretch in _stretches(side.spec.held_ms, trading)
    )


def _stretches(held_ms: int, trading: Sequence[Piece]) -> Iterator[_Stretch]:
    """The stretches that begin where a piece begins: one that begins inside touches the same pieces, later."""
    for first in range(len(trading)):
        left_ms = held_ms
        for last in range(first, len(trading)):
            piece = trading[last]
            if left_ms <= piece.to_ms - piece.from_ms:
                yield _Stretch(piece.from_ms + left_ms, list(trading[first : last + 1]))
                break
            left_ms -= piece.to_ms - piece.from_ms


def _attained(wanted: Truth, side: Side, markets: Sequence[Market]) -> Iterator[Found]:
    """Attained lows and highs of candles: observed instants, which follow at the candle's `to`."""
    for candle, prices in attained_prices(side.spec, markets, "bid" if side.up else "ask"):
        for price in prices:
            if side.truth(bounds.exact(2 * price)) is wanted:
                yield Found(candle.to_ms, 2 * price)


def attained_prices(spec: Spec, markets: Sequence[Market], name: str) -> Iterator[tuple[Candle, list[int]]]:
    """Candles wholly in their gap, the window and trading time, with the low and the high of a side that are prices."""
    source, market = spec.price, markets[0]
    if not isinstance(source, Executable) or source.held_ms or source.min_size != 1 or len(markets) == 2:
        return
    for candle in market.candles:
        side = candle.bid if name == "bid" else candle.ask
        if isinstance(side, tuple) and attained_in(spec, market, candle, market.gaps, market.known_ms):
            yield candle, [price for price in side[1:3] if price > 0 and (name == "bid" or price < 10_000)]


def attained_in(spec: Spec, market: Market, candle: Candle, gaps: list[Interval], known_ms: int) -> bool:
    """Whether a candle lies wholly in one of the gaps, in the known part of the window and in trading time."""
    return (
        spec.start_ms <= candle.at_ms
        and candle.to_ms <= min(spec.end_ms, known_ms)
        and covers(gaps, candle.at_ms, candle.to_ms)
        and market.always_trading(candle.at_ms, candle.to_ms)
    )
