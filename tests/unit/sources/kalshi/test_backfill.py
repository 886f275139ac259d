"""The worker: what it asks for and when, what it does with answers and with none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from msgspec import UNSET

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, RelayerError, TransientError
from relayer.domain.feeds import Candle, Remembered, Trade
from relayer.domain.markets import MarketId, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.sources.kalshi import backfill
from relayer.sources.kalshi.backfill import Backfill
from relayer.sources.kalshi.client import KalshiClient, UnknownError
from relayer.sources.kalshi.path import Paths
from relayer.telemetry.metrics import Metrics
from tests.fakes.path_log import PathLog

A, B = MarketId(Venue.KALSHI, "KXA-1"), MarketId(Venue.KALSHI, "KXB-1")
MINUTE = 60_000
START = 100 * MINUTE


def a_candle(minute: int) -> Candle:
    side = (5000, 4000, 6000, 5000)
    return Candle(Millis(minute * MINUTE), Millis((minute + 1) * MINUTE), side, side, UNSET)


class History(KalshiClient):
    """Answers from lists; `failures` come first, one a call."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int, int]] = []
        self.failures: list[RelayerError] = []
        self.traded: list[Trade] = []
        self.live: list[Candle] = []
        self.archive: list[Candle] | None = []
        self.was_asked = asyncio.Event()

    def _ask(self, *call: object) -> None:
        self.was_asked.set()
        self.asked.append(call)  # type: ignore[arg-type] # as the three methods call it
        if self.failures:
            raise self.failures.pop(0)

    async def trades(self, ticker: str, *, from_ms: int, to_ms: int) -> list[Trade]:
        self._ask("trades", ticker, from_ms, to_ms)
        return self.traded

    async def candles(self, tickers: Iterable[str], *, from_ms: int, to_ms: int) -> dict[str, list[Candle]]:
        (ticker,) = tickers
        self._ask("candles", ticker, from_ms, to_ms)
        return {ticker: self.live}

    async def past_candles(self, ticker: str, *, from_ms: int, to_ms: int) -> list[Candle]:
        self._ask("archive", ticker, from_ms, to_ms)
        if self.archive is None:
            raise UnknownError("Kalshi knows no such market.")
        return self.archive


class World:
    """One or two markets with a gap of two minutes, and a clock that stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *markets: MarketId) -> None:
        monkeypatch.setattr(backfill, "_PAUSE_S", 0)
        self.now_ms = START + 2 * MINUTE
        self.log, self.venue, self.metrics = PathLog(), History(), Metrics()
        self.paths = Paths(prices=PathLog(), listener=self.log, standing=lambda _: None)
        for market in markets or (A,):
            self.paths.need(market, Millis(0), Remembered())
            self.paths.on_watermark(market, Millis(START - 300))
            self.paths.on_gap(market, Millis(START), Millis(START + 2 * MINUTE), "sequence")
            self.paths.on_watermark(market, Millis(START + 3 * MINUTE))
        clock = Clock(wall=lambda: float(self.now_ms))
        self.backfill = Backfill(paths=self.paths, client=self.venue, clock=clock, metrics=self.metrics)
        self.log.told.clear()

    async def at(self, after_gap_ms: int) -> list[str]:
        """Work once, so long after the gap; returns what was asked for."""
        self.now_ms = START + 2 * MINUTE + after_gap_ms
        self.venue.asked.clear()
        await self.backfill.fill_due()
        return [call[0] for call in self.venue.asked]

    def fate(self, market: MarketId = A) -> str:
        return self.paths.fates(market)[Millis(START + 2 * MINUTE)]

    def filled(self, by: str, extent: str) -> float:
        return float(self.metrics.fillings.labels(by, extent)._value.get())


async def test_asks_once_the_venue_must_know_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.venue.live = [a_candle(minute) for minute in (99, 100, 101, 102)]
    world.venue.traded = [Trade("t", Millis(START + 5), Price(5000), Size(100), False)]
    assert await world.at(119_999) == []
    assert await world.at(120_000) == ["trades", "candles"]
    assert world.venue.asked[0] == ("trades", "KXA-1", START - 300, START + 2 * MINUTE)
    assert world.log.told == [
        ("trade", START + 5, "t"),
        ("watermark", START),
        ("candle", START, START + MINUTE),
        ("candle", START + MINUTE, START + 2 * MINUTE),
        ("watermark", START + 3 * MINUTE),
    ]
    assert world.filled("trades", "whole") == world.filled("candles", "whole") == 1
    assert await world.at(10**9) == []


async def test_trades_outside_the_hole_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    times = (START - 301, START - 300, START + 2 * MINUTE - 1, START + 2 * MINUTE)
    world.venue.traded = [Trade(str(at), Millis(at), Price(5000), Size(100), False) for at in times]
    await world.at(120_000)
    assert [line[1] for line in world.log.of("trade")] == list(times[1:3])


async def test_candles_too_young_to_be_complete_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    await world.at(120_000)
    assert world.venue.asked[1][3] == START + 2 * MINUTE


@pytest.mark.parametrize("error", [TransientError("Busy."), PermanentError("Refused.")])
async def test_no_answer_is_asked_for_again_and_given_up_after_half_an_hour(
    monkeypatch: pytest.MonkeyPatch, error: RelayerError
) -> None:
    world = World(monkeypatch)
    for after_ms in (120_000, 150_000, 200_000, 120_000 + 30 * MINUTE - 1):
        world.venue.failures = [error, error, error]
        assert "trades" in await world.at(after_ms)
        assert world.fate() == "awaited"
    world.venue.failures = [error, error, error]
    await world.at(120_000 + 30 * MINUTE + 30_000)
    assert world.fate() == "nothing"
    assert world.filled("trades", "none") == world.filled("candles", "none") == 1
    assert world.log.told[0] == ("gap", START - 300, START + 2 * MINUTE, False)
    assert world.log.told[-1] == ("watermark", START + 3 * MINUTE)


async def test_is_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.venue.failures = [TransientError("Busy.")]
    assert await world.at(120_000) == ["trades"]
    assert await world.at(149_999) == []
    assert await world.at(150_000) == ["trades", "candles", "archive"]


async def test_an_unreachable_venue_is_asked_once_for_all_markets(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, A, B)
    world.venue.failures = [TransientError("Busy.")]
    await world.at(120_000)
    assert [call[1] for call in world.venue.asked] == ["KXA-1"]
    await world.at(120_500)
    assert {call[1] for call in world.venue.asked} == {"KXB-1"}, "the one that failed has to wait"


async def test_where_calls_keep_failing_each_market_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, A, B)
    turns = []
    for after_ms in range(120_000, 400_000, 40_000):
        world.venue.failures = [TransientError("Busy.")]
        await world.at(after_ms)
        turns += [call[1] for call in world.venue.asked]
    assert turns == ["KXA-1", "KXB-1"] * 3 + ["KXA-1"]


async def test_a_gap_from_long_before_a_restart_is_not_given_up_at_the_first_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, A, B)
    hours = 600 * MINUTE
    for after_ms in (hours, hours + 30_000, hours + 29 * MINUTE):
        world.venue.failures = [TransientError("Busy.")]
        await world.at(after_ms)
        assert (world.fate(A), world.fate(B)) == ("awaited", "awaited")
    await world.at(hours + 31 * MINUTE)
    assert (world.fate(A), world.fate(B)) == ("trades", "trades")


async def test_a_minute_that_is_missing_is_waited_for_and_then_filled_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.venue.live = [a_candle(100)]
    await world.at(120_000)
    assert await world.at(150_000) == ["candles"], "trades are there already"
    assert world.log.of("candle") == [("candle", START, START + MINUTE)]
    assert world.fate() == "awaited"
    await world.at(10**8)
    assert world.fate() == "trades and candles in part"
    assert world.filled("candles", "part") == 1


@pytest.mark.parametrize("archive", [None, [], [a_candle(100), a_candle(101)]])
async def test_where_the_live_endpoint_knows_nothing_the_archive_is_asked(
    monkeypatch: pytest.MonkeyPatch, archive: list[Candle] | None
) -> None:
    world = World(monkeypatch)
    world.venue.archive = archive
    assert await world.at(120_000) == ["trades", "candles", "archive"]
    assert world.fate() == ("trades and candles" if archive else "awaited")


async def test_runs_until_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    monkeypatch.setattr(backfill, "_LOOK_EVERY_S", 0)
    world.now_ms += 120_000
    running = asyncio.create_task(world.backfill.run())
    await world.venue.was_asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
