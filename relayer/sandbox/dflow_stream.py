"""DFlow's metadata WebSocket: prices, trades and order books without time, sequence, acknowledgement or snapshot."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from aiohttp import WSMsgType, web

from relayer.domain.units import millis_from_rfc3339
from relayer.sandbox.dflow import book_levels, quotes, trade_prices
from relayer.sandbox.faults.frames import Sent
from relayer.sandbox.faults.kit import LinkFaults
from relayer.sandbox.outbox import Outbox
from relayer.sandbox.state import Json, VenueState

Channel = Literal["prices", "trades", "orderbook"]


class Command(msgspec.Struct):
    type: Literal["subscribe", "unsubscribe"]
    channel: Channel
    tickers: list[str] = []
    all: bool = False


_COMMAND = msgspec.json.Decoder(Command)


@dataclass(slots=True)
class Wanted:
    """One channel's subscription: `everything` and single tickers exclude each other."""

    everything: bool = False
    tickers: set[str] = field(default_factory=set)

    def obey(self, command: Command) -> None:
        if command.type == "subscribe":
            self.everything = command.all
            self.tickers = set() if command.all else self.tickers | set(command.tickers)
        elif command.all:
            self.everything, self.tickers = False, set()
        else:
            self.tickers -= set(command.tickers)  # nothing to do while all is on


class DflowSession:
    """One connection. What it cannot read it ignores: no error frames are documented."""

    def __init__(self, ws: web.WebSocketResponse, faults: LinkFaults, transport: asyncio.Transport) -> None:
        self._ws, self._faults = ws, faults
        self._outbox = Outbox(ws, transport)
        self._wanted: dict[Channel, Wanted] = {"prices": Wanted(), "trades": Wanted(), "orderbook": Wanted()}

    async def run(self) -> None:
        """Serve until either side closes."""
        writing = asyncio.create_task(self._outbox.run())
        try:
            async for message in self._ws:
                if message.type is WSMsgType.TEXT:
                    with contextlib.suppress(msgspec.DecodeError):
                        command = _COMMAND.decode(message.data)
                        self._wanted[command.channel].obey(command)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def hang_up(self) -> None:
        await self._ws.close(code=1001)

    def wants(self, channel: Channel, ticker: str) -> bool:
        wanted = self._wanted[channel]
        return wanted.everything or ticker in wanted.tickers

    def send(self, text: bytes) -> None:
        self._outbox.put(self._faults.transport(Sent(text, None)))


class DflowStream:
    """All connections, and what of a change each of them is sent."""

    def __init__(self, state: VenueState) -> None:
        self.sessions: set[DflowSession] = set()
        self._state = state

    def booked(self, ticker: str, *, top_moved: bool) -> None:
        """The market's book changed."""
        if top_moved:
            self._send("prices", ticker, lambda: {"type": "ticker", **quotes(self._state, ticker)})
        self._send("orderbook", ticker, lambda: {"type": "orderbook", **book_levels(self._state, ticker)})

    def traded(self, ticker: str) -> None:
        """The market's newest trade is to be told."""
        trade = self._state.trades[-1]
        told = {
            "type": "trade",
            "trade_id": trade["trade_id"],
            "count": int(float(trade["count_fp"])),
            **trade_prices(trade),
            "taker_side": trade.get("taker_outcome_side", ""),
            "created_time": millis_from_rfc3339(trade["created_time"]),
        }
        self._send("trades", ticker, lambda: told)

    def _send(self, channel: Channel, ticker: str, fields: Callable[[], Json]) -> None:
        listeners = [session for session in self.sessions if session.wants(channel, ticker)]
        if listeners:
            text = msgspec.json.encode({"channel": channel, "market_ticker": ticker, **fields()})
            for session in listeners:
                session.send(text)
