"""Tell a whole path to a condition or to many, or all of it before a moment, and ask for verdicts (section 7)."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping, Sequence

from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.events import Candle, Event, Gap, Path, Quote, Result, Status, Watermark
from relayer.conditions.path import cut_path
from relayer.conditions.spec import Spec, Trades
from relayer.conditions.track import LONG_AGO
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.domain.verdicts import Verdict


def judge(spec: Spec, paths: Mapping[MarketId, Path], *, at_ms: Millis | None = None) -> Verdict:
    """The verdict of `spec` over the paths of its legs; `at_ms`: from all data before it."""
    condition = Condition(spec)
    tell_all(condition, {market: path if at_ms is None else cut_path(path, at_ms) for market, path in paths.items()})
    return condition.verdict()


def judge_all(specs: Sequence[Spec], paths: Mapping[MarketId, Path], *, at_ms: Millis | None = None) -> list[Verdict]:
    """The verdict of each spec, every path told but once."""
    known = {market: path if at_ms is None else cut_path(path, at_ms) for market, path in paths.items()}
    engine = Engine(candles=any(Candle in set(map(type, path.events)) for path in known.values()))
    handles = [engine.arm(spec) for spec in specs]
    on_book = {market: engine.parent(market).on_book for market in known}
    for market, event in _merged(known):
        if type(event) is Quote:  # as most are
            on_book[market](market, event.at_ms, event.book)
        else:
            tell(engine, market, event)
    for market, path in known.items():
        engine.prove(market, path.book_proven_ms or LONG_AGO, path.trades_proven_ms or LONG_AGO)
        if path.watermark_ms is not None:
            engine.on_watermark(market, path.watermark_ms)
    return [engine.verdict(handle) for handle in handles]


def tell_all(condition: Condition, paths: Mapping[MarketId, Path]) -> None:
    """Everything that the paths of its legs hold, with what they prove at their end."""
    for market, event in _merged(paths):
        tell(condition, market, event)
    for market, path in paths.items():
        proven_ms = path.trades_proven_ms if isinstance(condition.spec.price, Trades) else path.book_proven_ms
        if proven_ms is not None:
            condition.prove(market, proven_ms)
        if path.watermark_ms is not None:
            condition.on_watermark(market, path.watermark_ms)


def tell(condition: Condition | Engine, market: MarketId, event: Event) -> None:
    """One event of a path as the call that a live source makes."""
    match event:
        case Quote():
            condition.on_book(market, event.at_ms, event.book)
        case Trade():
            condition.on_trade(market, event)
        case Status():
            status = MarketStatus.ACTIVE if event.trading else MarketStatus.CLOSED
            condition.on_status(market, event.at_ms, status, None)
        case Result():
            condition.on_result(market, event.at_ms, event.result, event.final)
        case Gap():
            condition.on_gap(market, event.at_ms, event.to_ms, event.trades)
        case Candle():
            condition.on_candle(market, event)
        case Watermark():
            condition.on_watermark(market, event.at_ms)


def _merged(paths: Mapping[MarketId, Path]) -> Iterator[tuple[MarketId, Event]]:
    if len(paths) == 1:
        ((market, path),) = paths.items()
        return zip(itertools.repeat(market), path.events, strict=False)
    tagged = [[(market, event) for event in path.events] for market, path in paths.items()]
    return heapq.merge(*tagged, key=lambda pair: pair[1].at_ms)
