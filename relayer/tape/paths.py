"""Paths on tape: what a source proves, written as the lines of `conditions.md` section 2 beside what it received.

So the path that was judged can be read back exactly, whatever later versions of a source would make of the frames.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from relayer.domain.errors import PermanentError
from relayer.domain.feeds import BookView, Candle, Level, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, contracts, dollars
from relayer.tape.entries import UNREADABLE, Entry, Kind
from relayer.tape.recorder import Recorder

PathLine = dict[str, Any]
Converter = Callable[[Iterable[Entry], frozenset[str]], Iterator[PathLine]]
"""Entries and the markets wanted (`venue:ticker`) to path lines, each with its `market`."""


class PathRecorder:
    """A FeedListener and PathListener that writes down everything it is told."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self._write(market, {"type": "quote", "t": at_ms, "bids": _wire(book.bids()), "asks": _wire(book.asks())})

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        told = {"id": trade.trade_id, "price": dollars(trade.price), "size": contracts(trade.size)}
        self._write(market, {"type": "trade", "t": trade.at_ms, **told, "block": trade.block})

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        since = {} if since_ms is None else {"since": since_ms}
        self._write(market, {"type": "status", "t": at_ms, "status": status.name.lower(), **since})

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self._write(market, {"type": "result", "t": at_ms, "result": result, "final": final})

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str, trades: bool = False) -> None:
        self._write(market, {"type": "gap", "from": from_ms, "to": to_ms, "trades": trades, "reason": reason})

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        sides = {"bid": candle.bid, "ask": candle.ask, "trades": candle.trades}
        told = {name: _prices(side) for name, side in sides.items() if not isinstance(side, msgspec.UnsetType)}
        self._write(market, {"type": "candle", "from": candle.at_ms, "to": candle.to_ms, **told})

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self._write(market, {"type": "watermark", "t": at_ms})

    def _write(self, market: MarketId, line: PathLine) -> None:
        text = msgspec.json.encode(line)
        self._recorder.record(Kind.PATH, text, venue=market.venue, connection="path", market=str(market))


def _prices(side: tuple[int, ...] | None) -> list[str] | None:
    return None if side is None else [dollars(price) for price in side]


def _wire(levels: list[Level]) -> list[list[str]]:
    return [[dollars(price), contracts(size)] for price, size in levels]


def recorded_paths(entries: Iterable[Entry], markets: frozenset[str]) -> Iterator[PathLine]:
    """The path lines that were recorded, in order of time, as one path each although there may have been several runs.

    A source tells books, trades and watermarks in orders of their own, but nothing older than its watermark: what lies
    between two watermarks is sorted, and so is what filled a gap afterwards. Its first gap reaches back to the
    beginning of time; here that begins where the run before had proven all. Where the tape itself lost entries, a gap
    reaches to the next line.
    """
    paths: dict[str, _Path] = {market: _Path() for market in markets}
    for entry in entries:
        if entry.kind is Kind.PATH and entry.market in paths:
            yield from paths[entry.market].add({**_line_of(entry), "market": entry.market})
        elif entry.kind is Kind.LOSS:
            for path in paths.values():
                path.lose()
    for path in paths.values():
        yield from path.rest()


def _line_of(entry: Entry) -> PathLine:
    """A line's kind and times; what else it must have is its reader's business."""
    try:
        line = msgspec.json.decode(entry.text, type=PathLine)
    except UNREADABLE as error:
        raise PermanentError(f"Entry {entry.number} of the tape is no line of a path: {error}.") from error
    times = ("from", "to") if line.get("type") in ("gap", "candle") else ("t",)
    if type(line.get("type")) is not str or any(type(line.get(name)) is not int for name in times):
        raise PermanentError(f"Entry {entry.number} of the tape is a line of a path without its type or times.")
    return line


class _Path:
    """One market's lines on their way out. `_proven`: the time before which all of the book has been told."""

    def __init__(self) -> None:
        self._waiting: list[PathLine] = []
        self._proven = 0
        self._watermark = 0
        self._minutes: set[int] = set()
        self._lost = False

    def lose(self) -> None:
        """What comes next does not follow on what came before."""
        self._lost = True

    def add(self, line: PathLine) -> Iterator[PathLine]:
        if line["type"] == "candle":
            self._add_candle(line)
            return
        if self._lost:
            self._lost = False
            to_ms = line["from"] if line["type"] == "gap" else line["t"]
            lost = {"type": "gap", "from": self._watermark, "to": to_ms, "trades": False, "reason": "tape"}
            yield from self.add({**lost, "market": line["market"]})
        if line["type"] == "gap":
            if not line["from"] or line["from"] < self._watermark:
                line["from"] = self._proven
            if line["from"] < line["to"]:
                self._waiting.append(line)
        elif line["type"] == "watermark":
            self._waiting.sort(key=_time)
            before = bisect_left(self._waiting, line["t"], key=_time)
            yield from self._waiting[:before]
            del self._waiting[:before]
            self._watermark = max(self._watermark, line["t"])
            self._proven = max(self._proven, self._watermark)
            yield line
        else:
            if type(line.get("since")) is int:
                yield from self.add(_uncertain(line))
            self._waiting.append(line)
            if line["type"] != "trade":
                self._proven = max(self._proven, line["t"] + 1)

    def _add_candle(self, line: PathLine) -> None:
        """A restart may have asked for the same minute once more."""
        if line["from"] not in self._minutes:
            self._minutes.add(line["from"])
            self._waiting.append(line)

    def rest(self) -> Iterator[PathLine]:
        """What no watermark has passed: there trades that were to fill gaps may be missing."""
        waiting, self._waiting = sorted(self._waiting, key=_time), []
        for line in waiting:
            yield {**line, "trades": False} if line["type"] == "gap" else line


def _uncertain(status: PathLine) -> PathLine:
    """Takes the `since` of a status line as the gap that it means: a trade that filled it may come between the two."""
    gap = {"type": "gap", "from": status.pop("since"), "to": status["t"], "trades": True, "reason": "status"}
    return {**gap, "market": status["market"]}


def _time(line: PathLine) -> int:
    at: int = line["from"] if line["type"] in ("gap", "candle") else line["t"]
    return at
