"""One WebSocket connection to DFlow's prices: handshake with the key, subscriptions, dead sockets found.

Nothing is acknowledged, numbered or dated there, and nothing survives a reconnect.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Collection

import aiohttp

from relayer.domain.errors import TransientError
from relayer.sources.dflow.client import refusal
from relayer.sources.dflow.settings import DflowSettings

_TICK_S = 0.5
_YIELD_EVERY = 100
_CLOSED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def listen(
    *,
    settings: DflowSettings,
    http: aiohttp.ClientSession,
    watched: Collection[str],
    opened: Callable[[], object],
    receive: Callable[[str | bytes], None],
    deaf: Callable[[], bool],
) -> None:
    """Connect and pass on frames until the connection ends; always ends by raising.

    watched: tickers to be subscribed to; may grow meanwhile. opened: called once connected. deaf: whether prices moved
    that the stream did not tell.
    Raises PermanentError when the handshake is refused for good, TransientError for what a new connection may cure.
    """
    try:
        async with http.ws_connect(
            settings.ws_url,
            headers=settings.key_header(),
            heartbeat=settings.silence_timeout_s / 1.5,  # a ping after this, dead after half as much again
            timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
        ) as socket:
            opened()
            await _talk(socket, watched, receive, deaf)
    except aiohttp.WSServerHandshakeError as error:
        retry_after = error.headers.get("Retry-After", "") if error.headers else ""
        raise refusal(error.status, "WebSocket", retry_after=retry_after) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise TransientError(f"DFlow's WebSocket at {settings.ws_url} is not reachable: {error}.") from error


async def _talk(
    socket: aiohttp.ClientWebSocketResponse,
    watched: Collection[str],
    receive: Callable[[str | bytes], None],
    deaf: Callable[[], bool],
) -> None:
    subscribed = 0
    for count in itertools.count():
        if count % _YIELD_EVERY == 0:
            await asyncio.sleep(0)  # buffered frames alone would keep everybody else waiting
        if len(watched) > subscribed:
            subscribed = len(watched)
            # The whole list each time: whether a second list adds to the first is not documented.
            await socket.send_json({"type": "subscribe", "channel": "prices", "tickers": list(watched)})
        if deaf():
            raise TransientError("DFlow's WebSocket tells nothing although its REST prices move: connecting anew.")
        try:
            message = await socket.receive(timeout=_TICK_S)
        except TimeoutError:
            continue
        if message.type in _CLOSED:
            raise TransientError(f"DFlow's WebSocket closed (code {socket.close_code}).")
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            receive(message.data)
