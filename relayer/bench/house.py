"""The daemon's way from frame to decision: session, feeds, conditions, policy; without socket and chain."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator, Sequence

from relayer.bench.exchange import FRAMES_A_SECOND, Exchange
from relayer.bench.recording import ENDED_MS, OPENED_MS, Replay
from relayer.conditions.engine import Engine
from relayer.conditions.spec import Direction, Executable, Kind, Reach, Spec
from relayer.domain.board import FeedUpdate
from relayer.domain.clock import Clock
from relayer.domain.feeds import Remembered
from relayer.domain.markets import MarketId, Venue
from relayer.domain.units import PRICE_MAX, Millis, Price, Size
from relayer.domain.verdicts import Outcome
from relayer.prices.policy import PolicySettings
from relayer.services.feeds import FeedTable
from relayer.services.hearing import Hearing
from relayer.services.publisher import Publisher
from relayer.sources.kalshi.path import Paths
from relayer.telemetry.metrics import Metrics

_BOARD_FEEDS = 1_024
"""As many as a board holds: the busiest markets are on it."""
_START_MS = OPENED_MS // 1000 * 1000
_DAY_MS = 86_400_000
_HELD_MS = (0, 30_000, 60_000)
_SEED = 5


class NoChain:
    """A board that takes everything."""

    async def publish(self, updates: Sequence[FeedUpdate]) -> None: ...

    def take_lost(self) -> set[int]:
        return set()


class House:
    """Every market of the exchange is watched; `conditions` are armed over them in turn before the first frame."""

    def __init__(self, exchange: Exchange, *, conditions: int) -> None:
        metrics, policy = Metrics(), PolicySettings()
        markets = [MarketId(Venue.KALSHI, ticker) for ticker in exchange.tickers]
        self.engine = Engine()
        for spec in made_specs(markets, conditions):
            self.engine.arm(spec)
        feeds = FeedTable(clock=Clock(wall=lambda: ENDED_MS), metrics=metrics)
        self._told = Paths(prices=feeds, listener=Hearing(self.engine), standing=lambda _: None)
        self._markets = markets
        for market in markets:
            self._told.need(market, Millis(ENDED_MS), Remembered())
        self._publisher = Publisher(
            feeds=feeds,
            indexes={market: index for index, market in enumerate(markets[:_BOARD_FEEDS])},
            board=NoChain(),
            settings=policy,
            metrics=metrics,
        )
        self._frames_a_flush = round(policy.flush_interval_s * FRAMES_A_SECOND)
        self._loop = asyncio.new_event_loop()
        self._replay = Replay(exchange.tickers, self._told)

    def open(self, snapshots: Sequence[str], first: Sequence[str]) -> None:
        """Take the books, hear that nothing was missing until then, so that every window begins, and first changes."""
        self._replay.open(snapshots)
        for market in self._markets:
            self._told.on_watermark(market, Millis(OPENED_MS + 1))
        self._replay.take(first)
        self._decide()

    def run(self, changes: Sequence[str]) -> None:
        """Take changes, and decide as often as the daemon does at `FRAMES_A_SECOND`."""
        for at in range(0, len(changes), self._frames_a_flush):
            self._replay.take(changes[at : at + self._frames_a_flush])
            self._decide()

    def _decide(self) -> None:
        self.engine.decided()
        self._loop.run_until_complete(self._publisher.flush())

    def close(self) -> None:
        self._loop.close()


def made_specs(markets: Sequence[MarketId], count: int) -> Iterator[Spec]:
    """Touch questions at random levels, both directions and several dwells, on each market in turn."""
    draw = random.Random(_SEED)  # noqa: S311 # a draw that repeats, not a secret
    for market in itertools.islice(itertools.cycle(markets), count):
        yield Spec(
            kind=Kind.TIMING,
            parent=market,
            start_ms=Millis(_START_MS),
            end_ms=Millis(_START_MS + 30 * _DAY_MS),
            price=Executable(Size(1), draw.choice(_HELD_MS)),
            test=Reach(draw.choice(list(Direction)), Price(draw.randrange(1, PRICE_MAX))),
            answer=Outcome.NO,
            after_days=14,
            canonical=b"",
        )
