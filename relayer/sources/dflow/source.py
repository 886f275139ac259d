"""DFlow as a source of prices: stream and repeated REST reads, dated by our own clock.

Its prices carry neither time nor sequence. So they prove nothing: as the only source they are told inside one
unending gap, publishable but never judged by; as second source they are an opinion that may contradict.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import aiohttp
import msgspec

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, RelayerError, TransientError, UsageError
from relayer.domain.feeds import FeedListener
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price
from relayer.prices.book import Book
from relayer.sources.dflow import wire
from relayer.sources.dflow.client import DflowClient, key_header, refusal
from relayer.sources.dflow.parse import STATUSES, Prices, prices
from relayer.sources.dflow.settings import DflowSettings

log = logging.getLogger(__name__)

_RECONNECT_S = 2.0
_HEARTBEAT_S = 15.0
_LEAST_SIZE = 1
"""Centi-contracts: an order stands at a price, of a size that DFlow's prices do not tell."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A market's prices and when they came, by `time.monotonic`."""

    prices: Prices
    heard_s: float


class DflowSource:
    """Keeps the newest prices; tells `listener` of them if there is one.

    listener: None for a second source, whose prices are only asked for (`opinion`, `contradicts`).
    """

    def __init__(
        self,
        *,
        settings: DflowSettings,
        session: aiohttp.ClientSession,
        clock: Clock,
        listener: FeedListener | None,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._http = session
        self._clock = clock
        self._listener = listener
        self._wall_s = wall_s
        self.client = DflowClient(settings=settings, session=session)
        self._opinions: dict[str, Opinion] = {}
        self._statuses: dict[str, MarketStatus] = {}
        self._told_ms: dict[str, int] = {}
        self._watched: dict[str, MarketId] = {}
        self._trouble: str | None = "DFlow is not connected yet."

    def watch(self, markets: Iterable[MarketId]) -> None:
        """Watch these markets too. Raises UsageError for a market that is not Kalshi's."""
        for market in markets:
            if market.venue is not self._settings.venue:
                raise UsageError(f"Market {market} is not of {self._settings.venue}, the venue that [dflow] sets.")
            self._watched[market.ticker] = market

    def trouble(self) -> str | None:
        """Why no prices come; None while they do."""
        return self._trouble if self._watched else None

    def opinion(self, market: MarketId) -> Prices | None:
        """The newest prices, None once they are too old to count."""
        known = self._opinions.get(market.ticker)
        if known is None or self._wall_s() - known.heard_s > self._settings.stale_after_s:
            return None
        return known.prices

    def contradicts(self, market: MarketId, bid: Price | None, ask: Price | None, *, tolerance: int) -> bool:
        """Whether a fresh opinion differs from these prices by more than `tolerance` centi-cents, or in a side."""
        own = self.opinion(market)
        if own is None:
            return False
        return _far(own.bid, bid, tolerance) or _far(own.ask, ask, tolerance)

    async def run(self) -> None:
        """Watch for ever; ends only by cancellation or a defect."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stream_forever(), name="dflow stream")
            group.create_task(self._snapshot_forever(), name="dflow snapshots")

    async def _snapshot_forever(self) -> None:
        while True:
            try:
                await self._snapshot()
            except RelayerError as error:
                self._fail(error)
            await asyncio.sleep(self._settings.snapshot_interval_s if self._watched else 0.1)

    async def _snapshot(self) -> None:
        """Repair what the stream lost, and learn statuses, which it does not tell."""
        wanted = list(self._watched)
        found = await self.client.markets(wanted) if wanted else []
        for market in found:
            self._take_status(market)
            self._take(market.ticker, market)
        for ticker in set(wanted) - {market.ticker for market in found}:
            log.warning("DFlow does not know the market", extra={"market": str(self._watched[ticker])})

    async def _stream_forever(self) -> None:
        while True:
            if self._watched:
                try:
                    await self._stream()
                except RelayerError as error:
                    self._fail(error)
            await asyncio.sleep(_RECONNECT_S if self._watched else 0.1)

    async def _stream(self) -> None:
        """One connection, until it ends or more markets are watched."""
        tickers = list(self._watched)
        try:
            async with self._http.ws_connect(
                self._settings.ws_url, headers=key_header(self._settings), heartbeat=_HEARTBEAT_S
            ) as socket:
                await socket.send_json({"type": "subscribe", "channel": "prices", "tickers": tickers})
                self._trouble = None
                async for message in socket:
                    self._receive(message.data)
                    if len(self._watched) > len(tickers):
                        tickers = list(self._watched)
                        await socket.send_json({"type": "subscribe", "channel": "prices", "tickers": tickers})
        except aiohttp.WSServerHandshakeError as error:
            raise refusal(error.status, "WebSocket") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TransientError(f"DFlow's WebSocket at {self._settings.ws_url} is not reachable: {error}.") from error
        raise TransientError("DFlow's WebSocket closed.")

    def _receive(self, text: str | bytes) -> None:
        """A frame of another channel, or none that can be read, is passed over."""
        try:
            frame = msgspec.json.decode(text, type=wire.PriceFrame)
        except msgspec.MsgspecError:
            log.warning("DFlow sent a frame that cannot be read")
            return
        if frame.channel == "prices":
            self._take(frame.market_ticker, frame)

    def _take(self, ticker: str, told: wire.Market | wire.PriceFrame) -> None:
        market = self._watched.get(ticker)
        if market is None:
            return
        try:
            newest = prices(told)
        except ValueError as error:
            log.warning("DFlow's price is none", extra={"market": str(market), "error": str(error)})
            return
        self._opinions[ticker] = Opinion(newest, self._wall_s())
        if self._listener is not None and self._statuses.get(ticker) is MarketStatus.ACTIVE:
            self._tell(self._listener, market, newest)

    def _take_status(self, told: wire.Market) -> None:
        market, status = self._watched.get(told.ticker), STATUSES.get(told.status, MarketStatus.UNKNOWN)
        if market is None or self._statuses.get(told.ticker) is status:
            return
        self._statuses[told.ticker] = status
        if self._listener is not None:
            at_ms = self._unproven_until(self._listener, market)
            self._listener.on_status(market, at_ms, status, None)

    def _tell(self, listener: FeedListener, market: MarketId, newest: Prices) -> None:
        """A price inside the gap: published, never judged by."""
        book = Book()
        book.replace(
            {} if newest.bid is None else {newest.bid: _LEAST_SIZE},
            {} if newest.ask is None else {newest.ask: _LEAST_SIZE},
        )
        listener.on_book(market, Millis(self._unproven_until(listener, market) - 1), book)

    def _unproven_until(self, listener: FeedListener, market: MarketId) -> Millis:
        """Tell the gap up to and with the present millisecond; returns its end."""
        from_ms = self._told_ms.get(market.ticker, 0)
        to_ms = Millis(max(from_ms, self._clock.now_ms()) + 1)
        listener.on_gap(market, Millis(from_ms), to_ms, "unsequenced")
        self._told_ms[market.ticker] = to_ms
        return to_ms

    def _fail(self, error: RelayerError) -> None:
        self._trouble = str(error)
        level = logging.ERROR if isinstance(error, PermanentError) else logging.WARNING
        log.log(level, "dflow", extra={"reason": str(error)})


def _far(one: Price | None, other: Price | None, tolerance: int) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > tolerance
