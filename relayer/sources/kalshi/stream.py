"""One WebSocket connection to Kalshi: signed handshake, frames to the session, its commands out, dead sockets found.

The heartbeat pings a socket that has been silent and closes it when no pong comes, so half-open ones end too.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp
import msgspec

from relayer.domain.clock import wall_ms
from relayer.domain.errors import PermanentError, RelayerError, TransientError
from relayer.sources.kalshi.auth import KalshiSigner
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.settings import KalshiSettings

TICK_S = 0.1
_YIELD_EVERY = 100
_MAX_FRAME_BYTES = 64 << 20


async def converse(
    session: Session, *, settings: KalshiSettings, http: aiohttp.ClientSession, signer: KalshiSigner | None
) -> None:
    """Connect and talk until the connection ends; always ends by raising.

    Raises PermanentError when the venue refuses the key, TransientError for everything that a new connection may cure.
    """
    signed = signer.headers("GET", urlsplit(settings.ws).path, wall_ms=wall_ms()) if signer else {}
    try:
        async with http.ws_connect(
            settings.ws,
            headers=signed,
            heartbeat=settings.silence_timeout_s / 1.5,  # a ping after this, dead after half as much again
            max_msg_size=_MAX_FRAME_BYTES,
            timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
        ) as socket:
            await _talk(session, socket)
    except aiohttp.WSServerHandshakeError as error:
        raise _refused(error.status) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise TransientError(f"Kalshi's WebSocket at {settings.ws} is not reachable: {error}.") from error


async def _talk(session: Session, socket: aiohttp.ClientWebSocketResponse) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_read(session, socket), name="kalshi reader")
            group.create_task(_tick(session, socket), name="kalshi ticker")
    except ExceptionGroup as errors:  # reading and writing may fail at once, each in its own way
        raise _reason(errors) from errors


async def _read(session: Session, socket: aiohttp.ClientWebSocketResponse) -> None:
    """Never waits for anything but the next frame, or the kernel to take a command: slow readers are cut off."""
    count = 0
    async for message in socket:
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            session.receive(message.data)
        if session.outbox:
            await _send(session, socket)
        count += 1
        if count % _YIELD_EVERY == 0:
            await asyncio.sleep(0)  # buffered frames alone would keep everybody else waiting
    raise TransientError(f"Kalshi's WebSocket closed (code {socket.close_code}, {socket.exception() or 'no error'}).")


async def _tick(session: Session, socket: aiohttp.ClientWebSocketResponse) -> None:
    while True:
        session.tick()
        await _send(session, socket)
        await asyncio.sleep(TICK_S)


async def _send(session: Session, socket: aiohttp.ClientWebSocketResponse) -> None:
    commands = session.outbox.copy()
    session.outbox.clear()
    for command in commands:
        await socket.send_str(msgspec.json.encode(command).decode())


def _reason(errors: ExceptionGroup[Exception]) -> Exception:
    """Why the conversation ended: as the session says, else as the socket does. Defects come as they are."""
    broken, defects = errors.split((RelayerError, aiohttp.ClientError, OSError))
    if defects is not None or broken is None:
        return errors
    said = [error for error in broken.exceptions if isinstance(error, RelayerError)]
    return said[0] if said else TransientError(f"Kalshi's WebSocket broke: {broken.exceptions[0]}.")


def _refused(status: int) -> TransientError | PermanentError:
    if status in (401, 403):
        return PermanentError(
            f"Kalshi refuses the WebSocket handshake (HTTP {status}): check that kalshi.key_id and kalshi.key_file "
            f"belong together and to the environment that is set, and that this machine's clock is right."
        )
    return TransientError(f"Kalshi refuses the WebSocket handshake (HTTP {status}).")
