"""The DFlow source: how old prices get, that they prove nothing, what a second opinion is worth.

Frames and bodies are made by hand in the shapes that DFlow documents; no recording of DFlow exists.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from relayer.domain.clock import Clock
from relayer.domain.errors import UsageError
from relayer.domain.feeds import BookView, FeedListener
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price
from relayer.domain.verdicts import Answer, Verdict
from relayer.prices.book import Book
from relayer.services.feeds import FeedTable
from relayer.services.judge import Judge
from relayer.sources.dflow import wire
from relayer.sources.dflow.agreement import Agreement
from relayer.sources.dflow.parse import Prices
from relayer.sources.dflow.settings import DflowSettings
from relayer.sources.dflow.source import PROVES, DflowSource
from relayer.telemetry.metrics import SECOND_OPINIONS, Metrics
from tests.fakes.paths import FakePaths
from tests.fakes.specs import END, START, spec

PAYLOADS = Path(__file__).parents[3] / "payloads" / "dflow"
NOW_MS = 1_790_000_000_000
MARKET = MarketId(Venue.KALSHI, "KXDEMO-26DEC31-T60.5")


class Heard:
    """A listener that keeps gaps, books and statuses."""

    def __init__(self) -> None:
        self.gaps: list[tuple[int, int, str]] = []
        self.books: list[tuple[int, Price | None, Price | None]] = []
        self.statuses: list[tuple[int, MarketStatus]] = []
        self.watermark_ms = 0

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        self.gaps.append((from_ms, to_ms, reason))

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self.books.append((at_ms, book.best_bid, book.best_ask))

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self.statuses.append((at_ms, status))

    def on_trade(self, *told: Any) -> None:
        raise AssertionError("prices are neither trades nor results")

    on_result = on_trade

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self.watermark_ms = at_ms


class Latches:
    """A store of verdicts that keeps what it is asked to latch."""

    def __init__(self) -> None:
        self.latches: list[Verdict] = []

    async def latched(self, spec_hash: str) -> Verdict | None:
        return None

    async def latch(self, spec_hash: str, verdict: Verdict) -> Verdict:
        self.latches.append(verdict)
        return verdict

    async def put_checkpoint(self, name: str, body: bytes) -> None:
        raise AssertionError("nobody saves here")

    async def checkpoint(self, name: str) -> bytes | None:
        return None


class Desk:
    """A source without a network, its clocks moved by hand."""

    def __init__(self, session: aiohttp.ClientSession, *, listener: FeedListener | None, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms
        self.metrics = Metrics()
        self.source = DflowSource(
            settings=DflowSettings(mode="first" if listener else "second", stale_after_s=30, contradiction_after_s=10),
            session=session,
            clock=Clock(wall=lambda: self.now_ms),
            metrics=self.metrics,
            listener=listener,
            wall_s=lambda: self.now_ms / 1000,
        )
        self.source.watch([MARKET])

    def hear(self, **told: Any) -> None:
        frame = {"channel": "prices", "type": "ticker", "market_ticker": MARKET.ticker, **told}
        self.source._receive(json.dumps(frame))

    def read(self, status: str, **told: Any) -> None:
        self.source._learn(wire.Market(MARKET.ticker, status, **told))

    def compare(self, bid: int, ask: int) -> Agreement:
        book = Book()
        book.replace({bid: 100}, {ask: 100})
        self.source._compare(MARKET, book)
        return Agreement(str((self.source.view(MARKET) or {})["agreement"]))

    def counted(self, agreement: Agreement) -> float:
        return float(self.metrics.second_opinions.labels(agreement)._value.get())


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_as_first_source_its_prices_are_told_inside_one_gap(session: aiohttp.ClientSession) -> None:
    heard = Heard()
    desk = Desk(session, listener=heard)
    desk.read("active", yes_bid="0.4000", yes_ask="0.4200")
    desk.now_ms += 500
    desk.hear(yes_bid="0.4100", yes_ask=None)
    assert [book[1:] for book in heard.books] == [(4000, 4200), (4100, None)]
    assert heard.statuses[0][1] is MarketStatus.ACTIVE
    assert heard.gaps[0][0] == 0
    assert all(one[1] == other[0] for one, other in zip(heard.gaps, heard.gaps[1:], strict=False))
    for at_ms, _, _ in heard.books:
        assert any(start <= at_ms < end for start, end, _ in heard.gaps), "a path must ignore it"
    assert heard.watermark_ms == heard.gaps[-1][1], "whoever joins now takes nothing before for known"


async def test_a_market_that_does_not_trade_has_no_prices(session: aiohttp.ClientSession) -> None:
    heard = Heard()
    desk = Desk(session, listener=heard)
    desk.hear(yes_bid="0.4100", yes_ask="0.5000")
    desk.read("inactive", yes_bid="0.4000", yes_ask="0.4200")
    assert heard.books == []


async def test_an_opinion_grows_old(session: aiohttp.ClientSession) -> None:
    desk = Desk(session, listener=None)
    assert desk.source.opinion(MARKET) is None
    desk.hear(yes_bid="0.4100", yes_ask="0.5000")
    desk.now_ms += 30_000
    assert desk.source.opinion(MARKET) == Prices(Price(4100), Price(5000))
    desk.now_ms += 1
    assert desk.source.opinion(MARKET) is None


async def test_a_fresh_opinion_may_contradict(session: aiohttp.ClientSession) -> None:
    desk = Desk(session, listener=None)

    def contradicts(bid: int | None, ask: int | None) -> bool:
        wanted = [None if price is None else Price(price) for price in (bid, ask)]
        return desk.source.contradicts(MARKET, wanted[0], wanted[1], tolerance=100)

    assert not contradicts(1, 2), "no opinion contradicts nothing"
    desk.hear(yes_bid="0.4100", yes_ask="0.5000")
    assert not contradicts(4200, 4900)
    assert contradicts(4201, 5000)
    assert contradicts(4100, None)


async def test_frames_that_mean_nothing_are_passed_over(session: aiohttp.ClientSession) -> None:
    desk = Desk(session, listener=None)
    deep = '{"channel":"prices","x":' + "[" * 100_000
    for text in (
        "",
        "[]",
        "{",
        '{"channel":"trades","market_ticker":"X"}',
        '{"channel":5}',
        b'{"channel":"\xff"}',
        deep,
    ):
        desk.source._receive(text)
    counted = {kind: desk.metrics.frames.labels("dflow", kind)._value.get() for kind in ("unknown", "malformed")}
    assert counted == {"unknown": 1, "malformed": 6}
    desk.hear(yes_bid="0.6000", yes_ask="0.5000")
    desk.hear(yes_bid="60", yes_ask=None)
    assert desk.source.opinion(MARKET) is None


async def test_other_venues_are_refused(session: aiohttp.ClientSession) -> None:
    with pytest.raises(UsageError, match=r"Market polymarket:1 is not of kalshi, the venue that \[dflow\] sets"):
        Desk(session, listener=None).source.watch([MarketId(Venue.POLYMARKET, "1")])


async def test_a_second_opinion_agrees_differs_and_contradicts_when_it_lasts(
    session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(session, listener=None)
    assert desk.compare(4100, 4300) is Agreement.ABSENT
    desk.hear(yes_bid="0.4100", yes_ask="0.4300")
    assert desk.compare(4200, 4200 + 100) is Agreement.AGREES, "a point is tolerated"
    assert desk.compare(4201, 4300) is Agreement.DIFFERS
    desk.now_ms += 9_999
    assert desk.compare(4201, 4300) is Agreement.DIFFERS
    assert "second opinion" not in caplog.text
    desk.now_ms += 1
    assert desk.compare(4201, 4300) is Agreement.CONTRADICTS
    assert [record.message for record in caplog.records] == ["second opinion"]
    assert desk.compare(4201, 4300) is Agreement.CONTRADICTS
    assert len(caplog.records) == 1, "one line for one contradiction"
    assert desk.compare(4100, 4300) is Agreement.AGREES
    assert desk.compare(4201, 4300) is Agreement.DIFFERS, "an agreement between starts the time anew"
    assert {one: desk.counted(Agreement(one)) for one in SECOND_OPINIONS} == {
        "agrees": 2,
        "differs": 3,
        "contradicts": 2,
        "absent": 1,
    }


async def test_an_opinion_that_grew_old_contradicts_nobody(session: aiohttp.ClientSession) -> None:
    desk = Desk(session, listener=None)
    desk.hear(yes_bid="0.4100", yes_ask="0.4300")
    assert desk.compare(6000, 6100) is Agreement.DIFFERS
    desk.now_ms += 30_001
    assert desk.compare(6000, 6100) is Agreement.ABSENT


async def test_the_view_tells_prices_tokens_and_what_they_prove(session: aiohttp.ClientSession) -> None:
    desk = Desk(session, listener=None)
    market = json.loads((PAYLOADS / "market.json").read_text())
    desk.source._learn(msgspec.convert(market, wire.Market))
    desk.now_ms += 2_000
    view = desk.source.view(MARKET) or {}
    assert (view["mode"], view["bid"], view["ask"], view["age_s"]) == ("second", "0.4500", "0.4700", 2.0)
    assert [token["mint"] for token in view["tokens"]] == ["made-up-yes-usdc", "made-up-no-usdc"]
    assert view["proves"] == PROVES
    token = desk.source.token("made-up-no-usdc")
    assert token is not None
    assert (token.ticker, token.outcome) == (MARKET.ticker, "no")
    assert desk.source.token("unknown") is None
    assert desk.source.view(MarketId(Venue.KALSHI, "KXOTHER")) is None


async def test_a_silent_stream_is_found_by_prices_that_move_elsewhere(session: aiohttp.ClientSession) -> None:
    desk = Desk(session, listener=None)
    desk.read("active", yes_bid="0.4000", yes_ask="0.4200")
    desk.now_ms += 100_000
    desk.read("active", yes_bid="0.4000", yes_ask="0.4200")
    assert not desk.source._deaf(), "nothing moved, so nothing was to be told"
    desk.read("active", yes_bid="0.4100", yes_ask="0.4200")
    desk.now_ms += 25_000
    assert not desk.source._deaf()
    desk.now_ms += 1
    assert desk.source._deaf()
    desk.hear(yes_bid="0.4100", yes_ask="0.4200")
    assert not desk.source._deaf()


@pytest.mark.parametrize("armed_late", [False, True])
async def test_dflow_alone_leaves_every_condition_unknown(session: aiohttp.ClientSession, armed_late: bool) -> None:
    """The easiest question there is: one hundredth of a contract, for a millisecond, at a price that always stands."""
    asked = spec(
        parent={"venue": "kalshi", "market": MARKET.ticker},
        price={"source": "executable", "min_size": "0.01", "held_s": 0},
    )
    feeds = FeedTable(clock=Clock(), metrics=Metrics())
    paths = FakePaths(feeds)
    desk = Desk(session, listener=paths.told, now_ms=START - 1000)
    store = Latches()
    judge = Judge(feeds=feeds, store=store, clock=Clock(), paths=paths)
    paths.told.listeners.append(judge.hearing)
    desk.source.watch([MARKET])
    armed = None if armed_late else await judge.arm(asked)
    while desk.now_ms < END + 5_000:
        desk.read("active", yes_bid="0.9000", yes_ask="0.9200")
        desk.now_ms += 15_000
        desk.hear(yes_bid="0.9100", yes_ask="0.9200")
        if armed is None and desk.now_ms > START + 60_000:
            armed = await judge.arm(asked)
        await judge.sweep()
    assert armed is not None
    assert feeds.feed(MARKET).state().bid == 9100, "it is published all the same"
    verdict = armed.verdict()
    assert (verdict.answer, verdict.coverage.observed_ms) == (Answer.UNKNOWN, 0)
    assert verdict.coverage.unknown_ms == END - START
    assert store.latches == []
