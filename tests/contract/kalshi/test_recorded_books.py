"""The recorded order-book stream through a whole session: nothing lost, every book as plain arithmetic has it."""

from __future__ import annotations

import json
from collections import defaultdict
from fractions import Fraction

from relayer.domain.clock import Clock
from relayer.domain.markets import MarketId, Venue
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.venue_time import VenueTime
from tests.fakes.kalshi_facts import facts
from tests.fakes.listener import Book, Gap, PathRules
from tests.payloads.kalshi.frames import Frame, recorded, tickers


def plain_books(frames: list[tuple[int, Frame]]) -> dict[str, tuple[dict[int, int], dict[int, int]]]:
    """Final books from frames whose NO levels carry NO prices."""
    books: dict[str, tuple[dict[int, int], dict[int, int]]] = defaultdict(lambda: (defaultdict(int), defaultdict(int)))
    for _, frame in frames:
        msg = frame["msg"]
        if frame["type"] == "orderbook_snapshot":
            changes = [("yes", *level) for level in msg["yes_dollars_fp"]]
            changes += [("no", *level) for level in msg["no_dollars_fp"]]
        elif frame["type"] == "orderbook_delta":
            changes = [(msg["side"], msg["price_dollars"], msg["delta_fp"])]
        else:
            continue
        bids, asks = books[msg["market_ticker"]]
        for side, price, size in changes:
            cents = Fraction(price) * 10_000
            levels, at = (bids, cents) if side == "yes" else (asks, 10_000 - cents)
            levels[int(at)] += int(Fraction(size) * 100)
    return {
        ticker: ({p: s for p, s in bids.items() if s}, {p: s for p, s in asks.items() if s})
        for ticker, (bids, asks) in books.items()
    }


def test_the_recorded_stream_leaves_the_books_that_arithmetic_gives() -> None:
    frames = recorded(yes_prices=True)
    now = [frames[0][0]]
    told = PathRules()
    markets = {ticker: WatchedMarket(MarketId(Venue.KALSHI, ticker), told) for ticker in tickers()}
    for ticker, market in markets.items():
        active = facts(ticker, open_ms=0, close_ms=now[0] * 2)
        market.learn(active, asked_ms=now[0] - 1000, answered_ms=now[0] - 1000, proven_ms=0)
    session = Session(
        markets=markets,
        clock=Clock(wall=lambda: now[0]),
        venue_time=VenueTime(),
        refresh=lambda _: None,
        reply_timeout_s=5,
    )
    session.watch(markets)
    trade = {"type": "subscribed", "id": 2, "msg": {"channel": "trade", "sid": 9}}
    session.receive(json.dumps(trade))
    for received_ms, frame in frames:
        now[0] = received_ms
        session.receive(json.dumps({**frame, "id": 3} if frame["type"] == "subscribed" else frame))
    session.tick()

    assert session.frames["repeated"] == session.frames["malformed"] == session.frames["unknown"] == 0
    assert session.frames["orderbook_delta"] == 245
    for ticker, (bids, asks) in plain_books(recorded(yes_prices=False)).items():
        assert {gap.reason for gap in told[ticker].lines if isinstance(gap, Gap)} == {"start"}
        last = [line for line in told[ticker].lines if isinstance(line, Book)][-1]
        assert (dict(last.bids), dict(last.asks)) == (bids, asks), ticker
    assert len(markets) == 12
