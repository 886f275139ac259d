"""What a sandbox's books were at every millisecond, against what a source told of them."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict

from relayer.sandbox.faults.kit import FaultKit
from relayer.sandbox.state import VenueState
from relayer.tape.replay import FrameRecord, ReplayTape
from tests.fakes.listener import observed_books
from tests.integration.sources.conftest import Watched


def tickers_of(tape: ReplayTape) -> list[str]:
    """All markets of a tape."""
    state = VenueState()
    for record in tape.records():
        state.apply(record)
    return sorted(state.markets)


def truth_of(kit: FaultKit, tape: ReplayTape, upto_ms: int) -> dict[str, tuple[list[int], list[tuple[object, object]]]]:
    """Of each market: the times at which its book changed, and the books from there on, by the sandbox's own state."""
    state = VenueState()
    history: dict[str, dict[int, tuple[object, object]]] = defaultdict(dict)
    for record in kit.rewrite(tape.records()):
        if record.at_ms > upto_ms:
            break
        state.apply(record)
        if isinstance(record, FrameRecord) and record.type.startswith("orderbook"):
            ticker = json.loads(record.msg)["market_ticker"]
            book = state.book(ticker)
            yes = {round(float(price) * 10_000): round(float(size) * 100) for price, size in book.levels("yes")}
            no = {
                round(float(price) * 10_000): round(float(size) * 100)
                for price, size in book.levels("no", yes_prices=True)
            }
            history[ticker][record.at_ms] = (yes, no)
    return {ticker: (list(changes), list(changes.values())) for ticker, changes in history.items()}


def assert_true(watched: Watched, kit: FaultKit, tape: ReplayTape, tickers: list[str]) -> None:
    """Whatever was told as observed is what the sandbox's books were at every millisecond."""
    upto_ms = max(watched.told[ticker].watermark_ms for ticker in tickers)
    truth = truth_of(kit, tape, upto_ms)
    compared = 0
    for ticker in tickers:
        times, sides = truth[ticker]
        for start, end, book in observed_books(watched.told[ticker], watched.told[ticker].watermark_ms):
            within = times[bisect_right(times, start) : bisect_right(times, end - 1)]
            for instant in (start, end - 1, *within):
                assert (dict(book.bids), dict(book.asks)) == sides[bisect_right(times, instant) - 1], (ticker, instant)
                compared += 1
    assert compared, "nothing was observed"
