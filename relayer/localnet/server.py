"""The two listeners of a cluster: JSON-RPC over HTTP, and PubSub over WebSocket on the next port."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from relayer.domain.errors import FatalError
from relayer.localnet import methods, rpc
from relayer.localnet.bank import Localnet
from relayer.localnet.pubsub import Subscriptions

_MAX_BODY = 50 * 1024
_MAX_FRAME = 50 * 1024
_MOST_WAITING = 10_000
"""Frames that a slow subscriber may lag behind before its connection is closed."""
_PORT_TRIES = 50
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": "*",
}


@dataclass(frozen=True)
class Urls:
    rpc: str
    ws: str


@asynccontextmanager
async def serve(localnet: Localnet, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Urls]:
    """Serve the cluster and produce a slot each `slot_ms` until the context is left.

    port: of HTTP; the WebSocket listens on the next one. 0 takes any free pair. Raises FatalError for a port in use.
    """
    async with AsyncExitStack() as stack:
        http, ws = _bind_pair(host, port)
        stack.callback(http.close)
        stack.callback(ws.close)
        for listener, application in ((http, _http(localnet)), (ws, _websocket(localnet))):
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.SockSite(runner, listener).start()
        slots = asyncio.create_task(_produce_slots(localnet), name="localnet slots")
        stack.push_async_callback(_end, slots)
        yield Urls(f"http://{host}:{http.getsockname()[1]}", f"ws://{host}:{ws.getsockname()[1]}")


def _bind_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    for _ in range(_PORT_TRIES):
        http = _bind(host, port)
        try:
            return http, _bind(host, http.getsockname()[1] + 1)
        except FatalError:
            http.close()
            if port:
                raise
    raise FatalError(f"no two neighbouring ports are free on {host}: name a port that is")


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise FatalError(
            f"cannot listen on {host}:{port} ({error}): stop what uses the port or choose another"
        ) from error
    return listener


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel the task; raise what it failed with before, if it did."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and (error := task.exception()):
        raise error


async def _produce_slots(localnet: Localnet) -> None:
    """One slot a slot time, on wall time; slots missed while the process was held up are not made up for."""
    due = time.monotonic()
    while True:
        due = max(due + localnet.slot_ms / 1000, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
        localnet.advance()


def _http(localnet: Localnet) -> web.Application:
    def call(name: str, params: Any) -> Any:
        return methods.call(localnet, name, params)

    async def post(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            text = "Supplied content type is not allowed. Content-Type: application/json is required\n"
            return web.Response(status=415, text=text)
        body = rpc.answer(await request.read(), call)
        return web.Response(body=body, content_type="application/json", headers=_CORS)

    async def options(_: web.Request) -> web.Response:
        return web.Response(headers=_CORS)

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="behind" if localnet.slots_behind else "ok")

    application = web.Application(client_max_size=_MAX_BODY)
    application.router.add_post("/", post)
    application.router.add_options("/", options)
    application.router.add_get("/health", health)
    return application


def _websocket(localnet: Localnet) -> web.Application:
    numbers = itertools.count()
    connections: set[_Connection] = set()

    async def connect(request: web.Request) -> web.WebSocketResponse:
        socket_ = web.WebSocketResponse(max_msg_size=_MAX_FRAME, timeout=1)
        await socket_.prepare(request)
        connection = _Connection(localnet, socket_, lambda: next(numbers))
        connections.add(connection)
        try:
            await connection.run()
        finally:
            connections.discard(connection)
        return socket_

    async def close_all(_: web.Application) -> None:
        for connection in list(connections):
            await connection.close(WSCloseCode.GOING_AWAY)

    application = web.Application()
    application.router.add_get("/", connect)
    application.on_shutdown.append(close_all)
    return application


class _Connection:
    """One subscriber: reads its calls, writes replies and notifications in the order they arise."""

    def __init__(self, localnet: Localnet, socket_: web.WebSocketResponse, new_id: Callable[[], int]) -> None:
        self._localnet, self._socket = localnet, socket_
        self._subscriptions = Subscriptions(localnet, self._send, new_id)
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._too_slow = asyncio.Event()

    async def run(self) -> None:
        """Until the client leaves, breaks off or lags too far behind."""
        self._localnet.watchers.append(self._subscriptions.block_closed)
        parts = [asyncio.create_task(part) for part in (self._read(), self._write(), self._lag())]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._localnet.watchers.remove(self._subscriptions.block_closed)
            for part in parts:
                await _end(part)
            await self.close(WSCloseCode.TRY_AGAIN_LATER)

    async def close(self, code: int) -> None:
        await self._socket.close(code=code)

    def _send(self, frame: bytes) -> None:
        self._waiting.put_nowait(frame)
        if self._waiting.qsize() > _MOST_WAITING:
            self._too_slow.set()

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT and (reply := rpc.answer(message.data, self._subscriptions.call)):
                self._send(reply)

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await self._socket.send_str((await self._waiting.get()).decode())

    async def _lag(self) -> None:
        await self._too_slow.wait()
