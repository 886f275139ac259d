"""A venue of a few books for driving a `Session` without sockets: it knows the truth at every millisecond.

It publishes each event a little after its time, as the real one does, so that snapshots lag behind the truth; order is
kept within a market only.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

Frame = dict[str, Any]
Sides = tuple[dict[int, int], dict[int, int]]


@dataclass
class Market:
    """The truth and its history; `shown` is what subscribers have been told so far."""

    history: list[tuple[int, Sides]] = field(default_factory=list)
    shown: Sides = field(default_factory=lambda: ({}, {}))

    @property
    def now(self) -> Sides:
        return self.history[-1][1]

    def at(self, ms: int) -> Sides:
        """The book in force at this instant, after all events of it."""
        return next(sides for time, sides in reversed(self.history) if time <= ms)


class FakeVenue:
    """Time is `now_ms`; call `happen` for the next event; each of `lines` is a connection with its own frames."""

    def __init__(self, rng: Random, tickers: list[str], start_ms: int, *, lines: int = 1) -> None:
        self.rng = rng
        self.now_ms = start_ms
        self.markets = {ticker: Market([(0, ({4000: 100}, {6000: 100}))]) for ticker in tickers}
        for market in self.markets.values():
            market.shown = _copied(market.now)
        self.lines = [Line(self) for _ in range(lines)]
        self.trades: dict[str, dict[str, int]] = {ticker: {} for ticker in tickers}
        self._unpublished: list[tuple[int, str, Frame]] = []

    def pass_time(self, ms: int) -> None:
        """Let time go on and publish what is due."""
        self.now_ms += ms
        while self._unpublished and self._unpublished[0][0] <= self.now_ms:
            _, ticker, msg = self._unpublished.pop(0)
            self._publish(ticker, msg)

    def happen(self) -> None:
        """One change of one book, never crossing it; sometimes a trade instead."""
        ticker = self.rng.choice(list(self.markets))
        market = self.markets[ticker]
        if self.rng.random() < 0.2:
            self._later(ticker, self._trade(ticker))
            return
        bids, asks = _copied(market.now)
        is_bid = max(bids, default=0) >= 9_900 or (min(asks, default=9_900) > 100 and self.rng.random() < 0.5)
        side = bids if is_bid else asks
        price = self._price(bids, asks, is_bid)
        size = side.get(price, 0)
        change = -size if size and self.rng.random() < 0.5 else self.rng.randint(1, 300)
        side[price] = size + change
        if not side[price]:
            del side[price]
        market.history.append((self.now_ms, (bids, asks)))
        self._later(ticker, _delta(ticker, is_bid, price, change, self.now_ms))

    def _price(self, bids: dict[int, int], asks: dict[int, int], is_bid: bool) -> int:
        if is_bid:
            return self.rng.randrange(100, min(asks, default=9_900), 100)
        return self.rng.randrange(max(bids, default=0) + 100, 10_000, 100)

    def _trade(self, ticker: str) -> Frame:
        trade_id = f"t{self.rng.getrandbits(48):x}"
        self.trades[ticker][trade_id] = self.now_ms
        return {
            "trade_id": trade_id,
            "market_ticker": ticker,
            "yes_price_dollars": "0.5000",
            "count_fp": "1.00",
            "ts_ms": self.now_ms,
        }

    def _later(self, ticker: str, msg: Frame) -> None:
        earlier = [due for due, other, _ in self._unpublished if other == ticker]
        due = max([self.now_ms + self.rng.randint(0, 900), *earlier])
        self._unpublished.append((due, ticker, msg))
        self._unpublished.sort(key=lambda waiting: waiting[0])

    def _publish(self, ticker: str, msg: Frame) -> None:
        if "trade_id" in msg:
            for line in self.lines:
                line.send("trade", "trade", msg)
            return
        side = self.markets[ticker].shown[0 if msg["side"] == "yes" else 1]
        price = _units(msg["price_dollars"])
        side[price] = side.get(price, 0) + round(float(msg["delta_fp"]) * 100)
        if not side[price]:
            del side[price]
        for line in self.lines:
            line.send("orderbook_delta", "orderbook_delta", msg)


class Line:
    """One connection: read `wire` for what the venue sends, `obey` for what it is asked."""

    def __init__(self, venue: FakeVenue) -> None:
        self._venue = venue
        self.wire: deque[str] = deque()
        self._sids: dict[str, int] = {}
        self._seqs: dict[str, int] = {}
        self._tickers: dict[str, set[str]] = {}
        self._next_sid = 1

    def hang_up(self) -> None:
        """The connection ends: subscriptions and unread frames are gone."""
        self.wire.clear()
        self._sids.clear()
        self._tickers.clear()

    def send(self, channel: str, kind: str, msg: Frame | None, command_id: int = 0) -> None:
        """Send a frame to who has subscribed to its channel and market."""
        if channel not in self._sids or (msg and msg.get("market_ticker", "") not in {*self._tickers[channel], ""}):
            return
        self._seqs[channel] += 1
        frame: Frame = {"type": kind, "sid": self._sids[channel], "seq": self._seqs[channel]}
        if command_id:
            frame["id"] = command_id
        self.wire.append(json.dumps({**frame, "sending_ts_ms": self._venue.now_ms, "msg": msg or {}}))

    def obey(self, command: Frame) -> None:
        """Answer one command of the client."""
        params = command["params"]
        match command["cmd"], params.get("action"):
            case "subscribe", _:
                self._subscribe(command["id"], params["channels"][0], params.get("market_tickers", []))
            case "unsubscribe", _:
                self._forget(params["sids"][0])
            case "update_subscription", action:
                self._update(command["id"], params["sids"][0], str(action), params["market_tickers"])

    def _subscribe(self, command_id: int, channel: str, tickers: list[str]) -> None:
        self._sids[channel], self._seqs[channel], self._tickers[channel] = self._next_sid, 0, set(tickers)
        self._next_sid += 1
        msg = {"channel": channel, "sid": self._sids[channel]}
        self.wire.append(json.dumps({"type": "subscribed", "id": command_id, "msg": msg}))
        if channel == "orderbook_delta":
            self._snapshots(tickers, 0)

    def _forget(self, sid: int) -> None:
        for channel in [channel for channel, known in self._sids.items() if known == sid]:
            del self._sids[channel], self._tickers[channel]

    def _update(self, command_id: int, sid: int, action: str, tickers: list[str]) -> None:
        channel = next((channel for channel, known in self._sids.items() if known == sid), None)
        if channel is None:
            msg = {"code": 7, "msg": "Unknown subscription ID"}
            self.wire.append(json.dumps({"type": "error", "id": command_id, "msg": msg}))
        elif action == "get_snapshot":
            self._snapshots(tickers, command_id)
        else:
            self._tickers[channel] |= set(tickers)
            self.send(channel, "ok", None, command_id)

    def _snapshots(self, tickers: list[str], command_id: int) -> None:
        for ticker in tickers:
            bids, asks = self._venue.markets[ticker].shown
            msg: Frame = {"market_ticker": ticker}
            if bids:
                msg["yes_dollars_fp"] = _levels(bids)
            if asks:
                msg["no_dollars_fp"] = _levels(asks)
            self.send("orderbook_delta", "orderbook_snapshot", msg, command_id)


def _copied(sides: Sides) -> Sides:
    return dict(sides[0]), dict(sides[1])


def _levels(side: dict[int, int]) -> list[list[str]]:
    return [[f"{price / 10_000:.4f}", f"{size / 100:.2f}"] for price, size in side.items()]


def _units(price: str) -> int:
    return round(float(price) * 10_000)


def _delta(ticker: str, is_bid: bool, price: int, change: int, at_ms: int) -> Frame:
    return {
        "market_ticker": ticker,
        "price_dollars": f"{price / 10_000:.4f}",
        "delta_fp": f"{change / 100:.2f}",
        "side": "yes" if is_bid else "no",
        "ts_ms": at_ms,
    }
