"""The way of most quotes: the book is observed, nothing else happens, and no threshold has to be looked at.

A move of the price costs one entry of a list here. The group judges the moves later (`group.py`), in one go, but never
after the first moment at which one of them may mean something.
"""

from __future__ import annotations

from collections.abc import Callable

from relayer.conditions.track import LONG_AGO, Sides
from relayer.domain.units import Price

UNREACHED = 1 << 62
"""The price above, or the moment after, everything."""
_MOVES_KEPT = 32

UNSEEN: Sides = (Price(-1), Price(-1))
"""What stood before the first quote."""

Judge = Callable[[int], None]
"""Judges `moves` and all until a moment, and sets `quiet_ms` anew."""
Otherwise = Callable[[int, Price | None, Price | None], None]
"""Takes a quote the long way."""


class Steady:
    """One signal of one market. Small, and looked at with every quote; the rest of the group is not."""

    __slots__ = (
        "_judge",
        "_otherwise",
        "ask",
        "ask_ceiling",
        "ask_floor",
        "bid",
        "bid_ceiling",
        "bid_floor",
        "from_ms",
        "heard_ms",
        "known_ask",
        "known_bid",
        "moves",
        "on",
        "quiet_ms",
        "shortest_ms",
    )

    def __init__(self, judge: Judge, otherwise: Otherwise) -> None:
        self._judge = judge
        self._otherwise = otherwise
        self.on = False
        self.from_ms: int = LONG_AGO
        """Since when the book is `bid` and `ask`; every span before it is judged or in `moves`."""
        self.heard_ms: int = LONG_AGO
        """The newest quote."""
        self.bid: Price | None = None
        self.ask: Price | None = None
        self.known_bid: Price | None = None
        """What stood until `from_ms`."""
        self.known_ask: Price | None = None
        self.moves: list[tuple[int, Price | None, Price | None]] = []
        """Moment, bid and ask of every change that is still to be judged."""
        self.quiet_ms: int = LONG_AGO
        """Nothing can complete before it, unless the price leaves its band."""
        self.shortest_ms: int = UNREACHED
        """The shortest dwell that anybody waits for, but for none at all."""
        self.bid_floor = self.ask_floor = UNREACHED
        self.bid_ceiling = self.ask_ceiling = -1
        """Prices strictly between floor and ceiling mean nothing to anybody yet."""

    def begin(self, at_ms: int, known: Sides, sides: Sides) -> None:
        """All before this moment is judged, where `known` stood; from then on it is `sides`."""
        self.on = True
        self.from_ms = self.heard_ms = at_ms
        self.known_bid, self.known_ask = known
        self.bid, self.ask = sides

    def follow(self, at_ms: int, bid: Price | None, ask: Price | None) -> int:
        """One quote. Returns the moment before which another one like it would change nothing."""
        if not self.on or at_ms < self.heard_ms:
            self._otherwise(at_ms, bid, ask)
            return LONG_AGO
        if at_ms > self.from_ms:
            if self.bid != self.known_bid or self.ask != self.known_ask:
                self._keep(self.bid, self.ask)
            if at_ms >= self.quiet_ms:
                self._judge(at_ms)
            self.from_ms = at_ms
        self.bid, self.ask, self.heard_ms = bid, ask, at_ms
        return self.quiet_ms if bid == self.known_bid and ask == self.known_ask else at_ms + 1

    def _keep(self, bid: Price | None, ask: Price | None) -> None:
        """A change at `from_ms`: what begins with it may complete after the shortest dwell, or at once."""
        at_ms, moves = self.from_ms, self.moves
        self.known_bid, self.known_ask = bid, ask
        moves.append((at_ms, bid, ask))
        if at_ms + self.shortest_ms < self.quiet_ms:
            self.quiet_ms = at_ms + self.shortest_ms
        if bid is None or ask is None or len(moves) > _MOVES_KEPT:
            self.quiet_ms = at_ms
            return
        inside = self.bid_floor < bid < self.bid_ceiling and self.ask_floor < ask < self.ask_ceiling
        if not inside:
            self.quiet_ms = at_ms
