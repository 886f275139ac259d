"""One WebSocket connection: commands in, replies and subscribed frames out, in Kalshi's order and numbering.

A connection has one subscription (`sid`) per channel. `seq` counts per `sid`, over all its markets, replies included;
`ticker` frames have none. The first subscribe to a channel is answered by `subscribed`, each later one by `ok`
(recorded; measured by users on the demo exchange).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from relayer.domain.units import Millis
from relayer.sandbox.commands import ERRORS, Command, Params, RefusedError, read_command
from relayer.sandbox.faults.frames import Sent
from relayer.sandbox.faults.kit import LinkFaults
from relayer.sandbox.faults.links import LinkAction
from relayer.sandbox.frames import VenueFrame
from relayer.sandbox.outbox import Outbox
from relayer.sandbox.player import Player
from relayer.sandbox.state import VenueState

PING_EVERY_S = 10.0
MAX_WAITING = 50_000
"""Frames that may wait for a slow reader before its subscription ends with code 25."""

THROTTLED = (0.05, 100)
"""Seconds a frame, and frames that may wait, on a connection whose reader is slow."""
FORGET_FROZEN_S = 300.0
"""How long a half-open connection, which cannot notice its client leaving, is kept."""


@dataclass(slots=True)
class Subscription:
    """One channel of one connection; `everything` is what trade, ticker and lifecycle give when no market is named."""

    sid: int
    channel: str
    yes_prices: bool
    everything: bool
    tickers: set[str] = field(default_factory=set)
    seq: int = 0

    def wants(self, ticker: str | None) -> bool:
        return self.everything or ticker in self.tickers


class Session:
    """Everything between the accepted handshake and the closed socket.

    transport: of the socket, for what only a broken network does.
    """

    def __init__(
        self,
        ws: web.WebSocketResponse,
        state: VenueState,
        player: Player,
        faults: LinkFaults,
        transport: asyncio.Transport,
    ) -> None:
        self._ws, self._state, self._player, self._faults, self._transport = ws, state, player, faults, transport
        self._subscriptions: dict[str, Subscription] = {}
        self._last_sid = 0
        self._outbox = Outbox(ws, transport)
        self._max_waiting = MAX_WAITING
        self._frozen = False

    async def run(self) -> None:
        """Serve until either side closes."""
        helpers = [asyncio.create_task(self._outbox.run()), asyncio.create_task(self._ping())]
        try:
            async for message in self._ws:
                if message.type is WSMsgType.TEXT and not self._outbox.muted:
                    self._obey(message.data)
        finally:
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def hang_up(self) -> None:
        """Close, whatever state the connection is in."""
        if self._frozen:
            self._transport.abort()
        else:
            await self._ws.close(code=WSCloseCode.GOING_AWAY, message=b"sandbox stops")

    def wants(self, channel: str, ticker: str | None) -> bool:
        subscription = self._subscriptions.get(channel)
        return subscription is not None and subscription.wants(ticker)

    def deliver(self, frame: VenueFrame) -> bool:
        """Queue a frame if this connection subscribed to it; says whether it did."""
        subscription = self._subscriptions.get(frame.channel)
        if subscription is None or not subscription.wants(frame.ticker):
            return False
        if len(self._outbox) >= self._max_waiting:
            self._drop(subscription, 25)
            return False
        self._tell(frame.kind, subscription, frame.shown(subscription.yes_prices))
        action = self._faults.action()
        if action is not None:
            self._suffer(action, subscription)
        return True

    def _suffer(self, action: LinkAction, subscription: Subscription) -> None:
        match action:
            case LinkAction.SILENCE:
                self._fall_silent()
            case LinkAction.FREEZE:
                self._fall_silent()
                self._frozen = True
                self._transport.pause_reading()
                asyncio.get_running_loop().call_later(FORGET_FROZEN_S, self._transport.abort)
            case LinkAction.ABORT:
                self._transport.abort()
            case LinkAction.CLOSE:
                self._outbox.close()
            case LinkAction.OVERFLOW:
                self._drop(subscription, 25)
            case LinkAction.CHANNEL_ERROR:
                self._drop(subscription, 10)
            case LinkAction.RENEW:
                self._renew(subscription)
            case LinkAction.THROTTLE:
                self._outbox.pace_s, self._max_waiting = THROTTLED

    def _fall_silent(self) -> None:
        self._outbox.mute()
        self._subscriptions.clear()

    def _drop(self, subscription: Subscription, code: int) -> None:
        del self._subscriptions[subscription.channel]
        self._send("error", subscription, msg=_error(code))

    def _renew(self, old: Subscription) -> None:
        self._last_sid += 1
        new = replace(old, sid=self._last_sid, seq=0)
        self._subscriptions[new.channel] = new
        self._send("subscribed", msg=msgspec.json.encode({"channel": new.channel, "sid": new.sid}))
        self._show(new, sorted(new.tickers), Params(), self._player.now_ms())

    async def _ping(self) -> None:
        while not self._ws.closed:
            await asyncio.sleep(PING_EVERY_S)
            try:
                if not self._outbox.muted:
                    await self._ws.ping(b"heartbeat")
            except ConnectionError:
                return

    def _tell(
        self,
        kind: str,
        subscription: Subscription,
        msg: bytes,
        *,
        command_id: int = 0,
        at_ms: Millis | None = None,
    ) -> None:
        """Send market data, or what faults make of it."""
        for made, text in self._faults.content(kind, msg):
            self._send(made, subscription, command_id=command_id, msg=text, at_ms=at_ms)

    def _send(
        self,
        kind: str,
        subscription: Subscription | None = None,
        *,
        command_id: int = 0,
        msg: bytes = b"",
        at_ms: Millis | None = None,
    ) -> None:
        """Queue one frame; with a subscription it is numbered, `ticker` excepted."""
        seq: int | None = None
        head = f'{{"type":"{kind}"'
        if command_id:
            head += f',"id":{command_id}'
        if subscription is not None:
            head += f',"sid":{subscription.sid}'
            if subscription.channel != "ticker":
                seq = subscription.seq = subscription.seq + 1
                head += f',"seq":{seq}'
        head += f',"sending_ts_ms":{self._player.now_ms() if at_ms is None else at_ms}'
        text = b'%b,"msg":%b}' % (head.encode(), msg) if msg else head.encode() + b"}"
        self._outbox.put(self._faults.transport(Sent(text, seq)))

    def _obey(self, text: str) -> None:
        try:
            command = read_command(text)
        except RefusedError as refused:
            self._send("error", command_id=refused.command_id, msg=_error(refused.code))
            return
        try:
            self._execute(command, self._player.catch_up())
        except RefusedError as refused:
            self._send("error", command_id=command.id, msg=_error(refused.code))

    def _execute(self, command: Command, now: Millis) -> None:
        match command.cmd:
            case "subscribe":
                self._subscribe(command.id, command.needed_params(), now)
            case "update_subscription":
                self._update(command.id, command.needed_params(), now)
            case "unsubscribe":
                self._unsubscribe(command.id, command.needed_params())
            case "list_subscriptions":
                listed = [{"channel": known.channel, "sid": known.sid} for known in self._subscriptions.values()]
                self._send("ok", command_id=command.id, msg=msgspec.json.encode(listed))
            case _:
                raise RefusedError(5)

    def _subscribe(self, command_id: int, params: Params, now: Millis) -> None:
        channels = params.named_channels()
        tickers = params.needed_tickers() if "orderbook_delta" in channels else params.tickers()
        for channel in channels:
            known = self._subscriptions.get(channel)
            if known is None:
                self._open(command_id, channel, tickers, params, now)
            else:
                self._widen(command_id, known, tickers, params, now)

    def _open(self, command_id: int, channel: str, tickers: list[str], params: Params, now: Millis) -> None:
        self._last_sid += 1
        everything = channel == "market_lifecycle_v2" or not tickers
        opened = Subscription(self._last_sid, channel, bool(params.use_yes_price), everything, set(tickers))
        self._subscriptions[channel] = opened
        told = msgspec.json.encode({"channel": channel, "sid": opened.sid})
        self._send("subscribed", command_id=command_id, msg=told)
        self._show(opened, tickers, params, now)

    def _widen(self, command_id: int, known: Subscription, tickers: list[str], params: Params, now: Millis) -> None:
        if params.use_yes_price is not None and params.use_yes_price != known.yes_prices:
            raise RefusedError(11)
        new = [ticker for ticker in tickers if ticker not in known.tickers]
        known.tickers.update(new)
        self._acknowledge(command_id, known, params)
        self._show(known, new, params, now)

    def _acknowledge(self, command_id: int, known: Subscription, params: Params) -> None:
        listed = {} if params.skip_ticker_ack else {"market_tickers": sorted(known.tickers)}
        self._send("ok", known, command_id=command_id, msg=msgspec.json.encode(listed))

    def _show(self, subscription: Subscription, tickers: list[str], params: Params, now: Millis) -> None:
        """The first state of newly subscribed markets; of markets the venue does not list, nothing."""
        for ticker in tickers:
            if ticker not in self._state.markets:
                continue
            if subscription.channel == "orderbook_delta":
                self._snapshot(subscription, ticker, now)
            elif subscription.channel == "ticker" and params.send_initial_snapshot:
                self._tell("ticker", subscription, self._state.ticker_msg(ticker, now), at_ms=now)

    def _snapshot(self, subscription: Subscription, ticker: str, now: Millis, command_id: int = 0) -> None:
        msg = self._state.snapshot_msg(ticker, yes_prices=subscription.yes_prices)
        self._tell("orderbook_snapshot", subscription, msg, command_id=command_id, at_ms=now)

    def _update(self, command_id: int, params: Params, now: Millis) -> None:
        known = self._by_sid(params.one_sid())
        action = params.known_action()
        tickers = params.needed_tickers()
        if action == "add_markets":
            self._widen(command_id, known, tickers, params, now)
        elif action == "delete_markets":
            known.tickers.difference_update(tickers)
            self._acknowledge(command_id, known, params)
        elif known.channel != "orderbook_delta":
            raise RefusedError(13)
        else:
            for ticker in tickers:
                self._snapshot(known, ticker, now, command_id)

    def _unsubscribe(self, command_id: int, params: Params) -> None:
        if not params.sids:
            raise RefusedError(4)
        for sid in params.sids:
            known = self._by_sid(sid)
            del self._subscriptions[known.channel]
            self._send("unsubscribed", known, command_id=command_id)

    def _by_sid(self, sid: int) -> Subscription:
        for known in self._subscriptions.values():
            if known.sid == sid:
                return known
        raise RefusedError(7)


def _error(code: int) -> bytes:
    told: dict[str, Any] = {"code": code, "msg": ERRORS[code]}
    return msgspec.json.encode(told)
