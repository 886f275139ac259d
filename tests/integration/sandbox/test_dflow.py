"""DFlow's surface over the same state."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from relayer.domain.clock import Clock
from relayer.sandbox.dflow import USDC
from relayer.sandbox.server import Sandbox, serve
from relayer.tape.replay import SHIPPED_TAPE, ReplayTape
from tests.fakes.tapes import EVENT, OPENING, START_MS, A, B, delta, market, trade
from tests.integration.sandbox.conftest import Opener, Venue

LATER = [
    delta(1_000, A, "yes", "0.4200", "-130.00"),
    delta(1_100, A, "yes", "0.3900", "5.00"),
    trade(1_200, A, 1, "0.4300", "2.00"),
    trade(1_300, B, 2, "0.1000", "3.00"),
    market(2_000, A, status="amended", result="yes"),
]


async def test_a_market_in_dflows_words(opened: Opener) -> None:
    venue = await opened([*OPENING, *LATER])
    status, told = await venue.dflow(f"market/{A}")
    assert status == 200
    assert {key: told[key] for key in ("ticker", "eventTicker", "status", "yesBid", "yesAsk", "noBid", "noAsk")} == {
        "ticker": A,
        "eventTicker": EVENT,
        "status": "active",
        "yesBid": "0.4200",
        "yesAsk": "0.4400",
        "noBid": "0.5600",
        "noAsk": "0.5800",
    }
    assert told["closeTime"] == 1_766_246_400, "seconds"
    rail = told["accounts"][USDC]
    assert len({rail["marketLedger"], rail["yesMint"], rail["noMint"]}) == 3
    assert rail["redemptionStatus"] is None
    for mint in ("marketLedger", "yesMint", "noMint"):
        assert (await venue.dflow(f"market/by-mint/{rail[mint]}"))[1] == told
    _, other = await venue.dflow(f"market/{B}")
    assert (other["yesBid"], other["yesAsk"], other["noBid"]) == ("0.1000", None, None), "no quote is null"
    venue.move_to(2_000)
    _, told = await venue.dflow(f"market/{A}")
    assert (told["status"], told["result"], told["yesBid"]) == ("determined", "yes", None)
    assert told["accounts"][USDC]["redemptionStatus"] == "open"


async def test_what_is_not_there_is_404(opened: Opener) -> None:
    venue = await opened([*OPENING, market(10, B, status="closed")])
    venue.move_to(10)
    for path in (
        "market/KXNONE",
        "market/by-mint/x",
        "orderbook/KXNONE",
        f"orderbook/{B}",
        "event/KXNONE",
        f"markets/{A}",
    ):
        assert (await venue.dflow(path))[0] == 404, path


async def test_lists_and_batches(opened: Opener) -> None:
    venue = await opened([*OPENING, market(10, B, status="closed")])
    venue.move_to(10)
    _, body = await venue.dflow("markets", limit="1")
    assert ([one["ticker"] for one in body["markets"]], body["cursor"]) == ([A], 1)
    _, body = await venue.dflow("markets", limit="1", cursor="1")
    assert [one["ticker"] for one in body["markets"]] == [B]
    _, body = await venue.dflow("markets", status="closed")
    assert [one["ticker"] for one in body["markets"]] == [B]
    assert (await venue.dflow("markets", limit="255"))[0] == 200
    assert (await venue.dflow("markets", limit="256")) == (400, {"msg": "number too large to fit in target type"})
    mint = body["markets"][0]["accounts"][USDC]["noMint"]
    _, body = await venue.dflow("markets/batch", {"tickers": [A, "KXNONE"], "mints": [mint, "x"]})
    assert [one["ticker"] for one in body["markets"]] == [A, B], "what is unknown is silently missing"
    assert (await venue.dflow("markets/batch", {"tickers": ["X"] * 101}))[0] == 400
    _, known = await venue.dflow("filter_outcome_mints", {"addresses": ["x", mint]})
    assert known == {"outcomeMints": [mint]}
    _, mints = await venue.dflow("outcome_mints", minCloseTs="0")
    assert len(mints["mints"]) == 4
    assert (await venue.dflow("outcome_mints", minCloseTs="1766246401"))[1] == {"mints": []}


async def test_events_books_trades_and_candles(opened: Opener) -> None:
    venue = await opened([*OPENING, *LATER])
    _, event = await venue.dflow(f"event/{EVENT}", withNestedMarkets="true")
    assert [one["ticker"] for one in event["markets"]] == [A, B]
    assert "markets" not in (await venue.dflow(f"event/{EVENT}"))[1]
    _, before = await venue.dflow(f"orderbook/{A}")
    venue.move_to(1_900)
    _, book = await venue.dflow(f"orderbook/{A}")
    assert book["yes_bids"] == {"0.3900": 5.0, "0.4000": 500.0}
    assert book["no_bids"] == {"0.5600": 75.5}
    assert book["sequence"] == before["sequence"] + 2
    _, body = await venue.dflow("trades", limit="1")
    assert (body["trades"][0]["ticker"], body["trades"][0]["yesPrice"], body["trades"][0]["yesPriceDollars"]) == (
        B,
        1000,
        "0.1000",
    )
    _, body = await venue.dflow("trades", limit="1", cursor=body["cursor"])
    assert ([one["ticker"] for one in body["trades"]], body["cursor"]) == ([A], "")
    assert len((await venue.dflow("trades", ticker=A))[1]["trades"]) == 1
    assert (await venue.dflow("trades", limit="1001"))[0] == 400
    venue.move_to(60_000)
    window = {"startTs": str(START_MS // 1000), "endTs": str(START_MS // 1000 + 60), "periodInterval": "1"}
    _, body = await venue.dflow(f"market/{A}/candlesticks", **window)
    (minute,) = body["candlesticks"]
    assert (minute["yes_bid"]["low"], minute["yes_bid"]["low_dollars"]) == (40, "0.4000")
    far = {**window, "endTs": str(START_MS // 1000 + 6_000 * 60)}
    assert (await venue.dflow(f"market/{A}/candlesticks", **far))[0] == 400


async def listening(venue: Venue, *commands: dict[str, Any]) -> aiohttp.ClientWebSocketResponse:
    """A connection after these commands have been heard: the server answers none, so its pong to a ping must do."""
    ws = await venue.http.ws_connect(venue.urls.dflow_ws, autoping=False)
    for command in commands:
        await ws.send_json(command)
    await ws.ping(b"heard?")
    assert (await ws.receive(timeout=5)).type is aiohttp.WSMsgType.PONG
    return ws


def subscribe(channel: str, *tickers: str) -> dict[str, Any]:
    return {"type": "subscribe", "channel": channel, **({"tickers": tickers} if tickers else {"all": True})}


async def test_streams_carry_neither_time_nor_sequence(opened: Opener) -> None:
    venue = await opened([*OPENING, *LATER])
    ws = await listening(venue, subscribe("prices", A), subscribe("orderbook", A), subscribe("trades"))
    venue.move_to(1_900)
    seen = [json.loads((await ws.receive(timeout=5)).data) for _ in range(5)]
    assert seen[0] == {
        "channel": "prices",
        "market_ticker": A,
        "type": "ticker",
        "yes_bid": "0.4000",
        "yes_ask": "0.4400",
        "no_bid": "0.5600",
        "no_ask": "0.6000",
    }
    assert [one["channel"] for one in seen] == ["prices", "orderbook", "orderbook", "trades", "trades"]
    assert seen[1] == {
        "channel": "orderbook",
        "market_ticker": A,
        "type": "orderbook",
        "yes_bids": {"0.4000": 500.0},
        "no_bids": {"0.5600": 75.5},
    }
    assert (seen[3]["yes_price"], seen[3]["yes_price_dollars"], seen[3]["count"]) == (4300, "0.4300", 2)
    assert seen[4]["market_ticker"] == B
    await ws.close()


@pytest.mark.parametrize(
    ("commands", "heard"),
    [
        ([subscribe("trades")], [A, B]),
        ([subscribe("trades", A)], [A]),
        ([subscribe("trades", A), subscribe("trades", B)], [A, B]),
        ([subscribe("trades", A), subscribe("trades")], [A, B]),
        ([subscribe("trades"), subscribe("trades", B)], [B]),
        ([subscribe("trades"), {"type": "unsubscribe", "channel": "trades", "tickers": [A]}], [A, B]),
        ([subscribe("trades", A, B), {"type": "unsubscribe", "channel": "trades", "tickers": [A]}], [B]),
        ([{"type": "dance"}, subscribe("trades", B)], [B]),
    ],
)
async def test_all_and_single_tickers_exclude_each_other(
    opened: Opener, commands: list[dict[str, Any]], heard: list[str]
) -> None:
    venue = await opened([*OPENING, *LATER])
    ws = await listening(venue, *commands)
    venue.move_to(1_900)
    await ws.ping(b"")
    seen: list[str] = []
    while len(seen) < len(heard):
        message = await ws.receive(timeout=5)
        if message.type is aiohttp.WSMsgType.TEXT:
            seen.append(json.loads(message.data)["market_ticker"])
    assert seen == heard
    await ws.close()


async def test_a_key_is_asked_for_where_one_is_set() -> None:
    tape = ReplayTape(SHIPPED_TAPE)
    sandbox = Sandbox(tape=tape, clock=Clock(origin_ms=tape.header.from_ms), keys={}, dflow_key="k-1")
    async with serve(sandbox) as urls, aiohttp.ClientSession() as http:
        for headers, status in (({}, 401), ({"x-api-key": "k-2"}, 401), ({"x-api-key": "k-1"}, 200)):
            async with http.get(f"{urls.dflow_rest}/markets", headers=headers) as response:
                assert response.status == status
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(urls.dflow_ws)
        async with http.ws_connect(urls.dflow_ws, headers={"x-api-key": "k-1"}) as ws:
            assert not ws.closed
