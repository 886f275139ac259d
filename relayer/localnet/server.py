"""The two listeners of a cluster: JSON-RPC over HTTP, and PubSub over WebSocket on the next port."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from relayer.domain.errors import FatalError
from relayer.localnet import methods, rpc
from relayer.localnet.bank import Localnet
from relayer.localnet.pubsub import Subscriptions

_MAX_BODY = 50 * 1024
_MAX_FRAME = 4 * 1024
_QUEUE = 10_000
"""Frames a slow subscriber may lag behind before its connection is closed."""
_PORT_TRIES = 50


@dataclass(frozen=True)
class Urls:
    rpc: str
    ws: str


@asynccontextmanager
async def serve(localnet: Localnet, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Urls]:
    """Serve the cluster and produce a slot each `slot_ms` until the block is left.

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
        stack.push_async_callback(_cancel, slots)
        yield Urls(f"http://{host}:{http.getsockname()[1]}", f"ws://{host}:{ws.getsockname()[1]}")


def _bind_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    if port:
        return _bind(host, port), _bind(host, port + 1)
    for _ in range(_PORT_TRIES):
        http = _bind(host, 0)
        try:
            return http, _bind(host, http.getsockname()[1] + 1)
        except FatalError:
            http.close()
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


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _produce_slots(localnet: Localnet) -> None:
    """One slot a slot time, on wall time; slots missed while the process was held up are not made up for."""
    while True:
        await asyncio.sleep(localnet.slot_ms / 1000)
        localnet.advance()


def _http(localnet: Localnet) -> web.Application:
    def call(name: str, params: Any) -> Any:
        return methods.call(localnet, name, params)

    async def post(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(
                status=415, text="Supplied content type is not allowed. Content-Type: application/json is required\n"
            )
        return web.Response(body=rpc.answer(await request.read(), call), content_type="application/json")

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    application = web.Application(client_max_size=_MAX_BODY)
    application.router.add_post("/", post)
    application.router.add_get("/health", health)
    return application


def _websocket(localnet: Localnet) -> web.Application:
    numbers = itertools.count()

    async def connect(request: web.Request) -> web.WebSocketResponse:
        socket_ = web.WebSocketResponse(max_msg_size=_MAX_FRAME)
        await socket_.prepare(request)
        async with asyncio.TaskGroup() as tasks:
            await _converse(localnet, socket_, lambda: next(numbers), tasks)
        return socket_

    application = web.Application()
    application.router.add_get("/", connect)
    return application


async def _converse(localnet: Localnet, socket_: web.WebSocketResponse, new_id: Any, tasks: asyncio.TaskGroup) -> None:
    frames: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
    subscriptions = Subscriptions(localnet, frames.put_nowait, new_id)
    localnet.watchers.append(subscriptions.block_closed)
    writer = tasks.create_task(_write(socket_, frames))
    try:
        async for message in socket_:
            if message.type is WSMsgType.TEXT and (reply := rpc.answer(message.data, subscriptions.call)):
                frames.put_nowait(reply)
    finally:
        localnet.watchers.remove(subscriptions.block_closed)
        writer.cancel()


async def _write(socket_: web.WebSocketResponse, frames: asyncio.Queue[bytes]) -> None:
    while True:
        await socket_.send_str((await frames.get()).decode())
