"""Two connections, change by change: who is told, what a loss costs, and what happens when they contradict."""

from __future__ import annotations

from typing import Any

import pytest

from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.sources.kalshi.market import GapReason, WatchedMarket
from relayer.sources.kalshi.pair import PairedMarket
from tests.fakes.kalshi_facts import NOW_MS, facts
from tests.fakes.listener import Book, Gap, PathRules, Status, Watermark

TICKER = "KXDEMO-26DEC31-T50"
BIDS, ASKS = {4000: 100}, {6000: 100}


class Watch:
    """A market on two connections, both joined from `NOW_MS + 100` on; times are after `NOW_MS`."""

    def __init__(self) -> None:
        self.rules = PathRules()
        self.pair = PairedMarket(WatchedMarket(MarketId(Venue.KALSHI, TICKER), self.rules))
        self.first, self.second = self.pair.hearings
        self.learn(-1000)
        self.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS)
        self.second.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 50)
        for hearing in self.pair.hearings:
            hearing.advance(NOW_MS + 100)
        self.second.advance(NOW_MS + 100)
        self.new_lines()

    def learn(self, after_ms: int, **changed: Any) -> None:
        at_ms = NOW_MS + after_ms
        self.pair.learn(facts(TICKER, **changed), asked_ms=at_ms, answered_ms=at_ms, proven_ms=0)

    def bid(self, number: int, after_ms: int, *, price: int = 4000, change: int = 1) -> None:
        self.pair.hearings[number].change(True, price, change, NOW_MS + after_ms)

    def trade(self, number: int, after_ms: int, name: str = "t") -> None:
        told = Trade(name, Millis(NOW_MS + after_ms), Price(5000), Size(100), block=False)
        self.pair.hearings[number].trade(told)

    def waiting(self) -> list[bool]:
        return [hearing.wants_snapshot for hearing in self.pair.hearings]

    def proving(self) -> list[bool]:
        return [hearing.proves for hearing in self.pair.hearings]

    def new_lines(self, *kinds: type) -> list[Any]:
        lines = list(self.rules[TICKER].lines)
        self.rules[TICKER].lines.clear()
        return [line for line in lines if isinstance(line, kinds or object)]

    def told(self) -> list[tuple[int, int]]:
        """Time and size at the best bid of the books told since the last look; nothing but books may have been."""
        lines = self.new_lines()
        assert all(isinstance(line, Book) for line in lines), lines
        return [(line.at - NOW_MS, line.bids[0][1]) for line in lines]


@pytest.fixture
def both() -> Watch:
    return Watch()


def test_whoever_hears_first_is_told_and_the_other_is_not(both: Watch) -> None:
    both.bid(0, 200)
    both.bid(1, 200)
    both.bid(1, 300)
    both.bid(0, 300)
    assert both.told() == [(200, 101), (300, 102)]


def test_several_changes_of_one_millisecond_are_told_once_each(both: Watch) -> None:
    both.bid(0, 200)
    both.bid(0, 200)
    both.bid(1, 200)
    both.bid(1, 200)
    both.bid(1, 200)
    both.bid(0, 200)
    assert both.told() == [(200, 101), (200, 102), (200, 103)]


@pytest.mark.parametrize("lost", [0, 1])
def test_one_breaks_and_the_other_goes_on_without_a_gap(both: Watch, lost: int) -> None:
    both.bid(lost, 200)
    both.pair.hearings[lost].lose(NOW_MS + 150, GapReason.DISCONNECTED)
    both.bid(lost, 250)  # of a connection that awaits a snapshot: not believed
    both.bid(1 - lost, 200)
    both.bid(1 - lost, 300)
    assert [type(line) for line in both.rules[TICKER].lines] == [Book, Watermark, Book]
    both.new_lines(Watermark)
    both.pair.hearings[1 - lost].advance(NOW_MS + 900)
    assert both.new_lines() == [Watermark(NOW_MS + 900)]


def test_a_gap_is_where_both_have_one(both: Watch) -> None:
    both.bid(0, 200)
    both.first.lose(NOW_MS + 150, GapReason.DISCONNECTED)
    both.second.lose(NOW_MS + 120, GapReason.SEQUENCE)
    assert both.waiting() == [True, True]
    both.second.snapshot({4100: 7}, dict(ASKS), NOW_MS + 700)
    lines = both.new_lines(Gap, Book)
    assert lines[1] == Gap(NOW_MS + 200, NOW_MS + 700, "sequence")
    assert (lines[2].at, lines[2].bids) == (NOW_MS + 700, ((4100, 7),))


def test_a_connection_that_comes_back_is_told_once_the_other_has_proven_its_beginning(both: Watch) -> None:
    both.first.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.bid(1, 200)
    both.first.snapshot({4000: 101}, dict(ASKS), NOW_MS + 500)
    both.bid(0, 450)  # published after the snapshot was sent, older than it
    both.bid(0, 600)
    assert both.told() == [(200, 101)], "the second may still bring changes from before"
    both.bid(1, 450)
    both.second.advance(NOW_MS + 550)
    both.first.advance(NOW_MS + 560)
    assert both.new_lines(Book)[-1].bids[0][1] == 103, "what waited is told"
    both.second.lose(NOW_MS + 560, GapReason.DISCONNECTED)
    both.bid(0, 700)
    assert [(line.at - NOW_MS, line.bids[0][1]) for line in both.new_lines(Book)] == [(700, 104)]
    assert both.new_lines(Gap) == []


def test_a_connection_that_had_not_joined_takes_over_after_a_gap(both: Watch) -> None:
    both.first.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 500)
    both.bid(0, 600)
    both.trade(0, 610, "early")
    both.second.lose(NOW_MS + 300, GapReason.SEQUENCE)
    watermark, gap, book, trade = both.new_lines()
    assert watermark == Watermark(NOW_MS + 300)
    assert gap == Gap(NOW_MS + 300, NOW_MS + 600, "sequence")
    assert (book.at, book.bids[0][1]) == (NOW_MS + 600, 101)
    assert trade.trade_id == "early"


def test_taking_over_where_the_other_was_ahead_leaves_a_gap_all_the_same(both: Watch) -> None:
    both.first.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 500)
    both.bid(1, 550)
    both.second.lose(NOW_MS + 300, GapReason.SEQUENCE)
    both.bid(0, 550)
    assert both.new_lines(Gap) == [Gap(NOW_MS + 550, NOW_MS + 551, "sequence")]
    assert both.waiting() == [False, True], "what the new one is late with belongs to the end of the gap"


def test_trades_are_told_once_by_their_id(both: Watch) -> None:
    both.trade(0, 200)
    both.trade(1, 200)
    both.trade(1, 210, "u")
    both.trade(0, 210, "u")
    assert [line.trade_id for line in both.new_lines()] == ["t", "u"]


def test_trades_of_a_connection_far_behind_are_known_as_told(both: Watch) -> None:
    both.trade(0, 200)
    both.trade(0, 70_000, "later")
    both.first.advance(NOW_MS + 130_000)
    both.trade(1, 200)
    both.trade(1, 70_000, "later")
    assert [type(line) for line in both.new_lines()] == [Trade, Trade, Watermark]
    assert both.waiting() == [False, False]


def test_a_trade_that_a_proven_connection_never_told_leaves_both_disbelieved(both: Watch) -> None:
    both.first.advance(NOW_MS + 5_000)
    both.trade(1, 2_000)
    assert both.waiting() == [True, True]


def test_a_change_that_a_proven_connection_never_told_leaves_both_disbelieved(both: Watch) -> None:
    both.first.advance(NOW_MS + 5_000)
    both.bid(1, 2_000)
    assert both.waiting() == [True, True]


def test_who_comes_back_joins_only_after_all_of_its_first_millisecond_is_proven(both: Watch) -> None:
    both.first.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 500)
    both.second.advance(NOW_MS + 500)
    both.first.advance(NOW_MS + 500)
    assert both.proving() == [False, True]
    both.second.advance(NOW_MS + 501)
    both.first.advance(NOW_MS + 500)
    assert both.proving() == [True, True]


def test_a_snapshot_sent_before_the_one_that_ended_the_gap_is_settled_there(both: Watch) -> None:
    both.first.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.second.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.first.snapshot({4000: 101}, dict(ASKS), NOW_MS + 700)
    both.second.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 650)
    both.bid(1, 700)  # in the first snapshot already
    both.trade(1, 660)
    both.new_lines()
    both.first.advance(NOW_MS + 700)
    both.second.advance(NOW_MS + 800)
    assert both.proving() == [True, False]
    both.first.advance(NOW_MS + 800)
    both.second.advance(NOW_MS + 800)
    assert both.proving() == [True, True]
    assert both.waiting() == [False, False]
    assert both.new_lines(Book, Trade, Gap) == []


def test_places_within_the_first_millisecond_of_one_are_not_compared(both: Watch) -> None:
    both.first.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.bid(1, 490)
    both.bid(1, 500)
    both.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 500)  # sent before both changes were published
    both.second.advance(NOW_MS + 501)
    both.bid(0, 490)
    both.first.advance(NOW_MS + 400)
    assert both.proving() == [True, True]
    both.bid(0, 500)
    both.first.advance(NOW_MS + 501)
    assert both.waiting() == [False, False]


def test_what_the_union_has_proven_stays_proven_when_the_slower_one_speaks(both: Watch) -> None:
    both.first.advance(NOW_MS + 900)
    both.second.advance(NOW_MS + 300)
    both.first.lose(NOW_MS + 300, GapReason.DISCONNECTED)
    both.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 600)
    both.first.advance(NOW_MS + 610)
    assert both.proving() == [True, True]


def test_nothing_of_what_was_proven_before_a_gap_is_claimed_of_who_ends_it(both: Watch) -> None:
    both.second.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.bid(0, 200, price=6000)  # crossed: the watermark waits, the connection goes on
    both.second.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 600)
    both.bid(1, 700)
    both.first.advance(NOW_MS + 300)
    both.first.lose(NOW_MS + 5_000, GapReason.DISCONNECTED)
    assert both.new_lines(Gap) == [Gap(NOW_MS + 200, NOW_MS + 700, "disconnected")]
    both.new_lines()
    both.second.advance(NOW_MS + 750)
    assert both.new_lines(Watermark) == [Watermark(NOW_MS + 750)]


def test_trades_from_before_the_watermark_do_not_come_with_who_ends_the_gap(both: Watch) -> None:
    both.first.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 500)
    both.trade(0, 250, "late")
    both.second.lose(NOW_MS + 300, GapReason.SEQUENCE)
    assert both.new_lines(Trade) == []
    assert both.waiting() == [False, True]


def test_a_level_below_nothing_is_the_fault_of_one(both: Watch) -> None:
    both.bid(0, 200, change=-200)
    assert both.first.wants_snapshot
    both.bid(1, 200, change=5)
    assert both.told() == [(200, 105)]


def test_changes_out_of_order_are_the_fault_of_one(both: Watch) -> None:
    both.bid(0, 200)
    both.bid(0, 190)
    assert both.waiting() == [True, False]


def test_a_snapshot_in_sequence_confirms_or_convicts_one(both: Watch) -> None:
    both.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 150)
    assert both.new_lines() == []
    both.first.snapshot({4100: 1}, dict(ASKS), NOW_MS + 150)
    both.bid(1, 200)
    assert both.told() == [(200, 101)]


def test_two_that_disagree_at_one_place_are_both_disbelieved(both: Watch, caplog: pytest.LogCaptureFixture) -> None:
    both.bid(0, 200, change=5)
    both.bid(1, 200, change=6)
    both.first.advance(NOW_MS + 101)
    assert "two connections disagree about a book" in caplog.text
    assert both.waiting() == [True, True]
    both.first.snapshot({4000: 105}, dict(ASKS), NOW_MS + 900)
    assert both.new_lines(Gap) == [Gap(NOW_MS + 200, NOW_MS + 900, "disagreed")]


def test_one_that_heard_more_than_the_other_is_found_out_once_both_are_at_rest(both: Watch) -> None:
    both.bid(0, 200)
    both.bid(0, 200)
    both.bid(1, 200)
    both.second.advance(NOW_MS + 200)
    assert both.waiting() == [False, False], "the second may be about to hear it"
    both.second.advance(NOW_MS + 201)
    assert both.waiting() == [True, True]


def test_a_connection_that_waits_too_long_begins_anew(both: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relayer.sources.kalshi.pair._WAITING_KEPT", 3)
    both.first.lose(NOW_MS + 100, GapReason.DISCONNECTED)
    both.first.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 500)
    for after_ms in (600, 610, 620):
        both.bid(0, after_ms)
    assert both.waiting() == [False, False]
    both.bid(0, 630)
    assert both.waiting() == [True, False]


def test_a_crossed_moment_is_a_gap_and_each_ones_own_matter(both: Watch) -> None:
    both.bid(0, 200, price=6000)
    assert both.first.crossed_since() == NOW_MS + 200
    assert both.second.crossed_since() is None
    both.bid(0, 300, price=6000, change=-1)
    assert both.first.crossed_since() is None
    assert both.new_lines(Gap) == [Gap(NOW_MS + 200, NOW_MS + 300, "crossed")]


def test_after_a_pause_both_need_fresh_books(both: Watch) -> None:
    both.second.pause(NOW_MS + 300)
    both.first.pause(NOW_MS + 310)
    assert [line.status for line in both.new_lines(Status)] == [MarketStatus.PAUSED]
    assert both.waiting() == [False, False]
    both.learn(60_000)
    assert both.waiting() == [True, True]
    both.second.snapshot({}, {}, NOW_MS + 61_000)
    assert both.new_lines(Gap) == [Gap(NOW_MS + 60_000, NOW_MS + 61_000, "reopened")]


def test_an_early_close_is_taken_over_from_either(both: Watch) -> None:
    both.second.reschedule(NOW_MS + 1000)
    both.bid(0, 1000)
    assert both.told() == []


def test_a_market_already_watched_goes_on_with_a_second_connection() -> None:
    rules = PathRules()
    alone = WatchedMarket(MarketId(Venue.KALSHI, TICKER), rules)
    alone.learn(facts(TICKER), asked_ms=NOW_MS - 1000, answered_ms=NOW_MS - 1000, proven_ms=0)
    alone.snapshot(dict(BIDS), dict(ASKS), NOW_MS)
    alone.change(True, 4000, 1, NOW_MS + 100)
    first, second = PairedMarket(alone).hearings
    first.change(True, 4000, 1, NOW_MS + 100)
    second.snapshot({4000: 102}, dict(ASKS), NOW_MS + 200)
    first.advance(NOW_MS + 250)
    second.advance(NOW_MS + 250)
    first.lose(NOW_MS + 260, GapReason.DISCONNECTED)
    second.change(True, 4000, 1, NOW_MS + 300)
    lines = rules[TICKER].lines
    assert [(line.at - NOW_MS, line.bids[0][1]) for line in lines if isinstance(line, Book)] == [
        (0, 100),
        (100, 101),
        (100, 102),
        (300, 103),
    ]
    assert [line for line in lines if isinstance(line, Gap) and line.start >= NOW_MS] == []


def agreeing(both: Watch, *after_ms: int) -> list[bool]:
    return [both.pair.agreed(NOW_MS + one) for one in after_ms]


def test_they_agree_about_what_both_heard_and_proved(both: Watch) -> None:
    both.bid(0, 200)
    both.bid(1, 200)
    both.first.advance(NOW_MS + 400)
    both.second.advance(NOW_MS + 300)
    assert agreeing(both, 49, 51, 299, 300) == [False, True, True, False]


def test_what_one_alone_heard_is_not_agreed_about(both: Watch) -> None:
    for hearing in both.pair.hearings:
        hearing.advance(NOW_MS + 200)
    both.second.lose(NOW_MS + 200, GapReason.DISCONNECTED)
    both.first.advance(NOW_MS + 600)
    both.second.snapshot(dict(BIDS), dict(ASKS), NOW_MS + 500)
    both.second.advance(NOW_MS + 600)
    both.first.advance(NOW_MS + 700)
    both.second.advance(NOW_MS + 700)
    assert agreeing(both, 199, 201, 499, 501, 699) == [True, False, False, True, True]


def test_nothing_is_agreed_about_that_ended_in_a_contradiction(both: Watch) -> None:
    both.first.advance(NOW_MS + 200)
    both.second.advance(NOW_MS + 200)
    assert agreeing(both, 150) == [True]
    both.bid(0, 300)
    both.bid(1, 300, change=2)
    both.first.advance(NOW_MS + 400)
    both.second.advance(NOW_MS + 400)
    assert agreeing(both, 150) == [False]
