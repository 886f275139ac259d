"""The subscriptions of one connection: their sequences, how far each is proven, and the commands that keep them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from relayer.sources.kalshi import wire

Command = dict[str, Any]

BOOK, TRADE, LIFECYCLE, TICKER = "orderbook_delta", "trade", "market_lifecycle_v2", "ticker"

TICKERS_A_COMMAND = 500

VENUE_LAG_MS = 1_000
"""How much later than its time a frame may be sent, over all markets: recorded frames took 166 to 201 ms in all."""


@dataclass(slots=True, eq=False)
class Awaited:
    """An answer. sent_ms, sent_s: when it was asked for, by the venue's clock at the least and by wall time.

    newest_ms: the newest time heard on the connection by then.
    """

    sent_ms: int
    sent_s: float
    newest_ms: int

    def overdue(self, newest_ms: int, wall: float, *, timeout_s: float) -> bool:
        """It stays out, and not only because frames from before the asking still fill the connection."""
        if wall - self.sent_s <= timeout_s:
            return False
        behind = self.newest_ms < newest_ms < self.sent_ms
        if behind:
            self.newest_ms, self.sent_s = newest_ms, wall
        return not behind


@dataclass(slots=True, eq=False)
class Question(Awaited):
    """A command whose answer, coming in sequence, proves completeness up to its sending.

    next_seq: of its subscription as it was sent. heard: what the whole connection had heard by then.
    """

    id: int
    next_seq: int | None
    heard: Mapping[int, int | None]


@dataclass(slots=True, eq=False)
class Subscription:
    """One sequence.

    newest_ms: the newest time in it, of a frame or of a question that was answered. anew: it replaces one that fell
    silent or died.
    """

    channel: str
    sid: int
    next_seq: int | None
    anew: bool
    heard_ms: int
    newest_ms: int = 0
    heard_seq: int | None = None
    ask_from_s: float = 0.0
    question: Question | None = None

    @property
    def proven_ms(self) -> int:
        """Everything before it has been heard."""
        return self.newest_ms - VENUE_LAG_MS


@dataclass(slots=True, eq=False)
class Request(Awaited):
    """A subscription asked for."""

    channel: str
    tickers: list[str]
    anew: bool


class Subscriptions:
    """Those asked for and those open, and the markets that they are to have.

    outbox: commands to send, in order. asked_s: snapshots under way, by ticker. additions: commands that add markets,
    not answered yet, with their channels. with_ticker: ticker frames are wanted. now_ms: the least that the venue's
    clock can show now.
    """

    def __init__(self, *, with_ticker: bool, now_ms: Callable[[], int], wall_s: Callable[[], float]) -> None:
        self.outbox: list[Command] = []
        self.tickers: dict[str, None] = {}
        self.requests: dict[int, Request] = {}
        self.by_sid: dict[int, Subscription] = {}
        self.by_channel: dict[str, Subscription] = {}
        self.asked_s: dict[str, float] = {}
        self.additions: dict[int, str] = {}
        self._with_ticker = with_ticker
        self._now_ms = now_ms
        self._wall_s = wall_s
        self._ids = itertools.count(1)

    def watch(self, tickers: Iterable[str]) -> None:
        """Have (more) markets. Books are subscribed after trades, since their snapshots end gaps of both."""
        new = [ticker for ticker in tickers if ticker not in self.tickers]
        first = bool(new) and not self.tickers
        self.tickers |= dict.fromkeys(new)
        if first:
            self._subscribe(LIFECYCLE)
            self._subscribe(TRADE)
            return
        for channel in (TRADE, BOOK, TICKER):
            if channel in self.by_channel:
                self._add_markets(self.by_channel[channel], new)

    def opened(self, frame: wire.Subscribed, *, heard_ms: int) -> Subscription | None:
        """The venue opened what was asked for; None for what was not."""
        channel, sid = frame.msg.channel, frame.msg.sid
        request = self.requests.pop(frame.id, None)
        if request is None:
            return None
        next_seq = None if sid in self.by_sid else 1
        opened = self.by_sid[sid] = self.by_channel[channel] = Subscription(
            channel, sid, next_seq, request.anew, heard_ms
        )
        if channel == BOOK:
            self.asked_s = dict.fromkeys(request.tickers, self._wall_s())
        self._go_on(after=channel)
        if channel != LIFECYCLE:
            self._add_markets(opened, [ticker for ticker in self.tickers if ticker not in request.tickers])
        return opened

    def renew(self, subscription: Subscription, *, dead: bool) -> None:
        """Subscribe anew; one that is not known to be dead is given up first."""
        if not dead:
            self._send("unsubscribe", {"sids": [subscription.sid]})
        del self.by_sid[subscription.sid], self.by_channel[subscription.channel]
        self.additions = {number: of for number, of in self.additions.items() if of != subscription.channel}
        self._subscribe(subscription.channel, anew=True)

    def ask(self, subscription: Subscription, action: str, tickers: list[str]) -> None:
        """Send a command whose answer is awaited."""
        number = self._update(subscription, action, tickers)
        subscription.question = Question(
            self._now_ms(), self._wall_s(), self.newest_ms(), number, subscription.next_seq, self.heard()
        )

    def newest_ms(self) -> int:
        """The newest time heard on any of them."""
        return max((subscription.newest_ms for subscription in self.by_sid.values()), default=0)

    def heard(self) -> Mapping[int, int | None]:
        """Differs from what it was whenever a numbered frame has come, of whatever subscription."""
        return {sid: subscription.next_seq for sid, subscription in self.by_sid.items()}

    def _update(self, subscription: Subscription, action: str, tickers: list[str]) -> int:
        params = {"sids": [subscription.sid], "action": action, "market_tickers": tickers}
        return self._send("update_subscription", params)

    def _go_on(self, *, after: str) -> None:
        following = {TRADE: BOOK, BOOK: TICKER if self._with_ticker else None}.get(after)
        if following is not None and not self._has(following):
            self._subscribe(following)

    def _has(self, channel: str) -> bool:
        asked = any(request.channel == channel for request in self.requests.values())
        return asked or channel in self.by_channel

    def _subscribe(self, channel: str, *, anew: bool = False) -> None:
        params: dict[str, Any] = {"channels": [channel]}
        tickers = [] if channel == LIFECYCLE else list(self.tickers)[:TICKERS_A_COMMAND]
        if tickers:
            params |= {"market_tickers": tickers, "skip_ticker_ack": True}
        if channel == BOOK:
            params["use_yes_price"] = True
        number = self._send("subscribe", params)
        self.requests[number] = Request(self._now_ms(), self._wall_s(), self.newest_ms(), channel, tickers, anew)

    def _add_markets(self, subscription: Subscription, tickers: list[str]) -> None:
        for start in range(0, len(tickers), TICKERS_A_COMMAND):
            number = self._update(subscription, "add_markets", tickers[start : start + TICKERS_A_COMMAND])
            self.additions[number] = subscription.channel
        if subscription.channel == BOOK:
            self.asked_s |= dict.fromkeys(tickers, self._wall_s())

    def _send(self, command: str, params: dict[str, Any]) -> int:
        number = next(self._ids)
        self.outbox.append({"id": number, "cmd": command, "params": params})
        return number
