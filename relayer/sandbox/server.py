"""The simulated venue as a server on loopback: one tape, one clock, any number of clients."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aiohttp import WSCloseCode, web

from relayer.domain.clock import Clock
from relayer.domain.errors import FatalError
from relayer.sandbox.auth import PublicKey, Signatures
from relayer.sandbox.frames import VenueFrame
from relayer.sandbox.player import Player
from relayer.sandbox.rest import RestApi, refused
from relayer.sandbox.session import Session
from relayer.sandbox.state import API, CHANNELS, VenueState
from relayer.tape.replay import FrameRecord, ReplayTape

WS_PATH = "/trade-api/ws/v2"


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the venue answers; `rest` includes the `/trade-api/v2` prefix."""

    rest: str
    ws: str


class Sandbox:
    """The venue itself. Raises UsageError for a tape that is no tape or contradicts itself, on construction.

    keys: public keys by key id; requests signed by others are refused.
    """

    def __init__(self, *, tape: ReplayTape, clock: Clock, keys: Mapping[str, PublicKey]) -> None:
        self.tape, self.clock = tape, clock
        self.frames_total = _rehearse(tape)
        """WebSocket frames the tape holds after its start state."""
        self.frames_sent = 0
        """Tape frames sent, counted once a connection that had subscribed to them."""
        self.state = VenueState()
        self.player = Player(tape, clock, self.state, self._deliver)
        self._signatures = Signatures(keys)
        self._sessions: set[Session] = set()
        self._sockets: set[web.WebSocketResponse] = set()

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get(WS_PATH, self._connect)
        RestApi(self.state, self.player, self._signatures).add_to(app)
        app.on_shutdown.append(self._hang_up)
        return app

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        refusal = self._signatures.refusal(request.method, request.rel_url.raw_path, request.headers)
        if refusal is not None:
            return refused(refusal)
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        session = Session(ws, self.state, self.player)
        self._sessions.add(session)
        self._sockets.add(ws)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            self._sockets.discard(ws)
        return ws

    async def _hang_up(self, _: web.Application) -> None:
        for ws in list(self._sockets):
            await ws.close(code=WSCloseCode.GOING_AWAY, message=b"sandbox stops")

    def _deliver(self, record: FrameRecord) -> None:
        if not self._sessions:
            return
        frame = VenueFrame(CHANNELS[record.type], record.type, record.msg)
        self.frames_sent += sum(session.deliver(frame) for session in self._sessions)
        if self.state.top_moved and frame.ticker is not None:
            self._tick(frame.ticker, record)

    def _tick(self, ticker: str, record: FrameRecord) -> None:
        """A ticker frame to whoever wants it, after the top of the book or the last trade changed."""
        listeners = [session for session in self._sessions if session.wants("ticker", ticker)]
        if listeners:
            frame = VenueFrame("ticker", "ticker", self.state.ticker_msg(ticker, record.at_ms))
            for session in listeners:
                session.deliver(frame)


def _rehearse(tape: ReplayTape) -> int:
    """Play the whole tape once without a clock, so that a wrong one fails now; returns the frames to be sent."""
    state, frames = VenueState(), 0
    for record in tape.records():
        state.apply(record)
        frames += isinstance(record, FrameRecord) and record.at_ms > tape.header.from_ms
    return frames


@contextlib.asynccontextmanager
async def serve(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Urls]:
    """Serve and play until the block ends; port 0 takes a free one. Raises FatalError if the port is taken."""
    runner = web.AppRunner(sandbox.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    playing = asyncio.create_task(sandbox.player.run(), name="sandbox player")
    try:
        site = web.TCPSite(runner, host, port)
        await _start(site, host, port)
        bound = runner.addresses[0][1]
        yield Urls(rest=f"http://{host}:{bound}{API}", ws=f"ws://{host}:{bound}{WS_PATH}")
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        await runner.cleanup()


async def _start(site: web.TCPSite, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        raise FatalError(
            f"The sandbox cannot listen on {host}:{port} ({error.strerror}): choose another port; 0 takes a free one."
        ) from error
