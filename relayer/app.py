"""The composition root: the only module that knows every room. Reads settings, opens resources, runs the loops.

`demo`, tests and production run this same wiring with other endpoints and another clock.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from relayer.api.server import serve
from relayer.chain.board_gateway import BoardGateway
from relayer.chain.pnp_gateway import PnpGateway
from relayer.chain.rpc import Rpc
from relayer.chain.sender import Sender
from relayer.chain.signer import Signer, load_keypair
from relayer.domain.clock import Clock
from relayer.domain.errors import UsageError
from relayer.domain.feeds import BookView, FeedListener, Remembered
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.services.anchor import Anchor
from relayer.services.corroborator import Corroborator
from relayer.services.dwelling import Dwellings
from relayer.services.explain import Explainer, explain_feed
from relayer.services.feeds import FeedTable
from relayer.services.judge import Judge
from relayer.services.publisher import Publisher
from relayer.services.resolver import Resolver
from relayer.services.specs import SpecFolder
from relayer.services.taping import Taping
from relayer.services.tasks import supervise
from relayer.services.watcher import Watcher
from relayer.settings import Settings
from relayer.sources.dflow.source import DflowSource
from relayer.sources.kalshi.backfill import Backfill
from relayer.sources.kalshi.history import KalshiHistory
from relayer.sources.kalshi.path import Paths, Standing
from relayer.sources.kalshi.source import KalshiSource
from relayer.store.store import Store
from relayer.tape.memory import TapeMemory
from relayer.tape.paths import PathRecorder
from relayer.tape.recorder import Recorder
from relayer.tape.tap import tapped_session
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that are configured, by role."""

    payer: Signer
    publisher: Signer | None
    oracle: Signer | None
    authority: Signer | None

    def addresses(self) -> dict[str, str]:
        """Addresses of the keys that pay or sign in the loops."""
        roles = {"payer": self.payer, "publisher": self.publisher, "oracle": self.oracle}
        return {role: key.address for role, key in roles.items() if key}


@dataclass(frozen=True, slots=True)
class Relayer:
    """A wired relayer; `run` returns only by raising."""

    metrics: Metrics
    feeds: FeedTable
    judge: Judge
    source: KalshiSource | DflowSource
    opinion: DflowSource | None
    backfill: Backfill | None
    watcher: Watcher
    api_url: str
    publisher: Publisher | None
    board: BoardGateway | None
    resolver: Resolver | None
    recorder: Recorder | None
    anchor: Anchor | None

    async def run(self) -> None:
        """All loops, supervised. Raises FatalError when one ends, or the cancellation that stops the process."""
        loops = {"source": self.source.run(), "judge": self.judge.run(), "watcher": self.watcher.run()}
        if self.publisher and self.board:
            loops |= {"publisher": self.publisher.run(), "confirmer": self.board.confirm_forever()}
        if self.opinion:
            loops["dflow"] = self.opinion.run()
        if self.backfill:
            loops["backfill"] = self.backfill.run()
        if self.recorder:
            loops["tape"] = self.recorder.run()
        if self.anchor:
            loops["anchor"] = self.anchor.run()
        if self.resolver:
            loops["resolver"] = self.resolver.run()
        await supervise(loops)


@asynccontextmanager
async def open_relayer(settings: Settings, *, clock: Clock) -> AsyncIterator[Relayer]:
    """Open every resource and wire the rooms; resources close in reverse order."""
    _check_sources(settings)
    keys = load_keys(settings)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        feeds = FeedTable(clock=clock, metrics=metrics)
        taping = Taping()
        paths = Paths(prices=feeds, listener=taping, standing=lambda market: _standing(source, market))
        resolver: Resolver | None = None
        recorder = _recorder(settings, stack, paths, metrics, needed=lambda: _needed(settings, resolver))
        if recorder:
            taping.listeners.append(PathRecorder(recorder))
        store = await stack.enter_async_context(await Store.open(settings.store.path))
        rpc = Rpc(settings=settings.cluster, session=session)
        sender = Sender(rpc=rpc, payer=keys.payer, metrics=metrics, settings=settings.cluster)
        venue_session = await _venue_session(settings, session, recorder, paths, stack)
        source = _first_source(settings, session, venue_session, clock, feeds, paths, metrics)
        opinion = _second_opinion(settings, session, clock, feeds, metrics)
        memory = _memory(settings, recorder)
        judge = Judge(
            feeds=feeds,
            store=store,
            clock=clock,
            paths=Watching(source, opinion, paths),
            memory=memory,
            history=KalshiHistory(source.client) if isinstance(source, KalshiSource) else None,
        )
        taping.listeners.append(judge.hearing)
        watcher = Watcher(cluster=rpc, roles=keys.addresses(), clock=clock, metrics=metrics)
        # Everything that the settings alone can get wrong is refused above this line; below it money is spent.
        resolver = _resolving(settings, keys, rpc, sender, store, judge, source, feeds, clock, metrics)
        explainer = _explaining(settings, resolver, feeds, paths, memory, clock)
        await stack.enter_async_context(judge)
        source.watch(settings.board.feeds)
        if opinion:
            opinion.watch(settings.board.feeds)
        board, publisher = await _publishing(settings, keys, rpc, sender, feeds, metrics)
        if board:
            stack.push_async_callback(board.aclose)
        metrics.watch_feed_ages(feeds.ages)
        checks = {"source": source.trouble, "cluster": watcher.trouble}
        if recorder:
            checks["tape"] = recorder.trouble
        api_url = await stack.enter_async_context(
            serve(
                settings.api,
                registry=metrics.registry,
                checks=lambda: {name: trouble() for name, trouble in checks.items()},
                views={
                    "feeds": lambda: [
                        explain_feed(feed, clock.now_ms(), paths.fates(feed.market))
                        | _heard(source, opinion, feed.market)
                        for feed in feeds
                    ],
                    "markets": explainer.markets if explainer else list,
                },
                details={"markets": explainer.market} if explainer else None,
            )
        )
        log.info("started", extra={"api": api_url, "feeds": len(settings.board.feeds), "keys": keys.addresses()})
        yield Relayer(
            metrics=metrics,
            feeds=feeds,
            judge=judge,
            source=source,
            opinion=opinion,
            backfill=_backfill(source, paths, clock, metrics),
            watcher=watcher,
            api_url=api_url,
            publisher=publisher,
            board=board,
            resolver=resolver,
            recorder=recorder,
            anchor=_anchor(settings, recorder, board, metrics),
        )


async def run(settings: Settings) -> None:
    """The daemon: until a signal cancels it or a loop fails."""
    async with open_relayer(settings, clock=settings.clock.clock()) as relayer:
        await relayer.run()


def load_keys(settings: Settings) -> Keys:
    """Load what `[keys]` names. Raises UsageError where a needed key is missing or a file is wrong."""

    def load(role: str, path: Path | None) -> Signer | None:
        return load_keypair(path, role=role) if path else None

    publisher = load("publisher", settings.keys.publisher)
    oracle = load("oracle", settings.keys.oracle)
    payer = load("payer", settings.keys.payer) or publisher or oracle
    if payer is None:
        raise UsageError("[keys] names no key that can pay: set publisher (prices) or oracle (settling), or a payer.")
    if settings.board.feeds and publisher is None:
        raise UsageError("[board] feeds are listed but [keys] publisher is missing: set it, or remove the feeds.")
    if settings.resolver.specs_dir and oracle is None:
        raise UsageError("[resolver] specs_dir is set but [keys] oracle is missing: set it, or remove specs_dir.")
    return Keys(payer, publisher, oracle, load("authority", settings.keys.authority))


def _recorder(
    settings: Settings,
    stack: AsyncExitStack,
    paths: Paths,
    metrics: Metrics,
    needed: Callable[[], Collection[str] | None],
) -> Recorder | None:
    """The tape, if there is one. What it gives up is no part of any path until it is filled."""
    if settings.tape.directory is None:
        return None
    recorder = Recorder(
        settings.tape.directory,
        settings.tape,
        on_loss=lambda _: paths.lose(),
        on_regain=paths.regain,
        needed=needed,
    )
    stack.push_async_callback(recorder.aclose)
    metrics.watch_tape(
        lost=lambda: recorder.lost,
        stuck=lambda: recorder.trouble() is not None,
        crowded=lambda: recorder.crowded() is not None,
    )
    return recorder


def _needed(settings: Settings, resolver: Resolver | None) -> Collection[str] | None:
    """Markets of which the tape deletes nothing; None while the resolver has not looked yet."""
    if settings.resolver.specs_dir is None:
        return ()
    needed = resolver.needed() if resolver else None
    return None if needed is None else {str(market) for market in needed}


def _anchor(
    settings: Settings, recorder: Recorder | None, board: BoardGateway | None, metrics: Metrics
) -> Anchor | None:
    """Needs both a tape and a board."""
    if recorder is None or board is None:
        return None
    interval_s = settings.tape.anchor_interval_s
    return Anchor(head=lambda: recorder.head.hash, board=board, interval_s=interval_s, metrics=metrics)


def _memory(settings: Settings, recorder: Recorder | None) -> TapeMemory | None:
    return TapeMemory(recorder, settings.tape.directory) if recorder and settings.tape.directory else None


async def _venue_session(
    settings: Settings,
    session: aiohttp.ClientSession,
    recorder: Recorder | None,
    paths: Paths,
    stack: AsyncExitStack,
) -> aiohttp.ClientSession:
    """The venue's session: on tape for the markets that matter, where there is a tape."""
    if recorder is None:
        return session
    venue = settings.kalshi.venue
    tapped = tapped_session(recorder, venue=venue, wanted=lambda ticker: MarketId(venue, ticker) in paths)
    return await stack.enter_async_context(tapped)


def _check_sources(settings: Settings) -> None:
    """Raises UsageError where `[dflow]` does not fit what else is set."""
    dflow = settings.dflow
    if dflow.mode == "first" and settings.resolver.specs_dir:
        raise UsageError(
            "[dflow] mode is first, and DFlow's prices can decide no market, but [resolver] specs_dir is set: "
            "remove specs_dir, or watch Kalshi and set dflow.mode to second."
        )
    if dflow.mode == "second" and dflow.venue is not settings.kalshi.venue:
        raise UsageError(
            f"[dflow] speaks of markets of {dflow.venue}, [kalshi] of {settings.kalshi.venue}: "
            "set the same environment in both, or dflow.mode off."
        )


def _first_source(
    settings: Settings,
    session: aiohttp.ClientSession,
    venue_session: aiohttp.ClientSession,
    clock: Clock,
    feeds: FeedTable,
    proven: FeedListener,
    metrics: Metrics,
) -> KalshiSource | DflowSource:
    """What the feeds are told by. DFlow proves nothing, so nothing of it goes on tape."""
    if settings.dflow.mode == "first":
        return DflowSource(settings=settings.dflow, session=session, clock=clock, metrics=metrics, listener=feeds)
    return KalshiSource(settings=settings.kalshi, session=venue_session, clock=clock, listener=proven, metrics=metrics)


def _second_opinion(
    settings: Settings, session: aiohttp.ClientSession, clock: Clock, feeds: FeedTable, metrics: Metrics
) -> DflowSource | None:
    """Its troubles are its own: they are logged and counted, and no reason for the relayer not to be ready."""
    if settings.dflow.mode != "second":
        return None
    stale_ms = settings.dflow.stale_after_s * 1000

    def standing(market: MarketId) -> BookView | None:
        feed = feeds.feed(market)
        counts = feed.status is MarketStatus.ACTIVE and clock.now_ms() - feed.watermark_ms <= stale_ms
        return feed.book if counts else None

    return DflowSource(settings=settings.dflow, session=session, clock=clock, metrics=metrics, reference=standing)


def _standing(source: KalshiSource | DflowSource, market: MarketId) -> Standing | None:
    """DFlow's prices prove nothing, so nobody is told of what stands by them."""
    return source.standing(market) if isinstance(source, KalshiSource) else None


def _backfill(source: KalshiSource | DflowSource, paths: Paths, clock: Clock, metrics: Metrics) -> Backfill | None:
    """Fills gaps from the venue's history, where the venue is asked itself."""
    if not isinstance(source, KalshiSource):
        return None
    return Backfill(paths=paths, client=source.client, clock=clock, metrics=metrics)


def _heard(source: KalshiSource | DflowSource, opinion: DflowSource | None, market: MarketId) -> dict[str, object]:
    """How the market is heard, and what DFlow says of it where it is asked."""
    if isinstance(source, DflowSource):
        return {"source": "dflow", "dflow": source.view(market)}
    return source.view(market) | ({"dflow": opinion.view(market)} if opinion else {})


@dataclass(frozen=True, slots=True)
class Watching:
    """Watches the parents of conditions, and has their paths told to the tape and the judge from now on."""

    source: KalshiSource | DflowSource
    opinion: DflowSource | None
    paths: Paths

    def need(self, market: MarketId, from_ms: Millis, remembered: Remembered) -> None:
        if isinstance(self.source, KalshiSource):
            self.source.watch_twice([market])
        else:
            self.source.watch([market])
        if self.opinion:
            self.opinion.watch([market])
        self.paths.need(market, from_ms, remembered)

    def remembered(self, market: MarketId) -> Remembered:
        return self.paths.remembered(market)


async def _publishing(
    settings: Settings, keys: Keys, rpc: Rpc, sender: Sender, feeds: FeedTable, metrics: Metrics
) -> tuple[BoardGateway | None, Publisher | None]:
    if keys.publisher is None or not settings.board.feeds:
        return None, None
    board = BoardGateway(
        rpc=rpc,
        sender=sender,
        publisher=keys.publisher,
        payer=keys.payer,
        authority=keys.authority,
        settings=settings.board,
        cluster=settings.cluster,
        metrics=metrics,
    )
    indexes: dict[MarketId, int] = await board.open(settings.board.feeds)
    publisher = Publisher(feeds=feeds, indexes=indexes, board=board, settings=settings.policy, metrics=metrics)
    return board, publisher


def _resolving(
    settings: Settings,
    keys: Keys,
    rpc: Rpc,
    sender: Sender,
    store: Store,
    judge: Judge,
    source: KalshiSource | DflowSource,
    feeds: FeedTable,
    clock: Clock,
    metrics: Metrics,
) -> Resolver | None:
    if keys.oracle is None or settings.resolver.specs_dir is None or not isinstance(source, KalshiSource):
        return None
    corroborator = Corroborator(
        history=KalshiHistory(source.client),
        store=store,
        clock=clock,
        metrics=metrics,
        released=settings.resolver.released_specs,
        agreed=source.agreed,
    )
    return Resolver(
        pnp=PnpGateway(rpc=rpc, sender=sender, oracle=keys.oracle, settings=settings.cluster),
        store=store,
        judge=judge,
        specs=SpecFolder(settings.resolver.specs_dir),
        corroborator=corroborator,
        venue=settings.kalshi.venue,
        settings=settings.resolver,
        feeds=feeds,
        clock=clock,
        metrics=metrics,
    )


def _explaining(
    settings: Settings,
    resolver: Resolver | None,
    feeds: FeedTable,
    paths: Paths,
    memory: TapeMemory | None,
    clock: Clock,
) -> Explainer | None:
    if resolver is None:
        return None
    return Explainer(
        resolver=resolver,
        feeds=feeds,
        dwellings=Dwellings(memory),
        clock=clock,
        fates=paths.fates,
        dollar_mints=settings.resolver.dollar_mints,
    )
