"""Tell a whole path to a condition, or all of it before a moment, and ask for the verdict (section 7)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping

from relayer.conditions.condition import Condition
from relayer.conditions.events import Candle, Event, Gap, Path, Quote, Result, Status, Watermark
from relayer.conditions.spec import Spec
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.domain.verdicts import Verdict


def judge(spec: Spec, paths: Mapping[MarketId, Path], *, at_ms: Millis | None = None) -> Verdict:
    """The verdict of `spec` over the paths of its legs; `at_ms`: from all data before it."""
    condition = Condition(spec)
    cut = {market: path if at_ms is None else cut_path(path, at_ms) for market, path in paths.items()}
    for market, event in _merged(cut):
        tell(condition, market, event)
    for market, path in cut.items():
        if path.book_proven_ms is not None:
            condition.prove(market, path.book_proven_ms)
        if path.watermark_ms is not None:
            condition.on_watermark(market, path.watermark_ms)
    return condition.verdict()


def cut_path(path: Path, at_ms: Millis) -> Path:
    """What was known of a path from all data before `at_ms`: gaps are cut, candles must have ended."""
    events = (_cut(event, at_ms) for event in path.events if event.at_ms < at_ms)
    return Path(
        events=tuple(event for event in events if event is not None),
        watermark_ms=_cap(path.watermark_ms, at_ms),
        book_proven_ms=_cap(path.book_proven_ms, at_ms),
        trades_proven_ms=_cap(path.trades_proven_ms, at_ms),
    )


def tell(condition: Condition, market: MarketId, event: Event) -> None:
    """One event of a file as the call that a live source makes."""
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
        case Watermark():
            condition.on_watermark(market, event.at_ms)


def _cut(event: Event, at_ms: Millis) -> Event | None:
    if isinstance(event, Gap):
        return Gap(event.at_ms, min(event.to_ms, at_ms), event.trades)
    if isinstance(event, Candle) and event.to_ms > at_ms:
        return None
    return event


def _cap(value: Millis | None, at_ms: Millis) -> Millis | None:
    return None if value is None else min(value, at_ms)


def _merged(paths: Mapping[MarketId, Path]) -> Iterator[tuple[MarketId, Event]]:
    tagged = [[(market, event) for event in path.events] for market, path in paths.items()]
    return heapq.merge(*tagged, key=lambda pair: pair[1].at_ms)
