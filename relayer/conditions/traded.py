"""`reach` by trades: enough traded at or beyond a level within `within_s` (sections 3 and 4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from relayer.conditions.decision import Decision, Judgement
from relayer.conditions.events import Candle
from relayer.conditions.signal import FULL, States
from relayer.conditions.spec import Direction, Trades
from relayer.conditions.track import Sight
from relayer.domain.feeds import Trade
from relayer.domain.units import NO_BID, PRICE_MAX, Millis
from relayer.domain.verdicts import Answer


class TradedLevel:
    """One level: the trades at or beyond it of the last `within_s`."""

    def __init__(self, source: Trades, *, up: bool, halves: int) -> None:
        self.found: Decision | None = None
        self.possible = False
        """Whether trades are missing somewhere that may have met it."""
        self._source = source
        self._up = up
        self._halves = halves
        self._recent: deque[Trade] = deque()
        self._size = 0

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        if self.found is not None and self.found.at_ms <= at_ms:
            return
        beyond = [trade for trade in trades if self._met_by(trade.price)]
        self._recent.extend(beyond)
        self._size += sum(trade.size for trade in beyond)
        while self._recent and self._recent[0].at_ms <= at_ms - self._source.within_ms:
            self._size -= self._recent.popleft().size
        enough = len(self._recent) >= self._source.min_trades and self._size >= self._source.min_size
        if beyond and enough:
            self.found = Decision.earlier(self.found, Decision(at_ms, 2 * beyond[0].price))

    def on_missing(self, extremes: tuple[int, int]) -> None:
        """Trades of these prices, and between, may be missing."""
        self.possible = self.possible or any(self._met_by(price) for price in extremes)

    def on_attained(self, at_ms: Millis, extremes: tuple[int, int]) -> None:
        """Both were traded for certain, which follows at `at_ms`."""
        met = [2 * price for price in extremes if self._met_by(price)]
        if met:
            nearest = min(met, key=lambda value: abs(value - self._halves))
            self.found = Decision.earlier(self.found, Decision(at_ms, nearest))

    def _met_by(self, price: int) -> bool:
        return 2 * price >= self._halves if self._up else 2 * price <= self._halves


class Traded:
    """`reach` by trades."""

    def __init__(self, source: Trades, direction: Direction, level: int) -> None:
        up = TradedLevel(source, up=True, halves=2 * level)
        down_at = FULL - 2 * level if direction is Direction.EITHER else 2 * level
        down = TradedLevel(source, up=False, halves=down_at)
        self._levels = {Direction.UP: [up], Direction.DOWN: [down], Direction.EITHER: [up, down]}[direction]

    def on_span(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        extremes = missing_extremes(states)
        if extremes is not None:
            for level in self._levels:
                level.on_missing(extremes)

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        for level in self._levels:
            level.on_trades(at_ms, trades)

    def on_candle(self, candle: Candle) -> None:
        if isinstance(candle.trades, tuple):
            for level in self._levels:
                level.on_attained(candle.to_ms, candle.trades)

    def decision(self) -> Decision | None:
        found = [level.found for level in self._levels if level.found]
        return min(found, key=lambda decision: decision.at_ms, default=None)

    def judge(self) -> Judgement:
        if any(level.possible for level in self._levels):
            return Judgement(Answer.UNKNOWN, "where trades are not complete the level may have been traded")
        return Judgement(Answer.NO, "the window is over and the level was not traded")


def missing_extremes(states: States) -> tuple[int, int] | None:
    """Low and high of the trades that a span may lack, None where it lacks none."""
    state = states[0]
    if state.sight is Sight.OBSERVED:
        return None
    if state.candle is None:
        return NO_BID, PRICE_MAX
    return state.candle.trades if isinstance(state.candle.trades, tuple) else None
