"""Envelopes: ids, batches, notifications, and bodies that are no request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relayer.localnet import rpc
from relayer.localnet.errors import node_unhealthy


def echo(method: str, params: Any) -> Any:
    if method == "behind":
        raise node_unhealthy(60)
    if method == "broken":
        raise ZeroDivisionError
    return [method, params]


def answer(body: Any) -> Any:
    reply = rpc.answer(json.dumps(body), echo)
    return json.loads(reply) if reply else None


def request(method: str = "m", **more: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, **more}


@pytest.mark.parametrize("request_id", [1, 0, "text", None, 2**63])
def test_ids_come_back_unchanged(request_id: Any) -> None:
    assert answer(request() | {"id": request_id}) == {"jsonrpc": "2.0", "id": request_id, "result": ["m", None]}


def test_params_may_be_absent_null_or_a_list() -> None:
    assert answer(request(params=None))["result"] == ["m", None]
    assert answer(request(params=[1]))["result"] == ["m", [1]]


def test_an_error_carries_code_message_and_data() -> None:
    error = {"code": -32005, "message": "Node is behind by 60 slots", "data": {"numSlotsBehind": 60}}
    assert answer(request("behind")) == {"jsonrpc": "2.0", "id": 1, "error": error}


def test_a_request_without_id_gets_no_reply() -> None:
    assert answer({"jsonrpc": "2.0", "method": "ping"}) is None


def test_a_batch_is_answered_in_order_without_its_notifications() -> None:
    replies = answer([request("a"), {"jsonrpc": "2.0", "method": "ping"}, request("behind", id=2), {"id": 3}])
    assert [reply["id"] for reply in replies] == [1, 2, 3]
    assert replies[0]["result"] == ["a", None]
    assert [reply["error"]["code"] for reply in replies[1:]] == [-32005, -32600]


def test_an_empty_batch_has_an_empty_answer() -> None:
    assert rpc.answer(b"[]", echo) == b""


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b'{"a":\xff}', b'{"jsonrpc":"2.0","id":1', b"7", b'"text"', b"null", b"[1]"]
    + [b'{"jsonrpc":"2.0","id":%s,"method":"m"}' % one for one in (b"[1]", b"{}", b"1.5", b"-1", b"true")],
)
def test_what_is_no_call_at_all_is_a_parse_error(body: bytes) -> None:
    error = {"code": -32700, "message": "Parse error"}
    assert json.loads(rpc.answer(body, echo)) == {"jsonrpc": "2.0", "id": None, "error": error}


def test_one_stranger_spoils_the_batch() -> None:
    assert answer([request("a"), 7])["error"]["code"] == -32700


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"id": 1, "method": "m"}, "Unsupported JSON-RPC protocol version"),
        ({"jsonrpc": "1.0", "id": 1, "method": "m"}, "Invalid request"),
        ({"jsonrpc": "2.0", "id": 1}, "Invalid request"),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, "Invalid request"),
        ({"jsonrpc": "2.0", "id": 1, "method": "m", "params": "x"}, "Invalid request"),
    ],
)
def test_an_invalid_call_is_an_invalid_request(body: Any, message: str) -> None:
    assert answer(body) == {"jsonrpc": "2.0", "id": 1, "error": {"code": -32600, "message": message}}


def test_a_fault_of_the_server_is_an_internal_error_and_spares_the_others(caplog: pytest.LogCaptureFixture) -> None:
    broken, fine = answer([request("broken"), request("a")])
    assert broken["error"] == {"code": -32603, "message": "Internal error"}
    assert fine["result"] == ["a", None]
    assert "method broken failed" in caplog.text
