"""The REST client against a server that knows the OpenAPI document and answers with recorded bodies."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from relayer.domain.errors import PermanentError, TransientError
from relayer.sources.kalshi.client import KalshiClient, TokenBucket, UnknownError, error_of
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.venue_time import VenueTime
from tests.contract.kalshi.bodies import BODIES, OPENAPI

MARKET = "KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP"
CUTOFF = {"market_settled_ts": "2026-03-20T00:00:00Z", "trades_created_ts": "2026-03-20T00:00:00Z"}


class Venue:
    """Answers by path; refuses what the document does not know."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, list[tuple[str, str]]]] = []

    def will_answer(self, path: str, *answers: tuple[int, Any] | Any) -> None:
        """The answers to come at this path; the last one repeats."""
        self.answers[path] = [answer if isinstance(answer, tuple) else (200, answer) for answer in answers]

    async def handle(self, request: web.Request) -> web.Response:
        path, query = request.path.removeprefix("/trade-api/v2"), list(request.query.items())
        self.asked.append((path, query))
        self._assert_documented(path, dict(query))
        queue = self.answers.get(path, [(404, {"error": {"code": "not_found", "message": "not found"}})])
        status, content = queue.pop(0) if len(queue) > 1 else queue[0]
        text = content if isinstance(content, str) else json.dumps(content)
        return web.Response(status=status, text=text, content_type="application/json")

    def _assert_documented(self, path: str, query: dict[str, str]) -> None:
        patterns = {re.sub(r"\\{\w+\\}", "[^/]+", re.escape(known)): known for known in OPENAPI["paths"]}
        exact = [known for known in OPENAPI["paths"] if known == path]
        (known, *_) = exact or [patterns[p] for p in patterns if re.fullmatch(p, path)]
        documented = OPENAPI["paths"][known]["query"]
        assert query.keys() <= documented.keys(), f"{path} takes no {query.keys() - documented.keys()}"
        in_path = set(re.findall(r"\{(\w+)\}", known))
        required = {name for name, rule in documented.items() if rule["required"]} - in_path
        assert required <= query.keys(), f"{path} wants {required - query.keys()}"
        for name, value in query.items():
            limit = documented[name]["max"]
            assert limit is None or int(value) <= limit


@pytest.fixture
async def venue() -> Venue:
    return Venue()


@pytest.fixture
async def client(venue: Venue) -> AsyncIterator[KalshiClient]:
    app = web.Application()
    app.router.add_get("/{path:.*}", venue.handle)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        settings = KalshiSettings(
            environment="sandbox",
            rest_url=str(server.make_url("/trade-api/v2")),
            ws_url="ws://127.0.0.1:1/ws",
            request_timeout_s=1,
        )
        yield KalshiClient(settings=settings, session=session, signer=None, venue_time=VenueTime())


def recorded(name: str) -> Any:
    return BODIES[name]["body"]


async def test_markets_books_events_and_series(venue: Venue, client: KalshiClient) -> None:
    venue.will_answer(f"/markets/{MARKET}", recorded("market"))
    venue.will_answer("/markets", recorded("markets"))
    venue.will_answer(f"/markets/{MARKET}/orderbook", recorded("orderbook"))
    venue.will_answer(BODIES["event"]["path"], recorded("event"))
    venue.will_answer("/series/KXMLBGAME", recorded("series"))
    venue.will_answer("/account/limits", recorded("account_limits"))
    venue.will_answer("/exchange/schedule", recorded("schedule"))
    one = await client.market(MARKET)
    listed = recorded("markets")["markets"][0]["ticker"]
    assert [facts.market.ticker for facts in await client.markets([listed])] == [listed]
    assert one.market.ticker == MARKET
    assert await client.orderbook(MARKET) == ({4700: 300}, {5200: 300})
    assert (await client.event("KXNFLGAME-26AUG13DETCIN")).series_ticker == "KXNFLGAME"
    assert (await client.series("KXMLBGAME")).category == "Sports"
    assert (await client.account_limits()).read.refill_rate == 200
    assert (await client.schedule()).maintenance_windows == []


async def test_markets_that_were_not_asked_for_are_dropped(venue: Venue, client: KalshiClient) -> None:
    venue.will_answer("/markets", recorded("markets"))
    assert await client.markets(["KXOTHER-1"]) == []


@pytest.mark.parametrize("spoilt", [{"title": None}, {"open_time": "soon"}])
async def test_an_odd_market_does_not_spoil_the_others(venue: Venue, client: KalshiClient, spoilt: Any) -> None:
    good = recorded("markets")["markets"][0]
    odd = {**good, "ticker": "KXODD-1", **spoilt}
    venue.will_answer("/markets", {"markets": [odd, good], "cursor": ""})
    assert [facts.market.ticker for facts in await client.markets(["KXODD-1", good["ticker"]])] == [good["ticker"]]


async def test_an_odd_book_does_not_spoil_the_others(venue: Venue, client: KalshiClient) -> None:
    books = [
        {"ticker": ticker, "orderbook_fp": {"yes_dollars": [[price, "3.00"]], "no_dollars": []}}
        for ticker, price in (("KXODD-1", "7.0000"), (MARKET, "0.4700"))
    ]
    venue.will_answer("/markets/orderbooks", {"orderbooks": books})
    assert await client.orderbooks(["KXODD-1", MARKET]) == {MARKET: ({4700: 300}, {})}


async def test_an_archived_market_is_found_behind_the_cutoff(venue: Venue, client: KalshiClient) -> None:
    settled = recorded("settled")
    ticker = settled["market"]["ticker"]
    venue.will_answer(f"/historical/markets/{ticker}", settled)
    assert (await client.market(ticker)).final


async def test_trades_come_from_both_sides_of_the_cutoff_once_and_in_order(venue: Venue, client: KalshiClient) -> None:
    rows = recorded("trades")["trades"]
    ticker = rows[0]["ticker"]
    venue.will_answer("/historical/cutoff", CUTOFF)
    venue.will_answer("/markets/trades", {"trades": rows[:3], "cursor": "next"}, {"trades": rows[2:4], "cursor": ""})
    venue.will_answer("/historical/trades", {"trades": rows[3:], "cursor": None})
    found = await client.trades(ticker, from_ms=1_700_000_000_000, to_ms=1_800_000_000_000)
    assert [trade.trade_id for trade in found] == [row["trade_id"] for row in reversed(rows)]
    assert [trade.at_ms for trade in found] == sorted(trade.at_ms for trade in found)
    later = await client.trades(ticker, from_ms=found[0].at_ms + 1, to_ms=found[-1].at_ms)
    assert all(found[0].at_ms < trade.at_ms < found[-1].at_ms for trade in later)


async def test_a_list_that_repeats_its_pages_is_given_up(venue: Venue, client: KalshiClient) -> None:
    venue.will_answer("/historical/cutoff", CUTOFF)
    venue.will_answer("/markets/trades", {"trades": [], "cursor": "again"})
    with pytest.raises(TransientError, match="repeats a page of trades of X: the list would never end"):
        await client.trades("X", from_ms=1_790_000_000_000, to_ms=1_790_000_060_000)


async def test_candles_are_asked_for_within_the_limits(venue: Venue, client: KalshiClient) -> None:
    venue.will_answer("/markets/candlesticks", recorded("candles"))
    tickers = [f"T{number}" for number in range(150)]
    start, minutes = 1_786_293_540_000, 250
    await client.candles(tickers, from_ms=start, to_ms=start + minutes * 60_000)
    calls = [dict(query) for _, query in venue.asked]
    for call in calls:
        asked = len(call["market_tickers"].split(","))
        candles = (int(call["end_ts"]) - int(call["start_ts"])) // 60 + 1
        assert asked <= 100
        assert asked * candles <= 10_000
    firsts = {int(call["start_ts"]) for call in calls if call["market_tickers"].startswith("T100,")}
    assert firsts == {start // 1000 + 60, start // 1000 + 60 + 200 * 60}


async def test_candles_of_an_archived_market(venue: Venue, client: KalshiClient) -> None:
    side = {"open": "0.9000", "low": "0.9000", "high": "0.9200", "close": "0.9100"}
    row = {"end_period_ts": 1772380800, "yes_bid": side, "yes_ask": side}
    venue.will_answer("/historical/markets/OLD/candlesticks", {"ticker": "OLD", "candlesticks": [row]})
    (candle,) = await client.past_candles("OLD", from_ms=1_772_380_740_000, to_ms=1_772_380_800_000)
    assert candle.bid == candle.ask == (9000, 9000, 9200, 9100)


async def test_an_exchange_status_under_an_error_is_a_status(venue: Venue, client: KalshiClient) -> None:
    venue.will_answer("/exchange/status", (503, {"exchange_active": False, "trading_active": False}))
    assert not (await client.exchange_status()).exchange_active
    venue.will_answer("/exchange/status", recorded("exchange_status_resume"))
    assert (await client.exchange_status()).trading_active


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (
            (401, recorded("auth_bad_signature")),
            PermanentError,
            "INCORRECT_API_KEY_SIGNATURE. Check that kalshi.key_id",
        ),
        ((400, recorded("markets_limit_over_max")), PermanentError, "Parameter validation failed for GetMarkets"),
        ((404, {"error": {"code": "not_found"}}), UnknownError, "Kalshi knows no series S: check its spelling"),
        ((403, {"code": "forbidden", "message": "no", "details": "scope"}), PermanentError, "HTTP 403, no: scope"),
    ],
)
async def test_refusals_for_good_are_told_at_once(
    venue: Venue, client: KalshiClient, answer: tuple[int, Any], kind: type[Exception], says: str
) -> None:
    venue.will_answer("/series/S", answer)
    with pytest.raises(kind, match=re.escape(says)):
        await client.series("S")
    assert len(venue.asked) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((429, {"error": "too many requests"}), "rate limit is used up (series S): HTTP 429, too many requests"),
        ((502, "<html>"), "has trouble of its own (series S): HTTP 502."),
        ((401, recorded("auth_skew_plus5min")), "finds our clock wrong (series S): HTTP 401, header timestamp expired"),
        ((200, '{"series": {"tick'), "is not what its documents say"),
        ((200, ""), "is not what its documents say"),
    ],
)
async def test_what_may_pass_is_asked_again(
    venue: Venue, client: KalshiClient, answer: tuple[int, Any], says: str
) -> None:
    venue.will_answer("/series/S", answer)
    with pytest.raises(TransientError, match=re.escape(says)):
        await client.series("S")
    assert len(venue.asked) == 4
    venue.will_answer("/series/S", answer, recorded("series"))
    assert (await client.series("S")).ticker == "KXMLBGAME"


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (b'{"error":{"code":"c","message":"m","details":"d"}}', "c", "m: d"),
        (b'{"code":"c","message":"c"}', "c", "c"),
        (b'{"msg":"wrong"}', "", "wrong"),
        (b'{"error":"too many requests"}', "", "too many requests"),
        (b"<html>", "", ""),
        (b"[]", "", ""),
        (b"{}", "", ""),
    ],
)
def test_errors_of_all_shapes(content: bytes, code: str, text: str) -> None:
    assert error_of(content) == (code, text)


def test_the_bucket_refills_continuously_and_lends_in_turn() -> None:
    now = [0.0]
    bucket = TokenBucket(rate=100, capacity=20, wall_s=lambda: now[0])
    assert [bucket.debt_s(10) for _ in range(4)] == [0.0, 0.0, 0.1, 0.2]
    now[0] += 10
    assert [bucket.debt_s(10) for _ in range(3)] == [0.0, 0.0, 0.1]


def test_payload_sources_are_named() -> None:
    file = Path(__file__).parents[2] / "payloads" / "kalshi" / "bodies.jsonl"
    assert all(json.loads(line)["source"] for line in file.read_text().splitlines())
