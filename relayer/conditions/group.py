"""One book signal of one market - the price at one size, or the mid - and every threshold armed on it.

The book is read and followed once for all of them. While it is observed and nothing else happens (*steady*), quotes are
followed here: one that moves no signal is only noted, and one that does moves it. Whatever else is told goes through
the track, which then hears of all that was followed without it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from itertools import chain

from relayer.conditions.lane import UNREACHED
from relayer.conditions.rows import Mark, Rows
from relayer.conditions.sights import Sights
from relayer.conditions.signal import Quoted, high_signal, low_signal
from relayer.conditions.spec import Executable, Mid
from relayer.conditions.stream import Stream
from relayer.conditions.track import LONG_AGO, BookTrack, Sides, Sight, State
from relayer.domain.feeds import Candle
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price

_SIGHTS_KEPT = 64
"""Changes of sight, and twice what was needed last, before those that no armed window needs are forgotten."""
_NOTHING: Sides = (None, None)


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
        self._size = source.min_size if isinstance(source, Executable) and source.min_size > 1 else None
        """Above the smallest, which the best price always offers."""
        self._bounds = {True: high_signal(source, spread=False), False: low_signal(source, spread=False)}
        self._rows = rows
        self._news = news
        self._results: list[int] = []
        self._starts = array("q")
        """Starts of the windows armed here, in seconds, sorted."""
        self._sights_kept = _SIGHTS_KEPT
        self._over: list[tuple[int, int]] = []
        self._moment: int = LONG_AGO
        """Trading time at `_from_ms`."""
        self._known: Sides | None = None
        """Where the streams stand; None unless what was last told was observed."""
        self._steady = False
        self._steady_ms: int = LONG_AGO
        self._from_ms: int = LONG_AGO
        """Everything before it is judged; from then on the book is `_bid` and `_ask`."""
        self._heard_ms: int = LONG_AGO
        self._due_ms: int = LONG_AGO
        """A quote before it that repeats the newest one changes nothing."""
        self._quiet_ms: int = LONG_AGO
        """Nothing completes or turns before it, unless a signal moves."""
        self._bid, self._ask = _NOTHING

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
        size = self._size
        bid, ask = (book.best_bid, book.best_ask) if size is None else (book.bid_for(size), book.ask_for(size))
        if self._heard_ms <= at_ms < self._due_ms and bid == self._bid and ask == self._ask:
            self._heard_ms = at_ms
        elif self._steady and at_ms >= self._heard_ms:
            self._follow(at_ms, bid, ask)
        else:
            self._interrupt()
            self.track.on_quote(at_ms, (bid, ask))
            self.track.flush()
            self._steady_again()

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

    def _follow(self, at_ms: Millis, bid: Price | None, ask: Price | None) -> None:
        """A quote while all is steady: what stood until then is judged, what it says takes its place."""
        if at_ms > self._from_ms:
            self._judge_until(at_ms)
        self._bid, self._ask, self._heard_ms = bid, ask, at_ms
        self._due_ms = self._quiet_ms if (bid, ask) == self._known else at_ms + 1

    def _judge_until(self, at_ms: Millis) -> None:
        from_ms, sides = self._from_ms, (self._bid, self._ask)
        if sides != self._known:
            self._known = sides
            up, down = self._signals(*sides)
            for stream in self.streams.values():
                quiet_ms = stream.move(from_ms, up if stream.up else down, self._moment)
                if quiet_ms < self._quiet_ms:
                    self._quiet_ms = quiet_ms
        if at_ms >= self._quiet_ms:
            for stream in self.streams.values():
                stream.go_on(from_ms, at_ms, self._moment)
            self._set_quiet()
        self._moment += at_ms - from_ms
        self._from_ms = at_ms

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
        if sides is not None and self._known is not None:
            self._steady = True
            self._steady_ms = self._from_ms = self._heard_ms = self.track.known_ms
            self._bid, self._ask = sides
            self._set_quiet()
            self._due_ms = self._quiet_ms if sides == self._known else self._from_ms + 1

    def _interrupt(self) -> None:
        """Something else happens: tell the track of what was followed without it."""
        if not self._steady:
            return
        self._steady = False
        self._due_ms = LONG_AGO
        if self._heard_ms > self._from_ms:
            self._judge_until(Millis(self._heard_ms))
        assert self._known is not None
        if self._heard_ms > self._steady_ms:
            self.sights.add(self._steady_ms, self._heard_ms, Sight.OBSERVED)
        self.track.resume(Millis(self._heard_ms), self._known, (self._bid, self._ask))

    def _set_quiet(self) -> None:
        self._quiet_ms = min((stream.quiet_ms for stream in self.streams.values()), default=UNREACHED)

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
