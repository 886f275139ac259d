"""Books held against REST at a low rate: differences that repeat are said, counted and repaired.

A REST book carries no time and REST may lag, so it agrees when it equals any state that the stream told from a little
before the request until a little after the answer. Eternal; what repair means is `source`'s business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from itertools import islice

from relayer.domain.errors import RelayerError
from relayer.domain.feeds import BookView, FeedListener, Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, contracts, dollars
from relayer.prices.book import Book
from relayer.sources.kalshi.client import KalshiClient, Sides
from relayer.sources.kalshi.market import WatchedMarket
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_BOOKS_A_LOOK = 20
"""Should the venue bill each book of a batch, which no document says, a look costs 200 tokens, a second's budget."""
_BEFORE_S, _AFTER_S = 5.0, 1.0
"""Wall time around the request whose books count: REST may lag behind the stream, and the stream behind REST."""
_AGAIN_S = 3.0
_REPEATS = 3
"""Looks in a row that must differ before it counts."""
_LEVELS_SHOWN = 10


class Witness:
    """Stands between a market and its listener for the time of a look, and keeps which books were told."""

    def __init__(self, market: WatchedMarket) -> None:
        self._market = market
        self._listener: FeedListener = market.listener
        self._told = {_print_of(market.book)}
        self._unbroken = _proves(market)
        market.listener = self

    def leave(self) -> None:
        self._market.listener = self._listener

    def compare(self, sides: Sides) -> str:
        """`agrees` or `differs`; `unclear` where the stream proves nothing, now or meanwhile."""
        if not self._unbroken or not _proves(self._market):
            return "unclear"
        shown = Book()
        shown.replace(*(dict(side) for side in sides))
        return "agrees" if _print_of(shown) in self._told else "differs"

    def on_book(self, market: MarketId, at_ms: Millis, book: BookView) -> None:
        self._told.add(_print_of(book))
        self._listener.on_book(market, at_ms, book)

    def on_trade(self, market: MarketId, trade: Trade) -> None:
        self._listener.on_trade(market, trade)

    def on_status(self, market: MarketId, at_ms: Millis, status: MarketStatus, since_ms: Millis | None) -> None:
        self._unbroken = False
        self._listener.on_status(market, at_ms, status, since_ms)

    def on_result(self, market: MarketId, at_ms: Millis, result: str, final: bool) -> None:
        self._listener.on_result(market, at_ms, result, final)

    def on_gap(self, market: MarketId, from_ms: Millis, to_ms: Millis, reason: str) -> None:
        self._unbroken = False
        self._listener.on_gap(market, from_ms, to_ms, reason)

    def on_watermark(self, market: MarketId, at_ms: Millis) -> None:
        self._listener.on_watermark(market, at_ms)


class CrossCheck:
    """Looks at all markets in turn; at those that are doubted, and at those of `paired`, first.

    repair: is told a market whose book differs from REST's, and whether to go further since the first repair did not
    help. Where that does not help either REST may be the one that is wrong, so repairs become rarer and rarer.
    """

    def __init__(
        self,
        *,
        client: KalshiClient,
        markets: Mapping[str, WatchedMarket],
        paired: Mapping[str, object],
        repair: Callable[[str, bool], None],
        interval_s: float,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._markets = markets
        self._paired = paired
        self._repair = repair
        self._interval_s = interval_s
        self._metrics = metrics
        self._doubted: dict[str, int] = {}  # looks in a row that differed
        self._turns = {"paired": 0, "all": 0}
        self.agreed_ms: dict[str, int] = {}
        """Watermark of each market as REST last agreed with its book."""

    def doubt(self, ticker: str) -> None:
        """Somebody has reason to think that this book is wrong."""
        self._doubted.setdefault(ticker, 0)

    async def run(self) -> None:
        """Look for ever; ends only by cancellation or a defect."""
        while True:
            await asyncio.sleep(min(self._interval_s, _AGAIN_S) if self._doubted else self._interval_s)
            try:
                await self.look()
            except RelayerError as error:
                self._metrics.errors.labels("kalshi").inc()
                log.warning("books not compared", extra={"reason": str(error)})

    async def look(self) -> None:
        """Compare some books once. Raises TransientError or PermanentError when REST does not answer."""
        witnesses = {ticker: Witness(self._markets[ticker]) for ticker in self._next()}
        if not witnesses:
            return
        try:
            await asyncio.sleep(_BEFORE_S)
            books = await self._client.orderbooks(list(witnesses))
            await asyncio.sleep(_AFTER_S)
        finally:
            for witness in witnesses.values():
                witness.leave()
        for ticker, witness in witnesses.items():
            if ticker in books:
                self._judge(ticker, witness.compare(books[ticker]), books[ticker])
            else:
                self._doubted.pop(ticker, None)  # or it would take another's place at every look

    def _next(self) -> list[str]:
        """The doubted, half the rest of the room for the paired, and the others in their turn."""
        for ticker in [one for one in self._doubted if self._markets[one].status is not MarketStatus.ACTIVE]:
            del self._doubted[ticker]
        chosen = dict.fromkeys(islice(self._doubted, _BOOKS_A_LOOK))
        for turn, tickers in (("paired", self._paired), ("all", self._markets)):
            room = _BOOKS_A_LOOK - len(chosen)
            self._take_turns(chosen, turn, list(tickers), room // 2 if turn == "paired" else room)
        return [ticker for ticker in chosen if _proves(self._markets[ticker])]

    def _take_turns(self, chosen: dict[str, None], turn: str, tickers: list[str], room: int) -> None:
        start = self._turns[turn]
        count = min(room, len(tickers))
        chosen |= dict.fromkeys(tickers[(start + step) % len(tickers)] for step in range(count))
        self._turns[turn] = start + count

    def _judge(self, ticker: str, found: str, sides: Sides) -> None:
        if found == "unclear":
            return
        market = self._markets[ticker]
        if found == "agrees":
            self._doubted.pop(ticker, None)
            self.agreed_ms[ticker] = market.watermark_ms
        else:
            looks = self._doubted[ticker] = self._doubted.get(ticker, 0) + 1
            times, uncounted = divmod(looks, _REPEATS)
            if uncounted:
                return
            self._say(market, sides)
            if times.bit_count() == 1:  # the first, second, fourth, eighth ... time
                self._repair(ticker, times == 2)
        self._metrics.cross_checks.labels("rest", found).inc()

    def _say(self, market: WatchedMarket, sides: Sides) -> None:
        log.error(
            "A book differs from REST at every look: what was told since the two last agreed is in doubt.",
            extra={
                "market": str(market.market),
                "agreed": self.agreed_ms.get(market.market.ticker),
                "watermark": market.watermark_ms,
                "bids": _differing(market.book.bid_side.sizes, sides[0]),
                "asks": _differing(market.book.ask_side.sizes, sides[1]),
            },
        )


def _proves(market: WatchedMarket) -> bool:
    return market.status is MarketStatus.ACTIVE and not market.awaiting and market.crossed_since() is None


def _print_of(book: BookView) -> int:
    return hash((tuple(book.bids()), tuple(book.asks())))


def _differing(told: dict[int, int], shown: dict[int, int]) -> list[str]:
    """Levels that are not the same, as `price: size told / size that REST shows`."""
    prices = sorted(price for price in told.keys() | shown.keys() if told.get(price) != shown.get(price))
    return [
        f"{dollars(price)}: {contracts(told.get(price, 0))} / {contracts(shown.get(price, 0))}"
        for price in prices[:_LEVELS_SHOWN]
    ]
