"""A `FeedListener` that keeps everything it is told and holds the teller to the rules for writers of a path."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from relayer.domain.feeds import BookView, Level, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis


@dataclass(frozen=True, slots=True)
class Book:
    at: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Status:
    at: int
    status: MarketStatus
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    at: int
    result: str
    final: bool


@dataclass(frozen=True, slots=True)
class Gap:
    start: int
    end: int
    reason: str


@dataclass(frozen=True, slots=True)
class Watermark:
    at: int


Line = Book | Status | Result | Gap | Watermark | Trade


@dataclass(slots=True)
class Told:
    """Of one market: the lines in the order of telling."""

    lines: list[Line] = field(default_factory=list)
    told_ms: int = 0
    watermark_ms: int = 0
    gap_end: int = 0

    def of(self, kind: type[Line]) -> list[Line]:
        return [line for line in self.lines if isinstance(line, kind)]


class PathRules:
    """Asserts, line by line, what `conditions.md` section 2 asks of those who write a path."""

    def __init__(self) -> None:
        self.markets: dict[str, Told] = defaultdict(Told)

    def __getitem__(self, ticker: str) -> Told:
        return self.markets[ticker]

    def _in_order(self, market: MarketId, at_ms: int) -> Told:
        told = self.markets[market.ticker]
        assert at_ms >= told.told_ms, f"{market}: {at_ms} is told after {told.told_ms}"
        assert at_ms >= told.watermark_ms, f"{market}: {at_ms} is told after the watermark {told.watermark_ms}"
        assert at_ms >= told.gap_end, f"{market}: {at_ms} lies in a gap that ends at {told.gap_end}"
        return told

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        told = self._in_order(market, at_ms)
        bid, ask = book.best_bid, book.best_ask
        assert bid is None or ask is None or bid < ask, f"{market}: crossed at {at_ms}"
        told.told_ms = at_ms
        told.lines.append(Book(at_ms, tuple(book.bids()), tuple(book.asks())))

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        told = self.markets[market.ticker]
        assert trade.at_ms >= told.watermark_ms
        told.lines.append(trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        told = self._in_order(market, at_ms)
        if since_ms is not None:
            assert told.told_ms < since_ms < at_ms
            assert since_ms >= told.watermark_ms
        told.told_ms = at_ms
        told.lines.append(Status(at_ms, status, since_ms))

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        told = self._in_order(market, at_ms)
        told.told_ms = at_ms
        told.lines.append(Result(at_ms, result, final))

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        told = self.markets[market.ticker]
        assert from_ms < to_ms
        assert from_ms >= max(told.told_ms, told.watermark_ms), f"{market}: a gap from {from_ms} comes too late"
        told.gap_end = to_ms
        told.lines.append(Gap(from_ms, to_ms, str(reason)))

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        told = self.markets[market.ticker]
        assert at_ms > told.watermark_ms
        told.watermark_ms = at_ms
        told.lines.append(Watermark(at_ms))


def observed_books(told: Told, upto_ms: int) -> list[tuple[int, int, Book]]:
    """`(from, to, book)` of all time before `upto_ms` in which the told path shows a known book, in order."""
    spans: list[tuple[int, int, Book]] = []
    book: Book | None = None
    start = 0
    trading = True

    def end(at: int) -> None:
        nonlocal book
        if book is not None and start < min(at, upto_ms):
            spans.append((start, min(at, upto_ms), book))
        book = None

    for line in told.lines:
        match line:
            case Book():
                end(line.at)
                book, start = (line, line.at) if trading else (None, line.at)
            case Gap():
                end(line.start)  # a quote at the very start of a gap is ignored: its span is empty
            case Status():
                end(line.at if line.since is None else line.since)
                trading = line.status is MarketStatus.ACTIVE
            case _:
                pass
    end(upto_ms)
    return spans
