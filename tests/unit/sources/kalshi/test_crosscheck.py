"""Books held against REST: what agrees, what counts as a difference, whose turn it is, and what is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from relayer.domain.errors import TransientError
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.sources.kalshi.client import KalshiClient, Sides
from relayer.sources.kalshi.crosscheck import CrossCheck
from relayer.sources.kalshi.market import GapReason, WatchedMarket
from relayer.telemetry.metrics import Metrics
from tests.fakes.kalshi_facts import NOW_MS, facts
from tests.fakes.listener import PathRules

BOOK: Sides = ({4000: 100}, {6000: 100})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_BEFORE_S", "_AFTER_S", "_AGAIN_S"):
        monkeypatch.setattr(f"relayer.sources.kalshi.crosscheck.{name}", 0)


class Rest:
    """Answers with what it is given; `meanwhile` happens while the question is on its way."""

    def __init__(self) -> None:
        self.books: dict[str, Sides] = {}
        self.asked: list[list[str]] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.error: TransientError | None = None

    async def orderbooks(self, tickers: Sequence[str]) -> dict[str, Sides]:
        self.asked.append(list(tickers))
        self.meanwhile()
        if self.error:
            raise self.error
        return {ticker: self.books[ticker] for ticker in tickers if ticker in self.books}


class Desk:
    """A cross-check over active markets whose books are `BOOK`, as REST says too."""

    def __init__(self, tickers: Sequence[str] = ("A",), paired: Sequence[str] = ()) -> None:
        self.rest, self.metrics, self.told = Rest(), Metrics(), PathRules()
        self.markets = {ticker: self._market(ticker) for ticker in tickers}
        self.rest.books = dict.fromkeys(tickers, BOOK)
        self.repaired: list[tuple[str, bool]] = []
        self.check = CrossCheck(
            client=cast("KalshiClient", self.rest),
            markets=self.markets,
            paired=dict.fromkeys(paired),
            repair=lambda ticker, again: self.repaired.append((ticker, again)),
            interval_s=1,
            metrics=self.metrics,
        )

    def _market(self, ticker: str) -> WatchedMarket:
        market = WatchedMarket(MarketId(Venue.KALSHI, ticker), self.told)
        market.learn(facts(ticker), asked_ms=NOW_MS - 1, answered_ms=NOW_MS - 1, proven_ms=0)
        market.snapshot(dict(BOOK[0]), dict(BOOK[1]), NOW_MS)
        return market

    def counted(self, agreement: str) -> float:
        return float(self.metrics.cross_checks.labels("rest", agreement)._value.get())

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await self.check.look()


async def test_an_equal_book_agrees_and_the_time_is_kept() -> None:
    desk = Desk()
    desk.markets["A"].advance(NOW_MS + 500)
    await desk.look()
    assert (desk.counted("agrees"), desk.counted("differs")) == (1, 0)
    assert desk.check.agreed_ms == {"A": NOW_MS + 500}
    assert desk.markets["A"].listener is desk.told


@pytest.mark.parametrize("shown", [BOOK, ({4000: 101}, {6000: 100}), ({4000: 102}, {6000: 100})])
async def test_any_book_told_while_the_question_was_on_its_way_agrees(shown: Sides) -> None:
    desk = Desk()

    def move() -> None:
        desk.markets["A"].change(True, 4000, 1, NOW_MS + 10)
        desk.markets["A"].change(True, 4000, 1, NOW_MS + 20)

    desk.rest.meanwhile = move
    desk.rest.books["A"] = shown
    await desk.look()
    assert desk.counted("agrees") == 1
    assert len(desk.told["A"].lines) == 6, "what is told goes on to the listener"


async def test_a_difference_counts_once_it_repeats(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    await desk.look()
    desk.rest.books["A"] = ({4000: 100, 4100: 7}, {6100: 100})
    await desk.look(2)
    assert (desk.repaired, caplog.records) == ([], [])
    await desk.look()
    assert desk.repaired == [("A", False)]
    assert desk.counted("differs") == 1
    (record,) = caplog.records
    assert "A book differs from REST at every look" in record.message
    told = record.__dict__
    assert told["bids"] == ["0.4100: 0.00 / 0.07"]
    assert told["asks"] == ["0.6000: 1.00 / 0.00", "0.6100: 0.00 / 1.00"]
    assert told["agreed"] == 0
    await desk.look(3)
    assert desk.repaired == [("A", False), ("A", True)]


async def test_repairs_that_do_not_help_become_rare_and_are_said_all_the_same() -> None:
    desk = Desk()
    desk.rest.books["A"] = ({}, {})
    await desk.look(3 * 8)
    assert desk.repaired == [("A", False), ("A", True), ("A", False), ("A", False)]
    assert desk.counted("differs") == 8
    desk.rest.books["A"] = BOOK
    await desk.look()
    desk.rest.books["A"] = ({}, {})
    await desk.look(3)
    assert len(desk.repaired) == 5


async def test_a_difference_that_goes_away_is_forgotten() -> None:
    desk = Desk()
    empty: Sides = ({}, {})
    for shown in (empty, empty, BOOK, empty, empty):
        desk.rest.books["A"] = shown
        await desk.look()
    assert (desk.repaired, desk.counted("differs")) == ([], 0)


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda market: market.lose(NOW_MS, GapReason.SEQUENCE),
        lambda market: market.change(True, 6000, 1, NOW_MS + 10),
        lambda market: market.pause(NOW_MS + 10),
    ],
    ids=["lost", "crossed", "paused"],
)
async def test_a_book_that_is_not_proven_meanwhile_is_not_compared(
    meanwhile: Callable[[WatchedMarket], object],
) -> None:
    desk = Desk()
    desk.rest.meanwhile = lambda: meanwhile(desk.markets["A"])
    desk.rest.books["A"] = ({}, {})
    await desk.look()
    await desk.look()
    assert (desk.counted("agrees"), desk.counted("differs"), desk.repaired) == (0, 0, [])


async def test_a_gap_that_opened_and_closed_meanwhile_leaves_it_unclear() -> None:
    desk = Desk()

    def restart() -> None:
        desk.markets["A"].lose(NOW_MS, GapReason.SEQUENCE)
        desk.markets["A"].snapshot({}, {}, NOW_MS + 50)

    desk.rest.meanwhile = restart
    await desk.look()
    assert desk.counted("agrees") == desk.counted("differs") == 0


async def test_markets_take_turns_and_the_paired_come_more_often() -> None:
    tickers = [f"M{number}" for number in range(50)]
    desk = Desk(tickers, paired=["M49", "M48"])
    await desk.look(3)
    assert all(len(asked) <= 20 for asked in desk.rest.asked)
    assert all({"M48", "M49"} <= set(asked) for asked in desk.rest.asked)
    assert set().union(*desk.rest.asked) == set(tickers)


async def test_a_doubted_book_that_rest_does_not_show_takes_nobodys_place() -> None:
    desk = Desk([f"M{number}" for number in range(40)])
    desk.check.doubt("M39")
    del desk.rest.books["M39"]
    await desk.look(2)
    assert ["M39" in asked for asked in desk.rest.asked] == [True, False]


async def test_the_doubted_come_first_while_they_trade() -> None:
    tickers = [f"M{number}" for number in range(50)]
    desk = Desk(tickers)
    desk.check.doubt("M40")
    desk.check.doubt("M41")
    ended: dict[str, Any] = {"status": MarketStatus.PAUSED}
    desk.markets["M41"].learn(facts("M41", **ended), asked_ms=NOW_MS, answered_ms=NOW_MS, proven_ms=0)
    await desk.look()
    assert desk.rest.asked[0][0] == "M40"
    assert "M41" not in desk.rest.asked[0]


async def test_without_a_known_book_nothing_is_asked() -> None:
    desk = Desk()
    desk.markets["A"].lose(NOW_MS, GapReason.SEQUENCE)
    await desk.look()
    assert desk.rest.asked == []


async def test_rest_that_does_not_answer_is_counted_and_asked_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.rest.error = TransientError("Kalshi did not answer.")
    asked = asyncio.Event()
    desk.rest.meanwhile = lambda: asked.set() if len(desk.rest.asked) > 1 else None
    desk.check.doubt("A")
    running = asyncio.create_task(desk.check.run())
    async with asyncio.timeout(30):
        await asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert "books not compared" in caplog.text
    assert desk.markets["A"].listener is desk.told
