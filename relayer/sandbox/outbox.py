"""What waits to be written to one socket, and the task that writes it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from aiohttp import WSCloseCode, WSMsgType, web

from relayer.sandbox.faults.frames import Sent


class Outbox:
    """Frames in order of `put`. `pace_s`: wall seconds between two frames, for a reader that is slow."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self.pace_s = 0.0
        self.muted = False
        self._ws = ws
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
                sent = self._waiting.popleft()
                if sent.delay_s or self.pace_s:
                    await asyncio.sleep(sent.delay_s + self.pace_s)
                try:
                    await self._ws.send_frame(sent.text, WSMsgType.TEXT)
                except ConnectionError:
                    return
            if self._closing:
                await self._ws.close(code=WSCloseCode.GOING_AWAY)
