"""One spec over its market's events, incrementally: tell it what happens, ask it for the verdict at any time.

Events come in order of exchange time (`track.py`); the caller stores, sends and watches the clock.
"""

from __future__ import annotations

from relayer.conditions.dwell import Dwell, Stretch
from relayer.conditions.signal import Quoted, Truth, levels_of, read_sides
from relayer.conditions.spec import Executable, Hold, Mid, Reach, Resolves, Spec, Spread, Trades
from relayer.conditions.track import Sides, Sight, Track
from relayer.domain.errors import UsageError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Size, rfc3339
from relayer.domain.verdicts import Answer, Coverage, Outcome, Verdict, Witness

_SMALLEST = Size(1)


class Condition:
    """The armed evaluator of one spec. Raises UsageError for a spec that cannot be evaluated yet, naming the key.

    Each method takes the parent market that it tells of: one of `spec.legs`.
    """

    def __init__(self, spec: Spec) -> None:
        _check_supported(spec)
        self.spec = spec
        self._source = spec.price if isinstance(spec.price, Executable | Mid) else Executable(_SMALLEST, 0)
        self._dwells = _dwells(spec, self._source)
        self._spent_ms = dict.fromkeys(Sight, 0)
        self._track = Track(self)

    def on_book(self, market: MarketId, at_ms: Millis, book: Quoted) -> None:
        """The book from `at_ms` on; read at once, not kept."""
        self._track.on_quote(at_ms, read_sides(self._source, book))

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        """One trade. It proves nothing about books, and no source that looks at trades is supported yet."""

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        """Status from `at_ms` on; `since_ms`: the last moment at which the old one is sure."""
        self._track.on_status(at_ms, status is MarketStatus.ACTIVE, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        """The venue's result in the venue's word."""
        self._track.on_result(at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, trades: bool) -> None:
        """Nothing is proven in `[from_ms, to_ms)`; `trades`: every trade inside is told all the same."""
        self._track.on_gap(from_ms, to_ms)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        """Everything before `at_ms` has been told."""
        self._track.on_watermark(at_ms)

    def prove(self, market: MarketId, at_ms: Millis) -> None:
        """No event before `at_ms` is missing, though the watermark is not there yet."""
        self._track.prove(at_ms)

    def on_span(self, from_ms: Millis, to_ms: Millis, sight: Sight, sides: Sides | None) -> None:
        """From the track: what is known of `[from_ms, to_ms)`."""
        from_ms, to_ms = max(from_ms, self.spec.start_ms), min(to_ms, self.spec.end_ms)
        if from_ms >= to_ms:
            return
        self._spent_ms[sight] += to_ms - from_ms
        if sight is not Sight.NOT_TRADING:
            for dwell in self._dwells:
                dwell.on_span(from_ms, to_ms, sight, sides)

    def verdict(self) -> Verdict:
        """The verdict from all that was told so far."""
        answer, decided_at, reason, witness = self._judge()
        return Verdict(answer, decided_at, reason, witness, self._coverage())

    def _judge(self) -> tuple[Answer, Millis | None, str, Witness | None]:
        if isinstance(self.spec.test, Resolves):
            return self._judge_result(self.spec.test.result)
        if (found := self._decided()) is not None:
            return found
        over_ms = self._over_ms()
        if over_ms is None:
            return Answer.PENDING, None, "the window is not over", None
        answer, reason = self._judge_over()
        return answer, over_ms, reason, None

    def _judge_result(self, wanted: Outcome) -> tuple[Answer, Millis | None, str, Witness | None]:
        result, final_ms = self._track.result, self._track.final_ms
        if final_ms is None:
            said = "the parent has no result" if result is None else f"the result {result!r} is not final"
            return Answer.PENDING, None, said, None
        if result not in list(Outcome):
            return Answer.UNKNOWN, final_ms, f"the final result {result!r} is neither yes nor no", None
        answer = Answer.YES if result == wanted else Answer.NO
        return answer, final_ms, f"the final result is {result}", None

    def _decided(self) -> tuple[Answer, Millis, str, Witness] | None:
        found = [dwell.found for dwell in self._dwells if dwell.found]
        if isinstance(self.spec.test, Reach) and found:
            return _from_stretch(Answer.YES, min(found, key=lambda stretch: stretch.end_ms))
        if isinstance(self.spec.test, Hold) and len(found) == len(self._dwells):
            return _from_stretch(Answer.NO, max(found, key=lambda stretch: stretch.end_ms))
        return None

    def _judge_over(self) -> tuple[Answer, str]:
        trading_ms = sum(self._spent_ms.values()) - self._spent_ms[Sight.NOT_TRADING]
        if trading_ms == 0 or trading_ms < self.spec.held_ms:
            return Answer.UNKNOWN, f"the window holds {trading_ms} ms of trading time, too little to judge"
        if isinstance(self.spec.test, Reach):
            if any(dwell.possible for dwell in self._dwells):
                return Answer.UNKNOWN, "where the data are missing the level may have been reached"
            return Answer.NO, "the window is over and the level was not reached"
        if any(not dwell.possible for dwell in self._dwells):
            return Answer.YES, "the window is over and the level was held"
        return Answer.UNKNOWN, "where the data are missing the level may have been lost"

    def _over_ms(self) -> Millis | None:
        end_ms, final_ms = self.spec.end_ms, self._track.final_ms
        if final_ms is not None:
            return min(end_ms, final_ms)
        return end_ms if self._track.watermark_ms >= end_ms else None

    def _coverage(self) -> Coverage:
        spec, final_ms = self.spec, self._track.final_ms
        after_final_ms = 0 if final_ms is None else max(spec.end_ms - max(final_ms, spec.start_ms), 0)
        return Coverage(
            window_ms=spec.end_ms - spec.start_ms,
            observed_ms=self._spent_ms[Sight.OBSERVED],
            bounded_ms=self._spent_ms[Sight.BOUNDED],
            unknown_ms=self._spent_ms[Sight.UNKNOWN],
            not_trading_ms=self._spent_ms[Sight.NOT_TRADING] + after_final_ms,
        )


def _from_stretch(answer: Answer, stretch: Stretch) -> tuple[Answer, Millis, str, Witness]:
    value = "absent" if stretch.value is None else stretch.value
    reason = f"a stretch that ends at {rfc3339(stretch.end_ms)} with the price {value} decides"
    return answer, stretch.end_ms, reason, Witness(stretch.end_ms, stretch.value)


def _dwells(spec: Spec, source: Executable | Mid) -> tuple[Dwell, ...]:
    if not isinstance(spec.test, Reach | Hold):
        return ()
    wanted = Truth.TRUE if isinstance(spec.test, Reach) else Truth.FALSE
    levels = levels_of(source, spec.test.direction, spec.test.level)
    return tuple(Dwell(level, spec.held_ms, wanted) for level in levels)


def _check_supported(spec: Spec) -> None:
    if isinstance(spec.parent, Spread):
        raise UsageError("spec key 'parent' is a spread, which is not supported yet")
    if not isinstance(spec.test, Reach | Hold | Resolves):
        raise UsageError(f"spec key 'test.type' is {type(spec.test).__name__.lower()}, which is not supported yet")
    if isinstance(spec.price, Trades):
        raise UsageError("spec key 'price.source' is trades, which is not supported yet")
