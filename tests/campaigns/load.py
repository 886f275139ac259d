"""10,000 markets on 4 connections at 5,000 frames a second for a minute: `python -m tests.campaigns.load [seconds]`.

A loud venue, a relayer's source and a client that only reads the same frames are three processes over real sockets. Lag
is from the venue's queueing of a frame to the moment when it has been dealt with: by the source, everybody told; by the
reader, nothing more than received. Exit status 1 if a frame is dropped, or if the source's median lag is more than
`GOAL` times the reader's.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import aiohttp

from relayer.bench.exchange import FRAMES_A_SECOND, Exchange
from relayer.bench.recording import OPENED_MS
from relayer.domain.clock import Clock, wall_ms
from relayer.domain.feeds import BookView, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.source import KalshiSource
from relayer.telemetry.metrics import Metrics
from tests.campaigns.loud_venue import LoudVenue, serve

GOAL = 2.5
MARKETS, CONNECTIONS = 10_000, 4
LEAD_MS = 60_000
"""From the start to the first change: until then all is made, read and subscribed."""
_TAIL_MS = 3_000
_TICKERS_A_COMMAND = 500
_SENT = re.compile(r'"sent_ns":(\d+)')
_DAY_S = 86_400


class Counted:
    """A listener that reads the best prices of each book, as whoever publishes does, and counts."""

    def __init__(self) -> None:
        self.books = 0
        self.gaps: Counter[str] = Counter()

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self.books += 1
        self.newest = (book.best_bid, book.best_ask)

    def on_trade(self, market: MarketId, trade: Trade) -> None: ...

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None: ...

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None: ...

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        self.gaps[str(reason)] += 1

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None: ...


class Log:
    """When each frame had been dealt with, and its text; made sense of once all is over."""

    def __init__(self) -> None:
        self._at_ns: list[int] = []
        self._texts: list[str] = []

    def add(self, text: str) -> None:
        self._at_ns.append(time.time_ns())
        self._texts.append(text)

    def report(self) -> dict[str, Any]:
        """Changes heard, and percentiles of their lag in milliseconds."""
        lags = sorted(
            (at_ns - int(sent[1])) / 1e6
            for at_ns, text in zip(self._at_ns, self._texts, strict=True)
            if '"type":"orderbook_delta"' in text and (sent := _SENT.search(text))
        )
        shown = {name: lags[int(len(lags) * share)] for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))}
        return {"changes": len(lags), **{name: round(lag, 3) for name, lag in shown.items()}}


async def watch(port: int, clock: Clock, tickers: Sequence[str], until_ms: int) -> dict[str, Any]:
    """The source of the daemon over all markets, until the clock shows that."""
    log, counted = Log(), Counted()
    settings = KalshiSettings(
        environment="sandbox",
        rest_url=f"http://127.0.0.1:{port}/trade-api/v2",
        ws_url=f"ws://127.0.0.1:{port}/trade-api/ws/v2",
        connections=CONNECTIONS,
        cross_check_interval_s=3600,  # the loud venue shows no books by REST
        ticker_check=False,
    )
    receive = Session.receive

    def timed(session: Session, text: str | bytes) -> None:
        receive(session, text)
        log.add(str(text))

    Session.receive = timed  # type: ignore[method-assign,assignment] # the source makes its own sessions
    metrics = Metrics()
    async with aiohttp.ClientSession() as http:
        source = KalshiSource(settings=settings, session=http, clock=clock, listener=counted, metrics=metrics)
        source.watch(MarketId(settings.venue, ticker) for ticker in tickers)
        running = asyncio.create_task(source.run())
        await asyncio.wait([running], timeout=(until_ms - clock.now_ms()) / 1000)
        running.cancel()
    spoilt = {kind: metrics.frames.labels(settings.venue, kind)._value.get() for kind in ("repeated", "malformed")}
    del counted.gaps["start"]
    return {**log.report(), **spoilt, "books": counted.books, "gaps": counted.gaps}


async def read(port: int, clock: Clock, tickers: Sequence[str], until_ms: int) -> dict[str, Any]:
    """A client that subscribes to the books over as many connections, and reads."""
    log = Log()
    async with aiohttp.ClientSession() as http:
        shares = [tickers[number::CONNECTIONS] for number in range(CONNECTIONS)]
        readers = [asyncio.create_task(_read(http, port, share, log)) for share in shares]
        await asyncio.wait(readers, timeout=(until_ms - clock.now_ms()) / 1000)
        for reader in readers:
            reader.cancel()
    return log.report()


async def _read(http: aiohttp.ClientSession, port: int, tickers: Sequence[str], log: Log) -> None:
    async with http.ws_connect(f"ws://127.0.0.1:{port}/trade-api/ws/v2", max_msg_size=0) as socket:
        for number, chunk in enumerate(_chunks(tickers), 1):
            params = {"channels": ["orderbook_delta"], "market_tickers": chunk, "use_yes_price": True}
            await socket.send_json({"id": number, "cmd": "subscribe", "params": params})
        async for message in socket:
            log.add(message.data)


def _chunks(tickers: Sequence[str]) -> Iterable[Sequence[str]]:
    return (tickers[at : at + _TICKERS_A_COMMAND] for at in range(0, len(tickers), _TICKERS_A_COMMAND))


def _play(seconds: float, wall_origin_ms: int) -> None:
    """The venue's process: prints its port, then plays."""
    clock = Clock(origin_ms=OPENED_MS, wall_origin_ms=wall_origin_ms)
    exchange = Exchange(MARKETS, moving=False)
    changes = round(seconds * FRAMES_A_SECOND)
    venue = LoudVenue(exchange, changes=changes, clock=clock, start_ms=OPENED_MS + LEAD_MS)
    gc.freeze()
    asyncio.run(serve(venue, _DAY_S))


def _client(role: str, seconds: float, wall_origin_ms: int, port: int) -> None:
    """A client's process: prints as JSON what came of it."""
    clock = Clock(origin_ms=OPENED_MS, wall_origin_ms=wall_origin_ms)
    tickers = Exchange(MARKETS, moving=False).tickers
    gc.freeze()
    until_ms = OPENED_MS + LEAD_MS + round(seconds * 1000) + _TAIL_MS
    run = {"source": watch, "reader": read}[role]
    print(json.dumps(asyncio.run(run(port, clock, tickers, until_ms))))


def _measure(seconds: float, stack: ExitStack) -> dict[str, dict[str, Any]]:
    numbers = (str(seconds), str(round(wall_ms())))

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = (sys.executable, "-m", "tests.campaigns.load", *arguments)
        child = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(child.terminate)
        return child

    venue = start("venue", *numbers)
    assert venue.stdout is not None
    port = venue.stdout.readline().strip()
    children = {role: start(role, *numbers, port) for role in ("reader", "source")}
    return {role: json.loads(child.communicate()[0]) for role, child in children.items()}


def _run(seconds: float) -> int:
    with ExitStack() as stack:
        found = _measure(seconds, stack)
    changes, ratio = round(seconds * FRAMES_A_SECOND), found["source"]["p50"] / found["reader"]["p50"]
    dropped = {role: changes - told["changes"] for role, told in found.items()}
    print(json.dumps(found))
    print(f"{changes} changes of {MARKETS} markets, dropped {dropped}, median lag {ratio:.2f} times the reader's")
    spoilt = any(found["source"][what] for what in ("gaps", "repeated", "malformed"))
    return 1 if ratio > GOAL or any(dropped.values()) or spoilt else 0


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["venue", seconds, wall]:
            _play(float(seconds), int(wall))
        case ["source" | "reader" as role, seconds, wall, port]:
            _client(role, float(seconds), int(wall), int(port))
        case _:
            return _run(float(arguments[0]) if arguments else 60)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
