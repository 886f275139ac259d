"""DFlow as a source of prices: stream and repeated REST reads, dated by our own clock.

Its prices carry neither time nor sequence. So they prove nothing: as first source they are told inside one unending
gap, publishable but never judged by; as second source they are an opinion that may contradict.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, RelayerError, TransientError, UsageError
from relayer.domain.feeds import BookView, FeedListener
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price, dollars
from relayer.prices.book import Book
from relayer.sources.dflow import parse, wire
from relayer.sources.dflow.agreement import Agreement, Comparison, differ
from relayer.sources.dflow.client import DflowClient
from relayer.sources.dflow.parse import STATUSES, OutcomeToken, Prices
from relayer.sources.dflow.settings import DflowSettings
from relayer.sources.dflow.stream import listen
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

PROVES = "nothing: DFlow's prices have neither time nor sequence, so no market is ever decided by them"
_BACKOFF_S = (0.5, 30.0)
_HEALTHY_S = 30.0
_COMPARE_EVERY_S = 1.0
_IDLE_S = 0.1
_LEAST_SIZE = 1
"""Centi-contracts: an order stands at a price, of a size that DFlow's prices do not tell."""

Reference = Callable[[MarketId], BookView | None]
"""The book of the source that decides, None while it has none that counts."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A market's prices and when they came, by `time.monotonic`."""

    prices: Prices
    heard_s: float


class DflowSource:
    """Keeps the newest prices; tells them to `listener` (first source), or compares them with `reference` (second).

    Raises UsageError on construction for a key file that holds no key.
    """

    def __init__(
        self,
        *,
        settings: DflowSettings,
        session: aiohttp.ClientSession,
        clock: Clock,
        metrics: Metrics,
        listener: FeedListener | None = None,
        reference: Reference | None = None,
        wall_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._http = session
        self._clock = clock
        self._metrics = metrics
        self._listener = listener
        self._reference = reference
        self._wall_s = wall_s
        self.client = DflowClient(settings=settings, session=session)
        self._watched: dict[str, MarketId] = {}
        self._opinions: dict[str, Opinion] = {}
        self._statuses: dict[str, MarketStatus] = {}
        self._tokens: dict[str, list[OutcomeToken]] = {}
        self._comparisons: dict[str, Comparison] = {}
        self._told_ms: dict[str, int] = {}
        self._missed_s: float | None = None
        self._troubles: dict[str, str] = {"stream": "DFlow is not connected yet."}
        self._odd: set[str] = set()
        self._frames = {kind: metrics.frames.labels("dflow", kind) for kind in ("prices", "unknown", "malformed")}

    def watch(self, markets: Iterable[MarketId]) -> None:
        """Watch these markets too. Raises UsageError for a market that is not Kalshi's."""
        for market in markets:
            if market.venue is not self._settings.venue:
                raise UsageError(f"Market {market} is not of {self._settings.venue}, the venue that [dflow] sets.")
            self._watched[market.ticker] = market

    def trouble(self) -> str | None:
        """Why DFlow is not to be relied on now; None while both its stream and its REST reads work."""
        return " ".join(self._troubles.values()) or None if self._watched else None

    def opinion(self, market: MarketId) -> Prices | None:
        """The newest prices, None once they are too old to count."""
        known = self._opinions.get(market.ticker)
        if known is None or self._wall_s() - known.heard_s > self._settings.stale_after_s:
            return None
        return known.prices

    def contradicts(self, market: MarketId, bid: Price | None, ask: Price | None, *, tolerance: int) -> bool:
        """Whether a fresh opinion differs from these prices by more than `tolerance` centi-cents, or in a side."""
        own = self.opinion(market)
        return own is not None and differ(own, Prices(bid, ask), tolerance)

    def token(self, mint: str) -> OutcomeToken | None:
        """The watched market's outcome token with this mint. `client.tokens` asks for those of all markets."""
        return next((one for tokens in self._tokens.values() for one in tokens if one.mint == mint), None)

    def view(self, market: MarketId) -> dict[str, Any] | None:
        """What DFlow says of a market, as JSON; prices in dollars. None for a market that is not watched."""
        if market.ticker not in self._watched:
            return None
        known = self._opinions.get(market.ticker)
        comparison = self._comparisons.get(market.ticker)
        return {
            "mode": self._settings.mode,
            "agreement": comparison.agreement if comparison else None,
            "bid": known and _dollars(known.prices.bid),
            "ask": known and _dollars(known.prices.ask),
            "age_s": known and round(self._wall_s() - known.heard_s, 3),
            "status": self._statuses.get(market.ticker, MarketStatus.UNKNOWN).name.lower(),
            "tokens": [
                {"mint": token.mint, "outcome": token.outcome, "settlement_mint": token.settlement_mint}
                for token in self._tokens.get(market.ticker, ())
            ],
            "trouble": self.trouble(),
            "proves": PROVES,
        }

    async def run(self) -> None:
        """Watch for ever; ends only by cancellation or a defect."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stream_forever(), name="dflow stream")
            group.create_task(self._snapshot_forever(), name="dflow snapshots")
            if self._reference is not None:
                group.create_task(self._compare_forever(self._reference), name="dflow comparison")

    # REST

    async def _snapshot_forever(self) -> None:
        while True:
            wait_s = self._settings.snapshot_interval_s if self._watched else _IDLE_S
            try:
                await self._snapshot()
                self._troubles.pop("snapshots", None)
            except RelayerError as error:
                self._fail("snapshots", error)
                wait_s = max(wait_s, (error.retry_after or 0) if isinstance(error, TransientError) else 0)
            await asyncio.sleep(wait_s)

    async def _snapshot(self) -> None:
        """Repair what the stream lost, and learn statuses and mints, which it does not tell."""
        wanted = list(self._watched)
        found = await self.client.markets(wanted) if wanted else []
        for market in found:
            self._learn(market)
        unknown = set(wanted) - {market.ticker for market in found}
        for ticker in sorted(unknown):
            self._say_once(ticker, "DFlow does not know the market")
        if unknown and not found:
            raise PermanentError(
                f"DFlow knows none of the {len(wanted)} watched markets: check dflow.environment and the tickers, "
                "or set dflow.mode off."
            )

    def _learn(self, told: wire.Market) -> None:
        before = self._opinions.get(told.ticker)
        self._tokens[told.ticker] = parse.tokens(told)
        self._take_status(told)
        self._take(told.ticker, told)
        after = self._opinions.get(told.ticker)
        if before and after and before.prices != after.prices and self._missed_s is None:
            self._missed_s = self._wall_s()

    # Stream

    async def _stream_forever(self) -> None:
        delay_s = _BACKOFF_S[0]
        while True:
            started_s = self._wall_s()
            if self._watched:
                try:
                    await self._stream()
                except RelayerError as error:
                    self._fail("stream", error)
                    asked_s = error.retry_after if isinstance(error, TransientError) else None
                    delay_s = max(delay_s, asked_s or 0)
            if self._wall_s() - started_s > _HEALTHY_S or not self._watched:
                delay_s = _BACKOFF_S[0]
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
            delay_s = min(delay_s * 2, _BACKOFF_S[1])

    async def _stream(self) -> None:
        self._missed_s = None
        await listen(
            settings=self._settings,
            http=self._http,
            watched=self._watched,
            opened=lambda: self._troubles.pop("stream", None),
            receive=self._receive,
            deaf=self._deaf,
        )

    def _deaf(self) -> bool:
        """Whether a move that REST showed is overdue on the stream."""
        return self._missed_s is not None and self._wall_s() - self._missed_s > self._settings.silence_timeout_s

    def _receive(self, text: str | bytes) -> None:
        """A frame of another channel, or none that can be read, is counted and passed over."""
        try:
            frame = parse.decode(text, wire.PriceFrame)
        except ValueError as error:
            self._frames["malformed"].inc()
            log.warning("DFlow sent a frame that cannot be read", extra={"error": str(error)})
            return
        if frame.channel != "prices":
            self._frames["unknown"].inc()
            return
        self._frames["prices"].inc()
        self._missed_s = None
        self._take(frame.market_ticker, frame)

    # What is known

    def _take(self, ticker: str, told: wire.Market | wire.PriceFrame) -> None:
        market = self._watched.get(ticker)
        if market is None:
            return
        try:
            newest = parse.prices(told)
        except ValueError as error:
            self._say_once(ticker, "DFlow's price is none", error=str(error))
            return
        self._odd.discard(ticker)
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
        end_ms = self._unproven_until(listener, market)
        listener.on_book(market, Millis(end_ms - 1), book)
        # Nothing earlier follows. Without it a condition armed now would take the book for known from `end_ms - 1` on.
        listener.on_watermark(market, end_ms)

    def _unproven_until(self, listener: FeedListener, market: MarketId) -> Millis:
        """Tell the gap up to and with the present millisecond; returns its end."""
        from_ms = self._told_ms.get(market.ticker, 0)
        to_ms = Millis(max(from_ms, self._clock.now_ms()) + 1)
        listener.on_gap(market, Millis(from_ms), to_ms, "unsequenced")
        self._told_ms[market.ticker] = to_ms
        return to_ms

    # Second opinion

    async def _compare_forever(self, reference: Reference) -> None:
        while True:
            for market in list(self._watched.values()):
                self._compare(market, reference(market))
            await asyncio.sleep(_COMPARE_EVERY_S)

    def _compare(self, market: MarketId, book: BookView | None) -> None:
        own, other = self.opinion(market), Prices(book.best_bid, book.best_ask) if book else None
        comparison = self._comparisons.setdefault(market.ticker, Comparison())
        before = comparison.agreement
        now = comparison.look(
            own,
            other,
            now_s=self._wall_s(),
            tolerance=self._settings.tolerance,
            patience_s=self._settings.contradiction_after_s,
        )
        self._metrics.second_opinions.labels(now).inc()
        if now is not before and Agreement.CONTRADICTS in (now, before):
            level = logging.WARNING if now is Agreement.CONTRADICTS else logging.INFO
            told = {"market": str(market), "agreement": now, "dflow": _shown(own), "kalshi": _shown(other)}
            log.log(level, "second opinion", extra=told)

    def _fail(self, part: str, error: RelayerError) -> None:
        self._metrics.errors.labels("dflow").inc()
        level = logging.ERROR if isinstance(error, PermanentError) else logging.WARNING
        log.log(level, "DFlow failed", extra={"part": part, "reason": str(error)})
        self._troubles[part] = str(error)

    def _say_once(self, ticker: str, what: str, **more: str) -> None:
        if ticker not in self._odd:
            self._odd.add(ticker)
            log.warning(what, extra={"market": str(self._watched[ticker]), **more})


def _dollars(price: Price | None) -> str | None:
    return None if price is None else dollars(price)


def _shown(prices: Prices | None) -> list[str | None] | None:
    return [_dollars(prices.bid), _dollars(prices.ask)] if prices else None
