"""Tell a whole path to a condition, or all of it before a moment, and ask for the verdict (section 7)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.events import Candle, Event, Gap, Path, Quote, Result, Status, Watermark
from relayer.conditions.path import cut_path
from relayer.conditions.spec import Spec, Trades
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.domain.verdicts import Verdict


def judge(spec: Spec, paths: Mapping[MarketId, Path], *, at_ms: Millis | None = None) -> Verdict:
    """The verdict of `spec` over the paths of its legs; `at_ms`: from all data before it."""
    condition = Condition(spec)
    tell_all(condition, {market: path if at_ms is None else cut_path(path, at_ms) for market, path in paths.items()})
    return condition.verdict()


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
    tagged = [[(market, event) for event in path.events] for market, path in paths.items()]
    return heapq.merge(*tagged, key=lambda pair: pair[1].at_ms)
