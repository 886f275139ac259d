"""Kalshi as a source: one connection, all watched markets, REST for what the stream does not say.

Eternal and self-healing. Wires client, session and stream; what a market tells is `market`'s business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import aiohttp

from relayer.domain.clock import Clock
from relayer.domain.errors import RelayerError, UsageError
from relayer.domain.feeds import FeedListener
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus
from relayer.sources.kalshi import wire
from relayer.sources.kalshi.auth import load_signer
from relayer.sources.kalshi.client import KalshiClient, UnknownError
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.parse import is_trading
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.stream import converse
from relayer.sources.kalshi.venue_time import VenueTime
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_BACKOFF_S = (0.2, 30.0)
_HEALTHY_S = 30.0
_SWEEP_EVERY_S = 1.0
_UNSETTLED_INTERVAL_S = 10.0
"""Clock seconds between two REST reads of a market that is not trading and not final."""


class KalshiSource:
    """Tells a `FeedListener` what Kalshi proves about the markets it watches.

    Raises UsageError on construction for a key file that is none.
    """

    def __init__(
        self,
        *,
        settings: KalshiSettings,
        session: aiohttp.ClientSession,
        clock: Clock,
        listener: FeedListener,
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._http = session
        self._clock = clock
        self._listener = listener
        self._metrics = metrics
        self._signer = load_signer(settings.key_id, settings.key_file) if settings.key_file else None
        self._venue_time = VenueTime()
        self.client = KalshiClient(settings=settings, session=session, signer=self._signer, venue_time=self._venue_time)
        self._markets: dict[str, WatchedMarket] = {}
        self._hurry: dict[str, None] = {}
        self._unlisted: set[str] = set()
        self._wake = asyncio.Event()
        self._some_known = asyncio.Event()
        self._read_ms: dict[str, int] = {}
        self._exchange: wire.ExchangeStatus | None = None
        self._exchange_read_ms = 0
        self._session: Session | None = None
        self._trouble: str | None = "Kalshi is not connected yet."
        self._frames = {
            kind: metrics.frames.labels(settings.venue, kind)
            for kind in (*wire.FRAME_TYPES.values(), "unknown", "malformed", "repeated")
        }

    def watch(self, markets: Iterable[MarketId]) -> None:
        """Watch these markets too; their first gap starts at 0. Raises UsageError for another venue's."""
        for market in markets:
            if market.venue is not self._settings.venue:
                raise UsageError(f"Market {market} is not of {self._settings.venue}, the venue that [kalshi] sets.")
            if market.ticker not in self._markets:
                self._markets[market.ticker] = WatchedMarket(market, self._listener)
                self._refresh([market.ticker])

    async def market(self, ticker: str) -> MarketFacts:
        """What Kalshi says of a market now. Raises UnknownError (a PermanentError), or TransientError."""
        return await self.client.market(ticker)

    def trouble(self) -> str | None:
        """Why this source is not to be relied on now; None while its subscriptions stand, or nothing is watched."""
        subscribed = self._session is not None and self._session.subscribed
        return self._trouble if self._markets and not subscribed else None

    async def run(self) -> None:
        """Watch for ever; ends only by cancellation or a defect."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_forever(), name="kalshi sweep")
            group.create_task(self._stream_forever(), name="kalshi stream")

    # Stream

    async def _stream_forever(self) -> None:
        delay_s = _BACKOFF_S[0]
        while True:
            await self._some_known.wait()
            started_s = time.monotonic()
            try:
                await self._stream_once()
            except RelayerError as error:
                self._trouble = str(error)
                self._metrics.errors.labels("kalshi").inc()
                log.warning("disconnected", extra={"venue": self._settings.venue, "reason": str(error)})
            if time.monotonic() - started_s > _HEALTHY_S:
                delay_s = _BACKOFF_S[0]
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
            delay_s = min(delay_s * 2, _BACKOFF_S[1])

    async def _stream_once(self) -> None:
        session = self._session = Session(
            markets=self._markets,
            clock=self._clock,
            venue_time=self._venue_time,
            refresh=self._refresh,
            reply_timeout_s=self._settings.reply_timeout_s,
        )
        session.watch(ticker for ticker, market in self._markets.items() if market.facts and not market.final)
        try:
            await converse(session, settings=self._settings, http=self._http, signer=self._signer)
        finally:
            session.close()
            self._count_frames()
            self._session = None

    def _count_frames(self) -> None:
        if self._session is not None:
            frames, self._session.frames = self._session.frames, Counter()
            for kind, count in frames.items():
                self._frames[kind].inc(count)

    # REST

    def _refresh(self, tickers: Iterable[str]) -> None:
        self._hurry |= dict.fromkeys(tickers)
        self._wake.set()

    async def _sweep_forever(self) -> None:
        await self._read_budget()
        while True:
            self._count_frames()
            due: list[str] = []
            if self._markets:
                try:
                    await self._look_at_the_exchange()
                    if due := self._due():
                        await self._sweep(due)
                except RelayerError as error:
                    self._hurry |= dict.fromkeys(due)
                    self._trouble = str(error)
                    self._metrics.errors.labels("kalshi").inc()
                    log.warning("status not read", extra={"venue": self._settings.venue, "reason": str(error)})
                    await asyncio.sleep(_SWEEP_EVERY_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _SWEEP_EVERY_S)

    def _due(self) -> list[str]:
        """Tickers that REST is to be asked about now."""
        now = self._clock.now_ms()
        hurry, self._hurry = self._hurry, {}
        self._wake.clear()
        return [
            ticker
            for ticker, market in self._markets.items()
            if not market.final
            and (ticker in hurry or now >= self._read_ms.get(ticker, 0) + self._interval_ms(market, now))
        ]

    def _interval_ms(self, market: WatchedMarket, now: int) -> float:
        if market.facts is None:
            return self._settings.status_interval_s * 1000
        if market.due(now):
            return 0
        trading = market.status is MarketStatus.ACTIVE
        return (self._settings.status_interval_s if trading else _UNSETTLED_INTERVAL_S) * 1000

    async def _read_budget(self) -> None:
        """Pace REST by the account's own budget; without an answer by that of the lowest tier."""
        if self._signer is not None:
            try:
                limits = await self.client.account_limits()
            except RelayerError as error:
                log.warning("account limits not read", extra={"venue": self._settings.venue, "reason": str(error)})
            else:
                log.info("account limits", extra={"tier": limits.usage_tier, "tokens_per_s": limits.read.refill_rate})

    async def _look_at_the_exchange(self) -> None:
        """Learn of pauses of the whole exchange, in which markets keep their status and their frozen quotes."""
        now = self._clock.now_ms()
        if now < self._exchange_read_ms + _UNSETTLED_INTERVAL_S * 1000:
            return
        self._exchange_read_ms = now
        before, self._exchange = self._exchange, await self.client.exchange_status()
        if before != self._exchange:
            log.info("exchange", extra={"venue": self._settings.venue, "trading": self._exchange.trading_active})
            self._refresh(self._markets)

    async def _sweep(self, tickers: list[str]) -> None:
        now = self._clock.now_ms()
        asked_ms = self._venue_time.earliest(now)
        found = {facts.market.ticker: facts for facts in await self.client.markets(tickers)}
        answered_ms = self._venue_time.latest(self._clock.now_ms())
        self._read_ms |= dict.fromkeys(tickers, now)
        for ticker in tickers:
            facts = found.get(ticker) or await self._look_up(ticker)
            if facts is not None:
                self._learn(ticker, facts, asked_ms, answered_ms)

    def _learn(self, ticker: str, facts: MarketFacts, asked_ms: int, answered_ms: int) -> None:
        proven_ms = self._session.proven_ms(ticker) if self._session else 0
        if facts.status is MarketStatus.ACTIVE and self._exchange and not is_trading(self._exchange, facts.shard):
            facts = replace(facts, status=MarketStatus.PAUSED)
        self._markets[ticker].learn(facts, asked_ms=asked_ms, answered_ms=answered_ms, proven_ms=proven_ms)
        if self._session and not facts.final:
            self._session.watch([ticker])
        self._some_known.set()

    async def _look_up(self, ticker: str) -> MarketFacts | None:
        """A market that the list leaves out: archived, or unknown, which is said once."""
        try:
            return await self.client.market(ticker)
        except UnknownError:
            if ticker not in self._unlisted:
                self._unlisted.add(ticker)
                self._metrics.errors.labels("kalshi").inc()
                log.error(
                    f"Kalshi lists no market {ticker}: check its spelling and kalshi.environment; it is asked again.",
                    extra={"market": str(self._markets[ticker].market)},
                )
            return None
