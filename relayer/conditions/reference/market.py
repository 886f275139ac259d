"""What a whole path says of one market at any instant (section 2)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from relayer.conditions.events import Candle, Gap, Ladder, Path, Quote, Result, Status
from relayer.domain.feeds import Trade

ALWAYS = 2**62
Interval = tuple[int, int]


@dataclass(frozen=True)
class Moment:
    """The state of one instant: `book` where observed, `candle` where bounded, neither where unknown."""

    trading: bool
    book: Ladder | None = None
    candle: Candle | None = None


class Market:
    """One parent. Instants are integers of milliseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.watermark_ms = -ALWAYS if path.watermark_ms is None else int(path.watermark_ms)
        self.candles = [event for event in path.events if isinstance(event, Candle)]

    @cached_property
    def final(self) -> Result | None:
        """First of the unbroken run of equal final results at the end, None where the last result is not final."""
        first: Result | None = None
        for result in reversed([event for event in self._path.events if isinstance(event, Result)]):
            if not result.final or (first is not None and result.result != first.result):
                break
            first = result
        return first

    @cached_property
    def last_result(self) -> Result | None:
        results = [event for event in self._path.events if isinstance(event, Result)]
        return results[-1] if results else None

    @cached_property
    def final_ms(self) -> int:
        """Trading time ends here."""
        return ALWAYS if self.final is None else int(self.final.at_ms)

    @cached_property
    def known_ms(self) -> int:
        """Every instant before it is certain for the book; a final parent's are all."""
        return self._known(self._path.book_proven_ms)

    @cached_property
    def trades_known_ms(self) -> int:
        return self._known(self._path.trades_proven_ms)

    def _known(self, proven_ms: int | None) -> int:
        if self.final is not None:
            return ALWAYS
        return max(self.watermark_ms, -ALWAYS if proven_ms is None else proven_ms)

    @cached_property
    def gaps(self) -> list[Interval]:
        """Gaps of the book, touching ones joined."""
        return _joined(event for event in self._path.events if isinstance(event, Gap))

    @cached_property
    def incomplete(self) -> list[Interval]:
        """Where trades are not complete."""
        return _joined(event for event in self._path.events if isinstance(event, Gap) and not event.trades)

    @cached_property
    def _statuses(self) -> list[Status]:
        return [event for event in self._path.events if isinstance(event, Status)]

    @cached_property
    def _status_times(self) -> list[int]:
        return [status.at_ms for status in self._statuses]

    def trading(self, at_ms: int) -> bool:
        """Status `active` (the first status, too) and no final result yet."""
        place = bisect_right(self._status_times, at_ms)
        active = self._statuses[place - 1].trading if place else True
        return active and at_ms < self.final_ms

    @cached_property
    def _quotes(self) -> list[Quote]:
        """The last quote of each time, without those in gaps and in not-trading time."""
        last = {event.at_ms: event for event in self._path.events if isinstance(event, Quote)}
        return [quote for quote in last.values() if self.trading(quote.at_ms) and not inside(self.gaps, quote.at_ms)]

    @cached_property
    def _quote_times(self) -> list[int]:
        return [quote.at_ms for quote in self._quotes]

    @cached_property
    def _losses(self) -> list[int]:
        """Times from which on the book is unknown until the next quote: gaps, and changes to not trading."""
        lost = [start for start, _ in self.gaps]
        trading = True
        for status in self._statuses:
            if trading and not status.trading:
                lost.append(status.at_ms)
            trading = status.trading
        return sorted(lost)

    def _book(self, at_ms: int) -> Ladder | None:
        """The book at an instant outside gaps: that of the last quote, unless lost since (at its own time: before)."""
        place = bisect_right(self._quote_times, at_ms)
        if not place:
            return None
        quote = self._quotes[place - 1]
        lost = bisect_right(self._losses, at_ms) > bisect_right(self._losses, quote.at_ms)
        return None if lost else quote.book

    def candle(self, at_ms: int) -> Candle | None:
        place = bisect_right([candle.at_ms for candle in self.candles], at_ms)
        return self.candles[place - 1] if place and at_ms < self.candles[place - 1].to_ms else None

    def moment(self, at_ms: int) -> Moment:
        """The state of the book at an instant."""
        if not self.trading(at_ms):
            return Moment(trading=False)
        if inside(self.gaps, at_ms):
            return Moment(trading=True, candle=self.candle(at_ms))
        return Moment(trading=True, book=self._book(at_ms))

    @cached_property
    def changes(self) -> list[int]:
        """All times at which the state may change."""
        times = {time for gap in self.gaps + self.incomplete for time in gap}
        times |= {time for candle in self.candles for time in (candle.at_ms, candle.to_ms)}
        return sorted(times | set(self._quote_times) | set(self._status_times) | {self.final_ms})

    def trades(self, from_ms: int, to_ms: int) -> list[Trade]:
        """The trades that count with times in `[from_ms, to_ms)`, in order of time."""
        seen: set[str] = set()
        counted = []
        for trade in (event for event in self._path.events if isinstance(event, Trade)):
            repeated = trade.trade_id in seen
            seen.add(trade.trade_id)
            if repeated or trade.block or trade.size == 0 or not from_ms <= trade.at_ms < to_ms:
                continue
            if self.trading(trade.at_ms) and not inside(self.incomplete, trade.at_ms):
                counted.append(trade)
        return counted

    def always_trading(self, from_ms: int, to_ms: int) -> bool:
        """Whether every instant of `[from_ms, to_ms)` is trading time."""
        changes = self._status_times[bisect_left(self._status_times, from_ms) : bisect_left(self._status_times, to_ms)]
        return to_ms <= self.final_ms and all(self.trading(time) for time in [from_ms, *changes])


def inside(intervals: list[Interval], at_ms: int) -> bool:
    place = bisect_right(intervals, (at_ms, ALWAYS))
    return place > 0 and at_ms < intervals[place - 1][1]


def covers(intervals: list[Interval], from_ms: int, to_ms: int) -> bool:
    """Whether `[from_ms, to_ms)` lies wholly in one of the joined intervals."""
    return any(start <= from_ms and to_ms <= end for start, end in intervals)


def _joined(gaps: Iterable[Gap]) -> list[Interval]:
    joined: list[Interval] = []
    for start, end in sorted((int(gap.at_ms), int(gap.to_ms)) for gap in gaps):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
