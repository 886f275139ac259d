"""Paths on tape: what a source proves, written as the lines of `conditions.md` section 2 beside what it received.

So the path that was judged can be read back exactly, whatever later versions of a source would make of the frames.
"""

from __future__ import annotations

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
    """The path lines that were recorded, as one path each although the recorder may have been started several times.

    A source's first gap reaches back to the beginning of time; here it begins where the run before had proven all.
    Trades are told in a sequence of their own and may be a little older than the book before them: between two
    watermarks the lines of a market are put in order of time.
    """
    proven: dict[str, int] = {}
    waiting: dict[str, list[PathLine]] = {}
    for entry in entries:
        if entry.kind is not Kind.PATH or entry.market not in markets:
            continue
        line: PathLine = {**msgspec.json.decode(entry.text), "market": entry.market}
        known = proven.get(entry.market, 0)
        if line["type"] == "gap":
            line["from"] = max(line["from"], known)
            if line["from"] >= line["to"]:
                continue
        else:
            after = line["t"] if line["type"] == "watermark" else line["t"] + 1
            proven[entry.market] = max(known, after)
        waiting.setdefault(entry.market, []).append(line)
        if line["type"] == "watermark":
            yield from _released(waiting[entry.market], line["t"])
    for lines in waiting.values():
        yield from sorted(lines, key=_moment)


def _released(waiting: list[PathLine], watermark_ms: int) -> Iterator[PathLine]:
    """Take out, in order, what nothing can come before any more."""
    waiting.sort(key=_moment)
    count = sum(_moment(line) <= (watermark_ms, True) for line in waiting)
    yield from waiting[:count]
    del waiting[:count]


def _moment(line: PathLine) -> tuple[int, bool]:
    """Of one millisecond the watermark comes last."""
    return int(line["t"] if "t" in line else line["from"]), line["type"] == "watermark"
