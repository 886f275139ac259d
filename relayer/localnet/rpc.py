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
    if isinstance(request, list):
        replies = [reply for one in request if (reply := _reply(one, call)) is not None]
        return _encode(replies) if replies else b""
    reply = _reply(request, call)
    return b"" if reply is None else _encode(reply)


def _reply(request: Any, call: Call) -> dict[str, Any] | None:
    if not isinstance(request, dict):
        return _error(None, invalid_request())
    request_id, name = request.get("id"), request.get("method")
    if not isinstance(request_id, str | int | float | None):
        return _error(None, invalid_request())
    if request.get("jsonrpc") != "2.0" or not isinstance(name, str):
        return _error(request_id, invalid_request())
    reply = _called(request_id, name, request.get("params"), call)
    return reply if "id" in request else None


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
