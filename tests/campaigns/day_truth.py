"""What is on tape of a day, held against what the venue was: every claim of the path, at every change of either."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from relayer.conditions.events import Candle, Ladder
from relayer.conditions.path import read_path
from relayer.conditions.reference.market import Market, inside
from relayer.conditions.reference.window import Piece, pieces
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId
from relayer.sandbox.faults.kit import FaultKit
from relayer.sandbox.faults.venue import market_of
from relayer.sandbox.state import VenueState
from relayer.tape.export import export_paths
from relayer.tape.replay import FrameRecord, ReplayTape
from tests.integration.sources.truth import truth_of

Sides = tuple[object, object]
UNNOTICED = "trading although the venue had halted or closed it"
"""Until REST says so, where the frame that said it was lost; and the stretches in which a status is uncertain."""


@dataclass
class Shares:
    """Milliseconds of all markets by what the path knows of them, and every claim that is false."""

    spent: Counter[str] = field(default_factory=Counter)
    trades: Counter[str] = field(default_factory=Counter)
    false: list[str] = field(default_factory=list)

    def percent(self, share: str) -> float:
        return 100 * self.spent[share] / max(sum(self.spent.values()), 1)


@dataclass(frozen=True)
class Truth:
    """One market: when its book changed, and the bids and asks from there on; its trades."""

    times: list[int]
    books: list[Sides]
    trades: dict[str, int]
    minutes: list[int]
    """Starts of those that the venue has a candle of."""
    active: list[tuple[int, bool]]
    """From when on its status is active, and from when on it is not."""

    def halted(self, from_ms: int, to_ms: int) -> bool:
        """Whether its status is another than active at an instant of `[from_ms, to_ms)`."""
        since = bisect_right(self.active, from_ms, key=lambda change: change[0]) - 1
        return any(not active for at_ms, active in self.active[max(since, 0) :] if at_ms < to_ms)

    def shown(self, from_ms: int, to_ms: int) -> bool:
        """Whether the venue has a candle that overlaps `[from_ms, to_ms)`."""
        return any(from_ms < minute + 60_000 and minute < to_ms for minute in self.minutes)

    def within(self, from_ms: int, to_ms: int) -> Iterator[Sides]:
        """Every book that stood at an instant of `[from_ms, to_ms)`."""
        yield from self.books[bisect_right(self.times, from_ms) - 1 : bisect_left(self.times, to_ms)]


def truths(kit: FaultKit, tape: ReplayTape, from_ms: int, to_ms: int) -> dict[str, Truth]:
    """Of each market, by the sandbox's own state."""
    traded: dict[str, dict[str, int]] = {}
    active: dict[str, list[tuple[int, bool]]] = {}
    state = VenueState()
    for record in kit.rewrite(tape.records()):
        state.apply(record)
        if (market := market_of(record)) is not None:
            active.setdefault(market["ticker"], []).append((record.at_ms, market["status"] == "active"))
        if isinstance(record, FrameRecord) and record.type == "trade" and from_ms <= record.at_ms < to_ms:
            msg = msgspec.json.decode(record.msg)
            traded.setdefault(msg["market_ticker"], {})[msg["trade_id"]] = msg["ts_ms"]
    books = truth_of(kit, tape, to_ms)
    return {
        ticker: Truth(*known, traded.get(ticker, {}), _minutes(state, ticker, to_ms), active[ticker])
        for ticker, known in books.items()
    }


def _minutes(state: VenueState, ticker: str, to_ms: int) -> list[int]:
    candles = state.candles.wire(ticker, 0, to_ms // 1000, to_ms)
    empty = {"0.0000", "1.0000"}
    shown = (one for one in candles if {one["yes_bid"]["high_dollars"], one["yes_ask"]["low_dollars"]} != empty)
    return [1000 * one["end_period_ts"] - 60_000 for one in shown]


def shares(directory: Path, markets: list[MarketId], known: dict[str, Truth], from_ms: int, to_ms: int) -> Shares:
    """Everything that the tape says of `[from_ms, to_ms)`."""
    lines = (msgspec.json.encode(line) for line in export_paths(directory, frozenset(map(str, markets))))
    found = Shares()
    for market, path in read_path(lines, markets).items():
        told, truth = Market(path), known[market.ticker]
        for piece in pieces([told], from_ms, to_ms):
            share = _judge(market, piece, truth, found)
            if share == "unknown" and not told.trading(piece.to_ms) and not truth.shown(piece.from_ms, piece.to_ms):
                share = "without a candle before a close"
            found.spent[share] += piece.to_ms - piece.from_ms
        found.spent["untold"] += max(to_ms - told.known_ms, 0)
        traded = (event for event in path.events if isinstance(event, Trade) and from_ms <= event.at_ms < to_ms)
        heard = {event.trade_id: int(event.at_ms) for event in traded}
        _judge_trades(market, told, heard, truth, found)
    return found


def _judge(market: MarketId, piece: Piece, truth: Truth, found: Shares) -> str:
    (moment,) = piece.moments
    if not moment.trading:
        return "not trading"
    if truth.halted(piece.from_ms, piece.to_ms):
        return UNNOTICED
    books = truth.within(piece.from_ms, piece.to_ms)
    if moment.book is not None:
        if any(sides != _sides(moment.book) for sides in books):
            found.false.append(f"{market} [{piece.from_ms}, {piece.to_ms}): observed {moment.book}")
        return "observed"
    if moment.candle is None:
        return "unknown"
    if not all(_contains(moment.candle, *sides) for sides in books):
        found.false.append(f"{market} [{piece.from_ms}, {piece.to_ms}): {moment.candle}")
    return "bounded"


def _sides(book: Ladder) -> Sides:
    return dict(book.bid_levels), dict(book.ask_levels)


def _contains(candle: Candle, bids: object, asks: object) -> bool:
    assert isinstance(bids, dict)
    assert isinstance(asks, dict)
    bid, ask = max(bids, default=0), min(asks, default=10_000)
    in_bid = candle.bid[1] <= bid <= candle.bid[2] if isinstance(candle.bid, tuple) else bid == 0
    in_ask = candle.ask[1] <= ask <= candle.ask[2] if isinstance(candle.ask, tuple) else ask == 10_000
    return in_bid and in_ask


def _judge_trades(market: MarketId, told: Market, heard: dict[str, int], truth: Truth, found: Shares) -> None:
    """Each told once, none invented; none missing where the path says that it has all."""
    if not heard.items() <= truth.trades.items():
        found.false.append(f"{market}: trades that never happened: {sorted(heard.items() - truth.trades.items())[:3]}")
    found.trades["told"] += len(heard)
    for trade_id, at_ms in truth.trades.items():
        if trade_id in heard or at_ms >= told.trades_known_ms or not told.trading(at_ms):
            continue
        if inside(told.incomplete, at_ms):
            found.trades["unknown"] += 1
        else:
            found.false.append(f"{market}: the trade of {at_ms} is missing")
