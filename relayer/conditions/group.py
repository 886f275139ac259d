"""One book signal of one market - the price at one size, or the mid - and every threshold armed on it.

The book is read and followed once for all of them. While it is observed and nothing else happens, `steady.py` takes
the quotes. Whatever else is told goes through the track, which first hears of all that was followed without it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from itertools import chain

from relayer.conditions.rows import Mark, Rows
from relayer.conditions.sights import Sights
from relayer.conditions.signal import Quoted, high_signal, low_signal
from relayer.conditions.spec import Executable, Mid
from relayer.conditions.steady import UNREACHED, UNSEEN, Steady
from relayer.conditions.stream import Stream
from relayer.conditions.track import LONG_AGO, BookTrack, Sides, Sight, State
from relayer.domain.feeds import Candle
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price

_SIGHTS_KEPT = 64
"""Changes of sight, and twice what was needed last, before those that no armed window needs are forgotten."""


class Group:
    """Told like a `Condition`, of its one market. `news`: gets the rows that may have been decided."""

    def __init__(
        self,
        market: MarketId,
        source: Executable | Mid,
        rows: Rows,
        news: list[int],
        number: int,
        *,
        candles_follow: bool,
    ) -> None:
        self.market = market
        self.number = number
        self.track = BookTrack(self, candles_follow=candles_follow)
        self.sights = Sights()
        self.source = source
        self.streams: dict[tuple[bool, bool], Stream] = {}
        self.size = source.min_size if isinstance(source, Executable) and source.min_size > 1 else None
        """Above the smallest, which the best price always offers."""
        self.steady = Steady(self._judge_moves, self._on_other_quote)
        self._bounds = {True: high_signal(source, spread=False), False: low_signal(source, spread=False)}
        self._rows = rows
        self._news = news
        self._results: list[int] = []
        self._starts = array("q")
        """Starts of the windows armed here, in seconds, sorted."""
        self._sights_kept = _SIGHTS_KEPT
        self._over: list[tuple[int, int]] = []
        self._moment: int = LONG_AGO
        """Trading time at the end of what was told by the track."""
        self._told_ms: int = LONG_AGO
        self._known: Sides | None = None
        """Where the streams stand; None unless what was last told was observed."""

    by_trades = False

    def add(self, row: int) -> None:
        """Arm a row whose window lies after everything that was told."""
        self.flush()
        insort(self._starts, self._rows.start_s[row])
        if self._rows.mark[row] & Mark.RESULT:
            self._results.append(row)
        else:
            self._stream_of(row).add(row)
            self._known = None
        if self.track.final_ms is not None:
            self._news.append(row)

    def remove(self, row: int) -> None:
        """Forget a row."""
        del self._starts[bisect_left(self._starts, self._rows.start_s[row])]
        if self._rows.mark[row] & Mark.RESULT:
            self._results.remove(row)
        else:
            self._stream_of(row).remove(row)
            self._over = [pair for pair in self._over if pair[1] != row]

    @property
    def idle(self) -> bool:
        """Nobody is armed here."""
        return not self._starts

    def on_book(self, market: MarketId, at_ms: Millis, book: Quoted) -> None:
        size = self.size
        if size is None:
            self.steady.follow(at_ms, book.best_bid, book.best_ask)
        else:
            self.steady.follow(at_ms, book.bid_for(size), book.ask_for(size))

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self._interrupt()
        self.track.on_status(at_ms, status is MarketStatus.ACTIVE, since_ms)
        self.track.flush()

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self._interrupt()
        self.track.on_result(at_ms, result, final)
        self.track.flush()
        self._report_end()

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, trades: bool) -> None:
        self._interrupt()
        self.track.on_gap(from_ms, to_ms, trades=trades)

    def on_candle(self, market: MarketId, candle: Candle) -> None:
        self._interrupt()
        self.track.on_candle(candle)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self._interrupt()
        ended = self.track.final_ms is not None
        self.track.on_watermark(at_ms)
        self.track.flush()
        self._close()
        if not ended:
            self._report_end()
        self._steady_again()

    def prove(self, market: MarketId, at_ms: Millis) -> None:
        self._interrupt()
        self.track.prove(at_ms)
        self.track.flush()

    def stream(self, *, up: bool, hold: bool) -> Stream:
        """One side of the signal; made on first use."""
        if (up, hold) not in self.streams:
            self.streams[up, hold] = Stream(self._rows, self._news, up=up, hold=hold)
        return self.streams[up, hold]

    def flush(self) -> None:
        """Judge all that is known."""
        self._interrupt()
        self.track.flush()

    def on_span(self, from_ms: Millis, to_ms: Millis, state: State) -> None:
        """From the track: what is known of this time, in order."""
        self.sights.add(from_ms, to_ms, state.sight)
        if len(self.sights) > self._sights_kept:
            self._forget_sights(from_ms)
        self._known = state.sides
        if state.sight is Sight.NOT_TRADING:
            for stream in self.streams.values():
                stream.pause(to_ms, self._moment)
            return
        if state.sides is not None:
            up, down = self._signals(*state.sides)
            for stream in self.streams.values():
                stream.tell(from_ms, to_ms, up if stream.up else down, self._moment)
        elif state.candle is not None:
            for stream in self.streams.values():
                bounds = self._bounds[stream.up]((state,))
                stream.tell_bounded(from_ms, to_ms, bounds, state.candle.to_ms, self._moment)
        else:
            for stream in self.streams.values():
                stream.tell_unknown(from_ms, to_ms, self._moment)
        self._moment += to_ms - from_ms

    def on_trades(self, at_ms: Millis, trades: object) -> None:
        """A book takes no trades."""

    def _on_other_quote(self, at_ms: int, bid: Price | None, ask: Price | None) -> None:
        """A quote that is not one of many."""
        self._interrupt()
        self.track.on_quote(Millis(at_ms), (bid, ask))
        self.track.flush()
        self._steady_again()

    def _judge_moves(self, until_ms: int) -> None:
        """What was kept, and the time since; nothing completed before the last of it."""
        steady, later = self.steady, self._moment - self._told_ms
        moves, steady.moves = steady.moves, []
        for at_ms, bid, ask in moves:
            up, down = self._signals(bid, ask)
            for stream in self.streams.values():
                stream.move(up if stream.up else down, at_ms + later)
        if until_ms > steady.from_ms:
            for stream in self.streams.values():
                stream.go_on(steady.from_ms, until_ms, steady.from_ms + later)
        self._set_quiet()

    def _signals(self, bid: Price | None, ask: Price | None) -> tuple[int | None, int | None]:
        """The signals of up and down in half centi-cents, None where absent."""
        if isinstance(self.source, Executable):
            return None if bid is None else 2 * bid, None if ask is None else 2 * ask
        if bid is None or ask is None or ask - bid > self.source.max_spread:
            return None, None
        return bid + ask, bid + ask

    def _steady_again(self) -> None:
        """From here quotes can be followed without the track, if it only waits for the next one."""
        sides = self.track.standing
        if sides is not None:
            self._told_ms = self.track.known_ms
            self.steady.begin(self._told_ms, self._known or UNSEEN, sides)
            self._set_quiet()

    def _interrupt(self) -> None:
        """Something else happens: tell the track of what was followed without it."""
        steady = self.steady
        if not steady.on:
            return
        heard_ms = Millis(steady.heard_ms)
        steady.follow(heard_ms, steady.bid, steady.ask)
        self._judge_moves(heard_ms)
        steady.on = False
        if heard_ms > self._told_ms:
            self._known = steady.known_bid, steady.known_ask
            self.sights.add(self._told_ms, heard_ms, Sight.OBSERVED)
            self._moment += heard_ms - self._told_ms
        self.track.resume(heard_ms, self._known, (steady.bid, steady.ask))

    def _set_quiet(self) -> None:
        streams, steady = self.streams.values(), self.steady
        steady.quiet_ms = min((stream.quiet_ms for stream in streams), default=UNREACHED)
        steady.shortest_ms = min((stream.shortest_ms for stream in streams), default=UNREACHED)
        steady.bid_floor, steady.bid_ceiling = self._band(up=True)
        steady.ask_floor, steady.ask_ceiling = self._band(up=False)

    def _band(self, *, up: bool) -> tuple[int, int]:
        """Prices strictly between the two decide nothing at once. Every move of a mid, which is of both sides, may."""
        if isinstance(self.source, Mid):
            return UNREACHED, -1
        bands = [stream.band for stream in self.streams.values() if stream.up is up]
        floor = max((floor // 2 for floor, _ in bands), default=-1)
        return floor, min((-(-ceiling // 2) for _, ceiling in bands), default=UNREACHED)

    def _forget_sights(self, now_ms: int) -> None:
        self.sights.forget(min(self._starts[0] * 1000, now_ms) if self._starts else now_ms)
        self._sights_kept = max(2 * len(self.sights), _SIGHTS_KEPT)

    def _report_end(self) -> None:
        """A final result, which may have waited for a gap to be filled, decides whatever still runs."""
        if self.track.final_ms is not None:
            self._collect()
            running = chain.from_iterable(stream.running() for stream in self.streams.values())
            self._news.extend([*running, *self._results, *(row for _, row in self._over)])

    def _close(self) -> None:
        """Windows that ended are over once the watermark says so."""
        self._collect()
        while self._over and self._over[0][0] <= self.track.watermark_ms:
            self._news.append(self._over.pop(0)[1])

    def _collect(self) -> None:
        for stream in self.streams.values():
            for row in stream.over:
                insort(self._over, (self._rows.end_s[row] * 1000, row))
            stream.over.clear()

    def _stream_of(self, row: int) -> Stream:
        mark = self._rows.mark[row]
        return self.stream(up=bool(mark & Mark.UP), hold=bool(mark & Mark.HOLD))
