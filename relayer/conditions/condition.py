"""One spec over its parents' events, incrementally: tell it what happens, ask it for the verdict at any time.

Events come in order of exchange time (`track.py`); the caller stores, sends and watches the clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from relayer.conditions.arming import attains, path_test
from relayer.conditions.decision import Decision
from relayer.conditions.dwell import Crossing
from relayer.conditions.events import Candle
from relayer.conditions.joint import Joint
from relayer.conditions.judged import NOT_OVER, Judged, judge_decision, judge_result, too_little, witness_of
from relayer.conditions.signal import Quoted, States, read_sides
from relayer.conditions.spec import At, Executable, Mid, Range, Reach, Realized, Resolves, Spec, Trades
from relayer.conditions.track import BookTrack, Sides, Sight, SpanListener, State, TradeTrack
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Size
from relayer.domain.verdicts import Answer, Coverage, Outcome, Verdict

_ANY_BOOK = Executable(Size(1), 0)
"""What coverage looks at where a test looks at no price."""


class Condition:
    """The armed evaluator of one spec.

    Each method takes the parent market that it tells of: one of `spec.legs`. `candles_follow`: candles and trades of a
    gap may be told after it, until the watermark passes its start, and the verdict waits for that; else they come
    before what lies behind the gap. Trades of a live source come in a sequence of their own (`TradeTrack`).
    """

    def __init__(self, spec: Spec, *, candles_follow: bool = False) -> None:
        self.spec = spec
        self._test = path_test(spec)
        self._from_ms, self._to_ms = _looked_at(spec)
        self._window = spec.start_ms, spec.end_ms
        self._attains = attains(spec)
        self._whole: Candle | None = None
        self._spent_ms = [0] * len(Sight)
        self._source = spec.price if isinstance(spec.price, Executable | Mid) else _ANY_BOOK
        follow = candles_follow and self._test is not None
        self._legs = Joint(self._on_states).legs if len(spec.legs) == 2 else ()
        listeners: Sequence[SpanListener] = self._legs or (self,)
        kind = TradeTrack if isinstance(spec.price, Trades) else BookTrack
        self._tracks = {
            leg: kind(listener, candles_follow=follow) for leg, listener in zip(spec.legs, listeners, strict=True)
        }

    def on_book(self, market: MarketId, at_ms: Millis, book: Quoted) -> None:
        """The book from `at_ms` on; read at once, not kept."""
        track = self._tracks[market]
        if isinstance(track, BookTrack):
            track.on_quote(at_ms, read_sides(self._source, book))
        elif isinstance(track, TradeTrack):
            track.prove_by_book(at_ms)

    @property
    def by_trades(self) -> bool:
        return isinstance(self.spec.price, Trades)

    @property
    def instant(self) -> bool:
        """Whether the best prices of one parent count, without dwell: then `on_best` stands for `on_book`."""
        smallest = isinstance(self._source, Mid) or self._source.min_size == 1
        return smallest and not self.spec.held_ms and not isinstance(self.spec.price, Trades) and not self._legs

    def on_best(self, market: MarketId, at_ms: Millis, sides: Sides) -> None:
        """The best prices from `at_ms` on."""
        track = self._tracks[market]
        assert isinstance(track, BookTrack)
        track.on_quote(at_ms, sides)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        """One trade, block trades included."""
        track = self._tracks[market]
        if isinstance(track, TradeTrack):
            track.on_trade(trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        """Status from `at_ms` on; `since_ms`: the last moment at which the old one is sure."""
        self._tracks[market].on_status(at_ms, status is MarketStatus.ACTIVE, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        """The venue's result in the venue's word."""
        self._tracks[market].on_result(at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, trades: bool) -> None:
        """Nothing is proven in `[from_ms, to_ms)`; `trades`: every trade inside is told all the same."""
        self._tracks[market].on_gap(from_ms, to_ms, trades=trades)

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        """A venue candle, which bounds what gaps leave open."""
        self._tracks[market].on_candle(candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        """Everything before `at_ms` has been told."""
        self._tracks[market].on_watermark(at_ms)

    def prove(self, market: MarketId, at_ms: Millis) -> None:
        """No event before `at_ms` is missing, though the watermark is not there yet."""
        self._tracks[market].prove(at_ms)

    def on_span(self, from_ms: Millis, to_ms: Millis, state: State) -> None:
        """From the track of a single parent."""
        self._on_states(from_ms, to_ms, (state,))

    def on_trades(self, at_ms: Millis, trades: Sequence[Trade]) -> None:
        """From the track of a single parent: the trades of one millisecond that count."""
        if self._test and self.spec.start_ms <= at_ms < self.spec.end_ms:
            self._test.on_trades(at_ms, trades)

    def verdict(self) -> Verdict:
        """The verdict from all that was told so far."""
        for track in self._tracks.values():
            track.flush()
        answer, decided_at, reason, witness = self._judge()
        return Verdict(answer, decided_at, reason, witness, self._coverage())

    def dwelt(self) -> list[tuple[int, int]]:
        """Of every level of `reach` and `hold` on a book: the dwell that lasts, and the longest so far, milliseconds.

        What counts is the time in which the level was met, of `hold` in which it was lost. Empty for other tests.
        """
        for track in self._tracks.values():
            track.flush()
        return self._test.dwelt() if isinstance(self._test, Crossing) else []

    def _on_states(self, from_ms: Millis, to_ms: Millis, states: States) -> None:
        sight = min(state.sight for state in states) if len(states) > 1 else states[0].sight
        start_ms, end_ms = self._window
        if from_ms < end_ms and to_ms > start_ms:
            self._spent_ms[sight] += min(to_ms, end_ms) - max(from_ms, start_ms)
        from_ms, to_ms = max(from_ms, self._from_ms), min(to_ms, self._to_ms)
        if self._test is None or from_ms >= to_ms:
            return
        if sight is Sight.NOT_TRADING:
            self._whole = None
            return
        self._test.on_span(from_ms, to_ms, states)
        if self._attains:
            self._complete(from_ms, to_ms, states[0].candle)

    def _complete(self, from_ms: Millis, to_ms: Millis, candle: Candle | None) -> None:
        """Tell the test of a candle once all of it was in its gap, the window and trading time."""
        if candle is None or (candle != self._whole and from_ms != candle.at_ms):
            self._whole = None
            return
        self._whole = candle
        if self._test and to_ms == candle.to_ms:
            self._test.on_candle(candle)

    def _judge(self) -> Judged:
        if isinstance(self.spec.test, Resolves):
            return self._judge_result(self.spec.test.result)
        assert self._test is not None
        if (decision := self._test.decision()) is not None:
            return self._decided(decision)
        over_ms = self._over_ms()
        if over_ms is None:
            return NOT_OVER
        trading_ms = sum(self._spent_ms) - self._spent_ms[Sight.NOT_TRADING]
        if trading_ms == 0 or trading_ms < self.spec.held_ms:
            return too_little(over_ms, trading_ms)
        judgement = self._test.judge()
        stands = judgement.answer is Answer.YES and isinstance(self.spec.test, At)
        witness = witness_of(over_ms, judgement.halves) if stands else None
        return Judged(judgement.answer, over_ms, judgement.reason, witness)

    def _judge_result(self, wanted: Outcome) -> Judged:
        track = self._tracks[self.spec.legs[0]]
        return judge_result(wanted, track.result, track.final_ms)

    def _decided(self, decision: Decision) -> Judged:
        return judge_decision(decision, Answer.YES if isinstance(self.spec.test, Reach | Range) else Answer.NO)

    def _over_ms(self) -> Millis | None:
        """The moment of over, of a spread when both legs are: the later one."""
        end_ms = needed_ms = int(self.spec.end_ms)
        if isinstance(self.spec.test, At):
            end_ms, needed_ms = self.spec.test.at_ms, self.spec.test.at_ms + 1
        tracks = self._tracks.values()
        if any(track.final_ms is None and track.watermark_ms < needed_ms for track in tracks):
            return None
        return Millis(max(end_ms if track.final_ms is None else min(end_ms, track.final_ms) for track in tracks))

    def _coverage(self) -> Coverage:
        spec = self.spec
        finals = [track.final_ms for track in self._tracks.values() if track.final_ms is not None]
        after_final_ms = max(spec.end_ms - max(min(finals), spec.start_ms), 0) if finals else 0
        return Coverage(
            window_ms=spec.end_ms - spec.start_ms,
            observed_ms=self._spent_ms[Sight.OBSERVED],
            bounded_ms=self._spent_ms[Sight.BOUNDED],
            unknown_ms=self._spent_ms[Sight.UNKNOWN],
            not_trading_ms=self._spent_ms[Sight.NOT_TRADING] + after_final_ms,
        )


def _looked_at(spec: Spec) -> tuple[Millis, Millis]:
    """The instants that the test looks at, half-open: the window, or a little beyond it."""
    if isinstance(spec.test, At):
        return spec.start_ms, Millis(spec.test.at_ms + 1)
    if isinstance(spec.test, Realized):
        return Millis(spec.start_ms - 1), spec.end_ms
    return spec.start_ms, spec.end_ms
