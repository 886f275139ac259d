"""What one market tells, and when: closes, pauses, results, crossed and lost books."""

from __future__ import annotations

from typing import Any

import pytest

from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.sources.kalshi.market import GapReason, WatchedMarket
from tests.fakes.kalshi_facts import CLOSE_MS, NOW_MS, facts
from tests.fakes.listener import Book, Gap, PathRules, Result, Status, Watermark

TICKER = "KXDEMO-26DEC31-T50"


class Watch:
    """A market and what it told."""

    def __init__(self) -> None:
        self.rules = PathRules()
        self.market = WatchedMarket(MarketId(Venue.KALSHI, TICKER), self.rules)

    @property
    def lines(self) -> list[Any]:
        return self.rules[TICKER].lines

    def learn(self, at_ms: int, *, proven_ms: int = 0, **changed: Any) -> None:
        told = facts(TICKER, **changed)
        self.market.learn(told, asked_ms=at_ms - 20, answered_ms=at_ms + 20, proven_ms=proven_ms)

    def bid(self, price: int, change: int, at_ms: int) -> None:
        self.market.change(True, price, change, at_ms)

    def new_lines(self) -> list[Any]:
        lines = list(self.lines)
        self.lines.clear()
        return lines


@pytest.fixture
def live() -> Watch:
    """An active market with a book as of NOW_MS."""
    watch = Watch()
    watch.learn(NOW_MS - 1000)
    watch.market.snapshot({4000: 100}, {6000: 100}, NOW_MS)
    watch.new_lines()
    return watch


def test_the_first_gap_starts_at_the_beginning_of_time_and_ends_with_the_snapshot() -> None:
    watch = Watch()
    watch.learn(NOW_MS - 1000)
    watch.market.snapshot({4000: 100}, {6000: 100}, NOW_MS)
    assert watch.lines == [
        Gap(0, NOW_MS - 980, "start"),
        Status(NOW_MS - 980, MarketStatus.ACTIVE),
        Gap(NOW_MS - 980, NOW_MS, "start"),
        Book(NOW_MS, ((Price(4000), Size(100)),), ((Price(6000), Size(100)),)),
    ]


def test_a_snapshot_that_comes_before_the_first_status_is_asked_for_again() -> None:
    watch = Watch()
    watch.market.snapshot({4000: 100}, {6000: 100}, NOW_MS)
    assert watch.lines == []
    watch.learn(NOW_MS + 100)
    assert watch.market.wants_snapshot


def test_prices_at_size_follow_changes_of_the_best_level() -> None:
    watch = Watch()
    watch.learn(NOW_MS - 1000)
    watch.market.snapshot({4000: 100, 3900: 500}, {6000: 100, 6100: 500}, NOW_MS)
    book = watch.market.book
    for at_ms, is_bid, change in ((1, True, 50), (2, False, 70), (3, True, -100), (4, False, -150)):
        watch.market.change(is_bid, 4000 if is_bid else 6000, change, NOW_MS + at_ms)
        bids, asks = dict(book.bids()), dict(book.asks())
        assert book.thinner_size == min(bids[Price(4000)], asks[Price(6000)])
        assert book.bid_for(Size(120)) == (4000 if bids[Price(4000)] >= 120 else 3900)
        assert book.ask_for(Size(120)) == (6000 if asks[Price(6000)] >= 120 else 6100)
    assert (book.bids()[0], book.asks()[0]) == ((4000, 50), (6000, 20))


def test_changes_older_than_the_snapshot_belong_to_its_instant(live: Watch) -> None:
    live.bid(4100, 50, NOW_MS - 150)
    assert [(line.at, line.bids[0]) for line in live.new_lines()] == [(NOW_MS, (4100, 50))]


def test_a_change_older_than_what_was_told_loses_the_book(live: Watch) -> None:
    live.bid(4100, 50, NOW_MS + 500)
    live.market.advance(NOW_MS + 400)
    live.bid(4100, 10, NOW_MS + 450)
    assert live.market.wants_snapshot
    live.market.snapshot({4100: 60}, {}, NOW_MS + 1000)
    assert live.new_lines()[2:] == [
        Gap(NOW_MS + 500, NOW_MS + 1000, "out_of_order"),
        Book(NOW_MS + 1000, ((Price(4100), Size(60)),), ()),
    ]


def test_a_level_below_nothing_loses_the_book(live: Watch) -> None:
    live.bid(4000, -101, NOW_MS + 500)
    assert live.market.wants_snapshot
    live.market.snapshot({3900: 10}, {}, NOW_MS + 900)
    assert live.new_lines()[0] == Gap(NOW_MS, NOW_MS + 900, "missed")


def test_a_crossed_moment_is_a_gap_and_never_told(live: Watch) -> None:
    live.bid(6000, 5, NOW_MS + 100)
    live.bid(6100, 5, NOW_MS + 200)
    assert live.new_lines() == []
    assert live.market.crossed_since() == NOW_MS + 100
    live.bid(6000, -5, NOW_MS + 300)
    live.bid(6100, -5, NOW_MS + 400)
    gap, book = live.new_lines()
    assert gap == Gap(NOW_MS + 100, NOW_MS + 400, "crossed")
    assert (book.at, book.bids) == (NOW_MS + 400, ((4000, 100),))


def test_crossing_within_one_millisecond_is_nothing(live: Watch) -> None:
    live.bid(6000, 5, NOW_MS + 100)
    live.bid(6000, -5, NOW_MS + 100)
    assert [type(line) for line in live.new_lines()] == [Book]


def test_the_watermark_stops_at_a_gap(live: Watch) -> None:
    live.bid(6000, 5, NOW_MS + 100)
    live.market.advance(NOW_MS + 50_000)
    live.market.advance(NOW_MS + 60_000)
    assert live.new_lines() == [Watermark(NOW_MS + 100)]


def test_losing_the_stream_starts_the_gap_at_the_last_proven_instant(live: Watch) -> None:
    live.market.lose(NOW_MS + 700, GapReason.DISCONNECTED)
    live.market.lose(NOW_MS + 900, GapReason.SEQUENCE)
    live.market.snapshot({4000: 100}, {6000: 100}, NOW_MS + 5000)
    assert live.new_lines()[:2] == [Watermark(NOW_MS + 700), Gap(NOW_MS + 700, NOW_MS + 5000, "disconnected")]


def test_a_snapshot_in_sequence_confirms_an_unbroken_book(live: Watch) -> None:
    live.market.snapshot({4000: 100}, {6000: 100}, NOW_MS + 5000)
    assert live.new_lines() == []


def test_a_snapshot_in_sequence_that_differs_convicts_the_book(live: Watch) -> None:
    live.market.advance(NOW_MS + 100)
    live.market.snapshot({4100: 100}, {6000: 100}, NOW_MS + 5000)
    assert live.new_lines()[1:] == [
        Gap(NOW_MS + 100, NOW_MS + 5000, "missed"),
        Book(NOW_MS + 5000, ((Price(4100), Size(100)),), ((Price(6000), Size(100)),)),
    ]


def test_the_close_is_told_at_its_scheduled_time_once_stream_and_rest_agree(live: Watch) -> None:
    after = CLOSE_MS + 3000
    live.bid(4000, 10, CLOSE_MS - 1)
    live.bid(4000, -110, CLOSE_MS)  # the venue clears the book as it closes
    assert [line.at for line in live.new_lines()] == [CLOSE_MS - 1]
    live.market.advance(after)
    assert live.new_lines() == [Watermark(CLOSE_MS)]
    assert live.market.due(after)
    live.learn(after, proven_ms=CLOSE_MS - 500, status=MarketStatus.CLOSED)
    assert live.new_lines() == [], "the stream may still bring something of the last second"
    live.learn(after, proven_ms=CLOSE_MS, status=MarketStatus.CLOSED)
    assert live.new_lines() == [Status(CLOSE_MS, MarketStatus.CLOSED), Watermark(after - 20)]
    assert not live.market.due(after)


def test_rest_that_lags_behind_the_close_is_asked_again(live: Watch) -> None:
    live.learn(CLOSE_MS + 100, proven_ms=CLOSE_MS + 100)
    assert live.new_lines() == []
    assert live.market.due(CLOSE_MS + 100)


def test_a_close_moved_to_later_after_the_fact_leaves_a_gap(live: Watch) -> None:
    live.bid(4000, 10, CLOSE_MS + 50)
    assert live.new_lines() == []
    live.learn(CLOSE_MS + 100, proven_ms=CLOSE_MS, close_ms=CLOSE_MS + 900_000)
    assert live.market.wants_snapshot
    live.market.snapshot({4000: 110}, {6000: 100}, CLOSE_MS + 1000)
    assert live.new_lines()[:2] == [Watermark(CLOSE_MS), Gap(CLOSE_MS, CLOSE_MS + 1000, "reopened")]


def test_an_early_close_told_by_the_lifecycle_stops_the_telling(live: Watch) -> None:
    live.market.reschedule(NOW_MS + 1000)
    live.bid(4000, 10, NOW_MS + 1000)
    assert live.new_lines() == []
    closed: dict[str, Any] = {"status": MarketStatus.CLOSED, "close_ms": NOW_MS + 1000}
    live.learn(NOW_MS + 5000, proven_ms=NOW_MS + 2000, **closed)
    assert live.new_lines()[0] == Status(NOW_MS + 1000, MarketStatus.CLOSED)


def test_an_early_close_heard_of_too_late_is_told_where_telling_stands(live: Watch) -> None:
    live.bid(4000, 10, NOW_MS + 4000)
    live.new_lines()
    closed: dict[str, Any] = {"status": MarketStatus.CLOSED, "close_ms": NOW_MS + 1000}
    live.learn(NOW_MS + 5000, proven_ms=NOW_MS + 4000, **closed)
    assert Status(NOW_MS + 4000, MarketStatus.CLOSED) in live.new_lines()


def test_a_pause_is_dated_between_the_last_telling_and_the_message(live: Watch) -> None:
    live.bid(4000, 10, NOW_MS + 100)
    live.new_lines()
    live.market.pause(NOW_MS + 300)
    live.market.pause(NOW_MS + 400)
    assert live.new_lines() == [Status(NOW_MS + 300, MarketStatus.PAUSED, NOW_MS + 101)]


def test_a_market_that_trades_again_waits_for_a_fresh_book(live: Watch) -> None:
    live.market.pause(NOW_MS + 300)
    live.bid(4000, -100, NOW_MS + 310)
    live.new_lines()
    live.learn(NOW_MS + 60_000)
    assert live.market.wants_snapshot
    live.market.snapshot({}, {}, NOW_MS + 61_000)
    assert live.new_lines() == [
        Status(NOW_MS + 60_020, MarketStatus.ACTIVE, NOW_MS + 301),
        Gap(NOW_MS + 60_020, NOW_MS + 61_000, "reopened"),
        Book(NOW_MS + 61_000, (), ()),
    ]


def test_opening_is_told_at_its_scheduled_time() -> None:
    watch = Watch()
    opens: dict[str, Any] = {"open_ms": NOW_MS}
    watch.learn(NOW_MS - 5000, status=MarketStatus.INITIALIZED, **opens)
    watch.new_lines()
    assert not watch.market.due(NOW_MS - 1)
    assert watch.market.due(NOW_MS)
    watch.learn(NOW_MS + 500, **opens)
    assert watch.new_lines() == [Status(NOW_MS, MarketStatus.ACTIVE)]


def test_the_way_to_the_final_result(live: Watch) -> None:
    after = CLOSE_MS + 60_000
    settled: dict[str, Any] = {"result": "yes", "settled_ms": CLOSE_MS + 90_000}
    live.learn(after, proven_ms=after, status=MarketStatus.DETERMINED, result="yes")
    live.learn(after + 10_000, status=MarketStatus.DISPUTED, result="yes")
    live.learn(after + 20_000, status=MarketStatus.AMENDED, result="no")
    live.learn(after + 40_000, status=MarketStatus.FINAL, final=True, **(settled | {"result": "no"}))
    told = [line for line in live.new_lines() if not isinstance(line, Watermark)]
    assert told == [
        Status(CLOSE_MS, MarketStatus.CLOSED),
        Status(after - 20, MarketStatus.DETERMINED),
        Result(after - 20, "yes", False),
        Status(after + 9_980, MarketStatus.DISPUTED),
        Status(after + 19_980, MarketStatus.AMENDED),
        Result(after + 19_980, "no", False),
        Status(CLOSE_MS + 90_000, MarketStatus.FINAL),
        Result(CLOSE_MS + 90_000, "no", True),
    ]
    assert live.market.final


def test_without_trading_the_watermark_is_what_rest_proved(live: Watch) -> None:
    live.learn(CLOSE_MS + 5000, proven_ms=CLOSE_MS, status=MarketStatus.CLOSED)
    live.new_lines()
    live.market.advance(CLOSE_MS + 50_000)
    assert live.new_lines() == []
    live.learn(CLOSE_MS + 20_000, status=MarketStatus.CLOSED)
    assert live.new_lines() == [Watermark(CLOSE_MS + 19_980)]


def test_a_market_found_final_is_told_with_its_own_times() -> None:
    watch = Watch()
    watch.learn(
        CLOSE_MS + 500_000, status=MarketStatus.FINAL, result="no", final=True, settled_ms=Millis(CLOSE_MS + 7_000)
    )
    assert watch.lines[:4] == [
        Gap(0, CLOSE_MS, "start"),
        Status(CLOSE_MS, MarketStatus.CLOSED),
        Status(CLOSE_MS + 7_000, MarketStatus.FINAL),
        Result(CLOSE_MS + 7_000, "no", True),
    ]


def test_finalized_without_a_settlement_value_is_not_final(live: Watch) -> None:
    live.learn(CLOSE_MS + 9000, proven_ms=CLOSE_MS + 9000, status=MarketStatus.FINAL, result="yes", final=False)
    assert not live.market.final
    assert live.new_lines()[-1] == Watermark(CLOSE_MS + 8980)


def test_trades_are_told_while_trading_and_never_behind_the_watermark(live: Watch) -> None:
    def trade(at_ms: int) -> Trade:
        return Trade(f"t{at_ms}", Millis(at_ms), Price(5000), Size(100), block=False)

    live.market.advance(NOW_MS + 100)
    live.market.trade(trade(NOW_MS + 100))
    live.market.trade(trade(CLOSE_MS))
    assert [line for line in live.new_lines() if isinstance(line, Trade)] == [trade(NOW_MS + 100)]
    live.market.trade(trade(NOW_MS + 99))
    assert live.market.wants_snapshot
