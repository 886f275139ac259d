"""One market heard over two connections: their union, told as if one better connection had heard it. No I/O, no clock.

Both connections are told the same changes in the same order, so where a connection stands in a market's history is the
millisecond of the last change it heard and how many it heard of that millisecond. A change counts when it is the first
of its place, whoever brings it; so one connection may lag, break and come back without anybody noticing. Each keeps its
own book: at the same place it must equal the told one, or nobody is believed (`conditions.md` section 6, rule 3).
"""

from __future__ import annotations

import logging
from collections import deque

from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus
from relayer.prices.book import Book, BookError
from relayer.sources.kalshi.market import GapReason, WatchedMarket

log = logging.getLogger(__name__)

_REMEMBERED_MS = 60_000
"""How far behind the watermark a connection may lag and its trades still be known as told."""
_WAITING_KEPT = 10_000
"""Changes and trades that may wait until a connection may be heard; one that has more begins anew."""

_AGREEMENTS_KEPT = 100
"""Stretches of agreement that are remembered; each break of a connection begins another."""

Place = tuple[int, int]
"""A millisecond, and the how manieth change of it."""
Change = tuple[bool, int, int]
"""Whether of a bid, its price, the change of its size."""


class Hearing:
    """What one connection hears of the market; to its session it is the market.

    awaiting: the book is useless until a snapshot comes. known_from_ms: when the snapshot that began the book was sent;
    changes older than it belong to its instant. joined: what it hears is told, unless the other told it before.
    since_ms: up to here, once joined, the other is known to have heard everything. proven_ms: it has heard everything
    before.
    """

    __slots__ = (
        "_crossed_ms",
        "_pair",
        "awaiting",
        "book",
        "joined",
        "known_from_ms",
        "place",
        "proven_ms",
        "since_ms",
        "waiting",
    )

    def __init__(self, pair: PairedMarket) -> None:
        self._pair = pair
        self._crossed_ms: int | None = None
        self.book = Book()
        self.forget()

    def forget(self) -> None:
        """Whatever it knew is worthless now."""
        self.awaiting = True
        self.joined = False
        self.known_from_ms = 0
        self.since_ms = 0
        self.proven_ms = 0
        self.place: Place = (0, 0)
        self.waiting: list[tuple[Place, Change] | Trade] = []

    @property
    def market(self) -> MarketId:
        return self._pair.told.market

    @property
    def final(self) -> bool:
        """Nothing more can come."""
        return self._pair.told.final

    @property
    def proves(self) -> bool:
        """Its stream, on its own, tells this market's book."""
        return self.joined

    @property
    def wants_snapshot(self) -> bool:
        return self.awaiting and self._pair.told.status is MarketStatus.ACTIVE

    def crossed_since(self) -> int | None:
        """Where its book was first found crossed, if it has been at each look since."""
        if self.awaiting or not self.book.crossed:
            self._crossed_ms = None
        elif self._crossed_ms is None:
            self._crossed_ms = self.place[0]
        return self._crossed_ms

    def change(self, is_bid: bool, price: int, change: int, at_ms: int) -> None:
        """One change of one level."""
        if self.awaiting:
            return
        try:
            (self.book.bid_side if is_bid else self.book.ask_side).change(price, change)
        except BookError as error:
            self._lost(GapReason.MISSED, error)
            return
        last_ms, count = self.place
        if at_ms < last_ms and last_ms != self.known_from_ms:
            self._lost(GapReason.OUT_OF_ORDER, f"a change of {at_ms} comes after {last_ms}")
            return
        self.place = (at_ms, 1) if at_ms > last_ms else (last_ms, count + 1)
        if self.joined:
            self._pair.hear(self, self.place, (is_bid, price, change))
        else:
            self._wait((self.place, (is_bid, price, change)))

    def snapshot(self, bids: dict[int, int], asks: dict[int, int], at_ms: int) -> None:
        """The whole book as of `at_ms`; an unbroken book it only confirms, or convicts."""
        if not self.awaiting:
            if self.book.holds(bids, asks):
                return
            self._lost(GapReason.MISSED, "a snapshot in sequence differs from the book")
        self.book.replace(bids, asks)
        self.awaiting = False
        self.known_from_ms = at_ms
        self.place = (at_ms, 0)
        self._pair.found(self)

    def trade(self, trade: Trade) -> None:
        if self.joined:
            self._pair.hear_trade(self, trade)
        elif not self.awaiting:
            self._wait(trade)

    def lose(self, proven_ms: int, reason: GapReason) -> None:
        """This connection may have missed something after `proven_ms`."""
        if not self.awaiting:
            self._pair.lose(self, proven_ms, reason)

    def advance(self, proven_ms: int) -> None:
        """This connection has heard everything before `proven_ms`."""
        self._pair.advance(self, proven_ms)

    def pause(self, sure_ms: int) -> None:
        """Trading was stopped, surely by `sure_ms`."""
        self._pair.told.pause(sure_ms)

    def reschedule(self, close_ms: int) -> None:
        """The venue moved the close."""
        self._pair.told.reschedule(close_ms)

    def _wait(self, heard: tuple[Place, Change] | Trade) -> None:
        self.waiting.append(heard)
        if len(self.waiting) > _WAITING_KEPT:
            self.forget()

    def _lost(self, reason: GapReason, why: object) -> None:
        log.warning("book lost", extra={"market": str(self.market), "reason": reason, "why": str(why)})
        self._pair.lose(self, self.proven_ms, reason)


class PairedMarket:
    """The union of two hearings, told through `told`, whose book is the one that listeners see.

    Takes over a market that one connection, the first, has watched so far. `told` awaits a book exactly while no
    hearing is joined.
    """

    def __init__(self, told: WatchedMarket) -> None:
        self.told = told
        self.hearings = (Hearing(self), Hearing(self))
        self._place: Place = (0, 0)  # of the newest change told
        self._base_ms = 0  # where the first to join began: before, nobody can compare places
        self._proven_ms = 0  # what the joined prove together
        self._trades: dict[str, int] = {}  # times by id of those told since _remembered_ms
        self._remembered_ms = 0
        self._agreed: deque[tuple[int, int]] = deque(maxlen=_AGREEMENTS_KEPT)  # stretches that both heard alike
        self._agreeing = False  # the last of them goes on
        if not told.awaiting:
            self._take_over(self.hearings[0])

    def _take_over(self, first: Hearing) -> None:
        told = self.told
        first.book.replace(dict(told.book.bid_side.sizes), dict(told.book.ask_side.sizes))
        first.awaiting = False
        first.known_from_ms = told.known_from_ms
        self._begin(first, told.floor_ms)

    def _begin(self, first: Hearing, at_ms: int) -> None:
        first.place = self._place = (at_ms, 0)
        first.joined = True
        self._base_ms = at_ms
        self._proven_ms = first.proven_ms

    # What the hearings hear

    def hear(self, hearing: Hearing, place: Place, change: Change) -> None:
        """A change that a joined connection heard at this place."""
        if place <= self._place or place[0] <= hearing.since_ms:
            return
        self._place = place
        self.told.change(*change, place[0])
        if self.told.awaiting:
            self.start_over(GapReason.DISAGREED)

    def hear_trade(self, hearing: Hearing, trade: Trade) -> None:
        """A trade that a joined connection heard: told once."""
        at_ms = trade.at_ms
        lagging = hearing.proven_ms <= at_ms < self._remembered_ms
        if at_ms <= hearing.since_ms or lagging or trade.trade_id in self._trades:
            return
        self._trades[trade.trade_id] = at_ms
        self.told.trade(trade)
        if self.told.awaiting:
            self.start_over(GapReason.DISAGREED)

    def found(self, hearing: Hearing) -> None:
        """This connection has a book. Where nobody else has one, it ends the gap."""
        if not self.told.awaiting:
            return
        trades = [heard for heard in hearing.waiting if isinstance(heard, Trade)]
        hearing.waiting = []
        # At least a millisecond of gap: what was told up to now is of another stream, which need not have heard it all.
        at_ms = max(hearing.place[0], self.told.floor_ms + 1)
        if at_ms > hearing.place[0]:
            hearing.known_from_ms = at_ms
        bids, asks = dict(hearing.book.bid_side.sizes), dict(hearing.book.ask_side.sizes)
        self.told.snapshot(bids, asks, at_ms)
        self._begin(hearing, at_ms)
        for trade in trades:
            if trade.at_ms >= self.told.watermark_ms:
                self.hear_trade(hearing, trade)

    def lose(self, hearing: Hearing, proven_ms: int, reason: GapReason) -> None:
        """This connection's book is worth nothing after `proven_ms`; a gap only if the other's is not there."""
        joined = hearing.joined
        hearing.forget()
        self._agreeing = False
        if not joined:
            return
        self._prove(proven_ms)
        if any(other.joined for other in self.hearings):
            return
        self.told.lose(self._proven_ms, reason)
        for other in self.hearings:
            if not other.awaiting:
                self.found(other)

    def advance(self, hearing: Hearing, proven_ms: int) -> None:
        """This connection has heard everything before `proven_ms`."""
        hearing.proven_ms = proven_ms
        if hearing.joined:
            self._prove(proven_ms)
        elif not hearing.awaiting:
            self._join(hearing)
        self._compare()

    def _prove(self, proven_ms: int) -> None:
        self._proven_ms = max(self._proven_ms, proven_ms)
        self.told.advance(self._proven_ms)
        self._forget_trades(self.told.watermark_ms - _REMEMBERED_MS)

    def _forget_trades(self, before_ms: int) -> None:
        while self._trades:
            trade_id, at_ms = next(iter(self._trades.items()))
            if at_ms >= before_ms:
                return
            del self._trades[trade_id]
            self._remembered_ms = max(self._remembered_ms, at_ms + 1)

    def _join(self, hearing: Hearing) -> None:
        """Once the other has proven everything up to where this one began, the two can take turns."""
        since_ms = max(hearing.known_from_ms, self._base_ms)
        if self._proven_ms <= since_ms:
            return
        hearing.joined, hearing.since_ms = True, since_ms
        waiting, hearing.waiting = hearing.waiting, []
        for heard in waiting:
            if not hearing.joined:
                return
            if isinstance(heard, Trade):
                self.hear_trade(hearing, heard)
            else:
                self.hear(hearing, *heard)

    # Agreement

    def _compare(self) -> None:
        for hearing in self.hearings:
            if hearing.joined and self._comparable(hearing) and not self._agrees(hearing):
                log.error("two connections disagree about a book", extra={"market": str(self.told.market)})
                self.start_over(GapReason.DISAGREED)
                return
        if all(hearing.joined for hearing in self.hearings):
            self._note_agreement()

    def _note_agreement(self) -> None:
        since_ms = max(hearing.since_ms for hearing in self.hearings)
        if self._agreeing:
            since_ms, _ = self._agreed.pop()
        self._agreed.append((since_ms, min(hearing.proven_ms for hearing in self.hearings)))
        self._agreeing = True

    def agreed(self, at_ms: int) -> bool:
        """Whether both connections, each in unbroken sequence, heard the same up to and beyond this time."""
        return any(from_ms < at_ms < to_ms for from_ms, to_ms in self._agreed)

    def _comparable(self, hearing: Hearing) -> bool:
        """At the same place; or at rest, so that nothing is on its way to either."""
        same = hearing.place == self._place and hearing.place[0] > hearing.since_ms
        return same or hearing.proven_ms > max(hearing.place, self._place)[0]

    def _agrees(self, hearing: Hearing) -> bool:
        return self.told.book.holds(hearing.book.bid_side.sizes, hearing.book.ask_side.sizes)

    def start_over(self, reason: GapReason) -> None:
        """Nobody knows who is right, nor since when: both need a snapshot."""
        if self._agreeing:
            self._agreed.pop()
        self._agreeing = False
        for hearing in self.hearings:
            hearing.forget()
        self.told.lose(self.told.watermark_ms, reason)

    # What REST says

    def learn(self, facts: MarketFacts, *, asked_ms: int, answered_ms: int, proven_ms: int) -> None:
        """As of a market on one connection; books do not outlive a pause."""
        self.told.learn(facts, asked_ms=asked_ms, answered_ms=answered_ms, proven_ms=proven_ms)
        if self.told.awaiting:
            self._agreeing = False
            for hearing in self.hearings:
                hearing.forget()
