"""The verdict of one spec over whole paths, test by test (section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relayer.conditions.events import Path
from relayer.conditions.path import cut_path
from relayer.conditions.reference.market import Market
from relayer.conditions.reference.measures import average, realized, stands
from relayer.conditions.reference.stretches import Found, Side, Truth, first_all, sides, some_free_of
from relayer.conditions.reference.swing import certain_extremes, first_swing, possible_extremes
from relayer.conditions.reference.traded import first_met, perhaps_met
from relayer.conditions.reference.window import Piece, coverage, pieces, trading_ms
from relayer.conditions.signal import halves_text
from relayer.conditions.spec import At, Average, Hold, Range, Reach, Realized, Resolves, Spec, Trades
from relayer.domain.markets import MarketId
from relayer.domain.units import Millis
from relayer.domain.verdicts import Answer, Outcome, Verdict, Witness


def judge(spec: Spec, paths: Mapping[MarketId, Path], *, at_ms: Millis | None = None) -> Verdict:
    """The verdict of `spec` over the paths of its legs; `at_ms`: from all data before it."""
    whole = [paths[leg] for leg in spec.legs]
    markets = [Market(path if at_ms is None else cut_path(path, at_ms)) for path in whole]
    answer, decided_ms, found = _judge(spec, markets)
    witness = None
    if found is not None and decided_ms is not None:
        witness = Witness(Millis(decided_ms), None if found.value is None else halves_text(found.value))
    decided_at = None if decided_ms is None else Millis(decided_ms)
    return Verdict(answer, decided_at, f"by definition: {answer}", witness, coverage(spec, markets))


_Judged = tuple[Answer, int | None, Found | None]


def _judge(spec: Spec, markets: Sequence[Market]) -> _Judged:
    if isinstance(spec.test, Resolves):
        return _judge_result(spec.test.result, markets[0])
    decided = _decided(spec, markets)
    if decided is not None:
        return decided
    over_ms = _over_ms(spec, markets)
    if over_ms is None:
        return Answer.PENDING, None, None
    spent_ms = trading_ms(spec, markets)
    if spent_ms == 0 or spent_ms < spec.held_ms:
        return Answer.UNKNOWN, over_ms, None
    answer, found = _judge_over(spec, markets)
    return answer, over_ms, found


def _judge_result(wanted: Outcome, market: Market) -> _Judged:
    final = market.final
    if final is None:
        return Answer.PENDING, None, None
    if final.result not in ("yes", "no"):
        return Answer.UNKNOWN, final.at_ms, None
    return (Answer.YES if final.result == wanted else Answer.NO), final.at_ms, None


def _over_ms(spec: Spec, markets: Sequence[Market]) -> int | None:
    """The moment of over: of a spread when both legs are, the later moment."""
    if isinstance(spec.test, At):
        end_ms, needed_ms = spec.test.at_ms, spec.test.at_ms + 1
    else:
        end_ms, needed_ms = spec.end_ms, spec.end_ms
    if any(market.final is None and market.watermark_ms < needed_ms for market in markets):
        return None
    return max(min(end_ms, market.final_ms) for market in markets)


def _decided(spec: Spec, markets: Sequence[Market]) -> _Judged | None:
    """What is certain before over: a yes of `reach` and `range`, a no of `hold`."""
    trading = [piece for piece in pieces(markets, spec.start_ms, spec.end_ms) if piece.trading]
    match spec.test:
        case Reach(direction, level):
            one_each = [_first(spec, side, trading, markets) for side in sides(spec, direction, level)]
            some = [one for one in one_each if one is not None]
            return _at(Answer.YES, min(some, key=_date)) if some else None
        case Hold(direction, level):
            one_each = [first_all(Truth.FALSE, side, trading, markets) for side in sides(spec, direction, level)]
            every = [one for one in one_each if one is not None]
            return _at(Answer.NO, max(every, key=_date)) if len(every) == len(one_each) else None
        case Range() as test:
            swing = first_swing(test, certain_extremes(spec, markets, trading))
            return _at(Answer.YES, swing) if swing else None
    return None


def _first(spec: Spec, side: Side, trading: Sequence[Piece], markets: Sequence[Market]) -> Found | None:
    if isinstance(spec.price, Trades):
        return first_met(side, markets[0])
    return first_all(Truth.TRUE, side, trading, markets)


def _at(answer: Answer, found: Found) -> _Judged:
    return answer, found.decided_ms, found


def _date(found: Found) -> int:
    return found.decided_ms


def _judge_over(spec: Spec, markets: Sequence[Market]) -> tuple[Answer, Found | None]:
    trading = [piece for piece in pieces(markets, spec.start_ms, spec.end_ms) if piece.trading]
    match spec.test:
        case Reach(direction, level):
            perhaps = [_perhaps(spec, side, trading, markets) for side in sides(spec, direction, level)]
            return (Answer.UNKNOWN if any(perhaps) else Answer.NO), None
        case Hold(direction, level):
            lost = [some_free_of(Truth.TRUE, side, trading) for side in sides(spec, direction, level)]
            return (Answer.UNKNOWN if all(lost) else Answer.YES), None
        case Range() as test:
            possible = first_swing(test, possible_extremes(spec, markets, trading))
            return (Answer.UNKNOWN if possible else Answer.NO), None
        case At() as test:
            return stands(spec, test, markets[0])
        case Average() as test:
            return average(spec, test, trading), None
        case Realized() as test:
            return realized(spec, test, markets[0]), None
    raise AssertionError(f"no definition for {spec.test}")


def _perhaps(spec: Spec, side: Side, trading: Sequence[Piece], markets: Sequence[Market]) -> bool:
    if isinstance(spec.price, Trades):
        return perhaps_met(side, markets[0])
    return some_free_of(Truth.FALSE, side, trading)
