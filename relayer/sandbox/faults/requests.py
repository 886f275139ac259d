"""Faults of REST requests and of handshakes: answers instead of, or made of, the real one."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from relayer.sandbox.faults.dice import Dice

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RequestFault(ABC):
    """Wraps the handling of one request."""

    handshakes = False
    """Whether it concerns WebSocket handshakes; otherwise REST."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice

    @abstractmethod
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer to this request; `handler` has the real one."""


class Stroke(RequestFault):
    """Befalls a request when the dice say so, whatever came before it."""

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self.dice.strikes():
            return await handler(request)
        return await self.strike(request, handler)

    @abstractmethod
    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer to a request that is struck."""


def _json(body: object, status: int) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


class Unauthorized(Stroke):
    """REST answers 401 as if the signature were wrong"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return _json({"error": {"code": "authentication_error", "message": "authentication_error"}}, 401)


class TooMany(Stroke):
    """REST answers 429, without Retry-After"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return _json({"error": "too many requests"}, 429)


class ServerError(Stroke):
    """REST answers 500 with the page of a proxy"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(
            text="<html><body>Internal Server Error</body></html>", status=500, content_type="text/html"
        )


class ServerErrorValidBody(Stroke):
    """REST answers 500, 503 or 504 with the body of a good answer"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        answer.set_status(self.dice.random.choice([500, 503, 504]))
        return answer


class TruncatedBody(Stroke):
    """REST bodies end in the middle of their JSON"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            answer.body = answer.body[: int(self.dice.random.random() * len(answer.body))]
        return answer


class EmptyBody(Stroke):
    """REST answers 200 with nothing in it"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return web.Response(status=200, content_type="application/json")


class SlowRest(Stroke):
    """REST answers come one to fifteen seconds late"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await asyncio.sleep(self.dice.seconds(1.0, 15.0))
        return await handler(request)


class StaleRest(RequestFault):
    """a lie: REST repeats its last answer to the same question instead of the present one"""

    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self._last: dict[str, bytes] = {}

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.rel_url.raw_path_qs
        if path in self._last and self.dice.strikes():
            return web.Response(body=self._last[path], content_type="application/json")
        answer = await handler(request)
        if answer.status == 200 and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            self._last[path] = answer.body
        return answer


class CursorLoop(Stroke):
    """the last page names itself as the next one, for ever"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            answer.body = answer.body.replace(b'"cursor":""', b'"cursor":"bG9vcA=="')
        return answer


class MissingMarket(Stroke):
    """markets that exist answer 404, as new ones do for a while"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if "/markets/" not in request.path:
            return await handler(request)
        return _json({"error": {"code": "not_found", "message": "not found"}}, 404)


class ConnectionReset(Stroke):
    """REST connections are reset before an answer"""

    async def strike(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        return _reset(request)


class HandshakeUnauthorized(Unauthorized):
    """the WebSocket handshake answers 401"""

    handshakes = True


class HandshakeTooMany(TooMany):
    """the WebSocket handshake answers 429, as above the connection cap"""

    handshakes = True


class HandshakeReset(ConnectionReset):
    """the WebSocket handshake is reset"""

    handshakes = True


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
