"""Taps an aiohttp client session: what a venue sends is recorded as it came, before anybody reads it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from relayer.tape.entries import Kind
from relayer.tape.recorder import Recorder


class _Msg(msgspec.Struct):
    market_ticker: str = ""


class _Frame(msgspec.Struct):
    msg: _Msg = msgspec.field(default_factory=_Msg)


_FRAME = msgspec.json.Decoder(_Frame)


def ticker_of(text: str | bytes) -> str:
    """The market a frame is about; "" for replies, and for what is no such frame."""
    try:
        return _FRAME.decode(text).msg.market_ticker
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def tapped_session(
    recorder: Recorder, *, venue: str, wanted: Callable[[str], bool] = lambda _: True, **options: Any
) -> aiohttp.ClientSession:
    """A client session whose WebSocket frames and REST bodies go to the recorder.

    wanted: whether frames of a ticker are kept; frames about no single market, and bodies, always are.
    options: go to `aiohttp.ClientSession`.
    """
    numbers = itertools.count(1)

    class TappedSocket(aiohttp.ClientWebSocketResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._name = f"ws{next(numbers)}"

        async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:
            message = await super().receive(timeout)
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                self._keep(message.data)
            return message

        def _keep(self, text: str | bytes) -> None:
            ticker = ticker_of(text)
            if not ticker or wanted(ticker):
                market = f"{venue}:{ticker}" if ticker else ""
                recorder.record(Kind.FRAME, text, venue=venue, connection=self._name, market=market)

    async def body_received(
        _: aiohttp.ClientSession, __: Any, params: aiohttp.TraceResponseChunkReceivedParams
    ) -> None:
        path = params.url.raw_path_qs
        recorder.record(Kind.BODY, params.chunk, venue=venue, connection="rest", path=path, received_ns=time.time_ns())

    trace = aiohttp.TraceConfig()
    trace.on_response_chunk_received.append(body_received)
    return aiohttp.ClientSession(ws_response_class=TappedSocket, trace_configs=[trace], **options)
