"""Read-only HTTP: `/metrics` for Prometheus, `/livez` and `/readyz` for whoever restarts and routes, `/v1/` for people.

`/v1/feeds` and `/v1/markets` show what `relayer feeds` and `relayer explain` print, `/v1/markets/ADDRESS` one market.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from relayer.api.settings import ApiSettings
from relayer.domain.errors import FatalError

Handler = Callable[[web.Request], Awaitable[web.Response]]
Checks = Callable[[], Mapping[str, str | None]]
"""Names of what must be well, each with None or the trouble in words."""
Views = Mapping[str, Callable[[], object]]
"""Names of what `/v1/` shows, each with a function that gives it as JSON would."""
Details = Mapping[str, Callable[[str], Awaitable[object | None]]]
"""The same of one thing by its name, `/v1/markets/NAME`; None where there is no such thing."""


@asynccontextmanager
async def serve(
    settings: ApiSettings,
    *,
    registry: CollectorRegistry,
    checks: Checks,
    views: Views | None = None,
    details: Details | None = None,
) -> AsyncIterator[str]:
    """Listen until the context ends; gives the base URL. Raises FatalError where the address cannot be had."""
    app = web.Application()
    app.router.add_get("/metrics", _metrics(registry))
    app.router.add_get("/livez", _live)
    app.router.add_get("/readyz", _ready(checks))
    for name, view in (views or {}).items():
        app.router.add_get(f"/v1/{name}", _view(view))
    for name, detail in (details or {}).items():
        app.router.add_get(f"/v1/{name}/{{name}}", _detail(detail))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise FatalError(
                f"The API cannot listen on {settings.host}:{settings.port} ({error.strerror}): "
                "set [api] port to a free one, or 0 for any."
            ) from error
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _metrics(registry: CollectorRegistry) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return handler


async def _live(request: web.Request) -> web.Response:
    """Answering at all shows that the event loop turns; a task that ended would have ended the process."""
    return web.json_response({"live": True})


def _ready(checks: Checks) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        troubles = {name: trouble for name, trouble in checks().items() if trouble}
        return web.json_response({"ready": not troubles, "reasons": troubles}, status=503 if troubles else 200)

    return handler


def _view(view: Callable[[], object]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(view())

    return handler


def _detail(detail: Callable[[str], Awaitable[object | None]]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        found = await detail(request.match_info["name"])
        return web.json_response(found, status=404 if found is None else 200)

    return handler
