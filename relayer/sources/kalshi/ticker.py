"""What ticker frames say of best prices, held against the books: a look at every market that costs no request.

Ticker frames have no sequence, so they prove nothing and decide nothing; a difference is a reason to ask REST. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from relayer.domain.markets import MarketStatus
from relayer.domain.units import PRICE_MAX
from relayer.prices.book import Book
from relayer.sources.kalshi import parse, wire
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.pair import Hearing


class TickerCheck:
    """Compares each market's newest ticker frame once the stream is proven past it and the book has rested since.

    count: is told `agrees` or `differs`, once a comparison. doubt: is told the ticker of a book that differs.
    """

    def __init__(self, *, count: Callable[[str], None], doubt: Callable[[str], None]) -> None:
        self._count = count
        self._doubt = doubt
        self._newest: dict[str, tuple[int, int, int]] = {}

    def take(self, msg: wire.TickerMsg) -> None:
        """Remember a frame. Raises ValueError for prices that are none: those of perpetual futures, for one."""
        self._newest[msg.market_ticker] = parse.best_prices(msg)

    def compare(self, markets: Mapping[str, WatchedMarket | Hearing], proven_ms: int) -> None:
        """Look at everything older than `proven_ms`. Markets on two connections check each other better."""
        for ticker, (bid, ask, at_ms) in list(self._newest.items()):
            if at_ms >= proven_ms:
                continue
            del self._newest[ticker]
            market = markets.get(ticker)
            if isinstance(market, WatchedMarket) and _rested(market, at_ms):
                self._judge(ticker, market.book, bid, ask)

    def _judge(self, ticker: str, book: Book, bid: int, ask: int) -> None:
        shown = (bid or None, ask if 0 < ask < PRICE_MAX else None)
        agrees = shown == (book.best_bid, book.best_ask)
        self._count("agrees" if agrees else "differs")
        if not agrees:
            self._doubt(ticker)


def _rested(market: WatchedMarket, since_ms: int) -> bool:
    """The book is proven and is the same as at that time."""
    known = market.status is MarketStatus.ACTIVE and not market.awaiting and market.crossed_since() is None
    return known and market.told_ms <= since_ms
