"""Path files: JSON Lines to checked events, market by market (`conditions.md` section 2).

An error names the line. What the events say about a question is left to the evaluators.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import msgspec

from relayer.conditions.events import Candle, Event, Gap, Ladder, Path, Quote, Result, Side, Status, Watermark
from relayer.domain.errors import UsageError
from relayer.domain.feeds import Level, Trade
from relayer.domain.markets import MarketId
from relayer.domain.units import NO_ASK, NO_BID, Millis, Price, Size, price_from_dollars, size_from_contracts

_DECIMAL = re.compile(r"[0-9]+(\.[0-9]+)?")
_ACTIVE = "active"
_UNREADABLE = (ValueError, msgspec.MsgspecError, RecursionError)


class _Line(msgspec.Struct, tag_field="type", frozen=True, kw_only=True):
    market: str | None = None


class _Quote(_Line, tag="quote", frozen=True):
    t: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class _Trade(_Line, tag="trade", frozen=True):
    t: int
    id: str
    price: str
    size: str
    block: bool = False


class _Status(_Line, tag="status", frozen=True):
    t: int
    status: str
    since: int | None = None


class _Result(_Line, tag="result", frozen=True):
    t: int
    result: str
    final: bool


class _Watermark(_Line, tag="watermark", frozen=True):
    t: int


class _Gap(_Line, tag="gap", frozen=True):
    start: int = msgspec.field(name="from")
    to: int
    trades: bool = False


_Prices = tuple[str, str, str, str] | msgspec.UnsetType | None


class _Candle(_Line, tag="candle", frozen=True):
    start: int = msgspec.field(name="from")
    to: int
    bid: _Prices = msgspec.UNSET
    ask: _Prices = msgspec.UNSET
    trades: tuple[str, str] | msgspec.UnsetType | None = msgspec.UNSET


_Timed = _Quote | _Trade | _Status | _Result | _Watermark
_decode = msgspec.json.Decoder(_Timed | _Gap | _Candle).decode


class _Whose(msgspec.Struct):
    market: str | None = None


_decode_market = msgspec.json.Decoder(_Whose).decode


def read_path(lines: Iterable[bytes], legs: Sequence[MarketId], *, name: str = "the path") -> dict[MarketId, Path]:
    """The path of each leg from the lines of one file; lines of other markets are ignored.

    A line without `market` belongs to the only leg. Raises UsageError naming `name`, the line and the reason.
    """
    readers = {leg: _Reader() for leg in legs}
    by_market: dict[str | None, _Reader] = {str(leg): reader for leg, reader in readers.items()}
    if len(legs) == 1:
        by_market[None] = readers[legs[0]]
    for number, raw in enumerate(lines, 1):
        if raw.isspace():
            continue
        try:
            _take(raw, by_market)
        except _UNREADABLE as error:
            raise UsageError(f"line {number} of {name}: {error}") from error
    return {leg: reader.path() for leg, reader in readers.items()}


def read_line(raw: bytes) -> list[Event]:
    """The events of one line as a live source told it, whatever was told before. Raises UsageError with the reason."""
    try:
        return _events_of(_decode(raw))
    except _UNREADABLE as error:
        raise UsageError(f"a line of a path cannot be read: {error}") from error


def _events_of(line: _Timed | _Gap | _Candle) -> list[Event]:
    if isinstance(line, _Candle):
        return [_candle(line)]
    if isinstance(line, _Gap):
        return [Gap(Millis(line.start), Millis(line.to), line.trades)]
    event = _EVENTS[type(line)](line)
    if isinstance(line, _Status) and line.since is not None and line.since < line.t:
        return [Gap(Millis(line.since), Millis(line.t), trades=True), event]
    return [event]


def _take(raw: bytes, by_market: dict[str | None, _Reader]) -> None:
    try:
        line = _decode(raw)
    except msgspec.ValidationError:
        market = _decode_market(raw).market
        if market is not None and market not in by_market:
            return
        raise
    reader = by_market.get(line.market)
    if reader is not None:
        reader.take(line)
    elif line.market is None:
        raise ValueError("'market' is missing: with two parents every line names its own")


class _Reader:
    """Checks the lines of one market in file order."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._last_ms: int | None = None
        self._last_state_ms: int | None = None
        self._watermark_ms: int | None = None
        self._largest_ms: int | None = None
        self._book_proven_ms: int | None = None
        self._trades_proven_ms: int | None = None
        self._candles: list[tuple[int, int]] = []

    def take(self, line: _Timed | _Gap | _Candle) -> None:
        if isinstance(line, _Gap | _Candle):
            self._take_span(line)
        else:
            self._take_timed(line)

    def path(self) -> Path:
        watermark_ms = self._largest_ms if self._watermark_ms is None else self._watermark_ms
        return Path(
            events=tuple(sorted(self._events, key=_time_of)),
            watermark_ms=_millis(watermark_ms),
            book_proven_ms=_millis(self._book_proven_ms),
            trades_proven_ms=_millis(self._trades_proven_ms),
        )

    def _take_timed(self, line: _Timed) -> None:
        at_ms = line.t
        if self._last_ms is not None and at_ms < self._last_ms:
            raise ValueError(f"t {at_ms} is out of order: a line before it has {self._last_ms}")
        if isinstance(line, _Status) and line.since is not None:
            self._check_since(line.since, at_ms)
        self._events += _events_of(line)
        self._last_ms = at_ms
        self._largest_ms = _larger(self._largest_ms, at_ms)
        self._trades_proven_ms = at_ms
        if not isinstance(line, _Trade):
            self._book_proven_ms = at_ms
        if isinstance(line, _Quote | _Trade | _Status):
            self._last_state_ms = at_ms
        if isinstance(line, _Watermark):
            self._watermark_ms = at_ms

    def _check_since(self, since_ms: int, at_ms: int) -> None:
        if since_ms > at_ms:
            raise ValueError(f"since {since_ms} is after t {at_ms}")
        if self._last_state_ms is not None and since_ms <= self._last_state_ms:
            raise ValueError(f"since {since_ms} is not later than the line at {self._last_state_ms} before it")
        if self._watermark_ms is not None and since_ms < self._watermark_ms:
            raise ValueError(f"since {since_ms} is before the watermark {self._watermark_ms}")

    def _take_span(self, line: _Gap | _Candle) -> None:
        if line.to <= line.start:
            raise ValueError(f"to {line.to} is not after from {line.start}")
        if isinstance(line, _Candle):
            self._check_overlap(line)
        self._events += _events_of(line)
        self._last_ms = _larger(self._last_ms, line.start)
        self._largest_ms = _larger(self._largest_ms, line.to)

    def _check_overlap(self, line: _Candle) -> None:
        place = bisect_left(self._candles, (line.start, line.to))
        self._candles.insert(place, (line.start, line.to))
        for one, other in pairwise(self._candles[max(place - 1, 0) : place + 2]):
            if other[0] < one[1]:
                raise ValueError(f"the candle from {line.start} overlaps another")


def _time_of(event: Event) -> Millis:
    return event.at_ms


def _larger(one: int | None, other: int) -> int:
    return other if one is None else max(one, other)


def _millis(value: int | None) -> Millis | None:
    return None if value is None else Millis(value)


def _quote(line: _Quote) -> Quote:
    bids, asks = _levels(line.bids, _bid), _levels(line.asks, _ask)
    if any(better[0] < worse[0] for better, worse in pairwise(bids)):
        raise ValueError("bids are not best first")
    if any(better[0] > worse[0] for better, worse in pairwise(asks)):
        raise ValueError("asks are not best first")
    if bids and asks and bids[0][0] >= asks[0][0]:
        raise ValueError("the best bid is at or above the best ask")
    return Quote(Millis(line.t), Ladder(bids, asks))


def _levels(pairs: list[tuple[str, str]], price_of: Callable[[str], Price]) -> tuple[Level, ...]:
    """The levels in integers without the empty ones."""
    levels = [(price_of(price), _size(size)) for price, size in pairs]
    return tuple((price, size) for price, size in levels if size and price != NO_BID and not _no_ask(price, price_of))


def _no_ask(price: Price, price_of: Callable[[str], Price]) -> bool:
    return price == NO_ASK and price_of is _ask


def _trade(line: _Trade) -> Trade:
    return Trade(line.id, Millis(line.t), _traded(line.price), _size(line.size), line.block)


_EVENTS: dict[type, Callable[..., Event]] = {
    _Quote: _quote,
    _Trade: _trade,
    _Status: lambda line: Status(Millis(line.t), line.status == _ACTIVE),
    _Result: lambda line: Result(Millis(line.t), line.result, line.final),
    _Watermark: lambda line: Watermark(Millis(line.t)),
}


def _candle(line: _Candle) -> Candle:
    bid, ask = _ohlc(line.bid, _bid, "bid"), _ohlc(line.ask, _ask, "ask")
    return Candle(Millis(line.start), Millis(line.to), bid, ask, _extremes(line.trades))


def _extremes(
    trades: tuple[str, str] | msgspec.UnsetType | None,
) -> tuple[int, int] | msgspec.UnsetType | None:
    if not isinstance(trades, tuple):
        return trades
    low, high = _traded(trades[0]), _traded(trades[1])
    _check_low_high("trades", low, high)
    return low, high


def _ohlc(prices: _Prices, price_of: Callable[[str], Price], name: str) -> Side:
    if not isinstance(prices, tuple):
        return prices
    first, low, high, last = (price_of(price) for price in prices)
    _check_low_high(name, low, high)
    empty = high == NO_BID or (name == "ask" and low == NO_ASK)
    return None if empty else (first, low, high, last)


def _check_low_high(name: str, low: int, high: int) -> None:
    if low > high:
        raise ValueError(f"the low of '{name}' is above its high")


@lru_cache(maxsize=1 << 16)
def _bid(text: str) -> Price:
    return price_from_dollars(_decimal(text), rounding="down")


@lru_cache(maxsize=1 << 16)
def _ask(text: str) -> Price:
    return price_from_dollars(_decimal(text), rounding="up")


@lru_cache(maxsize=1 << 16)
def _traded(text: str) -> Price:
    return price_from_dollars(_decimal(text), rounding="half_up")


@lru_cache(maxsize=1 << 16)
def _size(text: str) -> Size:
    return size_from_contracts(_decimal(text))


def _decimal(text: str) -> str:
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number")
    return text


def cut_path(path: Path, at_ms: Millis) -> Path:
    """What was known of a path from all data before `at_ms`: gaps are cut, candles must have ended."""
    events = (_cut(event, at_ms) for event in path.events if event.at_ms < at_ms)
    return Path(
        events=tuple(event for event in events if event is not None),
        watermark_ms=_cap(path.watermark_ms, at_ms),
        book_proven_ms=_cap(path.book_proven_ms, at_ms),
        trades_proven_ms=_cap(path.trades_proven_ms, at_ms),
    )


def _cut(event: Event, at_ms: Millis) -> Event | None:
    if isinstance(event, Gap):
        return Gap(event.at_ms, min(event.to_ms, at_ms), event.trades)
    if isinstance(event, Candle) and event.to_ms > at_ms:
        return None
    return event


def _cap(value: Millis | None, at_ms: Millis) -> Millis | None:
    return None if value is None else min(value, at_ms)
