"""Kalshi as a source: a pool of connections, all watched markets, REST for what the streams do not say.

Eternal and self-healing. Wires client, connections and checks; what a market tells is `market`'s business, what one
heard on two connections tells is `pair`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable
from dataclasses import replace

import aiohttp

from relayer.domain.clock import Clock
from relayer.domain.errors import RelayerError, UsageError
from relayer.domain.feeds import FeedListener
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus
from relayer.domain.units import Millis, rfc3339
from relayer.sources.kalshi import wire
from relayer.sources.kalshi.auth import load_signer
from relayer.sources.kalshi.client import KalshiClient, UnknownError
from relayer.sources.kalshi.connection import Connection
from relayer.sources.kalshi.crosscheck import CrossCheck
from relayer.sources.kalshi.market import GapReason, WatchedMarket
from relayer.sources.kalshi.pair import PairedMarket
from relayer.sources.kalshi.parse import is_trading
from relayer.sources.kalshi.path import Standing
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.ticker import TickerCheck
from relayer.sources.kalshi.venue_time import VenueTime
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

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
        self._clock = clock
        self._listener = listener
        self._metrics = metrics
        self._signer = load_signer(settings.key_id, settings.key_file) if settings.key_file else None
        self._venue_time = VenueTime()
        self.client = KalshiClient(settings=settings, session=session, signer=self._signer, venue_time=self._venue_time)
        self._markets: dict[str, WatchedMarket] = {}
        self._pairs: dict[str, PairedMarket] = {}
        self._heard_on: dict[str, list[Connection]] = {}
        self._connections = [
            Connection(
                number, settings=settings, http=session, signer=self._signer, session=self._session, metrics=metrics
            )
            for number in range(1, settings.connections + 1)
        ]
        self._cross_check = CrossCheck(
            client=self.client,
            markets=self._markets,
            paired=self._pairs,
            repair=self._repair,
            interval_s=settings.cross_check_interval_s,
            metrics=metrics,
        )
        self._hurry: dict[str, None] = {}
        self._unlisted: set[str] = set()
        self._wake = asyncio.Event()
        self._read_ms: dict[str, int] = {}
        self._exchange: wire.ExchangeStatus | None = None
        self._exchange_read_ms = 0
        self._rest_trouble: str | None = None

    def watch(self, markets: Iterable[MarketId]) -> None:
        """Watch these markets too; their first gap starts at 0. Raises UsageError for another venue's."""
        for market in markets:
            if market.venue is not self._settings.venue:
                raise UsageError(f"Market {market} is not of {self._settings.venue}, the venue that [kalshi] sets.")
            if market.ticker not in self._markets:
                told = self._markets[market.ticker] = WatchedMarket(market, self._listener)
                connection = self._least_busy()
                connection.markets[market.ticker] = told
                self._heard_on[market.ticker] = [connection]
                self._refresh([market.ticker])

    def watch_twice(self, markets: Iterable[MarketId]) -> None:
        """Watch these on two connections each, where there are two: a gap is then where both have one."""
        wanted = list(markets)
        self.watch(wanted)
        for market in wanted:
            if market.ticker not in self._pairs and len(self._connections) > 1:
                self._pair(market.ticker)

    async def market(self, ticker: str) -> MarketFacts:
        """What Kalshi says of a market now. Raises UnknownError (a PermanentError), or TransientError."""
        return await self.client.market(ticker)

    def trouble(self) -> str | None:
        """Why this source is not to be relied on now; None while each market it knows is heard by a connection."""
        known = [ticker for ticker, market in self._markets.items() if market.facts]
        if self._markets and not known:
            return self._rest_trouble or "Kalshi has not been reached yet."
        for ticker in known:
            troubles = [connection.trouble() for connection in self._heard_on[ticker]]
            if all(troubles) and not self._markets[ticker].final:
                return self._rest_trouble or troubles[0]
        return None

    def standing(self, market: MarketId) -> Standing | None:
        """What is known of this market now; None before anything is."""
        watched = self._markets.get(market.ticker)
        return watched.standing if watched else None

    def agreed(self, market: MarketId, at_ms: Millis) -> bool:
        """Whether two connections, each in unbroken sequence, heard the same of the market around this time."""
        pair = self._pairs.get(market.ticker)
        return pair is not None and pair.agreed(at_ms)

    def view(self, market: MarketId) -> dict[str, object]:
        """How this market is heard, for a person; nothing for one that is not watched."""
        if market.ticker not in self._markets:
            return {}
        agreed_ms = self._cross_check.agreed_ms.get(market.ticker)
        return {
            "source": self._settings.venue,
            "connections": [connection.view(market.ticker) for connection in self._heard_on[market.ticker]],
            "agreed_with_rest": agreed_ms and rfc3339(Millis(agreed_ms)),
        }

    async def run(self) -> None:
        """Watch for ever; ends only by cancellation or a defect."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_forever(), name="kalshi sweep")
            group.create_task(self._cross_check.run(), name="kalshi cross-check")
            for connection in self._connections:
                group.create_task(connection.run(), name=f"kalshi connection {connection.number}")

    # Pool

    def _session(self, connection: Connection) -> Session:
        check = TickerCheck(count=self._count_ticker, doubt=self._cross_check.doubt)
        return Session(
            markets=connection.markets,
            clock=self._clock,
            venue_time=self._venue_time,
            refresh=self._refresh,
            reply_timeout_s=self._settings.reply_timeout_s,
            best_prices=check if self._settings.ticker_check else None,
        )

    def _count_ticker(self, found: str) -> None:
        self._metrics.cross_checks.labels("ticker", found).inc()

    def _least_busy(self, *, besides: Collection[Connection] = ()) -> Connection:
        return min((one for one in self._connections if one not in besides), key=lambda one: len(one.markets))

    def _pair(self, ticker: str) -> None:
        """Have a market heard on a second connection as well."""
        told, (first,) = self._markets[ticker], self._heard_on[ticker]
        second = self._least_busy(besides=[first])
        pair = self._pairs[ticker] = PairedMarket(told)
        first.markets[ticker], second.markets[ticker] = pair.hearings
        self._heard_on[ticker].append(second)
        if told.facts and not told.final:
            second.listed(ticker)

    def _repair(self, ticker: str, again: bool) -> None:
        """REST shows another book: begin anew, and where that did not help, on new sockets."""
        if ticker in self._pairs:
            self._pairs[ticker].start_over(GapReason.CROSS_CHECK)
        else:
            market = self._markets[ticker]
            market.lose(market.watermark_ms, GapReason.CROSS_CHECK)
        if again:
            for connection in self._heard_on[ticker]:
                connection.renew(f"REST goes on showing another book of {ticker}.")

    # REST

    def _refresh(self, tickers: Iterable[str]) -> None:
        self._hurry |= dict.fromkeys(tickers)
        self._wake.set()

    async def _sweep_forever(self) -> None:
        await self._read_budget()
        while True:
            for connection in self._connections:
                connection.count_frames()
            due: list[str] = []
            if self._markets:
                try:
                    await self._look_at_the_exchange()
                    if due := self._due():
                        await self._sweep(due)
                    self._rest_trouble = None
                except RelayerError as error:
                    self._hurry |= dict.fromkeys(due)
                    self._rest_trouble = str(error)
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
        heard_on = self._heard_on[ticker]
        proven_ms = max(connection.proven_ms(ticker) for connection in heard_on)
        if facts.status is MarketStatus.ACTIVE and self._exchange and not is_trading(self._exchange, facts.shard):
            facts = replace(facts, status=MarketStatus.PAUSED)
        market = self._pairs.get(ticker) or self._markets[ticker]
        market.learn(facts, asked_ms=asked_ms, answered_ms=answered_ms, proven_ms=proven_ms)
        if not facts.final:
            for connection in heard_on:
                connection.listed(ticker)

    async def _look_up(self, ticker: str) -> MarketFacts | None:
        """A market that the list leaves out: archived, or unknown, which is said once. Its troubles are its own."""
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
        except RelayerError as error:
            self._metrics.errors.labels("kalshi").inc()
            log.warning("market not read", extra={"market": str(self._markets[ticker].market), "reason": str(error)})
        return None
