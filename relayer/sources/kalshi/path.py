"""What is told of the markets that matter, on its way to those who record and judge: gaps first have to be filled.

Everything is passed on at once. Only the watermark waits at the start of a gap until the trades and candles of the gap
have been told, or given up; what fills a gap is fetched by `backfill`. No I/O and no clock.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from relayer.domain.feeds import BookView, Candle, FeedListener, Gap, PathListener, Remembered, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import NEVER, Millis
from relayer.sources.kalshi.parse import MINUTE_MS

COMPLETE_AFTER_MS = 120_000
"""How long after its end a minute's candle, or a trade, is still waited for (`conditions.md` section 6, rule 4)."""
_PATIENCE_MS = 30 * 60_000
"""How long a gap is asked for, from the first time on, before it is given up."""
_HOLES_KEPT = 100
_STATUSES_KEPT = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """What the source knows of a market now: from when on, and its book unless that is lost or not trading."""

    at_ms: Millis
    book: BookView | None
    open_ms: Millis


@dataclass(slots=True, eq=False)
class Told:
    """What the source has told of a market: its latest statuses, the time of the newest trade, the result."""

    statuses: deque[tuple[Millis, MarketStatus]] = field(default_factory=lambda: deque(maxlen=_STATUSES_KEPT))
    traded_ms: Millis = NEVER
    result: tuple[Millis, str, bool] | None = None


@dataclass(slots=True, eq=False)
class Hole:
    """A gap that is to be filled.

    trades_from_ms, trades_to_ms: trades between them may be missing, since they come in a sequence of their own.
    trades: whether they came, None while they are awaited. covered_ms: how much of it the candles bound. ended: trading
    stopped at its end.
    """

    from_ms: Millis
    to_ms: Millis
    reason: str
    trades_from_ms: Millis
    trades_to_ms: Millis
    trades: bool | None = None
    candles: bool | None = None
    covered_ms: int = 0
    ended: bool = False
    due_ms: int = field(init=False)
    _last_ms: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.due_ms = -(-self.to_ms // MINUTE_MS) * MINUTE_MS + COMPLETE_AFTER_MS

    def ask(self, now_ms: int) -> None:
        """It is asked for now. The first time may be long after it was due: after a restart, or a disk in trouble."""
        if self._last_ms is None:
            self._last_ms = now_ms + _PATIENCE_MS

    def overdue(self, now_ms: int) -> bool:
        """What is not there now is given up."""
        return self._last_ms is not None and now_ms >= self._last_ms

    @property
    def open(self) -> bool:
        return self.trades is None or self.candles is None

    @property
    def cap_ms(self) -> Millis:
        """Where the watermark waits."""
        return self.from_ms if self.trades is not None else min(self.from_ms, self.trades_from_ms)

    @property
    def fate(self) -> str:
        """What filled it, in words."""
        if self.open:
            return "awaited"
        candles = "candles" if self.candles else "candles in part" if self.covered_ms else ""
        return " and ".join(name for name in ("trades" if self.trades else "", candles) if name) or "nothing"


class MarketPath:
    """One market. `needed_from_ms`: what was before need not be filled. `recent`: its latest holes, open or not."""

    def __init__(
        self,
        market: MarketId,
        listener: PathListener,
        *,
        needed_from_ms: Millis,
        remembered: Remembered,
        open_ms: Callable[[], Millis],
    ) -> None:
        self.market = market
        self.recent: deque[Hole] = deque(maxlen=_HOLES_KEPT)
        self.status = MarketStatus.UNKNOWN
        self._listener = listener
        self._needed_from_ms = needed_from_ms
        self._known_ms = remembered.book_ms
        self._open_ms = open_ms
        self._heard_ms = self._told_ms = remembered.trades_ms
        self._open: list[Hole] = []
        self._minutes_told: set[Millis] = set()
        self._lost = False
        for gap in remembered.gaps:
            self._open_hole(gap.from_ms, gap.to_ms, "restart", trades=None if gap.trades else False)

    def need(self, from_ms: Millis) -> None:
        """Gaps from then on matter too."""
        self._needed_from_ms = min(self._needed_from_ms, from_ms)

    def lose(self) -> None:
        """Tell nothing more and ask for nothing, until `catch_up`."""
        self._lost = True

    def catch_up(self, standing: Standing | None, told: Told, reason: str) -> None:
        """The source told of this market while nobody kept it: all of that is a gap, up to what stands now."""
        self._lost = False
        self._known_ms, self._heard_ms = max(self._known_ms, self._told_ms), self._told_ms
        if standing is None:
            return
        stands_ms = max(standing.at_ms, Millis(self._known_ms + 1))
        holes, trading, at_ms = len(self._open), True, NEVER
        for since_ms, status in told.statuses:
            if trading:
                self.on_gap(at_ms, since_ms, reason)
            if since_ms >= self._known_ms:
                self.on_status(since_ms, status, None)
            trading, at_ms = status is MarketStatus.ACTIVE, since_ms
        if trading:
            self.on_gap(at_ms, stands_ms, reason)
        self._fetch_trades(stands_ms, Millis(told.traded_ms + 1), reason, opened=len(self._open) > holes)
        if standing.book is not None:
            self._listener.on_book(self.market, stands_ms, standing.book)
        if told.result is not None and told.result[0] >= self._known_ms:
            self._listener.on_result(self.market, *told.result)

    def _fetch_trades(self, stands_ms: Millis, to_ms: Millis, reason: str, *, opened: bool) -> None:
        """Nobody was told of trades up to `to_ms`, which may be later than the book that stands.

        opened: there is a new hole, which nobody has been asked about yet. Else one of a millisecond says that trades
        follow.
        """
        if not opened and to_ms > max(self._known_ms, self._needed_from_ms):
            self._on_needed_gap(Millis(stands_ms - 1), stands_ms, reason)
            opened = True
        if opened:
            self._open[-1].trades_to_ms = max(self._open[-1].to_ms, to_ms)

    def on_gap(self, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        """Tell what was before the path is needed as lost; make a hole of the rest that the market was open."""
        from_ms = max(from_ms, self._known_ms)
        if from_ms >= to_ms:
            return
        start_ms = min(max(from_ms, self._needed_from_ms), to_ms)
        if from_ms < start_ms:
            self._listener.on_gap(self.market, from_ms, start_ms, reason)
        if start_ms < to_ms:
            self._on_needed_gap(self._from_opening(start_ms, to_ms), to_ms, reason)

    def _from_opening(self, start_ms: Millis, to_ms: Millis) -> Millis:
        """Before its opening the market was not trading, whatever its status was first told as."""
        open_ms = min(self._open_ms(), to_ms)
        if self.status is not MarketStatus.UNKNOWN or start_ms >= open_ms:
            return start_ms
        self.on_status(start_ms, MarketStatus.INITIALIZED, None)
        if open_ms < to_ms:
            self.on_status(open_ms, MarketStatus.ACTIVE, None)
        return open_ms

    def _on_needed_gap(self, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        if from_ms < to_ms:
            self._open_hole(from_ms, to_ms, reason)
            self._listener.on_gap(self.market, from_ms, to_ms, reason, trades=True)

    def on_status(self, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        """A stretch in which the status may have changed already is filled like a gap."""
        if since_ms is not None and max(since_ms, self._needed_from_ms) < at_ms:
            self._open_hole(max(since_ms, self._needed_from_ms), at_ms, "status")
        if status is not MarketStatus.ACTIVE and self._open and self._open[-1].to_ms == at_ms:
            self._open[-1].ended = True
        self.status = status
        self._listener.on_status(self.market, at_ms, status, since_ms)

    def on_watermark(self, at_ms: Millis) -> None:
        self._heard_ms = max(self._heard_ms, at_ms)
        self._advance()

    def remembered(self) -> Remembered:
        """What stands for good, and the gaps behind it that are still being filled."""
        gaps = (Gap(hole.from_ms, hole.trades_to_ms, hole.trades is not False) for hole in self._open)
        return Remembered(self._told_ms, self._told_ms, tuple(gaps))

    def due(self, now_ms: int) -> list[Hole]:
        """The holes that are to be asked for now, oldest first."""
        return [] if self._lost else [hole for hole in self._open if hole.due_ms <= now_ms]

    def fill_trades(self, hole: Hole, trades: Sequence[Trade] | None) -> None:
        """All trades of the hole, oldest first; None: they cannot be had."""
        if self._lost:
            return
        hole.trades = trades is not None
        if trades is None:
            from_ms = max(min(hole.from_ms, hole.trades_from_ms), self._told_ms)
            self._listener.on_gap(self.market, from_ms, hole.trades_to_ms, hole.reason)
        for trade in trades or ():
            self._listener.on_trade(self.market, trade)
        self._settle()

    def fill_candles(self, hole: Hole, candles: Sequence[Candle], *, last: bool) -> None:
        """Candles that overlap the hole, without overlaps; `last`: there will be no more."""
        if self._lost:
            return
        shown = [(max(one.at_ms, hole.from_ms), min(one.to_ms, hole.to_ms)) for one in candles]
        hole.covered_ms = sum(to_ms - from_ms for from_ms, to_ms in shown)
        for candle in candles:
            if candle.at_ms not in self._minutes_told:
                self._minutes_told.add(candle.at_ms)
                self._listener.on_candle(self.market, candle)
        whole = hole.covered_ms == hole.to_ms - hole.from_ms
        if whole or last:
            hole.candles = whole
        self._settle()

    def _open_hole(self, from_ms: Millis, to_ms: Millis, reason: str, *, trades: bool | None = None) -> None:
        trades_from_ms = max(min(from_ms, self._heard_ms), self._needed_from_ms)
        hole = Hole(from_ms, to_ms, reason, trades_from_ms, to_ms, trades=trades)
        self._open.append(hole)
        self.recent.append(hole)

    def _settle(self) -> None:
        self._open = [hole for hole in self._open if hole.open]
        self._advance()

    def _advance(self) -> None:
        at_ms = min([self._heard_ms, *(hole.cap_ms for hole in self._open)])
        if at_ms > self._told_ms:
            self._told_ms = at_ms
            self._minutes_told = {minute for minute in self._minutes_told if minute + MINUTE_MS > at_ms}
            self._listener.on_watermark(self.market, at_ms)


class Paths:
    """Tells `prices` of all markets and, of those that are needed, `listener` too.

    standing: what the source knows of a market now, None before it has heard of it.
    """

    def __init__(
        self, *, prices: FeedListener, listener: PathListener, standing: Callable[[MarketId], Standing | None]
    ) -> None:
        self._prices = prices
        self._listener = listener
        self._standing = standing
        self._paths: dict[MarketId, MarketPath] = {}
        self._told: defaultdict[MarketId, Told] = defaultdict(Told)
        self._losing = False

    def __iter__(self) -> Iterator[MarketPath]:
        return iter(list(self._paths.values()))

    def __contains__(self, market: MarketId) -> bool:
        return market in self._paths

    def need(self, market: MarketId, from_ms: Millis, remembered: Remembered) -> None:
        """From now on tell the path of this market, and fill its gaps as far back as `from_ms`.

        remembered: what was told of it before, by an earlier process, and still stands.
        """
        if market in self._paths:
            self._paths[market].need(from_ms)
            return
        path = self._paths[market] = MarketPath(
            market,
            self._listener,
            needed_from_ms=from_ms,
            remembered=remembered,
            open_ms=lambda: standing.open_ms if (standing := self._standing(market)) else NEVER,
        )
        if self._losing:
            path.lose()
        else:
            path.catch_up(self._standing(market), self._told[market], "start")

    def lose(self) -> None:
        """What is told from now on will not be kept: tell `listener` nothing more, until `regain`."""
        self._losing = True
        for path in self:
            path.lose()

    def regain(self) -> None:
        """Go on. What nobody was told is a gap of every path, to be filled like any other."""
        if self._losing:
            self._losing = False
            for path in self:
                path.catch_up(self._standing(path.market), self._told[path.market], "tape")

    def remembered(self, market: MarketId) -> Remembered:
        """What a later process has to remember so as to go on from here."""
        path = self._paths.get(market)
        return path.remembered() if path else Remembered()

    def fates(self, market: MarketId) -> dict[Millis, str]:
        """What filled the latest gaps of a market, by their ends."""
        path = self._paths.get(market)
        return {hole.to_ms: hole.fate for hole in path.recent} if path else {}

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self._prices.on_book(market, at_ms, book)
        if self._path(market):
            self._listener.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        self._prices.on_trade(market, trade)
        told = self._told[market]
        told.traded_ms = max(told.traded_ms, trade.at_ms)
        if self._path(market):
            self._listener.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self._prices.on_status(market, at_ms, status, since_ms)
        self._told[market].statuses.append((at_ms, status))
        if path := self._path(market):
            path.on_status(at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self._prices.on_result(market, at_ms, result, final)
        self._told[market].result = at_ms, result, final
        if self._path(market):
            self._listener.on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        self._prices.on_gap(market, from_ms, to_ms, reason)
        if path := self._path(market):
            path.on_gap(from_ms, to_ms, reason)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self._prices.on_watermark(market, at_ms)
        if path := self._path(market):
            path.on_watermark(at_ms)

    def _path(self, market: MarketId) -> MarketPath | None:
        """The path of a market that is needed, unless what is told of it is lost."""
        return None if self._losing else self._paths.get(market)
