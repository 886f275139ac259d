"""`range`: the certain swing decides, the possible swing leaves open (section 4, *Swing*)."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from copy import deepcopy

from relayer.conditions.decision import Decision, Judgement
from relayer.conditions.dwell import attained, follows
from relayer.conditions.events import Candle
from relayer.conditions.signal import Bounds, Presence, Signal, States
from relayer.conditions.sliding import SlidingMax, SlidingMin
from relayer.conditions.spec import Range, Trades
from relayer.conditions.stretching import Stretches
from relayer.conditions.swing import Extreme, Swing
from relayer.conditions.track import LONG_AGO
from relayer.conditions.traded import missing_extremes
from relayer.domain.feeds import Trade
from relayer.domain.units import NO_BID, PRICE_MAX, Millis
from relayer.domain.verdicts import Answer


class _Ranging:
    """What both kinds of `range` share: two swings and the answer."""

    def __init__(self, test: Range) -> None:
        self._certain = Swing(test)
        self._possible = Swing(test)

    def decision(self) -> Decision | None:
        return self._certain.found

    def judge(self) -> Judgement:
        if self._possible.found is not None:
            return Judgement(Answer.UNKNOWN, "where the data do not show it the price may have swung")
        return Judgement(Answer.NO, "the window is over and the price did not swing that far")


class BookRange(_Ranging):
    """`range` on a book signal."""

    def __init__(self, test: Range, held_ms: int, high: Signal, low: Signal) -> None:
        super().__init__(test)
        self._stretches = Stretches(held_ms) if held_ms else None
        self._high = high
        self._low = low
        self._exact = True
        """Until something is not exactly known, what is possible is what is certain, and not kept twice."""

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        high, low = self._high(states), self._low(states)
        if self._stretches is None:
            self._add(from_ms, to_ms - 1, high, low, follows(states))
            return
        for dated in self._stretches.add(from_ms, to_ms, high, low, follows(states)):
            self._add(*dated)

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        """Trades say nothing about a book."""

    def on_candle(self, candle: Candle) -> None:
        first, last, to_ms = candle.at_ms, candle.to_ms - 1, candle.to_ms
        for price in attained(candle, bid=True):
            self._certain.add(Extreme(first, last, 2 * price, None, to_ms, anywhere=True))
        for price in attained(candle, bid=False):
            self._certain.add(Extreme(first, last, None, 2 * price, to_ms, anywhere=True))

    def _add(self, first: int, last: int, high: Bounds, low: Bounds, follows_ms: int) -> None:
        if follows_ms == LONG_AGO and _is_exact(high) and _is_exact(low):
            extreme = Extreme(first, last, high.lo, low.lo)
            self._certain.add(extreme)
            if not self._exact:
                self._possible.add(extreme)
            return
        if self._exact:
            self._exact, self._possible = False, deepcopy(self._certain)
        sure_high = high.lo if high.presence is Presence.PRESENT else None
        sure_low = low.hi if low.presence is Presence.PRESENT else None
        self._certain.add(Extreme(first, last, sure_high, sure_low, follows_ms))
        farthest_high = None if high.presence is Presence.ABSENT else high.hi
        farthest_low = None if low.presence is Presence.ABSENT else low.lo
        self._possible.add(Extreme(first, last, farthest_high, farthest_low))


class TradeRange(_Ranging):
    """`range` by trades: at each trade time the highest and the lowest price at which enough was traded."""

    def __init__(self, test: Range, source: Trades) -> None:
        super().__init__(test)
        self._source = source
        self._recent: deque[Trade] = deque()
        self._by_price: list[tuple[int, int, int]] = []
        self._count = 0
        self._missing_ends: deque[int] = deque()
        self._missing_high = SlidingMax()
        self._missing_low = SlidingMin()

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        self._take(at_ms, trades)
        prices = [trade.price for trade in trades]
        high = self._enough(reversed(self._by_price))
        low = self._enough(iter(self._by_price))
        high = None if high is None else min(high, max(prices))
        low = None if low is None else max(low, min(prices))
        self._certain.add(Extreme(at_ms, at_ms, _halves(high), _halves(low)))
        self._add_possible(at_ms, at_ms, high, low)

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        extremes = missing_extremes(states)
        if extremes is None:
            return
        self._missing_ends.append(to_ms)
        self._missing_low.add(to_ms, extremes[0])
        self._missing_high.add(to_ms, extremes[1])
        at = int(from_ms)
        while at < to_ms:
            after = min(to_ms, self._forget_missing(at) + self._source.within_ms - 1)
            self._add_possible(at, after - 1, None, None)
            at = after

    def on_candle(self, candle: Candle) -> None:
        if isinstance(candle.trades, tuple):
            for price in candle.trades:
                extreme = Extreme(candle.at_ms, candle.to_ms - 1, 2 * price, 2 * price, candle.to_ms, anywhere=True)
                self._certain.add(extreme)

    def _take(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        for trade in trades:
            self._recent.append(trade)
            insort(self._by_price, (trade.price, self._count, trade.size))
            self._count += 1
        while self._recent[0].at_ms <= at_ms - self._source.within_ms:
            gone = self._recent.popleft()
            number = self._count - len(self._recent) - 1
            del self._by_price[bisect_left(self._by_price, (gone.price, number, gone.size))]

    def _enough(self, by_price: Iterator[tuple[int, int, int]]) -> int | None:
        """The first price in this order up to which enough was traded."""
        count = size = 0
        for price, _, traded in by_price:
            count, size = count + 1, size + traded
            if count >= self._source.min_trades and size >= self._source.min_size:
                return price
        return None

    def _forget_missing(self, at: int) -> int:
        """Drop incomplete time before `(at - within_s, at]`; returns the end of the oldest that is left."""
        while self._missing_ends and self._missing_ends[0] - 1 <= at - self._source.within_ms:
            self._missing_ends.popleft()
        before = at - self._source.within_ms + 2
        self._missing_high.expire(before)
        self._missing_low.expire(before)
        return self._missing_ends[0] if self._missing_ends else at

    def _add_possible(self, first: int, last: int, high: int | None, low: int | None) -> None:
        """The farther of what the trades give and the extremes of incomplete time that is not long past."""
        self._forget_missing(first)
        if self._missing_ends:
            high = max(self._missing_high.value, NO_BID if high is None else high)
            low = min(self._missing_low.value, PRICE_MAX if low is None else low)
        self._possible.add(Extreme(first, last, _halves(high), _halves(low)))


def _is_exact(bounds: Bounds) -> bool:
    return bounds.presence is Presence.PRESENT and bounds.lo == bounds.hi


def _halves(price: int | None) -> int | None:
    return None if price is None else 2 * price
