"""DFlow's prices: what they are, how old they get, and that they prove nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, TransientError, UsageError
from relayer.domain.feeds import BookView
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price
from relayer.sources.dflow import wire
from relayer.sources.dflow.client import key_header, refusal
from relayer.sources.dflow.parse import Prices, prices
from relayer.sources.dflow.settings import DflowSettings
from relayer.sources.dflow.source import DflowSource

NOW_MS = 1_790_000_000_000
MARKET = MarketId(Venue.KALSHI, "KXDEMO-26DEC31-T60.5")


class Heard:
    """A listener that keeps gaps, books and statuses."""

    def __init__(self) -> None:
        self.gaps: list[tuple[int, int, str]] = []
        self.books: list[tuple[int, Price | None, Price | None]] = []
        self.statuses: list[tuple[int, MarketStatus]] = []

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        self.gaps.append((from_ms, to_ms, reason))

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self.books.append((at_ms, book.best_bid, book.best_ask))

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self.statuses.append((at_ms, status))

    def on_trade(self, *told: Any) -> None:
        raise AssertionError("prices are no trades")

    on_result = on_watermark = on_trade


class Desk:
    """A source without a network, its clocks moved by hand."""

    def __init__(self, session: aiohttp.ClientSession, *, listener: Heard | None) -> None:
        self.now_ms = NOW_MS
        self.source = DflowSource(
            settings=DflowSettings(use="second", stale_after_s=30),
            session=session,
            clock=Clock(wall=lambda: self.now_ms),
            listener=listener,
            wall_s=lambda: self.now_ms / 1000,
        )
        self.source.watch([MARKET])

    def hear(self, **told: Any) -> None:
        frame = {"channel": "prices", "type": "ticker", "market_ticker": MARKET.ticker, **told}
        self.source._receive(json.dumps(frame))

    def read(self, status: str, **told: Any) -> None:
        market = wire.Market(MARKET.ticker, status, **told)
        self.source._take_status(market)
        self.source._take(market.ticker, market)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@given(st.none() | st.text(max_size=6), st.none() | st.decimals(allow_nan=True, allow_infinity=True).map(str))
def test_two_texts_are_a_pair_of_prices_or_an_error(bid: str | None, ask: str | None) -> None:
    try:
        told = prices(wire.PriceFrame("prices", "X", bid, ask))
    except ValueError:
        return
    assert told.bid is None or told.ask is None or 0 < told.bid < told.ask < 10_000


@pytest.mark.parametrize(
    ("bid", "ask", "told"),
    [
        ("0.45", "0.4700", Prices(Price(4500), Price(4700))),
        ("0.45009", "0.46001", Prices(Price(4500), Price(4601))),
        (None, "0.47", Prices(None, Price(4700))),
        ("0.0000", "1.0000", Prices(None, None)),
    ],
)
def test_prices_are_dollars_and_null_is_no_quote(bid: str | None, ask: str | None, told: Prices) -> None:
    assert prices(wire.PriceFrame("prices", "X", bid, ask)) == told


async def test_as_only_source_its_prices_are_told_inside_one_gap(session: aiohttp.ClientSession) -> None:
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
    for text in ("", "[]", "{", '{"channel":"trades","market_ticker":"X"}', '{"channel":5}'):
        desk.source._receive(text)
    desk.hear(yes_bid="0.6000", yes_ask="0.5000")
    desk.hear(yes_bid="60", yes_ask=None)
    assert desk.source.opinion(MARKET) is None


async def test_other_venues_are_refused(session: aiohttp.ClientSession) -> None:
    with pytest.raises(UsageError, match=r"Market polymarket:1 is not of kalshi, the venue that \[dflow\] sets"):
        Desk(session, listener=None).source.watch([MarketId(Venue.POLYMARKET, "1")])


def test_the_key_is_a_header_and_never_shown() -> None:
    settings = DflowSettings(api_key="s3cret")  # type: ignore[arg-type] # pydantic wraps it
    assert key_header(settings) == {"x-api-key": "s3cret"}
    assert "s3cret" not in repr(settings)
    assert key_header(DflowSettings()) == {}


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (429, TransientError, "DFlow cannot answer now (x): HTTP 429."),
        (503, TransientError, "DFlow cannot answer now (x): HTTP 503."),
        (401, PermanentError, "Check dflow.api_key, or set dflow.use off."),
        (404, PermanentError, "DFlow knows no x, or its service is gone: set dflow.use off if all are missing."),
        (400, PermanentError, "DFlow refuses the request (x): HTTP 400."),
    ],
)
def test_refusals_say_what_to_do(status: int, kind: type[Exception], says: str) -> None:
    error = refusal(status, "x")
    assert type(error) is kind
    assert says in str(error)
