"""Which evaluator a spec's test and source need."""

from __future__ import annotations

from relayer.conditions.decision import PathTest
from relayer.conditions.dwell import Crossing
from relayer.conditions.measures import Mean, Squares, Standing
from relayer.conditions.ranging import BookRange, TradeRange
from relayer.conditions.signal import high_signal, levels_of, low_signal
from relayer.conditions.spec import At, Average, Executable, Hold, Mid, Range, Reach, Realized, Spec, Trades
from relayer.conditions.traded import Traded


def path_test(spec: Spec) -> PathTest | None:
    """A fresh evaluator of the spec's test; None where only the result counts."""
    if spec.price is None:
        return None
    if isinstance(spec.price, Trades):
        return _by_trades(spec, spec.price)
    return _by_book(spec, spec.price)


def attains(spec: Spec) -> bool:
    """Whether a candle attains its extremes for this spec: any single quote or trade is enough."""
    match spec.price:
        case Executable(min_size=1, held_ms=0):
            return len(spec.legs) == 1
        case Trades(min_size=1, min_trades=1):
            return True
    return False


def _by_trades(spec: Spec, source: Trades) -> PathTest:
    match spec.test:
        case Reach(direction, level):
            return Traded(source, direction, level)
        case Range() as test:
            return TradeRange(test, source)
    raise ValueError(f"trades cannot answer {spec.test}")


def _by_book(spec: Spec, source: Executable | Mid) -> PathTest:
    spread = len(spec.legs) == 2
    match spec.test:
        case Reach(direction, level) | Hold(direction, level):
            levels = levels_of(source, direction, level, spread=spread)
            return Crossing(levels, spec.held_ms, hold=isinstance(spec.test, Hold))
        case Range() as test:
            high, low = high_signal(source, spread=spread), low_signal(source, spread=spread)
            return BookRange(test, spec.held_ms, high, low)
        case At(direction, level, at_ms):
            return Standing(levels_of(source, direction, level, spread=spread)[0], at_ms)
        case Average(direction, level):
            return Mean(levels_of(source, direction, level, spread=spread)[0])
        case Realized() as test if isinstance(source, Mid):
            signal = high_signal(source, spread=spread)
            return Squares(test, source, signal, spec.start_ms, spec.end_ms)
    raise ValueError(f"a book cannot answer {spec.test}")
