"""A made-up exchange of many markets whose books and changes are those of Kalshi's recorded frames.

Each market has the book of a recorded one and goes through its recorded changes forwards and backwards, for ever, so
that no level runs out. Which market changes next is drawn by Zipf's law: the n-th is 1/n as busy as the first.
"""

from __future__ import annotations

import itertools
import json
import random
import uuid
from collections.abc import Iterable
from typing import Any

from relayer.bench.recording import OPENED_MS, recorded_frames
from relayer.domain.units import rfc3339

FRAMES_A_SECOND = 5_000
_SEED = 20_260_807

Body = dict[str, Any]


class Exchange:
    """The frames of one subscription of books."""

    def __init__(self, markets: int, *, moving: bool) -> None:
        """moving: every change takes the best bid away or brings it back, instead of what was recorded."""
        recorded = recorded_frames()
        changes = _by_ticker(recorded.changes)
        books = [book for ticker, (book,) in _by_ticker(recorded.opening).items() if ticker in changes]
        books = list(itertools.islice(itertools.cycle(books), markets))
        self.tickers = [f"KXBENCHGAME-26AUG07-T{number:05d}" for number in range(markets)]
        self._ids = [str(uuid.uuid5(uuid.NAMESPACE_URL, ticker)) for ticker in self.tickers]
        self._books = books
        self._cycles = [
            itertools.cycle(_there_and_back(_best_bid(book) if moving else changes[book["market_ticker"]]))
            for book in books
        ]
        self._random = random.Random(_SEED)  # noqa: S311 # a draw that repeats, not a secret
        self._busy = list(itertools.accumulate(1 / rank for rank in range(1, markets + 1)))
        self._sequence = itertools.count(1)
        self._changed = 0

    def opening(self) -> list[str]:
        """A snapshot of every market."""
        return [self._frame("orderbook_snapshot", number, book) for number, book in enumerate(self._books)]

    def once_each(self) -> list[str]:
        """Two changes of every market: what any first move decides is decided then."""
        return [self._change(number) for number in range(len(self.tickers)) for _ in range(2)]

    def changes(self, count: int) -> list[str]:
        """The next changes, `FRAMES_A_SECOND` of them in a second of exchange time."""
        drawn = self._random.choices(range(len(self.tickers)), cum_weights=self._busy, k=count)
        return [self._change(number) for number in drawn]

    def _change(self, number: int) -> str:
        self._changed += 1
        at_ms = OPENED_MS + 1 + self._changed * 1000 // FRAMES_A_SECOND
        times = {"ts": rfc3339(at_ms), "ts_ms": at_ms}
        return self._frame("orderbook_delta", number, next(self._cycles[number]) | times)

    def _frame(self, kind: str, number: int, body: Body) -> str:
        msg = body | {"market_ticker": self.tickers[number], "market_id": self._ids[number]}
        frame = {"type": kind, "sid": 1, "seq": next(self._sequence), "msg": msg}
        return json.dumps(frame, separators=(",", ":"))


def _by_ticker(texts: Iterable[str]) -> dict[str, list[Body]]:
    found: dict[str, list[Body]] = {}
    for text in texts:
        body = json.loads(text)["msg"]
        if "market_ticker" in body:
            found.setdefault(body["market_ticker"], []).append(body)
    return found


def _best_bid(book: Body) -> list[Body]:
    price, size = max(book["yes_dollars_fp"], key=lambda level: float(level[0]))
    return [book | {"price_dollars": price, "delta_fp": f"-{size}", "side": "yes"}]


def _there_and_back(changes: list[Body]) -> list[Body]:
    there = [{key: change[key] for key in ("market_ticker", "price_dollars", "delta_fp", "side")} for change in changes]
    return there + [change | {"delta_fp": _negative(change["delta_fp"])} for change in reversed(there)]


def _negative(size: str) -> str:
    return size[1:] if size.startswith("-") else f"-{size}"
