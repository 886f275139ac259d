"""Faults that need a socket: of connections, requests, handshakes and the server itself."""

from __future__ import annotations

import asyncio
import email.utils
import json
import time

import aiohttp
import pytest
from aiohttp import WSMsgType
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

import relayer.sandbox.session as session_module
from relayer.sandbox.faults.kit import ALL, Group
from relayer.sandbox.limits import ANONYMOUS, COST, Buckets, Budget
from tests.fakes.tapes import EVENT, OPENING, A, B, delta, market
from tests.integration.sandbox.conftest import RSA_ID, Opener, Socket, Venue, signed

DELTAS = [delta(100 * n, A, "yes", "0.4100", "1.00") for n in range(1, 11)]
LIMITS = "/trade-api/v2/account/limits"


async def subscribed(venue: Venue) -> Socket:
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A])
    await socket.frames(2)
    return socket


async def quiet(socket: Socket) -> bool:
    """Whether nothing comes for a moment, although the socket is open."""
    try:
        await socket.ws.receive(timeout=0.2)
    except TimeoutError:
        return not socket.ws.closed
    return False


async def test_a_silent_socket_answers_pings_and_nothing_else(opened: Opener) -> None:
    venue = await opened([*OPENING, *DELTAS], "silent-socket=1")
    socket = await subscribed(venue)
    venue.move_to(1_000)
    await socket.tell("list_subscriptions")
    assert await quiet(socket)
    await socket.ws.ping(b"anybody?")
    assert await quiet(socket), "aiohttp takes the pong for itself"


async def test_a_half_open_socket_does_not_even_answer_pings(opened: Opener) -> None:
    venue = await opened([*OPENING, *DELTAS], "half-open=1")
    headers = signed(venue.key, RSA_ID, "GET", "/trade-api/ws/v2")
    ws = await venue.http.ws_connect(venue.urls.ws, headers=headers, autoping=False)
    await ws.send_json(
        {"id": 1, "cmd": "subscribe", "params": {"channels": ["trade", "orderbook_delta"], "market_tickers": [A]}}
    )
    for _ in range(3):
        await ws.receive(timeout=5)
    await ws.ping(b"before")
    assert (await ws.receive(timeout=5)).type is WSMsgType.PONG
    venue.move_to(1_000)
    await ws.ping(b"after")
    with pytest.raises(TimeoutError):
        await ws.receive(timeout=0.2)
    assert not ws.closed


@pytest.mark.parametrize(("fault", "code"), [("reset", 1006), ("going-away", 1001)])
async def test_connections_end(opened: Opener, fault: str, code: int) -> None:
    venue = await opened([*OPENING, *DELTAS], f"{fault}=1")
    socket = await subscribed(venue)
    venue.move_to(150)
    async for _ in socket.ws:
        pass
    assert socket.ws.close_code == code
    async with venue.http.get(f"{venue.urls.rest}/exchange/status") as response:
        assert response.status == 200, "the venue goes on"


@pytest.mark.parametrize(("fault", "code"), [("buffer-overflow", 25), ("channel-error", 10)])
async def test_subscriptions_end_while_the_socket_lives(opened: Opener, fault: str, code: int) -> None:
    venue = await opened([*OPENING, *DELTAS], f"{fault}=1")
    socket = await subscribed(venue)
    venue.move_to(1_000)
    moved, error = await socket.frames(2)
    assert (moved["type"], moved["seq"]) == ("orderbook_delta", 2)
    assert (error["type"], error["sid"], error["seq"], error["msg"]["code"]) == ("error", 1, 3, code)
    await socket.tell("list_subscriptions")
    assert (await socket.frame())["msg"] == []


async def test_a_renewed_subscription_counts_anew_under_another_sid(opened: Opener) -> None:
    venue = await opened([*OPENING, DELTAS[0]], "resubscribe=1")
    socket = await subscribed(venue)
    venue.move_to(150)
    _, told, shown = await socket.frames(3)
    assert (told["type"], told["msg"]["sid"], told.get("id")) == ("subscribed", 2, None)
    assert (shown["type"], shown["sid"], shown["seq"]) == ("orderbook_snapshot", 2, 1)


async def test_a_slow_reader_is_cut_off(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "THROTTLED", (0.001, 3))
    venue = await opened([*OPENING, *DELTAS], "slow-reader=1")
    socket = await subscribed(venue)
    venue.move_to(1_000)
    frames = await socket.frames(4)
    assert [one["type"] for one in frames] == [*["orderbook_delta"] * 3, "error"]
    assert frames[-1]["msg"]["code"] == 25


async def test_frames_are_lost_on_the_wire_but_counted(opened: Opener) -> None:
    venue = await opened([*OPENING, *DELTAS], "sequence-hole=0.5")
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta"], market_tickers=[A])
    assert (await socket.frame())["type"] == "subscribed"
    venue.move_to(1_000)
    await socket.tell("list_subscriptions")
    seen = []
    while (message := await socket.frame())["type"] != "ok":
        seen.append(message.get("seq"))
    numbers = [number for number in seen if number is not None]
    assert numbers == sorted(numbers)
    assert 0 < len(numbers) < 11


async def test_delays_hold_up_what_follows(opened: Opener) -> None:
    venue = await opened([*OPENING, *DELTAS], "delay=1")
    started = time.monotonic()
    await subscribed(venue)
    assert time.monotonic() - started >= 0.1, "two frames, each at least 0.05 s"


@pytest.mark.parametrize(
    ("fault", "status"), [("rest-401", 401), ("rest-429", 429), ("rest-500", 500), ("missing-market", 404)]
)
async def test_answers_are_replaced(opened: Opener, fault: str, status: int) -> None:
    venue = await opened(OPENING, f"{fault}=1")
    async with venue.http.get(f"{venue.urls.rest}/markets/{A}") as response:
        assert response.status == status
        assert "Retry-After" not in response.headers
    assert not (await subscribed(venue)).ws.closed, "handshakes are not concerned"


async def test_answers_are_maimed(opened: Opener) -> None:
    whole = await opened(OPENING)
    _, body = await whole.get(f"markets/{A}")
    for fault, wanted in (("rest-500-valid-body", body), ("truncated-body", None), ("empty-body", None)):
        venue = await opened(OPENING, f"{fault}=1")
        async with venue.http.get(f"{venue.urls.rest}/markets/{A}") as response:
            text = await response.text()
        if wanted is not None:
            assert response.status in (500, 503, 504)
            assert json.loads(text) == wanted
        else:
            assert response.status == 200
            with pytest.raises(json.JSONDecodeError):
                json.loads(text)


async def test_a_page_names_itself_for_ever(opened: Opener) -> None:
    venue = await opened(OPENING, "cursor-loop=1")
    _, first = await venue.get("markets")
    _, second = await venue.get("markets", cursor=first["cursor"])
    assert first["cursor"]
    assert second == first


async def test_stale_answers_repeat_the_past(opened: Opener) -> None:
    venue = await opened([*OPENING, market(500, A, status="closed")], "stale-rest=1")
    for at in (0, 600):
        venue.move_to(at)
        _, body = await venue.get(f"markets/{A}")
        assert body["market"]["status"] == "active"
    _, other = await venue.get(f"events/{EVENT}")
    assert [one["status"] for one in other["markets"]] == ["closed", "active"], "another question, a fresh answer"


async def test_slow_answers_come_after_the_time_given(opened: Opener) -> None:
    venue = await opened(OPENING, "slow-rest=1")
    with pytest.raises(TimeoutError):
        async with venue.http.get(f"{venue.urls.rest}/exchange/status", timeout=aiohttp.ClientTimeout(total=0.2)):
            pass


async def test_rest_connections_are_reset(opened: Opener) -> None:
    venue = await opened(OPENING, "rest-reset=1")
    with pytest.raises(aiohttp.ClientError):
        await venue.get(f"markets/{B}")


async def test_request_faults_combine(opened: Opener, caplog: pytest.LogCaptureFixture) -> None:
    slow = {"slow-rest", "rest-reset"}
    names = [name for name, known in ALL.items() if known.group is Group.REQUEST and name not in slow]
    venue = await opened(OPENING, *(f"{name}=0.4" for name in names))
    seen = set()
    for _ in range(60):
        async with venue.http.get(f"{venue.urls.rest}/markets") as response:
            seen.add(response.status)
            await response.read()
    assert {200, 401, 429, 500} <= seen
    assert not caplog.records, "a fault of the venue is none of the sandbox"


@pytest.mark.parametrize(("fault", "status"), [("handshake-401", 401), ("handshake-429", 429)])
async def test_handshakes_are_refused(opened: Opener, fault: str, status: int) -> None:
    venue = await opened(OPENING, f"{fault}=1")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await venue.connect()
    assert caught.value.status == status
    assert (await venue.get("exchange/status"))[0] == 200


async def test_handshakes_are_reset(opened: Opener) -> None:
    venue = await opened(OPENING, "handshake-reset=1")
    with pytest.raises(aiohttp.ClientError):
        await venue.connect()


async def test_a_skewed_clock_shows_in_date_and_refuses_those_who_ignore_it(
    opened: Opener, rsa_key: RSAPrivateKey
) -> None:
    venue = await opened(OPENING, "clock-skew")
    async with venue.http.get(
        f"{venue.urls.rest}/account/limits", headers=signed(rsa_key, RSA_ID, "GET", LIMITS)
    ) as no:
        assert (no.status, (await no.json())["error"]["code"]) == (401, "header_timestamp_expired")
        ahead = email.utils.parsedate_to_datetime(no.headers["Date"]).timestamp() - time.time()
    assert 43 < ahead < 47
    corrected = signed(rsa_key, RSA_ID, "GET", LIMITS, shift_ms=45_000)
    async with venue.http.get(f"{venue.urls.rest}/account/limits", headers=corrected) as yes:
        assert yes.status == 200


async def test_a_certificate_that_nobody_vouches_for(opened: Opener) -> None:
    venue = await opened(OPENING, "tls-failure")
    assert venue.urls.rest.startswith("https://")
    assert venue.urls.ws.startswith("wss://")
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await venue.get("exchange/status")
    async with venue.http.get(f"{venue.urls.rest}/exchange/status", ssl=False) as response:
        assert response.status == 200


async def test_a_port_that_comes_and_goes(opened: Opener) -> None:
    venue = await opened(OPENING, "connection-refused=1")
    seen: set[str] = set()

    async def knock() -> None:
        while seen != {"refused", "open"}:
            try:
                async with aiohttp.ClientSession() as http, http.get(f"{venue.urls.rest}/exchange/status"):
                    seen.add("open")
            except aiohttp.ClientConnectorError:
                seen.add("refused")
            await asyncio.sleep(0.02)

    await asyncio.wait_for(knock(), 30)


async def test_too_many_requests_of_one_key(
    opened: Opener, rsa_key: RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relayer.sandbox.limits.READ", Budget(0, 3 * COST))
    venue = await opened(OPENING)
    statuses = []
    for _ in range(4):
        headers = signed(rsa_key, RSA_ID, "GET", LIMITS)
        async with venue.http.get(f"{venue.urls.rest}/account/limits", headers=headers) as response:
            statuses.append(response.status)
            body = await response.json()
    assert statuses == [200, 200, 200, 429]
    assert body == {"error": "too many requests"}
    assert (await venue.get("exchange/status"))[0] == 200, "others have their own bucket"


def test_buckets_refill_by_time_alone() -> None:
    now = [0.0]
    buckets = Buckets(wall_s=lambda: now[0])
    assert [buckets.take("key") for _ in range(41)] == [*[True] * 40, False]
    now[0] += 0.05
    assert [buckets.take("key"), buckets.take("key")] == [True, False], "10 tokens in 0.05 s"
    now[0] += 3_600
    assert [buckets.take("key") for _ in range(41)] == [*[True] * 40, False], "no more than the capacity waits"
    assert sum(buckets.take("") for _ in range(1_000)) == ANONYMOUS.bucket_capacity // COST


async def test_too_many_connections_of_one_key(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relayer.sandbox.server.MAX_CONNECTIONS", 2)
    venue = await opened(OPENING)
    sockets = [await venue.connect(), await venue.connect()]
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await venue.connect()
    assert caught.value.status == 429
    await sockets[0].ws.close()
    assert not (await venue.connect()).ws.closed
