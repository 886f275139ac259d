"""A venue that is nothing but loud: many markets and changes serialised beforehand, in the venue's own shapes.

The sandbox plays a whole exchange, and two clients of 5,000 frames a second are more than one of its processes has time
for on a small machine. This one only counts and writes. It knows no trades, lifecycle, REST books or signatures.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from relayer.bench.exchange import FRAMES_A_SECOND, Exchange
from relayer.bench.recording import OPENED_MS
from relayer.domain.clock import Clock
from relayer.domain.units import rfc3339
from relayer.sandbox.book import Book
from relayer.sandbox.outbox import framed

BOOKS = "orderbook_delta"
_HOUR_MS = 3_600_000


@dataclass(eq=False)
class Listener:
    """One connection: its socket, the numbers of its subscriptions, what is not yet written."""

    transport: asyncio.Transport
    sids: dict[str, int] = field(default_factory=dict)
    seqs: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    waiting: list[bytes] = field(default_factory=list)

    def tell(self, kind: str, msg: bytes, *, sid: int = 0, command_id: int = 0) -> None:
        """Queue a frame, numbered where it belongs to a subscription. `sent_ns` is read by whoever measures."""
        self.seqs[sid] += 1
        head = f'{{"type":"{kind}","id":{command_id},' + (f'"sid":{sid},"seq":{self.seqs[sid]},' if sid else "")
        now_ns = time.time_ns()
        self.waiting.append(framed(f'{head}"sent_ns":{now_ns},"msg":'.encode() + msg + b"}"))

    def write(self) -> None:
        if self.waiting:
            self.transport.write(b"".join(self.waiting))
            self.waiting.clear()


class LoudVenue:
    """Plays an exchange's changes from `start_ms` of the clock on, to each connection those of its markets."""

    def __init__(self, exchange: Exchange, *, changes: int, clock: Clock, start_ms: int) -> None:
        self._clock = clock
        self._start_ms = start_ms
        self._tickers = exchange.tickers
        self._opening = {msg["market_ticker"]: msg for msg in _msgs(exchange.opening())}
        self._opening_texts = {ticker: _text(msg) for ticker, msg in self._opening.items()}
        shift_ms = start_ms - OPENED_MS
        self._changes = [msg | _times(msg["ts_ms"] + shift_ms) for msg in _msgs(exchange.changes(changes))]
        self._texts = list(map(_text, self._changes))
        self._of_market: dict[str, list[int]] = defaultdict(list)
        for at, msg in enumerate(self._changes):
            self._of_market[msg["market_ticker"]].append(at)
        self._played = 0
        self._listeners: list[Listener] = []
        self._hearing: dict[str, list[Listener]] = defaultdict(list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/trade-api/ws/v2", self._connect)
        app.router.add_get("/trade-api/v2/markets", self._markets)
        app.router.add_get("/trade-api/v2/exchange/status", self._status)
        return app

    async def play(self) -> None:
        """All changes, as many in each millisecond as are due."""
        while self._played < len(self._texts):
            due = (self._clock.now_ms() - self._start_ms) * FRAMES_A_SECOND // 1000
            for at in range(self._played, min(due, len(self._texts))):
                ticker = self._changes[at]["market_ticker"]
                for listener in self._hearing[ticker]:
                    listener.tell(BOOKS, self._texts[at], sid=listener.sids[BOOKS])
            self._played = max(self._played, min(due, len(self._texts)))
            for listener in self._listeners:
                listener.write()
            self._listeners.reverse()  # who is written to first has the processor first
            await asyncio.sleep(0.001)

    async def _status(self, _: web.Request) -> web.Response:
        return web.json_response({"exchange_active": True, "trading_active": True})

    async def _markets(self, request: web.Request) -> web.Response:
        tickers = request.query["tickers"].split(",")
        times = {"open_time": rfc3339(OPENED_MS - _HOUR_MS), "close_time": rfc3339(OPENED_MS + _HOUR_MS)}
        return web.json_response({"markets": [{"ticker": name, "status": "active", **times} for name in tickers]})

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        assert request.transport is not None
        listener = Listener(request.transport)
        self._listeners.append(listener)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self._obey(listener, json.loads(message.data))
                listener.write()
        self._listeners.remove(listener)
        for hearing in self._hearing.values():
            hearing[:] = [one for one in hearing if one is not listener]
        return socket

    def _obey(self, listener: Listener, command: dict[str, Any]) -> None:
        params, number = command["params"], command["id"]
        tickers = params.get("market_tickers", [])
        if command["cmd"] == "subscribe" and (channel := params["channels"][0]) not in listener.sids:
            sid = listener.sids[channel] = len(listener.sids) + 1
            listener.tell("subscribed", json.dumps({"channel": channel, "sid": sid}).encode(), command_id=number)
        else:
            sid = listener.sids[params["channels"][0]] if "channels" in params else params["sids"][0]
            if params.get("action") != "get_snapshot":
                listener.tell("ok", b"{}", sid=sid, command_id=number)
        if sid == listener.sids.get(BOOKS):
            self._show(listener, tickers, number if params.get("action") == "get_snapshot" else 0)

    def _show(self, listener: Listener, tickers: Sequence[str], command_id: int) -> None:
        for ticker in tickers:
            if listener not in self._hearing[ticker]:
                self._hearing[ticker].append(listener)
            listener.tell("orderbook_snapshot", self._book(ticker), sid=listener.sids[BOOKS], command_id=command_id)

    def _book(self, ticker: str) -> bytes:
        """The book as the changes played so far leave it."""
        msg, book = self._opening[ticker], Book()
        changes = [self._changes[at] for at in self._of_market[ticker] if at < self._played]
        if not changes:
            return self._opening_texts[ticker]
        for side in ("yes", "no"):
            book.replace(side, msg[f"{side}_dollars_fp"])
        for change in changes:
            book.change(change["side"], change["price_dollars"], change["delta_fp"])
        sides = {f"{side}_dollars_fp": book.levels(side) for side in ("yes", "no")}
        return _text(msg | sides)


def _msgs(texts: Sequence[str]) -> list[dict[str, Any]]:
    return [json.loads(text)["msg"] for text in texts]


def _text(msg: dict[str, Any]) -> bytes:
    return json.dumps(msg, separators=(",", ":")).encode()


def _times(at_ms: int) -> dict[str, Any]:
    return {"ts": rfc3339(at_ms), "ts_ms": at_ms}


async def serve(venue: LoudVenue, until_s: float) -> None:
    """Serve on a free port of loopback, which is printed, and play."""
    runner = web.AppRunner(venue.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    playing = asyncio.create_task(venue.play())
    await asyncio.sleep(until_s)
    playing.cancel()
    await runner.cleanup()
