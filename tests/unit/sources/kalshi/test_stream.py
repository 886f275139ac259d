"""How a conversation ends: whatever fails on the socket, and however much of it at once, is one error of ours."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import aiohttp
import pytest

from relayer.domain.errors import TransientError
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.stream import _talk


class Line:
    """A session with something to send, and a socket that ends at once."""

    close_code = 1006

    def __init__(self, *, sending: Exception | None = None, ticking: Exception | None = None) -> None:
        self.outbox = [{"id": 1, "cmd": "subscribe", "params": {}}]
        self._sending, self._ticking = sending, ticking

    def tick(self) -> None:
        if self._ticking:
            raise self._ticking

    def exception(self) -> None:
        return None

    def __aiter__(self) -> Line:
        return self

    async def __anext__(self) -> Any:
        raise StopAsyncIteration

    async def send_str(self, text: str) -> None:
        if self._sending:
            raise self._sending
        await asyncio.sleep(0)


async def talk(line: Line) -> None:
    await _talk(cast("Session", line), cast("aiohttp.ClientWebSocketResponse", line))


@pytest.mark.parametrize("sending", [None, OSError("reset"), aiohttp.ClientConnectionResetError("closing")])
async def test_reading_and_writing_may_fail_at_once(sending: Exception | None) -> None:
    with pytest.raises(TransientError, match=r"Kalshi's WebSocket closed \(code 1006, no error\)"):
        await talk(Line(sending=sending))


async def test_a_socket_that_breaks_while_written_to_is_said() -> None:
    class Open(Line):
        async def __anext__(self) -> Any:
            await asyncio.Event().wait()

    with pytest.raises(TransientError, match="Kalshi's WebSocket broke: reset"):
        await talk(Open(sending=OSError("reset")))


async def test_a_defect_is_not_taken_for_a_broken_socket() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await talk(Line(ticking=ZeroDivisionError()))
    assert caught.value.subgroup(ZeroDivisionError) is not None
