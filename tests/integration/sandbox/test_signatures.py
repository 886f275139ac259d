"""Who is let in: the refusals of REST and of the WebSocket handshake, with the recorded bodies."""

from __future__ import annotations

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.tapes import OPENING
from tests.integration.sandbox.conftest import ED_ID, RSA_ID, Opener, signed

LIMITS, WS = "/trade-api/v2/account/limits", "/trade-api/ws/v2"
BAD_SIGNATURE = {
    "error": {
        "code": "authentication_error",
        "message": "authentication_error",
        "details": "INCORRECT_API_KEY_SIGNATURE",
    }
}
EXPIRED = {"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}


@pytest.mark.parametrize("shift_ms", [-5_000, 0, 5_000])
async def test_both_kinds_of_key_are_let_in(
    opened: Opener, rsa_key: rsa.RSAPrivateKey, ed_key: Ed25519PrivateKey, shift_ms: int
) -> None:
    venue = await opened(OPENING)
    for key, key_id in ((rsa_key, RSA_ID), (ed_key, ED_ID)):
        headers = signed(key, key_id, "GET", LIMITS, shift_ms=shift_ms)
        async with venue.http.get(f"{venue.urls.rest}/account/limits", headers=headers) as response:
            assert response.status == 200
            assert (await response.json())["read"] == {"bucket_capacity": 400, "refill_rate": 200}
        headers = signed(key, key_id, "GET", WS, shift_ms=shift_ms)
        async with venue.http.ws_connect(venue.urls.ws, headers=headers) as ws:
            assert not ws.closed


async def test_a_query_is_not_part_of_the_signature(opened: Opener, rsa_key: rsa.RSAPrivateKey) -> None:
    venue = await opened(OPENING)
    for path, status in (("/trade-api/v2/markets", 200), ("/trade-api/v2/markets?limit=5", 401)):
        headers = signed(rsa_key, RSA_ID, "GET", path)
        async with venue.http.get(f"{venue.urls.rest}/markets?limit=5", headers=headers) as response:
            assert response.status == status


async def test_wrong_requests_are_refused_as_recorded(opened: Opener, rsa_key: rsa.RSAPrivateKey) -> None:
    venue = await opened(OPENING)
    good = signed(rsa_key, RSA_ID, "GET", WS)
    stranger = signed(rsa.generate_private_key(public_exponent=65537, key_size=2048), RSA_ID, "GET", WS)
    cases = [
        (signed(rsa_key, RSA_ID, "GET", "/trade-api/v2/other"), BAD_SIGNATURE),
        (signed(rsa_key, RSA_ID, "POST", WS), BAD_SIGNATURE),
        (signed(rsa_key, RSA_ID, "GET", WS, salt=20), BAD_SIGNATURE),
        (stranger, BAD_SIGNATURE),
        ({**good, "KALSHI-ACCESS-SIGNATURE": "no base64!"}, BAD_SIGNATURE),
        (signed(rsa_key, RSA_ID, "GET", WS, shift_ms=-60_000), EXPIRED),
        (signed(rsa_key, RSA_ID, "GET", WS, shift_ms=300_000), EXPIRED),
        ({**good, "KALSHI-ACCESS-TIMESTAMP": "soon"}, EXPIRED),
    ]
    for headers, body in cases:
        async with venue.http.get(venue.urls.ws, headers=headers) as response:
            assert (response.status, await response.json()) == (401, body)
    for headers in ({}, signed(rsa_key, "unknown", "GET", WS)):
        async with venue.http.get(venue.urls.ws, headers=headers) as response:
            assert response.status == 401
            assert (await response.json())["error"]["details"] == "NOT_FOUND"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await venue.http.ws_connect(venue.urls.ws, headers=stranger)
    assert caught.value.status == 401


async def test_public_paths_need_no_key_but_a_shown_one_must_be_right(
    opened: Opener, rsa_key: rsa.RSAPrivateKey
) -> None:
    venue = await opened(OPENING)
    assert (await venue.get("exchange/status"))[0] == 200
    assert (await venue.get("account/limits"))[0] == 401
    headers = signed(rsa_key, RSA_ID, "GET", "/trade-api/v2/wrong")
    async with venue.http.get(f"{venue.urls.rest}/exchange/status", headers=headers) as response:
        assert (response.status, await response.json()) == (401, BAD_SIGNATURE)
