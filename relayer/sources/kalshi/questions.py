"""What is asked on a connection: signs of completeness where it says nothing, snapshots, and who does not answer.

Each subscription has at most one question under way; its answer, in sequence, proves everything up to the asking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from relayer.domain.errors import TransientError
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.pair import Hearing
from relayer.sources.kalshi.subscription import (
    BOOK,
    TICKER,
    TICKERS_A_COMMAND,
    TRADE,
    Subscription,
    Subscriptions,
)

SILENCE_MS = 5_000
"""Clock time without a frame after which a subscription is asked for a sign of completeness."""
_ASK_EVERY_S = 1.0
_ASK_AGAIN_S = 30.0
_CHECK_EVERY_S = 10.0
"""Wall time between two comparisons of a book, each market in its turn, with a snapshot in sequence."""


class Questions:
    """Asked on the subscriptions of one connection.

    resubscribe: is told a subscription that has fallen silent, and that it is not known to be dead.
    """

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        markets: Mapping[str, WatchedMarket | Hearing],
        resubscribe: Callable[[Subscription, bool], None],
        reply_timeout_s: float,
        wall_s: Callable[[], float],
    ) -> None:
        self._subscriptions = subscriptions
        self._markets = markets
        self._resubscribe = resubscribe
        self._reply_timeout_s = reply_timeout_s
        self._wall_s = wall_s
        self._check_from_s = wall_s() + _CHECK_EVERY_S
        self._turn = -1

    def ask(self, waiting: list[str], now: int, wall: float) -> None:
        """Ask where there is silence, and for the books of `waiting`."""
        by_channel = self._subscriptions.by_channel
        trade, book = by_channel.get(TRADE), by_channel.get(BOOK)
        if trade is not None and self._silent(trade, now, wall):
            self._ask(trade, "add_markets", [next(iter(self._subscriptions.tickers))])
        if book is not None and book.question is None:
            self._ask_snapshots(book, waiting, now, wall)

    def chase(self, wall: float) -> None:
        """A question without an answer: where all is silent connect anew, on a silent subscription subscribe anew.

        Raises TransientError where a new connection is needed.
        """
        newest_ms = self._subscriptions.newest_ms()
        for request in self._subscriptions.requests.values():
            if request.overdue(newest_ms, wall, timeout_s=self._reply_timeout_s) and request.channel != TICKER:
                raise TransientError(f"Kalshi did not answer the subscription to {request.channel}.")
        for subscription in list(self._subscriptions.by_channel.values()):
            question = subscription.question
            if question is None or not question.overdue(newest_ms, wall, timeout_s=self._reply_timeout_s):
                continue
            subscription.question = None
            if question.heard == self._subscriptions.heard():
                raise TransientError("Kalshi's WebSocket is open, but says nothing and answers nothing.")
            if subscription.next_seq != question.next_seq:
                continue  # it lives; what is still missing will be asked for again
            if subscription.anew:
                raise TransientError(f"Kalshi's new subscription to {subscription.channel} stays silent.")
            self._resubscribe(subscription, False)

    def refused(self, command_id: int) -> Subscription | None:
        """The subscription of a question that the venue refused; it is not asked again for a while."""
        for subscription in self._subscriptions.by_channel.values():
            if subscription.question is not None and subscription.question.id == command_id:
                subscription.question = None
                subscription.ask_from_s = self._wall_s() + _ASK_AGAIN_S
                return subscription
        return None

    def _silent(self, subscription: Subscription, now: int, wall: float) -> bool:
        if subscription.next_seq != subscription.heard_seq:
            subscription.heard_seq, subscription.heard_ms = subscription.next_seq, now
        quiet = now - subscription.heard_ms >= SILENCE_MS
        return quiet and subscription.question is None and wall >= subscription.ask_from_s

    def _ask_snapshots(self, book: Subscription, waiting: list[str], now: int, wall: float) -> None:
        """For markets that wait, and, with or without any, for one that does not: its answer proves the sequence."""
        asked_s = self._subscriptions.asked_s
        overdue = [t for t in waiting if wall - asked_s.get(t, -self._reply_timeout_s) >= self._reply_timeout_s]
        if not overdue and not self._silent(book, now, wall) and wall < self._check_from_s:
            return
        self._check_from_s = wall + _CHECK_EVERY_S
        asked = overdue[: TICKERS_A_COMMAND - 1]
        asked_s |= dict.fromkeys(asked, wall)
        if tickers := [*asked, *self._next_known()]:
            self._ask(book, "get_snapshot", tickers)

    def _next_known(self) -> list[str]:
        """In turn, a market whose book is known: the snapshot also tells whether it is known rightly."""
        known = [ticker for ticker in self._subscriptions.tickers if not self._markets[ticker].awaiting]
        self._turn += 1
        return [known[self._turn % len(known)]] if known else []

    def _ask(self, subscription: Subscription, action: str, tickers: list[str]) -> None:
        self._subscriptions.ask(subscription, action, tickers)
        subscription.ask_from_s = self._wall_s() + _ASK_EVERY_S
