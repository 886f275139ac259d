"""One market's events in order of time, turned into spans of constant knowledge (`conditions.md` section 2).

A span is told once, when nothing in it can change any more: the state of an instant is that after all events of its
millisecond, so what happens at `known_ms` waits until something later proves that nothing before is missing. What a
span means for a question is left to the listener.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import insort
from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple, Protocol

from msgspec import UnsetType

from relayer.conditions.events import Candle
from relayer.domain.feeds import Trade
from relayer.domain.units import Millis, Price

LONG_AGO = Millis(-(2**62))
NEVER = Millis(2**62)
_REPEATED_MS = 86_400_000

Sides = tuple[Price | None, Price | None]
"""Bid and ask at the size that the question looks at, None for an absent side."""


class Sight(IntEnum):
    """How well an instant is known; the worst of two parents is the smaller one."""

    NOT_TRADING = 0
    UNKNOWN = 1
    BOUNDED = 2
    OBSERVED = 3


class State(NamedTuple):
    """What is known of an instant: `sides` of an observed book, `candle` where bounded."""

    sight: Sight
    sides: Sides | None = None
    candle: Candle | None = None


NOT_TRADING = State(Sight.NOT_TRADING)
UNKNOWN = State(Sight.UNKNOWN)
COMPLETE = State(Sight.OBSERVED)
"""Trades are complete."""


class SpanListener(Protocol):
    def on_span(self, from_ms: Millis, to_ms: Millis, state: State) -> None:
        """`[from_ms, to_ms)`, never empty, each beginning where the last one ended."""

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        """The trades of one millisecond that count, before the span that begins there."""


class Track(ABC):
    """Knowledge of one market. `known_ms`: every instant before it is told.

    The time from a final result on is kept back: it is not trading, unless a later result takes the finality away.
    `candles_follow`: candles and trades of a gap may be told after it, until the watermark passes its start; what lies
    behind the start waits for that.
    """

    def __init__(self, listener: SpanListener, *, candles_follow: bool) -> None:
        self.known_ms = LONG_AGO
        self.watermark_ms = LONG_AGO
        self.result: str | None = None
        """Word of the latest result."""
        self.final_ms: Millis | None = None
        """Time of the governing final result."""
        self._listener = listener
        self._candles_follow = candles_follow
        self._waiting: deque[tuple[Millis, str, tuple[Any, ...]]] = deque()
        self._unfilled: list[Millis] = []
        self._hold_ms = NEVER
        self._trading = True
        self._statuses: list[bool] = []
        self._gaps: list[tuple[Millis, Millis]] = []
        self._candles: list[Candle] = []
        self._going_on: tuple[Millis, Millis, State] | None = None
        self._kept_back: list[tuple[Millis, Millis, State] | tuple[Millis, list[Trade]]] = []

    def on_status(self, at_ms: Millis, trading: bool, since_ms: Millis | None) -> None:
        if since_ms is not None and since_ms < at_ms:
            self.on_gap(since_ms, at_ms, trades=True)
        self._at(at_ms, "_take_status", trading)

    def on_result(self, at_ms: Millis, result: str, final: bool) -> None:
        self._at(at_ms, "_take_result", result, final)

    def on_watermark(self, at_ms: Millis) -> None:
        self.watermark_ms = max(self.watermark_ms, at_ms)
        if self._candles_follow:
            self._hold()
        self.prove(at_ms)

    def on_gap(self, from_ms: Millis, to_ms: Millis, *, trades: bool) -> None:
        """Nothing is proven in `[from_ms, to_ms)`; what is already told stays told."""
        from_ms = max(from_ms, self.known_ms)
        if from_ms < to_ms:
            insort(self._gaps, (from_ms, to_ms))
            self._await_filling(from_ms)

    def on_candle(self, candle: Candle) -> None:
        """What the venue says of `[candle.at_ms, candle.to_ms)`; used inside gaps only."""
        if candle.to_ms > self.known_ms:
            insort(self._candles, candle, key=lambda one: one.at_ms)

    def prove(self, at_ms: Millis) -> None:
        """No event before `at_ms` is missing."""
        self._at(at_ms, "_take_nothing")

    def _at(self, at_ms: Millis, event: str, *args: Any) -> None:
        """Tell all until `at_ms` and let the event happen there, or wait behind a gap whose candles may follow.

        event: name of the method that takes it, so that what waits can be stored.
        """
        if self._waiting or at_ms > self._hold_ms:
            self._wait(at_ms, event, args)
            self._release_waiting()
            return
        if at_ms > self.known_ms:
            self._tell_until(at_ms)
        getattr(self, event)(*args)

    def _wait(self, at_ms: Millis, event: str, args: tuple[Any, ...]) -> None:
        proven = event == "_take_nothing" and self._waiting and at_ms <= self._waiting[-1][0]
        if not proven:
            self._waiting.append((at_ms, event, args))

    def _await_filling(self, from_ms: Millis) -> None:
        """A gap that begins here may yet be filled."""
        if self._candles_follow:
            self._unfilled.append(from_ms)
            self._hold()

    def _hold(self) -> None:
        self._unfilled = [start for start in self._unfilled if start >= self.watermark_ms]
        self._hold_ms = min([self._complete_ms(), *self._unfilled])
        self._release_waiting()

    def _complete_ms(self) -> Millis:
        """Where what happens has to wait for something else than the filling of a gap."""
        return NEVER

    def _release_waiting(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._hold_ms:
            at_ms, event, args = self._waiting.popleft()
            if at_ms > self.known_ms:
                self._tell_until(at_ms)
            getattr(self, event)(*args)

    def _take_nothing(self) -> None:  # noqa: B027 - a hook for nobody: what a proof does is done by its time alone
        """A proof alone."""

    def _take_status(self, trading: bool) -> None:
        self._statuses.append(trading)

    def _take_result(self, result: str, final: bool) -> None:
        same = final and self.final_ms is not None and result == self.result
        self.result = result
        if not same:
            self.flush()
            self.final_ms = self.known_ms if final else None
            kept_back, self._kept_back = self._kept_back, []
            for told in kept_back:
                self._pass_on(told)

    def _tell_until(self, to_ms: Millis) -> None:
        for trading in self._statuses:
            self._turn(trading)
        self._statuses.clear()
        self._happen()
        position = self.known_ms
        if self._gaps:
            for start, end in self._gaps:
                position = self._tell_gap(position, start, end, to_ms)
            self._gaps = [gap for gap in self._gaps if gap[1] > to_ms]
        while self._candles and self._candles[0].to_ms <= to_ms:
            self._candles.pop(0)
        if position < to_ms:
            self._tell(position, to_ms, self._state() if self._trading else NOT_TRADING)
        self.known_ms = to_ms

    def _tell_gap(self, position: Millis, start: Millis, end: Millis, to_ms: Millis) -> Millis:
        """Tell from `position` through the part of one gap that lies before `to_ms`; returns the new position."""
        start, end = min(start, to_ms), min(end, to_ms)
        if position < start:
            self._tell(position, start, self._state() if self._trading else NOT_TRADING)
            position = start
        if position < end:
            self._lose()
            self._tell_candles(position, end)
        return max(position, end)

    def _tell_candles(self, from_ms: Millis, to_ms: Millis) -> None:
        if not self._trading:
            self._tell(from_ms, to_ms, NOT_TRADING)
            return
        for candle in self._candles:
            start, end = max(candle.at_ms, from_ms), min(candle.to_ms, to_ms)
            if start < end and self._shows(candle):
                if from_ms < start:
                    self._tell(from_ms, start, UNKNOWN)
                self._tell(start, end, State(Sight.BOUNDED, None, candle))
                from_ms = end
        if from_ms < to_ms:
            self._tell(from_ms, to_ms, UNKNOWN)

    def flush(self) -> None:
        """Tell what is known of the state that still goes on."""
        if self._going_on is not None:
            from_ms, to_ms, state = self._going_on
            self._going_on = None
            self._listener.on_span(from_ms, to_ms, state)

    def _tell(self, from_ms: Millis, to_ms: Millis, state: State) -> None:
        """Most quotes change nothing: a span waits until its state ends, or somebody asks."""
        if self.final_ms is not None:
            self._keep_back(from_ms, to_ms, state)
        elif self._going_on is not None and self._going_on[2] == state:
            self._going_on = (self._going_on[0], to_ms, state)
        else:
            self.flush()
            self._going_on = (from_ms, to_ms, state)

    def _keep_back(self, from_ms: Millis, to_ms: Millis, state: State) -> None:
        last = self._kept_back[-1] if self._kept_back else None
        if last is not None and len(last) == 3 and last[2] == state:
            self._kept_back[-1] = (last[0], to_ms, state)
        else:
            self._kept_back.append((from_ms, to_ms, state))

    def _pass_on(self, told: tuple[Millis, Millis, State] | tuple[Millis, list[Trade]]) -> None:
        if len(told) == 3:
            self._listener.on_span(*told)
        else:
            self._listener.on_trades(*told)

    def _miss(self) -> None:
        """Something came too late for its own time: from now until the next proof the stream shows nothing."""
        self.on_gap(self.known_ms, Millis(self.known_ms + 1), trades=False)

    def _inside_gap(self, at_ms: Millis) -> bool:
        return any(start <= at_ms < end for start, end in self._gaps)

    def _turn(self, trading: bool) -> None:
        if self._trading and not trading:
            self._lose()
        self._trading = trading

    @abstractmethod
    def _happen(self) -> None:
        """What besides statuses happened at `known_ms` takes effect."""

    @abstractmethod
    def _state(self) -> State:
        """The state in trading time outside gaps."""

    @abstractmethod
    def _lose(self) -> None:
        """A gap, or the end of trading: what was known holds no longer."""

    @abstractmethod
    def _shows(self, candle: Candle) -> bool:
        """Whether the candle says something of what is tracked."""


class BookTrack(Track):
    """The book at the size of one source."""

    def __init__(self, listener: SpanListener, *, candles_follow: bool) -> None:
        super().__init__(listener, candles_follow=candles_follow)
        self._book = UNKNOWN
        self._quote: Sides | None = None

    def on_quote(self, at_ms: Millis, sides: Sides) -> None:
        if at_ms > self.known_ms and self._undisturbed and not self._candles:
            if self._quote is not None and self._quote != self._book.sides:
                self._book = State(Sight.OBSERVED, self._quote)
            self._tell(self.known_ms, at_ms, self._book)
            self.known_ms, self._quote = at_ms, sides
        else:
            self._at(at_ms, "_take_quote", at_ms, sides)

    @property
    def standing(self) -> Sides | None:
        """The book from `known_ms` on, if nothing but quotes could change it and all before is told."""
        if not self._undisturbed or self._going_on is not None:
            return None
        return self._quote or self._book.sides

    @property
    def _undisturbed(self) -> bool:
        """Only quotes matter now."""
        return self._trading and self.final_ms is None and not (self._gaps or self._statuses or self._waiting)

    def resume(self, at_ms: Millis, book: Sides | None, quote: Sides) -> None:
        """All before `at_ms` was told past the track since it was standing: `book` until then, and `quote` from it."""
        self.known_ms = at_ms
        self._book = UNKNOWN if book is None else State(Sight.OBSERVED, book)
        self._quote = quote

    def _take_quote(self, at_ms: Millis, sides: Sides) -> None:
        if at_ms == self.known_ms:
            self._quote = sides
        else:
            self._miss()

    def _happen(self) -> None:
        quote, self._quote = self._quote, None
        if quote is not None and self._trading and not self._inside_gap(self.known_ms):
            self._book = State(Sight.OBSERVED, quote)

    def _state(self) -> State:
        return self._book

    def _lose(self) -> None:
        self._book = UNKNOWN

    def _shows(self, candle: Candle) -> bool:
        return True


class TradeTrack(Track):
    """Where trades are complete, and the trades that count.

    `candles_follow`: trades come in a sequence of their own, a little later than the rest; so a status waits until the
    watermark, a result or a later trade shows that no trade before it is to come.
    """

    def __init__(self, listener: SpanListener, *, candles_follow: bool) -> None:
        super().__init__(listener, candles_follow=candles_follow)
        self._seen: set[str] = set()
        self._recent: deque[tuple[Millis, str]] = deque()
        self._trades: list[Trade] = []
        self._passed_ms = LONG_AGO
        if candles_follow:
            self._hold_ms = LONG_AGO

    def on_gap(self, from_ms: Millis, to_ms: Millis, *, trades: bool) -> None:
        if not trades:
            super().on_gap(from_ms, to_ms, trades=trades)
        elif max(from_ms, self.known_ms) < to_ms:
            self._await_filling(max(from_ms, self.known_ms))

    def on_trade(self, trade: Trade) -> None:
        """A trade; it proves that no trade before it is missing. Repeated ids, block and empty ones do not count."""
        counts = trade.trade_id not in self._seen and not trade.block and trade.size > 0
        self._use_up(trade)
        self._pass(trade.at_ms)
        if counts:
            self._at(trade.at_ms, "_take_trade", trade)
        else:
            self.prove(trade.at_ms)

    def on_result(self, at_ms: Millis, result: str, final: bool) -> None:
        self._pass(at_ms)
        super().on_result(at_ms, result, final)

    def prove_by_book(self, at_ms: Millis) -> None:
        """A book at this time; where trades come in a sequence of their own it says nothing about them."""
        if not self._candles_follow:
            self.prove(at_ms)

    def _use_up(self, trade: Trade) -> None:
        """The id counts once; a live source repeats none that is a day old."""
        known = trade.trade_id in self._seen
        self._seen.add(trade.trade_id)
        if self._candles_follow and not known:
            self._recent.append((trade.at_ms, trade.trade_id))
            while self._recent[0][0] < self.watermark_ms - _REPEATED_MS:
                self._seen.discard(self._recent.popleft()[1])

    def _pass(self, at_ms: Millis) -> None:
        if self._candles_follow and at_ms > self._passed_ms:
            self._passed_ms = at_ms
            self._hold()

    def _complete_ms(self) -> Millis:
        return max(self._passed_ms, self.watermark_ms)

    def _wait(self, at_ms: Millis, event: str, args: tuple[Any, ...]) -> None:
        """Trades that fill a gap come after what lies behind it, and are taken before."""
        place = len(self._waiting)
        while place and self._waiting[place - 1][0] > at_ms:
            place -= 1
        if place == len(self._waiting):
            super()._wait(at_ms, event, args)
        elif event != "_take_nothing":
            self._waiting.insert(place, (at_ms, event, args))

    def _take_trade(self, trade: Trade) -> None:
        if trade.at_ms == self.known_ms:
            self._trades.append(trade)
        else:
            self._miss()

    def _happen(self) -> None:
        trades, self._trades = self._trades, []
        if not trades or not self._trading or self._inside_gap(self.known_ms):
            return
        if self.final_ms is None:
            self.flush()
            self._listener.on_trades(self.known_ms, trades)
        else:
            self._kept_back.append((self.known_ms, trades))

    def _state(self) -> State:
        return COMPLETE

    def _lose(self) -> None:
        pass

    def _shows(self, candle: Candle) -> bool:
        return not isinstance(candle.trades, UnsetType)
