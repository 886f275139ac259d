"""The simulated venue as a server on loopback: one tape, one clock, any number of clients."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from aiohttp import web

from relayer.domain.clock import Clock, wall_ms
from relayer.domain.errors import FatalError
from relayer.sandbox.auth import KEY_HEADER, PublicKey, Signatures
from relayer.sandbox.dflow import API as DFLOW_API
from relayer.sandbox.dflow import DflowApi, denies
from relayer.sandbox.dflow import refused as refused_dflow
from relayer.sandbox.dflow_stream import DflowSession, DflowStream
from relayer.sandbox.faults.dice import Dice
from relayer.sandbox.faults.kit import CONNECTION_REFUSED, TLS_FAILURE, FaultKit
from relayer.sandbox.frames import VenueFrame
from relayer.sandbox.limits import MAX_CONNECTIONS
from relayer.sandbox.player import Player
from relayer.sandbox.rest import RestApi, refused, too_many
from relayer.sandbox.session import Session
from relayer.sandbox.state import API, CHANNELS, VenueState
from relayer.sandbox.tls import self_signed_context
from relayer.tape.replay import FrameRecord, Record, ReplayTape

log = logging.getLogger(__name__)

WS_PATH = "/trade-api/ws/v2"
DFLOW_WS_PATH = f"{DFLOW_API}/ws"


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the venue answers; `rest` includes the `/trade-api/v2` prefix, `dflow_rest` that of `/api/v1`."""

    rest: str
    ws: str
    dflow_rest: str
    dflow_ws: str


class Sandbox:
    """The venue itself. Raises UsageError for a tape that is no tape or contradicts itself, on construction.

    keys: public keys by key id; requests signed by others are refused. dflow_key: what DFlow's surface asks for in
    `x-api-key`; without one it lets everybody in.
    """

    def __init__(
        self,
        *,
        tape: ReplayTape,
        clock: Clock,
        keys: Mapping[str, PublicKey],
        faults: FaultKit | None = None,
        dflow_key: str | None = None,
    ) -> None:
        self.tape, self.clock, self.faults = tape, clock, faults or FaultKit(())
        self.frames_total = self._rehearse()
        """WebSocket frames the tape holds after its start state."""
        self.frames_sent = 0
        """Tape frames sent, counted once a connection that had subscribed to them."""
        self.state = VenueState()
        self.player = Player(self._records(), clock, self.state, self._deliver, start_ms=tape.header.from_ms)
        self._signatures = Signatures(keys, wall=self._wall_ms)
        self._sessions: dict[Session, str] = {}
        self._connections = 0
        self._dflow_key = dflow_key
        self._dflow = DflowStream(self.state)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get(WS_PATH, self.faults.around(self._connect, handshakes=True))
        app.router.add_get(DFLOW_WS_PATH, self.faults.around(self._connect_dflow, handshakes=True))
        RestApi(self.state, self.player, self._signatures, self.faults).add_to(app)
        DflowApi(self.state, self.player, self.faults, self._dflow_key).add_to(app)
        app.on_response_prepare.append(self._stamp)
        app.on_shutdown.append(self._hang_up)
        return app

    def _records(self) -> Iterator[Record]:
        return self.faults.rewrite(self.tape.records())

    def _wall_ms(self) -> float:
        return wall_ms() + self.faults.skew_ms

    async def _stamp(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self._wall_ms() / 1000, usegmt=True)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        refusal = self._signatures.refusal(request.method, request.rel_url.raw_path, request.headers)
        if refusal is not None:
            return refused(refusal)
        account = request.headers[KEY_HEADER]
        if sum(other == account for other in self._sessions.values()) >= MAX_CONNECTIONS:
            return too_many()
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        self._connections += 1
        assert request.transport is not None
        links = self.faults.connection(self._connections, self.state)
        session = Session(ws, self.state, self.player, links, request.transport)
        self._sessions[session] = account
        try:
            await session.run()
        finally:
            del self._sessions[session]
        return ws

    async def _connect_dflow(self, request: web.Request) -> web.StreamResponse:
        if denies(self._dflow_key, request):
            return refused_dflow(401, "missing or invalid API key")
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        self._connections += 1
        assert request.transport is not None
        session = DflowSession(ws, self.faults.connection(self._connections, self.state), request.transport)
        self._dflow.sessions.add(session)
        try:
            await session.run()
        finally:
            self._dflow.sessions.discard(session)
        return ws

    async def _hang_up(self, _: web.Application) -> None:
        kalshi, dflow = list(self._sessions), list(self._dflow.sessions)
        await asyncio.gather(*(one.hang_up() for one in kalshi), *(one.hang_up() for one in dflow))

    def _deliver(self, record: FrameRecord) -> None:
        if not self._sessions and not self._dflow.sessions:
            return
        frame = VenueFrame(CHANNELS[record.type], record.type, record.msg)
        self.frames_sent += sum(session.deliver(frame) for session in self._sessions)
        if frame.ticker is None:
            return
        if self.state.top_moved:
            self._tick(frame.ticker, record)
        if frame.channel == "orderbook_delta":
            self._dflow.booked(frame.ticker, top_moved=self.state.top_moved)
        elif frame.channel == "trade":
            self._dflow.traded(frame.ticker)

    def _tick(self, ticker: str, record: FrameRecord) -> None:
        """A ticker frame to whoever wants it, after the top of the book or the last trade changed."""
        listeners = [session for session in self._sessions if session.wants("ticker", ticker)]
        if listeners:
            frame = VenueFrame("ticker", "ticker", self.state.ticker_msg(ticker, record.at_ms))
            for session in listeners:
                session.deliver(frame)

    def _rehearse(self) -> int:
        """Play the whole tape once without a clock, so that a wrong one fails now; returns the frames to be sent."""
        state, frames = VenueState(), 0
        for record in self._records():
            state.apply(record)
            frames += isinstance(record, FrameRecord) and record.at_ms > self.tape.header.from_ms
        return frames


@contextlib.asynccontextmanager
async def serve(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Urls]:
    """Serve and play until the block ends; port 0 takes a free one.

    Raises FatalError if the port is taken, and at the end whatever stopped the tape before its time.
    """
    runner = web.AppRunner(sandbox.app(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    playing = asyncio.create_task(sandbox.player.run(), name="sandbox player")
    tls = self_signed_context(host) if TLS_FAILURE in sandbox.faults else None
    playing.add_done_callback(_say_why)
    helpers = [playing]
    try:
        site = await _listen(runner, host, port, tls)
        bound = int(runner.addresses[0][1])
        if refusing := sandbox.faults.dice(CONNECTION_REFUSED):
            helpers.append(asyncio.create_task(_come_and_go(site, runner, host, bound, tls, refusing)))
        secure = "s" if tls else ""
        http, ws = f"http{secure}://{host}:{bound}", f"ws{secure}://{host}:{bound}"
        yield Urls(http + API, ws + WS_PATH, http + DFLOW_API, ws + DFLOW_WS_PATH)
    finally:
        for task in helpers:
            task.cancel()
        endings = await asyncio.gather(*helpers, return_exceptions=True)
        await runner.cleanup()
    for ending in endings:
        if isinstance(ending, Exception):
            raise ending


def _say_why(playing: asyncio.Task[None]) -> None:
    if not playing.cancelled() and (error := playing.exception()):
        log.error("the tape stopped playing", exc_info=error)


async def _listen(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None) -> web.TCPSite:
    site = web.TCPSite(runner, host, port, ssl_context=tls)
    try:
        await site.start()
    except OSError as error:
        raise FatalError(
            f"The sandbox cannot listen on {host}:{port} ({error.strerror}): choose another port; 0 takes a free one."
        ) from error
    return site


async def _come_and_go(
    site: web.TCPSite, runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None, dice: Dice
) -> None:
    """Each second, perhaps, stop listening for a while; open connections stay."""
    while True:
        await asyncio.sleep(1.0)
        if dice.strikes():
            await site.stop()
            await asyncio.sleep(dice.seconds(0.5, 3.0))
            site = await _listen(runner, host, port, tls)
