"""Subscriptions, numbering and replay over a real socket, against the rules recorded at the venue."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

import relayer.sandbox.session as session_module
from tests.fakes.tapes import OPENING, START_MS, A, B, delta, frame, market, snapshot, trade
from tests.integration.sandbox.conftest import RSA_ID, Opener, signed

DELTAS = [
    delta(1_000, A, "yes", "0.4200", "-130.00"),
    delta(1_001, B, "no", "0.8800", "5.00"),
    delta(2_000, A, "no", "0.5600", "-75.50"),
]


def told(message: dict[str, Any]) -> tuple[Any, ...]:
    """Type, sid, seq and id of a frame."""
    return message["type"], message.get("sid"), message.get("seq"), message.get("id")


async def test_first_subscribe_then_ok_each_consuming_a_number(opened: Opener) -> None:
    venue = await opened([*OPENING, *DELTAS])
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A], use_yes_price=False)
    first, shown = await socket.frames(2)
    assert first == {
        "type": "subscribed",
        "id": 1,
        "msg": {"channel": "orderbook_delta", "sid": 1},
        "sending_ts_ms": START_MS,
    }
    assert told(shown) == ("orderbook_snapshot", 1, 1, None)
    assert shown["msg"] == {
        "market_ticker": A,
        "market_id": f"id-{A}",
        "yes_dollars_fp": [["0.4000", "500.00"], ["0.4200", "130.00"]],
        "no_dollars_fp": [["0.5600", "75.50"]],
    }
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[B], use_yes_price=False)
    ok, shown = await socket.frames(2)
    assert told(ok) == ("ok", 1, 2, 2)
    assert ok["msg"] == {"market_tickers": sorted([A, B])}
    assert told(shown) == ("orderbook_snapshot", 1, 3, None)
    assert "no_dollars_fp" not in shown["msg"], "an empty side has no key"
    venue.move_to(1_500)
    moved = await socket.frames(2)
    assert [told(message) for message in moved] == [("orderbook_delta", 1, 4, None), ("orderbook_delta", 1, 5, None)]
    assert moved[0]["msg"] == DELTAS[0]["ws"]["msg"]
    assert moved[0]["sending_ts_ms"] == START_MS + 1_500
    assert venue.sandbox.frames_sent == 2
    assert venue.sandbox.frames_total == 3


async def test_a_snapshot_on_request_carries_the_next_number_and_the_state_of_its_time(opened: Opener) -> None:
    venue = await opened([*OPENING, *DELTAS])
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A], use_yes_price=False)
    await socket.frames(2)
    venue.now[0] = START_MS + 1_000.0  # the frame of this instant is due but not yet played
    asked = await socket.tell("update_subscription", sids=[1], action="get_snapshot", market_tickers=[A])
    moved, shown = await socket.frames(2)
    assert told(moved) == ("orderbook_delta", 1, 2, None)
    assert told(shown) == ("orderbook_snapshot", 1, 3, asked)
    assert shown["sending_ts_ms"] == START_MS + 1_000
    assert shown["msg"]["yes_dollars_fp"] == [["0.4000", "500.00"]]


async def test_each_channel_counts_for_itself(opened: Opener) -> None:
    lines = [
        *OPENING,
        trade(10, A, 1, "0.4300", "12.00"),
        delta(20, A, "yes", "0.4100", "1.00"),
        trade(30, B, 2, "0.1", "1"),
    ]
    venue = await opened(lines)
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta", "trade"], market_ticker=A, use_yes_price=True)
    head = await socket.frames(3)
    assert [message["msg"].get("sid") for message in head] == [1, None, 2]
    venue.move_to(50)
    assert [told(message) for message in await socket.frames(2)] == [
        ("trade", 2, 1, None),
        ("orderbook_delta", 1, 2, None),
    ]
    await socket.tell("list_subscriptions")
    listed = await socket.frame()
    assert listed["msg"] == [{"channel": "orderbook_delta", "sid": 1}, {"channel": "trade", "sid": 2}]
    assert "seq" not in listed


@pytest.mark.parametrize(("yes_price", "price"), [(True, "0.4400"), (False, "0.5600")])
async def test_no_levels_in_either_price(opened: Opener, yes_price: bool, price: str) -> None:
    later = [delta(1_000, A, "no", "0.5600", "-75.50"), snapshot(2_000, A, no_dollars_fp=[["0.5600", "1.00"]])]
    venue = await opened([*OPENING, *later])
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A], use_yes_price=yes_price)
    shown = (await socket.frames(2))[1]
    assert shown["msg"]["no_dollars_fp"] == [[price, "75.50"]]
    assert shown["msg"]["yes_dollars_fp"][-1] == ["0.4200", "130.00"]
    venue.move_to(3_000)
    moved, again = await socket.frames(2)
    assert (moved["msg"]["price_dollars"], moved["msg"]["delta_fp"]) == (price, "-75.50")
    assert again["msg"]["no_dollars_fp"] == [[price, "1.00"]]


async def test_markets_come_and_go_on_one_subscription(opened: Opener) -> None:
    venue = await opened([*OPENING, *DELTAS])
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A])
    await socket.frames(2)
    added = await socket.tell("update_subscription", sid=1, action="add_markets", market_tickers=[A, B])
    assert [told(message) for message in await socket.frames(2)] == [
        ("ok", 1, 2, added),
        ("orderbook_snapshot", 1, 3, None),
    ]
    dropped = await socket.tell(
        "update_subscription", sids=[1], action="delete_markets", market_tickers=[A], skip_ticker_ack=True
    )
    ok = await socket.frame()
    assert told(ok) == ("ok", 1, 4, dropped)
    assert ok["msg"] == {}
    venue.move_to(3_000)
    moved = await socket.frame()
    assert (moved["msg"]["market_ticker"], moved["seq"]) == (B, 5)
    ended = await socket.tell("unsubscribe", sids=[1])
    assert told(await socket.frame()) == ("unsubscribed", 1, 6, ended)
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A])
    assert (await socket.frame())["msg"]["sid"] == 2, "a new subscription, a new sid"


async def test_lifecycle_ignores_filters_and_ticker_has_no_number(opened: Opener) -> None:
    life = frame(100, "market_lifecycle_v2", event_type="determined", market_ticker=B, result="no")
    sizes = [delta(200, A, "yes", "0.4000", "1.00"), delta(300, A, "yes", "0.4200", "1.00")]
    venue = await opened([*OPENING, life, *sizes])
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["market_lifecycle_v2"], market_tickers=[A])
    await socket.tell("subscribe", channels=["ticker"], market_tickers=[A], send_initial_snapshot=True)
    head = await socket.frames(3)
    assert told(head[2]) == ("ticker", 2, None, None)
    assert head[2]["msg"]["yes_bid_dollars"] == "0.4200"
    venue.move_to(400)
    ended, ticked = await socket.frames(2)
    assert told(ended) == ("market_lifecycle_v2", 1, 1, None)
    assert ticked["msg"]["yes_bid_size_fp"] == "131.00", "a change below the top is no ticker frame"
    assert ticked["msg"]["ts_ms"] == START_MS + 300


@pytest.mark.parametrize(
    ("text", "code", "echo"),
    [
        ("{", 1, None),
        ("[]", 11, None),
        ('{"id":3,"cmd":"dance","params":{}}', 5, 3),
        ('{"id":3,"cmd":"subscribe"}', 2, 3),
        ('{"id":3,"cmd":"subscribe","params":{}}', 3, 3),
        ('{"id":3,"cmd":"subscribe","params":{"channels":["ticker_v2"]}}', 8, 3),
        ('{"id":3,"cmd":"subscribe","params":{"channels":["orderbook_delta"]}}', 14, 3),
        ('{"id":3,"cmd":"subscribe","params":{"channels":"trade"}}', 11, 3),
        (
            '{"id":3,"cmd":"subscribe","params":{"channels":["trade"],"market_ticker":"A","market_tickers":["B"]}}',
            11,
            3,
        ),
        ('{"id":3,"cmd":"unsubscribe","params":{}}', 4, 3),
        ('{"id":3,"cmd":"unsubscribe","params":{"sids":[9]}}', 7, 3),
        ('{"id":3,"cmd":"update_subscription","params":{"sids":[1,2],"action":"add_markets"}}', 12, 3),
        (
            '{"id":3,"cmd":"update_subscription","params":{"sid":1,"action":"get_snapshot","market_tickers":["A"]}}',
            13,
            3,
        ),
        ('{"id":3,"cmd":"update_subscription","params":{"sid":1}}', 15, 3),
        ('{"id":3,"cmd":"update_subscription","params":{"sid":1,"action":"dance"}}', 13, 3),
        ('{"id":3,"cmd":"update_subscription","params":{"sid":1,"action":"add_markets"}}', 14, 3),
    ],
)
async def test_refused_commands_name_their_code(opened: Opener, text: str, code: int, echo: int | None) -> None:
    venue = await opened(OPENING)
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["trade"])
    await socket.frame()
    await socket.ws.send_str(text)
    answer = await socket.frame()
    assert (answer["type"], answer["msg"]["code"], answer.get("id")) == ("error", code, echo)


async def test_a_changed_way_of_pricing_is_refused(opened: Opener) -> None:
    venue = await opened(OPENING)
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A], use_yes_price=True)
    await socket.frames(2)
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[B], use_yes_price=False)
    assert (await socket.frame())["msg"]["code"] == 11


async def test_unlisted_markets_are_silently_accepted(opened: Opener) -> None:
    venue = await opened(OPENING)
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=["KXNONE", A])
    assert [message["type"] for message in await socket.frames(2)] == ["subscribed", "orderbook_snapshot"]


async def test_the_server_pings_with_its_heartbeat(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "PING_EVERY_S", 0.01)
    venue = await opened(OPENING)
    headers = signed(venue.key, RSA_ID, "GET", "/trade-api/ws/v2")
    async with venue.http.ws_connect(venue.urls.ws, headers=headers, autoping=False) as ws:
        ping = await ws.receive(timeout=5)
        assert (ping.type, bytes(ping.data)) == (aiohttp.WSMsgType.PING, b"heartbeat")


async def test_a_reader_that_never_reads_loses_its_subscription(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "MAX_WAITING", 5)
    burst = [delta(10 + n, A, "yes", "0.4100", "1.00") for n in range(20)]
    venue = await opened([*OPENING, *burst, delta(100, A, "yes", "0.4100", "1.00")])
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A])
    await socket.frames(2)
    venue.move_to(50)  # all at once: nothing is written in between
    frames = await socket.frames(6)
    assert [message["seq"] for message in frames] == [2, 3, 4, 5, 6, 7]
    assert (frames[-1]["type"], frames[-1]["msg"]["code"]) == ("error", 25)
    venue.move_to(200)
    await socket.tell("list_subscriptions")
    assert (await socket.frame())["msg"] == [], "the socket lives, the subscription is gone"


async def test_a_tape_plays_by_the_clock_alone(opened: Opener) -> None:
    """With a running clock the frames arrive without anybody asking."""
    venue = await opened([*OPENING, *DELTAS])
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A, B])
    await socket.frames(3)
    venue.now[0] = START_MS + 5_000.0
    venue.sandbox.clock.set_speed(1.0)  # wakes the player
    assert [message["seq"] for message in await socket.frames(3)] == [3, 4, 5]


async def test_the_state_before_the_first_frame_is_the_start_state(opened: Opener) -> None:
    venue = await opened([*OPENING, *DELTAS, market(3_000, A, status="closed")])
    venue.now[0] = START_MS - 60_000.0
    _, body = await venue.get(f"markets/{A}")
    assert (body["market"]["status"], body["market"]["yes_bid_dollars"]) == ("active", "0.4200")
