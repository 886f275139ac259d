"""What waits to be written to one socket, and the task that writes it."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Iterable

from aiohttp import WSCloseCode, WSMsgType, web

from relayer.sandbox.faults.frames import Sent

_AT_ONCE = 500
"""Frames that go out in one write, where so many wait."""


class Outbox:
    """Frames in order of `put`. `pace_s`: wall seconds between two frames, for a reader that is slow.

    transport: of the socket, to which what waits is written at once: a call of the kernel costs more than a frame.
    """

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self.pace_s = 0.0
        self.muted = False
        self._ws = ws
        self._transport = transport
        self._waiting: deque[Sent] = deque()
        self._something = asyncio.Event()
        self._closing = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, frames: Iterable[Sent]) -> None:
        if not self.muted:
            self._waiting.extend(frames)
            self._something.set()

    def mute(self) -> None:
        """Nothing waiting or to come is written any more."""
        self.muted = True
        self._waiting.clear()

    def close(self) -> None:
        """Close the socket once everything before has been written."""
        self._closing = True
        self._something.set()

    async def run(self) -> None:
        """Write until the socket is closed."""
        while not self._ws.closed:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                *before, last = await self._next()
                self._transport.write(b"".join(map(framed, before)))
                try:
                    await self._ws.send_frame(last, WSMsgType.TEXT)  # waits until the kernel takes it
                except ConnectionError:
                    return
            if self._closing:
                await self._ws.close(code=WSCloseCode.GOING_AWAY)

    async def _next(self) -> list[bytes]:
        """The next frame, once its delay is over, and those behind it that have none."""
        sent = self._waiting.popleft()
        if sent.delay_s or self.pace_s:
            await asyncio.sleep(sent.delay_s + self.pace_s)
        texts = [sent.text]
        while self._waiting and not self._waiting[0].delay_s and not self.pace_s and len(texts) < _AT_ONCE:
            texts.append(self._waiting.popleft().text)
        return texts


def framed(text: bytes) -> bytes:
    """A whole text frame from a server (RFC 6455 section 5.2)."""
    length = len(text)
    if length < 126:
        return struct.pack("!BB", 0x81, length) + text
    return (
        struct.pack("!BBH", 0x81, 126, length) if length < 1 << 16 else struct.pack("!BBQ", 0x81, 127, length)
    ) + text
