"""The REST surface over the replayed state."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.tapes import EVENT, OPENING, SERIES, START_MS, A, B, delta, market, rest, trade
from tests.integration.sandbox.conftest import Opener

LATER = [
    delta(1_000, A, "yes", "0.4200", "-130.00"),
    market(2_000, B, status="closed"),
    market(3_000, B, status="finalized", result="no"),
]


async def test_market_objects_follow_book_and_time(opened: Opener) -> None:
    venue = await opened([*OPENING, *LATER])
    status, body = await venue.get(f"markets/{A}")
    assert status == 200
    assert {key: body["market"][key] for key in ("yes_bid_dollars", "yes_ask_dollars", "no_bid_dollars")} == {
        "yes_bid_dollars": "0.4200",
        "yes_ask_dollars": "0.4400",
        "no_bid_dollars": "0.5600",
    }
    _, body = await venue.get(f"markets/{B}")
    assert (body["market"]["yes_ask_dollars"], body["market"]["yes_ask_size_fp"]) == ("1.0000", "0.00")
    venue.move_to(1_000)
    _, body = await venue.get(f"markets/{A}")
    assert (body["market"]["yes_bid_dollars"], body["market"]["yes_bid_size_fp"]) == ("0.4000", "500.00")
    venue.move_to(3_000)
    _, body = await venue.get(f"markets/{B}")
    assert (body["market"]["status"], body["market"]["result"], body["market"]["yes_bid_dollars"]) == (
        "finalized",
        "no",
        "0.0000",
    )


async def test_an_unknown_market_is_not_found(opened: Opener) -> None:
    venue = await opened(OPENING)
    for path in ("markets/KXNONE", "markets/KXNONE/orderbook", "events/KXNONE", "series/KXNONE", "nothing/here"):
        assert await venue.get(path) == (404, {"error": {"code": "not_found", "message": "not found"}})


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [A, B]),
        ({"tickers": f"{B},KXNONE"}, [B]),
        ({"status": "open"}, [A]),
        ({"status": "settled"}, [B]),
        ({"status": "closed"}, []),
        ({"event_ticker": EVENT}, [A, B]),
        ({"event_ticker": "KXOTHER-1"}, []),
        ({"series_ticker": SERIES}, [A, B]),
        ({"series_ticker": "KXOTHER"}, []),
        ({"cursor": "garbage"}, [A, B]),
    ],
)
async def test_market_lists_filter(opened: Opener, query: dict[str, str], found: list[str]) -> None:
    venue = await opened([*OPENING, *LATER])
    venue.move_to(3_000)
    status, body = await venue.get("markets", **query)
    assert (status, [one["ticker"] for one in body["markets"]], body["cursor"]) == (200, found, "")


async def test_market_lists_come_in_pages(opened: Opener) -> None:
    venue = await opened([*OPENING, *(market(0, f"KXDEMO-{n}") for n in range(5))])
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        _, body = await venue.get("markets", limit="2", cursor=cursor)
        seen += [one["ticker"] for one in body["markets"]]
        cursor = body["cursor"]
    assert seen == [A, B, *(f"KXDEMO-{n}" for n in range(5))]
    assert cursor == "", "the last page has an empty cursor"


@pytest.mark.parametrize("query", [{"limit": "1001"}, {"limit": "x"}, {"status": "finalized"}])
async def test_bad_parameters_are_refused_in_the_bare_shape(opened: Opener, query: dict[str, str]) -> None:
    venue = await opened(OPENING)
    status, body = await venue.get("markets", **query)
    assert status == 400
    assert body["msg"].startswith("Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.")


async def test_books(opened: Opener) -> None:
    venue = await opened(OPENING)
    assert await venue.get(f"markets/{A}/orderbook") == (
        200,
        {
            "orderbook_fp": {
                "yes_dollars": [["0.4000", "500.00"], ["0.4200", "130.00"]],
                "no_dollars": [["0.5600", "75.50"]],
            }
        },
    )
    _, body = await venue.get(f"markets/{A}/orderbook", depth="1")
    assert body["orderbook_fp"]["yes_dollars"] == [["0.4200", "130.00"]]
    assert (await venue.get(f"markets/{A}/orderbook", depth="few"))[0] == 400
    async with venue.http.get(f"{venue.urls.rest}/markets/orderbooks?tickers={A}&tickers={B}") as response:
        both = (await response.json())["orderbooks"]
    assert [(one["ticker"], len(one["orderbook_fp"]["yes_dollars"])) for one in both] == [(A, 2), (B, 1)]
    assert (await venue.get("markets/orderbooks"))[0] == 400


async def test_events_with_and_without_their_markets(opened: Opener) -> None:
    venue = await opened(OPENING)
    _, plain = await venue.get(f"events/{EVENT}")
    assert (plain["event"]["markets"], [one["ticker"] for one in plain["markets"]]) == ([], [A, B])
    _, nested = await venue.get(f"events/{EVENT}", with_nested_markets="true")
    assert [one["yes_bid_dollars"] for one in nested["event"]["markets"]] == ["0.4200", "0.1000"]


async def test_exchange_state_is_the_tapes_or_open(opened: Opener) -> None:
    closed = rest(500, "exchange/status", {"exchange_active": True, "trading_active": False})
    venue = await opened([*OPENING, closed])
    assert await venue.get("exchange/status") == (200, {"exchange_active": True, "trading_active": True})
    assert "standard_hours" in (await venue.get("exchange/schedule"))[1]["schedule"]
    venue.move_to(500)
    assert await venue.get("exchange/status") == (200, {"exchange_active": True, "trading_active": False})


TRADES = [trade(1_000 * n, A, n, "0.4300", "2.00", block=n == 3) for n in range(1, 6)]


async def test_trades_are_newest_first_with_bounds_and_pages(opened: Opener) -> None:
    venue = await opened([*OPENING, *TRADES, trade(5_500, B, 9, "0.1000", "1.00")])
    venue.move_to(6_000)

    def numbers(body: Any) -> list[int]:
        return [int(one["trade_id"][-12:]) for one in body["trades"]]

    for path in ("markets/trades", "historical/trades"):
        _, body = await venue.get(path, ticker=A)
        assert numbers(body) == [5, 4, 3, 2, 1]
    assert (await venue.get("historical/cutoff"))[1]["trades_created_ts"] == "2024-01-01T00:00:00Z"
    assert body["trades"][0]["created_time"] == "2025-12-20T15:00:05Z"
    assert "ts_ms" not in body["trades"][0]
    second = START_MS // 1000
    _, body = await venue.get(
        "markets/trades", ticker=A, min_ts=str(second + 2), max_ts=str(second + 4), is_block_trade="false"
    )
    assert numbers(body) == [4, 2]
    _, body = await venue.get("markets/trades", limit="4")
    assert numbers(body) == [9, 5, 4, 3]
    _, body = await venue.get("markets/trades", limit="4", cursor=body["cursor"])
    assert (numbers(body), body["cursor"]) == ([2, 1], "")


async def test_candles_bound_each_finished_minute(opened: Opener) -> None:
    moves = [
        delta(10_000, A, "yes", "0.5000", "9.00"),
        trade(20_000, A, 1, "0.4800", "2.00"),
        delta(30_000, A, "yes", "0.5000", "-9.00"),
        delta(130_000, A, "no", "0.5600", "-75.50"),
    ]
    venue = await opened([*OPENING, *moves])
    venue.move_to(170_000)
    first = (START_MS // 60_000 + 1) * 60
    window = {"start_ts": str(first), "end_ts": str(first + 600), "period_interval": "1"}
    _, body = await venue.get(f"series/{SERIES}/markets/{A}/candlesticks", **window)
    assert body["candlesticks"] == [
        {
            "end_period_ts": first,
            "yes_bid": {
                "open_dollars": "0.4200",
                "low_dollars": "0.4200",
                "high_dollars": "0.5000",
                "close_dollars": "0.4200",
            },
            "yes_ask": {f"{name}_dollars": "0.4400" for name in ("open", "low", "high", "close")},
            "price": {f"{name}_dollars": "0.4800" for name in ("open", "low", "high", "close")},
            "volume_fp": "2.00",
            "open_interest_fp": "0.00",
        }
    ], "the third minute is not over yet, the second had nothing"
    venue.move_to(180_000)
    _, body = await venue.get("markets/candlesticks", market_tickers=f"{A},{B}", **window)
    by_market = {one["market_ticker"]: one["candlesticks"] for one in body["markets"]}
    assert by_market[B] == []
    assert by_market[A][1]["yes_ask"]["high_dollars"] == "1.0000", "an emptied side shows as 1.0000"
    _, old = await venue.get(f"historical/markets/{A}/candlesticks", **window)
    assert old["candlesticks"][0]["yes_bid"] == {"open": "0.4200", "low": "0.4200", "high": "0.5000", "close": "0.4200"}
    assert old["candlesticks"][1]["price"] == {
        **dict.fromkeys(("open", "low", "high", "close", "mean")),
        "previous": "0.4800",
    }
    assert (old["candlesticks"][0]["volume"], old["candlesticks"][0]["open_interest"]) == ("2.00", "0.00")
    assert by_market[A][1]["price"] == {"previous_dollars": "0.4800"}
    assert (await venue.get("markets/candlesticks", market_tickers=A, **{**window, "period_interval": "7"}))[0] == 400


async def test_a_change_in_a_minutes_first_millisecond_is_its_opening(opened: Opener) -> None:
    minute = -START_MS % 60_000 + 60_000
    moves = [delta(minute, A, "yes", "0.5000", "9.00"), delta(minute + 20_000, A, "yes", "0.4900", "1.00")]
    venue = await opened([*OPENING, *moves])
    venue.move_to(minute + 60_000)
    end = str((START_MS + minute) // 1000 + 60)
    window = {"start_ts": end, "end_ts": end, "period_interval": "1"}
    _, body = await venue.get("markets/candlesticks", market_tickers=A, **window)
    ((candle,),) = [one["candlesticks"] for one in body["markets"]]
    assert (candle["yes_bid"]["open_dollars"], candle["yes_bid"]["low_dollars"]) == ("0.5000", "0.5000")


async def test_a_closed_market_goes_on_with_candles_without_prices(opened: Opener) -> None:
    lines = [*OPENING, delta(10_000, A, "yes", "0.5000", "9.00"), market(70_000, A, status="closed")]
    venue = await opened(lines)
    venue.move_to(400_000)
    first = (START_MS // 60_000 + 1) * 60
    window = {"start_ts": str(first), "end_ts": str(first + 600), "period_interval": "1"}
    _, body = await venue.get("markets/candlesticks", market_tickers=A, **window)
    _, *closed = body["markets"][0]["candlesticks"]
    assert [one["end_period_ts"] for one in closed] == list(range(first + 120, START_MS // 1000 + 401, 60))
    assert {one["yes_bid"]["high_dollars"] for one in closed} == {"0.0000"}
    assert {one["yes_ask"]["low_dollars"] for one in closed} == {"1.0000"}


async def test_what_lies_behind_the_cutoff_is_archived(opened: Opener) -> None:
    cutoff = {"market_settled_ts": "2025-12-20T15:10:00Z", "trades_created_ts": "2025-12-20T15:00:03Z"}
    settled = {"status": "finalized", "result": "yes", "settlement_ts": "2025-12-20T15:05:00Z"}
    lines = [*OPENING, *TRADES, market(300_000, A, **settled), rest(700_000, "historical/cutoff", cutoff)]
    venue = await opened(lines)
    window = {"start_ts": "0", "end_ts": "9999999999", "period_interval": "1"}
    venue.move_to(690_000)
    assert (await venue.get(f"markets/{A}"))[0] == 200
    assert len((await venue.get("markets/trades", ticker=A))[1]["trades"]) == 5
    venue.move_to(700_000)
    assert (await venue.get(f"markets/{A}"))[0] == 404
    assert (await venue.get(f"historical/markets/{A}"))[1]["market"]["result"] == "yes"
    assert [one["ticker"] for one in (await venue.get("markets"))[1]["markets"]] == [B]
    assert len((await venue.get("markets/trades", ticker=A))[1]["trades"]) == 3
    assert len((await venue.get("historical/trades", ticker=A))[1]["trades"]) == 5
    assert (await venue.get("markets/candlesticks", market_tickers=A, **window))[1] == {"markets": []}
    assert (await venue.get(f"series/{SERIES}/markets/{A}/candlesticks", **window))[0] == 404
    assert (await venue.get(f"historical/markets/{A}/candlesticks", **window))[1]["candlesticks"]
