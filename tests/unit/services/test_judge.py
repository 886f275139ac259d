from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError, UsageError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.domain.verdicts import Answer
from relayer.prices.book import Book
from relayer.services.feeds import FeedTable
from relayer.services.judge import Armed, Judge
from relayer.store.store import Store
from relayer.tape.memory import TapeMemory
from relayer.tape.paths import PathRecorder
from relayer.tape.recorder import Recorder
from relayer.tape.settings import TapeSettings
from relayer.telemetry.metrics import Metrics
from tests.fakes.history import FakeHistory
from tests.fakes.paths import FakePaths
from tests.fakes.specs import END, PARENT, START, spec

PARENT_ID = MarketId(Venue.KALSHI, PARENT)


class Daemon:
    """Taping, feeds and judge of one process, over a tape and a store that outlive it."""

    def __init__(self, recorder: Recorder, folder: Path, store: Store) -> None:
        self.feeds = FeedTable(clock=Clock(), metrics=Metrics())
        self.paths = FakePaths(self.feeds)
        self.history = FakeHistory()
        self.judge = Judge(
            feeds=self.feeds,
            store=store,
            clock=Clock(),
            paths=self.paths,
            memory=TapeMemory(recorder, folder),
            history=self.history,
        )
        self.source = self.paths.told
        self.source.listeners += [PathRecorder(recorder), self.judge.hearing]

    def first_contact(self, at_ms: int, bid: int) -> None:
        """What a source tells when it has just connected: nothing before is proven."""
        self.source.on_gap(PARENT_ID, Millis(0), Millis(at_ms), "start")
        self.source.on_status(PARENT_ID, Millis(at_ms), MarketStatus.ACTIVE, None)
        self.quote(at_ms, bid)

    def quote(self, at_ms: int, bid: int) -> None:
        book = Book()
        book.replace({bid: 10_000}, {9_900: 10_000})
        self.source.on_book(PARENT_ID, Millis(at_ms), book)

    def watermark(self, at_ms: int) -> None:
        self.source.on_watermark(PARENT_ID, Millis(at_ms))


@asynccontextmanager
async def process(tmp_path: Path) -> AsyncIterator[Daemon]:
    """One life of the daemon; ending it keeps only what is on disk."""
    recorder = Recorder(tmp_path / "tape", TapeSettings())
    async with await Store.open(tmp_path / "relayer.db") as store:
        yield Daemon(recorder, tmp_path / "tape", store)
    await recorder.aclose()


async def test_a_restart_costs_only_the_time_it_was_away(tmp_path: Path) -> None:
    async with process(tmp_path) as first:
        await first.judge.arm(spec())
        first.first_contact(START - 10_000, 5000)
        first.quote(START + 100_000, 6000)
        first.watermark(START + 200_000)
    async with process(tmp_path) as second:
        armed = await second.judge.arm(spec())
        second.first_contact(START + 230_000, 6000)
        second.watermark(START + 300_000)
        coverage = armed.verdict().coverage
        assert (coverage.observed_ms, coverage.unknown_ms) == (270_000, 30_000)


async def test_dwell_goes_on_across_a_restart_that_was_quick(tmp_path: Path) -> None:
    """Reached for a minute before the crash, not latched: the next process finds it on the tape."""
    async with process(tmp_path) as first:
        await first.judge.arm(spec())
        first.first_contact(START - 10_000, 5000)
        first.quote(START + 10_000, 7100)
        first.watermark(START + 71_000)
    async with process(tmp_path) as second:
        armed = await second.judge.arm(spec())
        assert armed.verdict().answer is Answer.YES
        assert armed.verdict().decided_at == START + 70_000
        await second.judge.sweep()
    async with process(tmp_path) as third:
        armed = await third.judge.arm(spec())
        assert armed.latched
        assert armed.latched.decided_at == START + 70_000


async def test_trades_told_a_little_late_do_not_spoil_the_tape(tmp_path: Path) -> None:
    async with process(tmp_path) as first:
        await first.judge.arm(spec())
        first.first_contact(START - 10_000, 5000)
        first.quote(START + 2_000, 5100)
        first.source.on_trade(PARENT_ID, Trade("a", Millis(START + 1_500), Price(5100), Size(100), False))
        first.watermark(START + 10_000)
    async with process(tmp_path) as second:
        armed = await second.judge.arm(spec())
        assert armed.verdict().coverage.observed_ms == 10_000


BY_TRADES = {"source": "trades", "min_size": "1.00", "min_trades": 1, "within_s": 60}


async def test_a_trade_told_after_a_later_book_counts_all_the_same(tmp_path: Path) -> None:
    async with process(tmp_path) as it:
        armed = await it.judge.arm(spec(price=BY_TRADES))
        it.first_contact(START - 10_000, 5000)
        it.watermark(START + 1_000)
        it.quote(START + 20_000, 7000)
        it.source.on_trade(PARENT_ID, Trade("a", Millis(START + 19_000), Price(7000), Size(100), False))
        it.watermark(START + 30_000)
        assert armed.verdict().answer is Answer.YES
        assert armed.verdict().decided_at == START + 19_000


async def test_only_markets_with_an_armed_condition_are_taped(tmp_path: Path) -> None:
    async with process(tmp_path) as first:
        first.first_contact(START - 10_000, 5000)
        first.watermark(START + 10_000)
    async with process(tmp_path) as second:
        armed = await second.judge.arm(spec())
        assert armed.verdict().coverage.observed_ms == 0


async def test_what_is_not_on_disk_is_not_latched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with process(tmp_path) as it:
        armed = await it.judge.arm(spec())
        it.first_contact(START - 10_000, 7100)
        it.watermark(START + 61_000)

        async def full(_: object) -> None:
            raise TransientError("No space left on the tape's disk.")

        with monkeypatch.context() as patch:
            patch.setattr(TapeMemory, "sync", full)
            with pytest.raises(TransientError, match="No space left"):
                await it.judge.sweep()
        assert armed.latched is None
        await it.judge.sweep()
        assert armed.latched


async def test_a_parent_that_cannot_be_watched_leaves_nothing_armed(tmp_path: Path) -> None:
    def refuse(_: object) -> None:
        raise UsageError("Market kalshi:X is not of kalshi-demo.")

    async with await Store.open(tmp_path / "relayer.db") as store:
        feeds = FeedTable(clock=Clock(), metrics=Metrics())
        judge = Judge(feeds=feeds, store=store, clock=Clock(), paths=FakePaths(feeds, refuse))
        for _ in range(2):
            with pytest.raises(UsageError):
                await judge.arm(spec())
        assert not judge.hearing.engine.groups


async def test_a_market_in_no_window_yet_has_no_coverage(tmp_path: Path) -> None:
    async with process(tmp_path) as it:
        armed = await it.judge.arm(spec())
        it.first_contact(START - 10_000, 5000)
        it.watermark(START)
        assert armed.verdict().coverage.window_ms == END - START
        assert armed.verdict().coverage.observed_ms == 0


async def armed_late(it: Daemon, **asked: Any) -> Armed:
    """Another spec has had the parent watched since 100 s after the start of this one's window."""
    await it.judge.arm(spec(test={"type": "reach", "direction": "up", "level": "0.9900"}))
    it.first_contact(START + 100_000, 5000)
    it.watermark(START + 200_000)
    armed = await it.judge.arm(spec(**asked))
    it.watermark(START + 210_000)
    return armed


async def test_who_is_armed_late_is_told_the_trades_from_before(tmp_path: Path) -> None:
    async with process(tmp_path) as it:
        it.history.traded = [Trade("a", Millis(START + 50_000), Price(7000), Size(100), False)]
        armed = await armed_late(it, price=BY_TRADES)
        assert (armed.verdict().answer, armed.verdict().decided_at) == (Answer.YES, START + 50_000)


async def test_who_is_armed_late_is_told_the_candles_from_before(tmp_path: Path) -> None:
    async with process(tmp_path) as it:
        coverage = (await armed_late(it)).verdict().coverage
        assert (coverage.bounded_ms, coverage.unknown_ms, coverage.observed_ms) == (100_000, 0, 110_000)


async def test_before_its_opening_the_parent_was_not_trading(tmp_path: Path) -> None:
    async with process(tmp_path) as it:
        it.history.open_ms = START + 40_000
        coverage = (await armed_late(it)).verdict().coverage
        assert (coverage.not_trading_ms, coverage.bounded_ms, coverage.unknown_ms) == (40_000, 60_000, 0)


async def test_who_cannot_be_told_the_past_is_not_armed_yet(tmp_path: Path) -> None:
    async with process(tmp_path) as it:
        it.history.trouble = TransientError("Kalshi has trouble of its own.")
        with pytest.raises(TransientError, match="trouble of its own"):
            await armed_late(it)
        it.history.trouble = None
        assert (await it.judge.arm(spec())).verdict().coverage.unknown_ms == 0
