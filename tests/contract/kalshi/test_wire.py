"""Our wire types against the documents, and against what was recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from relayer.domain.feeds import Candle
from relayer.domain.markets import MarketStatus, Venue
from relayer.domain.units import Millis
from relayer.sources.kalshi import parse, wire
from relayer.sources.kalshi.client import error_of
from tests.contract.kalshi.bodies import OPENAPI, body
from tests.payloads.kalshi.frames import recorded

ANSWERS: dict[str, type[msgspec.Struct]] = {
    "/markets/{ticker}": wire.MarketBody,
    "/markets": wire.MarketsBody,
    "/markets/{ticker}/orderbook": wire.BookBody,
    "/markets/orderbooks": wire.BooksBody,
    "/markets/trades": wire.TradesBody,
    "/markets/candlesticks": wire.CandlesBody,
    "/events/{event_ticker}": wire.EventBody,
    "/series/{series_ticker}": wire.SeriesBody,
    "/exchange/status": wire.ExchangeStatus,
    "/exchange/schedule": wire.ScheduleBody,
    "/account/limits": wire.AccountLimits,
    "/historical/cutoff": wire.Cutoff,
    "/historical/markets/{ticker}": wire.MarketBody,
    "/historical/trades": wire.TradesBody,
    "/historical/markets/{ticker}/candlesticks": wire.PastCandlesBody,
}
NEWER = {"settlement_bounds_type", "settlement_floor_dollars", "exchange_index_statuses", "exchange_index"}
"""Members that came after this edition of the document; all of them have a default."""
TEXT = {"FixedPointDollars", "FixedPointCount", "string"}


@pytest.mark.parametrize("path", ANSWERS)
def test_what_we_read_is_what_the_document_promises(path: str) -> None:
    _assert_fits(inspect.type_info(ANSWERS[path]), OPENAPI["paths"][path]["answer"], path)


def _assert_fits(ours: inspect.Type, theirs: Any, where: str) -> None:
    if isinstance(ours, inspect.UnionType):
        ours = next(kind for kind in ours.types if not isinstance(kind, inspect.NoneType))
    if isinstance(theirs, str) and isinstance(ours, inspect.StructType):
        schema = OPENAPI["schemas"][theirs]
        for field in ours.fields:
            place = f"{where}.{field.encode_name}"
            if field.encode_name not in schema["members"]:
                assert field.encode_name in NEWER, f"{place} is in no document"
                assert not field.required, f"{place} may be missing"
                continue
            assert not field.required or field.encode_name in schema["required"], f"{place} may be missing"
            _assert_fits(field.type, schema["members"][field.encode_name], place)
    elif isinstance(ours, inspect.ListType):
        assert isinstance(theirs, list), where
        _assert_fits(ours.item_type, theirs[0], f"{where}[]")
    elif isinstance(ours, inspect.TupleType):
        assert theirs == "PriceLevelDollarsCountFp", where
    elif isinstance(ours, inspect.StrType):
        schema = OPENAPI["schemas"].get(theirs, {}) if isinstance(theirs, str) else {}
        assert theirs in TEXT or schema.get("is") == "string", where
    elif isinstance(ours, inspect.IntType | inspect.FloatType):
        assert theirs in ("integer", "number") or OPENAPI["schemas"][theirs]["is"] == "integer", where
    elif isinstance(ours, inspect.BoolType):
        assert theirs == "boolean", where


def test_recorded_bodies_are_read() -> None:
    market = msgspec.json.decode(body("market"), type=wire.MarketBody).market
    facts = parse.facts(Venue.KALSHI_DEMO, market)
    assert (facts.status, facts.result, facts.final, facts.settled_ms) == (MarketStatus.ACTIVE, "", False, None)
    assert str(facts.market) == "kalshi-demo:KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP"
    assert (facts.open_ms, facts.close_ms) == (1_781_156_369_000, 1_782_403_200_000)

    bids, asks = parse.rest_book(msgspec.json.decode(body("orderbook"), type=wire.BookBody).orderbook_fp)
    assert (bids, asks) == ({4700: 300}, {5200: 300})  # the market object says bid 0.4700, ask 0.5200

    trades = msgspec.json.decode(body("trades"), type=wire.TradesBody).trades
    first = parse.rest_trade(trades[0])
    assert (first.at_ms, first.price, first.size, first.block) == (1_781_538_522_609, 300, 777, False)


def test_a_recorded_settled_market_is_final_and_its_quotes_mean_nothing() -> None:
    settled = msgspec.json.decode(body("settled"), type=wire.MarketBody).market
    facts = parse.facts(Venue.KALSHI, settled)
    assert facts.status is MarketStatus.FINAL
    assert facts.final
    assert facts.result in ("yes", "no")
    assert facts.settled_ms is not None
    assert facts.settled_ms > facts.close_ms


@pytest.mark.parametrize(
    ("name", "status", "result", "final"),
    [
        ("determined_yes", MarketStatus.DETERMINED, "yes", False),
        ("determined_no", MarketStatus.DETERMINED, "no", False),
        ("finalized_demo", MarketStatus.FINAL, "no", True),
        ("dual_market", MarketStatus.ACTIVE, "", False),
    ],
)
def test_recorded_markets_are_read_in_every_state(name: str, status: MarketStatus, result: str, final: bool) -> None:
    facts = parse.facts(Venue.KALSHI_DEMO, msgspec.json.decode(body(name), type=wire.MarketBody).market)
    assert (facts.status, facts.result, facts.final) == (status, result, final)


def test_a_recorded_page_has_a_cursor_and_markets_not_yet_open() -> None:
    page = msgspec.json.decode(body("page"), type=wire.MarketsBody)
    assert page.cursor
    markets = [msgspec.json.decode(raw, type=wire.Market) for raw in page.markets]
    assert [parse.facts(Venue.KALSHI_DEMO, market).status for market in markets] == [MarketStatus.INITIALIZED]


def test_a_recorded_event_names_its_series() -> None:
    event = msgspec.json.decode(body("dual_event"), type=wire.EventBody).event
    assert (event.event_ticker, event.series_ticker) == ("KXELONMARS-99", "KXELONMARS")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("orders_cancel_unknown_id", "not_found"),
        ("orders_duplicate_client_order_id", "order_already_exists"),
        ("orders_insufficient_balance", "insufficient_balance"),
        ("auth_bad_signature", "authentication_error"),
        ("auth_skew_plus5min", "header_timestamp_expired"),
        ("markets_limit_over_max", ""),
    ],
)
def test_recorded_errors_say_what_is_wrong(name: str, code: str) -> None:
    found, text = error_of(body(name))
    assert found == code
    assert text


def test_without_a_settlement_value_nothing_is_final() -> None:
    settled = msgspec.json.decode(body("settled"), type=wire.MarketBody).market
    settled.settlement_value_dollars = None
    assert not parse.facts(Venue.KALSHI, settled).final


def test_the_rules_hash_changes_with_rules_strikes_and_bounds() -> None:
    def hashed(**changed: Any) -> str:
        content = json.loads(body("market"))
        content["market"].update(changed)
        market = msgspec.json.decode(json.dumps(content), type=wire.MarketBody).market
        return parse.facts(Venue.KALSHI, market).rules_hash

    same = hashed(yes_bid_dollars="0.1000", updated_time="2026-06-12T00:00:00Z")
    changes: list[dict[str, Any]] = [
        {"rules_primary": "x"},
        {"floor_strike": 51},
        {"cap_strike": 1.5},
        {"settlement_floor_dollars": "0.1"},
    ]
    hashes = [hashed(**change) for change in changes]
    assert same == hashed()
    assert len({same, *hashes}) == 5


def test_combination_books_of_one_side_or_none_are_read() -> None:
    books = msgspec.json.decode(body("orderbooks"), type=wire.BooksBody).orderbooks
    sides = [parse.rest_book(book.orderbook_fp) for book in books]
    assert ({}, {1880: 36_900}) in sides
    assert all(0 < price < 10_000 for bids, asks in sides for price in (*bids, *asks))


@pytest.mark.parametrize("name", ["candles", "old_candles"])
def test_recorded_candles_are_read(name: str) -> None:
    (market,) = msgspec.json.decode(body(name), type=wire.CandlesBody).markets
    first = parse.candle(market.candlesticks[0])
    assert first.to_ms - first.at_ms == 60_000
    assert isinstance(first.bid, tuple)
    assert isinstance(first.ask, tuple)
    assert first.bid[3] < first.ask[3]


def test_candles_behind_the_cutoff_have_other_names() -> None:
    side = {"open": "0.9000", "low": "0.9000", "high": "0.9200", "close": "0.9100"}
    empty = {"open": "1.0000", "low": "1.0000", "high": "1.0000", "close": "1.0000"}
    content = {"candlesticks": [{"end_period_ts": 1772380800, "yes_bid": side, "yes_ask": empty, "volume": "0.00"}]}
    row = msgspec.json.decode(json.dumps(content), type=wire.PastCandlesBody).candlesticks[0]
    assert parse.candle(row) == Candle(
        Millis(1_772_380_740_000), Millis(1_772_380_800_000), (9000, 9000, 9200, 9100), None, msgspec.UNSET
    )


@pytest.mark.parametrize(("name", "kind"), [("old_orderbook", wire.BookBody), ("old_trades", wire.TradesBody)])
def test_bodies_of_the_years_in_cents_are_refused(name: str, kind: type[msgspec.Struct]) -> None:
    with pytest.raises(msgspec.ValidationError, match="missing required field"):
        msgspec.json.decode(body(name), type=kind)


def test_the_schedule_knows_the_thursday_pause() -> None:
    hours = msgspec.json.decode(body("schedule"), type=wire.ScheduleBody).schedule.standard_hours[0]
    assert [(part.open_time, part.close_time) for part in hours.thursday] == [("00:00", "03:00"), ("05:00", "00:00")]


def test_every_recorded_frame_is_of_a_known_type() -> None:
    frames = [wire.decode_frame(json.dumps(frame)) for _, frame in recorded(yes_prices=False)]
    counts = {name: sum(type(frame) is kind for frame in frames) for kind, name in wire.FRAME_TYPES.items()}
    assert {name: count for name, count in counts.items() if count} == {
        "subscribed": 1,
        "ok": 11,
        "orderbook_snapshot": 12,
        "orderbook_delta": 245,
    }


def test_frames_recorded_elsewhere_are_of_known_types() -> None:
    file = Path(__file__).parents[2] / "payloads" / "kalshi" / "subscription_frames.jsonl"
    frames = [wire.decode_frame(json.dumps(json.loads(line)["frame"])) for line in file.read_text().splitlines()]
    assert {type(frame) for frame in frames} >= {wire.Subscribed, wire.Snapshot, wire.Delta}


PERPETUAL: dict[str, dict[str, Any]] = {
    "orderbook_snapshot": {"bid": [["6.1200", "10.00"]], "ask": [["6.1300", "2.00"]]},
    "orderbook_delta": {"price": "0.6100", "delta": "5.00", "side": "bid", "ts_ms": 1781156369000},
    "trade": {"trade_id": "t", "price": "0.6100", "count": "2.00", "taker_side": "bid", "ts_ms": 1781156369000},
    "ticker": {"price": "0.6100", "bid": "0.6000", "ask": "0.6200", "ts_ms": 1781156369000},
}
"""Messages of the margin exchange, same gateway: shapes of docs.kalshi.com/perps_asyncapi.yaml, values made up."""


@pytest.mark.parametrize("kind", PERPETUAL)
def test_frames_of_perpetual_futures_are_refused(kind: str) -> None:
    frame = {"type": kind, "sid": 1, "seq": 2, "msg": {"market_ticker": "KXBTCPERP", **PERPETUAL[kind]}}
    with pytest.raises(msgspec.ValidationError):
        wire.decode_frame(json.dumps(frame))


def test_a_perpetual_book_of_one_side_is_refused_too() -> None:
    frame = {"type": "orderbook_snapshot", "sid": 1, "seq": 2, "msg": {"market_ticker": "KXBTCPERP", "ask": []}}
    with pytest.raises(msgspec.ValidationError):
        wire.decode_frame(json.dumps(frame))


CENTS: dict[str, dict[str, Any]] = {
    "orderbook_snapshot": {"yes": [[10, 100], [11, 50]], "no": [[20, 30]]},
    "orderbook_delta": {"price": 40, "delta": -2, "side": "no"},
    "trade": {"yes_price": 52, "count": 3, "taker_side": "yes", "ts": 1700},
}
"""The shapes that Kalshi sent until spring 2026."""


@pytest.mark.parametrize("kind", CENTS)
def test_frames_of_the_years_in_cents_are_refused(kind: str) -> None:
    frame = {"type": kind, "sid": 1, "seq": 2, "msg": {"market_ticker": "KXBTCD-X", **CENTS[kind]}}
    with pytest.raises(msgspec.ValidationError):
        wire.decode_frame(json.dumps(frame))


def test_prices_of_perpetual_futures_are_no_prices() -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        parse.sizes_by_price([("68000.1", "2.00")], parse.bid_price)


def test_a_shard_may_pause_alone() -> None:
    shards = [{"exchange_index": 0}, {"exchange_index": 2, "trading_active": False}]
    flags = {"exchange_active": True, "trading_active": True}
    status = msgspec.json.decode(json.dumps({**flags, "exchange_index_statuses": shards}), type=wire.ExchangeStatus)
    assert [parse.is_trading(status, shard) for shard in (0, 1, 2)] == [True, True, False]
    paused = msgspec.json.decode(b'{"exchange_active":true,"trading_active":false}', type=wire.ExchangeStatus)
    assert not parse.is_trading(paused, 2)
