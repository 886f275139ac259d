"""JSON-RPC 2.0 envelopes: parse a body, call, wrap results and errors; batches."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from relayer.localnet.errors import INTERNAL_ERROR, RpcError, invalid_request, parse_error

_log = logging.getLogger(__name__)
Call = Callable[[str, Any], Any]
"""`call(method, params) -> result`, raising RpcError."""


def answer(body: bytes | str, call: Call) -> bytes:
    """The reply to one HTTP body or WebSocket frame; empty where JSON-RPC wants none (notifications)."""
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _encode(_error(None, parse_error()))
    calls = request if isinstance(request, list) else [request]
    if not all(_has_the_shape(one) for one in calls):
        return _encode(_error(None, parse_error()))
    replies = [reply for one in calls if (reply := _reply(one, call)) is not None]
    if isinstance(request, list):
        return _encode(replies) if replies else b""
    return _encode(replies[0]) if replies else b""


def _has_the_shape(one: Any) -> bool:
    """What Agave's parser takes for a call at all, be it invalid; anything else spoils the whole body."""
    if not isinstance(one, dict):
        return False
    request_id = one.get("id")
    return request_id is None or isinstance(request_id, str) or (type(request_id) is int and request_id >= 0)


def _reply(one: dict[str, Any], call: Call) -> dict[str, Any] | None:
    request_id, name, params = one.get("id"), one.get("method"), one.get("params")
    if not isinstance(name, str) or one.get("jsonrpc", "2.0") != "2.0" or not isinstance(params, list | dict | None):
        return _error(request_id, invalid_request())
    if "jsonrpc" not in one:
        return _error(request_id, invalid_request("Unsupported JSON-RPC protocol version"))
    reply = _called(request_id, name, params, call)
    return reply if "id" in one else None


def _called(request_id: Any, name: str, params: Any, call: Call) -> dict[str, Any]:
    try:
        return {"jsonrpc": "2.0", "result": call(name, params), "id": request_id}
    except RpcError as error:
        return _error(request_id, error)
    except Exception:  # noqa: BLE001 - a fault here must not take the others' replies in a batch with it
        _log.exception("method %s failed", name)
        return _error(request_id, RpcError(INTERNAL_ERROR, "Internal error"))


def _error(request_id: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": error.body(), "id": request_id}


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value)
