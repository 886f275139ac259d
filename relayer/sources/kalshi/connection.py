"""One connection of the pool: a WebSocket that is made anew for ever, and the markets that are heard on it.

Its troubles are its own: the other connections go on undisturbed. What is said on it is `session`'s business.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable

import aiohttp

from relayer.domain.errors import RelayerError
from relayer.sources.kalshi import wire
from relayer.sources.kalshi.auth import KalshiSigner
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.pair import Hearing
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.stream import converse
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_BACKOFF_S = (0.2, 30.0)
_HEALTHY_S = 30.0


class Connection:
    """Number `number` of the pool, from 1; connects once it has a market that the venue lists.

    markets: all that are its to hear, by ticker. session: makes the session of each new socket.
    """

    def __init__(
        self,
        number: int,
        *,
        settings: KalshiSettings,
        http: aiohttp.ClientSession,
        signer: KalshiSigner | None,
        session: Callable[[Connection], Session],
        metrics: Metrics,
    ) -> None:
        self.number = number
        self.markets: dict[str, WatchedMarket | Hearing] = {}
        self._settings = settings
        self._http = http
        self._signer = signer
        self._make_session = session
        self._metrics = metrics
        self._session: Session | None = None
        self._listed: dict[str, None] = {}
        self._some_listed = asyncio.Event()
        self._trouble = "Kalshi is not connected yet."
        self._frames = {
            kind: metrics.frames.labels(settings.venue, kind)
            for kind in (*wire.FRAME_TYPES.values(), "unknown", "malformed", "repeated")
        }
        self._up = metrics.connection_up.labels(settings.venue, str(number))
        self._ends = metrics.disconnections.labels(settings.venue, str(number))
        metrics.connection_markets.labels(settings.venue, str(number)).set_function(lambda: len(self.markets))

    def listed(self, ticker: str) -> None:
        """The venue lists this market of ours: hear it from now on."""
        self._listed[ticker] = None
        self._some_listed.set()
        if self._session:
            self._session.watch([ticker])

    def proven_ms(self, ticker: str) -> int:
        """How far the market is proven by this connection on its own; 0 for not at all."""
        return self._session.proven_ms(ticker) if self._session else 0

    def trouble(self) -> str | None:
        """Why nothing is heard; None while the books are subscribed."""
        return None if self._session and self._session.subscribed else self._trouble

    def renew(self, reason: str) -> None:
        """Give up the socket for a new one."""
        if self._session:
            self._session.end(reason)

    def view(self, ticker: str) -> dict[str, object]:
        """What of this market is heard, for a person."""
        return {
            "connection": self.number,
            "proves": self.markets[ticker].proves,
            "sequence": self._session.sequence if self._session else None,
            "trouble": self.trouble(),
        }

    def count_frames(self) -> None:
        """Bring the counters up to date."""
        if self._session is not None:
            frames, self._session.frames = self._session.frames, Counter()
            for kind, count in frames.items():
                self._frames[kind].inc(count)

    async def run(self) -> None:
        """Connect, hear, connect again; ends only by cancellation or a defect."""
        delay_s = _BACKOFF_S[0]
        while True:
            await self._some_listed.wait()
            started_s = time.monotonic()
            try:
                await self._hear()
            except RelayerError as error:
                self._trouble = str(error)
                self._metrics.errors.labels("kalshi").inc()
                self._ends.inc()
                told = {"venue": self._settings.venue, "connection": self.number, "reason": str(error)}
                log.warning("disconnected", extra=told)
            if time.monotonic() - started_s > _HEALTHY_S:
                delay_s = _BACKOFF_S[0]
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
            delay_s = min(delay_s * 2, _BACKOFF_S[1])

    async def _hear(self) -> None:
        session = self._session = self._make_session(self)
        session.watch(ticker for ticker in self._listed if not self.markets[ticker].final)
        self._up.set_function(lambda: self.trouble() is None)
        try:
            await converse(session, settings=self._settings, http=self._http, signer=self._signer)
        finally:
            session.close()
            self.count_frames()
            self._session = None
