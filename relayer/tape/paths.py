"""Paths on tape: what a source proves, written as the lines of `conditions.md` section 2 beside what it received.

So the path that was judged can be read back exactly, whatever later versions of a source would make of the frames.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from relayer.domain.feeds import BookView, Level, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, contracts, dollars
from relayer.tape.entries import Entry, Kind
from relayer.tape.recorder import Recorder

PathLine = dict[str, Any]
Converter = Callable[[Iterable[Entry], frozenset[str]], Iterator[PathLine]]
"""Entries and the markets wanted (`venue:ticker`) to path lines, each with its `market`."""


class PathRecorder:
    """A FeedListener that writes down everything it is told."""

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

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        self._write(market, {"type": "gap", "from": from_ms, "to": to_ms, "trades": False, "reason": reason})

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self._write(market, {"type": "watermark", "t": at_ms})

    def _write(self, market: MarketId, line: PathLine) -> None:
        text = msgspec.json.encode(line)
        self._recorder.record(Kind.PATH, text, venue=market.venue, connection="path", market=str(market))


def _wire(levels: list[Level]) -> list[list[str]]:
    return [[dollars(price), contracts(size)] for price, size in levels]


def recorded_paths(entries: Iterable[Entry], markets: frozenset[str]) -> Iterator[PathLine]:
    """The path lines that were recorded, in order of time, as one path each although there may have been several runs.

    A source tells books, trades and watermarks in orders of their own, but nothing older than its watermark: what lies
    between two watermarks is sorted. Its first gap reaches back to the beginning of time; here that begins where the
    run before had proven all. Where the tape itself lost entries, a gap reaches to the next line.
    """
    paths: dict[str, _Path] = {market: _Path() for market in markets}
    for entry in entries:
        if entry.kind is Kind.PATH and entry.market in paths:
            yield from paths[entry.market].add({**msgspec.json.decode(entry.text), "market": entry.market})
        elif entry.kind is Kind.LOSS:
            for path in paths.values():
                path.lose()
    for path in paths.values():
        yield from path.rest()


class _Path:
    """One market's lines on their way out. `_proven`: the time before which all has been told."""

    def __init__(self) -> None:
        self._waiting: list[PathLine] = []
        self._proven = 0
        self._lost = False

    def lose(self) -> None:
        """What comes next does not follow on what came before."""
        self._lost = True

    def add(self, line: PathLine) -> Iterator[PathLine]:
        if self._lost:
            self._lost = False
            to_ms = line["to"] if line["type"] == "gap" else line["t"]
            lost = {"type": "gap", "from": self._proven, "to": to_ms, "trades": False, "reason": "tape"}
            yield from self.add({**lost, "market": line["market"]})
        if line["type"] == "gap":
            line["from"] = max(line["from"], self._proven)
            if line["from"] < line["to"]:
                self._waiting.append(line)
        elif line["type"] == "watermark":
            self._waiting.sort(key=_time)
            before = bisect_left(self._waiting, line["t"], key=_time)
            yield from self._waiting[:before]
            del self._waiting[:before]
            self._proven = max(self._proven, line["t"])
            yield line
        else:
            self._waiting.append(line)
            if line["type"] != "trade":
                self._proven = max(self._proven, line["t"] + 1)

    def rest(self) -> Iterator[PathLine]:
        waiting, self._waiting = self._waiting, []
        yield from sorted(waiting, key=_time)


def _time(line: PathLine) -> int:
    at: int = line["from"] if line["type"] == "gap" else line["t"]
    return at
