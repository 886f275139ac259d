"""Gaps of a needed path: what is told at once, what is waited for, and what the watermark waits for."""

from __future__ import annotations

from itertools import permutations

import pytest
from msgspec import UNSET

from relayer.domain.feeds import Candle, Gap, Remembered, Trade
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.prices.book import Book
from relayer.sources.kalshi.path import Hole, MarketPath, Paths, Standing
from tests.fakes.path_log import PathLog

MARKET, OTHER = MarketId(Venue.KALSHI, "KXA-1"), MarketId(Venue.KALSHI, "KXB-1")
MINUTE = 60_000
OPENED = Millis(MINUTE)
NOTHING = Remembered()
LATER = 10**12


def ms(value: int) -> Millis:
    return Millis(value)


def a_book() -> Book:
    book = Book()
    book.replace({4000: 100}, {6000: 100})
    return book


def a_trade(at_ms: int, name: str = "t") -> Trade:
    return Trade(name, Millis(at_ms), Price(5000), Size(100), False)


def a_candle(minute: int) -> Candle:
    side = (5000, 4000, 6000, 5000)
    return Candle(Millis(minute * MINUTE), Millis((minute + 1) * MINUTE), side, side, UNSET)


class World:
    """Paths of which one market is needed; the source has told `standing` of it so far."""

    def __init__(self, *, standing: Standing | None = None) -> None:
        self.prices, self.log = PathLog(), PathLog()
        self.standing = standing
        self.paths = Paths(prices=self.prices, listener=self.log, standing=lambda _: self.standing)

    def need(self, from_ms: int, remembered: Remembered = NOTHING) -> MarketPath:
        self.paths.need(MARKET, Millis(from_ms), remembered)
        return next(iter(self.paths))

    def gap(self, from_ms: int, to_ms: int) -> Hole:
        """A gap in the needed path, behind a first book and a watermark."""
        path = self.need(0)
        self.paths.on_status(MARKET, ms(1), MarketStatus.ACTIVE, None)
        self.paths.on_watermark(MARKET, ms(from_ms - 500))
        self.paths.on_book(MARKET, ms(from_ms), a_book())
        self.paths.on_gap(MARKET, ms(from_ms), ms(to_ms), "sequence")
        self.paths.on_book(MARKET, ms(to_ms), a_book())
        (hole,) = path.due(LATER)
        self.log.told.clear()
        return hole

    @property
    def path(self) -> MarketPath:
        return next(iter(self.paths))


def test_prices_hear_at_once_and_of_every_market() -> None:
    world = World()
    world.need(0)
    for market in (MARKET, OTHER):
        world.paths.on_gap(market, ms(100_000), ms(200_000), "sequence")
        world.paths.on_book(market, ms(200_000), a_book())
        world.paths.on_trade(market, a_trade(200_001))
        world.paths.on_result(market, ms(200_002), "yes", False)
        world.paths.on_watermark(market, ms(200_002))
    at_once = [
        ("gap", 100_000, 200_000, False),
        ("book", 200_000, 4000, 6000),
        ("trade", 200_001, "t"),
        ("result", 200_002, "yes", False),
        ("watermark", 200_002),
    ]
    assert world.prices.told == at_once * 2
    assert world.log.told == [("gap", 100_000, 200_000, True), *at_once[1:4]], "the watermark waits"


def test_the_watermark_waits_for_trades_where_they_may_be_missing_and_for_candles_at_the_gap() -> None:
    world = World()
    hole = world.gap(100_000, 110_000)
    world.paths.on_watermark(MARKET, ms(115_000))
    assert world.log.of("watermark") == []
    assert hole.trades_from_ms == 99_500
    world.path.fill_trades(hole, [a_trade(99_800, "a"), a_trade(105_000, "b")])
    assert world.log.told == [("trade", 99_800, "a"), ("trade", 105_000, "b"), ("watermark", 100_000)]
    world.path.fill_candles(hole, [a_candle(1)], last=False)
    assert world.log.told[3:] == [("candle", 60_000, 120_000), ("watermark", 115_000)]
    assert hole.fate == "trades and candles"


def test_trades_that_cannot_be_had_make_the_gap_one_of_trades() -> None:
    world = World()
    hole = world.gap(100_000, 110_000)
    world.path.fill_trades(hole, None)
    assert world.log.told == [("gap", 99_500, 110_000, False)]
    world.path.fill_candles(hole, [a_candle(1)], last=True)
    assert hole.fate == "candles"


@pytest.mark.parametrize(
    ("minutes", "fate"), [([1, 2, 3], "trades and candles"), ([1, 3], "trades and candles in part"), ([], "trades")]
)
def test_what_the_venue_does_not_have_is_given_up_in_the_end(minutes: list[int], fate: str) -> None:
    world = World()
    hole = world.gap(100_000, 200_000)
    candles = [a_candle(minute) for minute in minutes]
    world.path.fill_trades(hole, [])
    world.path.fill_candles(hole, candles, last=False)
    assert hole.open is (len(minutes) < 3)
    world.path.fill_candles(hole, candles, last=True)
    assert hole.fate == fate
    assert len(world.log.of("candle")) == len(minutes), "each once"
    assert world.path.due(LATER) == []


def test_nothing_had_is_nothing() -> None:
    world = World()
    hole = world.gap(100_000, 200_000)
    assert hole.fate == "awaited"
    world.path.fill_trades(hole, None)
    world.path.fill_candles(hole, [], last=True)
    assert hole.fate == "nothing"
    assert world.paths.fates(MARKET) == {200_000: "nothing"}
    assert world.paths.fates(OTHER) == {}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_several_gaps_in_any_order_of_filling(order: tuple[int, ...]) -> None:
    """The watermark is always where the first gap that is not filled begins."""
    world = World()
    first = world.gap(100_000, 110_000)
    world.paths.on_watermark(MARKET, ms(129_500))
    world.paths.on_gap(MARKET, ms(130_000), ms(140_000), "sequence")
    world.paths.on_watermark(MARKET, ms(150_000))
    second = world.path.due(LATER)[1]
    fillings = [
        lambda: world.path.fill_trades(first, []),
        lambda: world.path.fill_candles(first, [a_candle(1)], last=True),
        lambda: world.path.fill_trades(second, []),
        lambda: world.path.fill_candles(second, [a_candle(2)], last=True),
    ]
    for step in order:
        fillings[step]()
        marks = [line[1] for line in world.log.of("watermark")]
        assert marks == sorted(set(marks))
        if first.open:
            assert max(marks, default=0) <= 100_000
        elif second.open:
            assert max(marks) <= 130_000
    assert world.log.of("watermark")[-1] == ("watermark", 150_000)


def test_a_hole_is_due_once_its_last_candle_must_be_there() -> None:
    world = World()
    hole = world.gap(100_000, 120_001)
    assert hole.due_ms == 180_000 + 120_000
    assert world.path.due(299_999) == []
    assert world.path.due(300_000) == [hole]


def test_what_was_before_the_path_is_needed_stays_lost() -> None:
    world = World(standing=Standing(ms(0), None, OPENED))
    path = world.need(150_000)
    world.log.told.clear()
    world.paths.on_gap(MARKET, ms(0), ms(200_000), "start")
    assert world.log.of("gap") == [("gap", 0, 150_000, False), ("gap", 150_000, 200_000, True)]
    assert [(hole.from_ms, hole.to_ms) for hole in path.due(LATER)] == [(150_000, 200_000)]
    world.paths.on_watermark(MARKET, ms(200_000))
    assert world.log.of("watermark") == [("watermark", 150_000)]


def test_a_gap_that_ends_before_the_path_is_needed_is_no_hole() -> None:
    world = World()
    path = world.need(300_000)
    world.paths.on_gap(MARKET, ms(0), ms(200_000), "start")
    world.paths.on_watermark(MARKET, ms(210_000))
    assert world.log.told == [("gap", 0, 200_000, False), ("watermark", 210_000)]
    assert path.due(LATER) == []


def test_before_its_opening_a_market_was_not_trading() -> None:
    world = World()
    world.need(10_000)
    world.standing = Standing(ms(0), None, OPENED)
    world.paths.on_gap(MARKET, ms(0), ms(90_000), "start")
    assert world.log.told == [
        ("gap", 0, 10_000, False),
        ("status", 10_000, "INITIALIZED", None),
        ("status", 60_000, "ACTIVE", None),
        ("gap", 60_000, 90_000, True),
    ]


def test_a_market_that_has_not_opened_has_no_hole() -> None:
    world = World()
    path = world.need(10_000)
    world.standing = Standing(ms(0), None, OPENED)
    world.paths.on_gap(MARKET, ms(0), ms(50_000), "start")
    world.paths.on_status(MARKET, ms(50_000), MarketStatus.INITIALIZED, None)
    assert path.due(LATER) == []
    assert world.log.told[1:] == [("status", 10_000, "INITIALIZED", None), ("status", 50_000, "INITIALIZED", None)]


def test_a_market_needed_late_catches_up_with_what_was_told_of_it() -> None:
    world = World()
    world.paths.on_gap(MARKET, ms(0), ms(90_000), "start")
    world.paths.on_status(MARKET, ms(90_000), MarketStatus.ACTIVE, None)
    world.paths.on_book(MARKET, ms(91_000), a_book())
    world.paths.on_status(MARKET, ms(95_000), MarketStatus.PAUSED, None)
    world.paths.on_status(MARKET, ms(99_000), MarketStatus.ACTIVE, None)
    assert world.log.told == []
    world.standing = Standing(ms(120_000), a_book(), OPENED)
    path = world.need(70_000)
    assert world.log.told == [
        ("gap", 0, 70_000, False),
        ("gap", 70_000, 90_000, True),
        ("status", 90_000, "ACTIVE", None),
        ("gap", 90_000, 95_000, True),
        ("status", 95_000, "PAUSED", None),
        ("status", 99_000, "ACTIVE", None),
        ("gap", 99_000, 120_000, True),
        ("book", 120_000, 4000, 6000),
    ]
    assert [hole.ended for hole in path.due(LATER)] == [False, True, False]


def test_of_a_market_that_is_over_the_result_is_told_too() -> None:
    world = World()
    world.paths.on_gap(MARKET, ms(0), ms(90_000), "start")
    world.paths.on_status(MARKET, ms(90_000), MarketStatus.CLOSED, None)
    world.paths.on_result(MARKET, ms(99_000), "yes", True)
    world.standing = Standing(ms(99_000), None, OPENED)
    (hole,) = world.need(70_000).due(LATER)
    assert hole.ended
    assert world.log.told[2:] == [("status", 90_000, "CLOSED", None), ("result", 99_000, "yes", True)]


def test_a_restart_goes_on_where_the_tape_ends_and_fills_what_was_still_open() -> None:
    world = World()
    remembered = Remembered(ms(200_000), ms(150_000), (Gap(ms(150_000), ms(160_000), True),))
    path = world.need(100_000, remembered)
    world.paths.on_gap(MARKET, ms(0), ms(300_000), "start")
    world.paths.on_status(MARKET, ms(300_000), MarketStatus.ACTIVE, None)
    world.paths.on_watermark(MARKET, ms(310_000))
    assert world.log.of("gap") == [("gap", 200_000, 300_000, True)], "the other is on the tape"
    old, new = path.due(LATER)
    assert (old.from_ms, old.to_ms, old.trades) == (150_000, 160_000, None)
    assert new.trades_from_ms == 150_000, "trades were not complete up to the last book"
    for hole, minutes in ((new, (3, 4)), (old, (2,))):
        path.fill_trades(hole, [])
        path.fill_candles(hole, [a_candle(minute) for minute in minutes], last=False)
    assert world.log.of("watermark") == [("watermark", 310_000)]


def test_trades_given_up_before_a_restart_are_not_asked_for_again() -> None:
    world = World()
    path = world.need(0, Remembered(ms(200_000), ms(150_000), (Gap(ms(150_000), ms(160_000), False),)))
    (hole,) = path.due(LATER)
    assert hole.trades is False
    path.fill_candles(hole, [a_candle(2)], last=True)
    assert hole.fate == "candles"


def test_an_uncertain_change_of_status_is_filled_like_a_gap() -> None:
    world = World()
    path = world.need(0)
    world.paths.on_status(MARKET, ms(10), MarketStatus.ACTIVE, None)
    world.paths.on_watermark(MARKET, ms(90_000))
    world.paths.on_status(MARKET, ms(100_000), MarketStatus.PAUSED, ms(90_001))
    (hole,) = path.due(LATER)
    assert (hole.from_ms, hole.to_ms, hole.trades_from_ms, hole.ended) == (90_001, 100_000, 90_000, True)
    assert world.log.of("gap") == [], "the status line says it itself"


def test_a_path_needed_from_earlier_fills_later_gaps_all_the_same() -> None:
    world = World()
    world.need(500_000)
    path = world.need(0)
    world.paths.on_gap(MARKET, ms(100_000), ms(110_000), "sequence")
    assert len(path.due(LATER)) == 1


def test_what_is_remembered_is_what_a_later_process_goes_on_from() -> None:
    world = World()
    hole = world.gap(100_000, 110_000)
    world.paths.on_watermark(MARKET, ms(115_000))
    assert world.paths.remembered(MARKET) == Remembered(ms(99_500), ms(99_500), (Gap(ms(100_000), ms(110_000), True),))
    world.path.fill_trades(hole, None)
    assert world.paths.remembered(MARKET).gaps == (Gap(ms(100_000), ms(110_000), False),)
    world.path.fill_candles(hole, [a_candle(1)], last=True)
    assert world.paths.remembered(MARKET) == Remembered(ms(115_000), ms(115_000))
    assert world.paths.remembered(OTHER) == NOTHING


def test_trades_heard_before_the_path_was_needed_are_fetched_again() -> None:
    """One may be newer than the newest book, and its listener was not told of it."""
    world = World()
    world.paths.on_gap(MARKET, ms(0), ms(90_000), "start")
    world.paths.on_status(MARKET, ms(90_000), MarketStatus.ACTIVE, None)
    world.paths.on_trade(MARKET, a_trade(121_000))
    world.standing = Standing(ms(120_000), a_book(), OPENED)
    (*_, hole) = world.need(70_000).due(LATER)
    assert (hole.to_ms, hole.trades_to_ms) == (120_000, 121_001)


def test_trades_of_needed_time_heard_before_are_announced_by_a_gap() -> None:
    """What stands is older than the time from which on the path is needed: no hole would hold the watermark."""
    world = World()
    world.paths.on_status(MARKET, ms(1), MarketStatus.ACTIVE, None)
    world.paths.on_trade(MARKET, a_trade(121_000))
    world.standing = Standing(ms(110_000), a_book(), OPENED)
    (hole,) = world.need(120_000).due(LATER)
    assert world.log.told[-2:] == [("gap", 109_999, 110_000, True), ("book", 110_000, 4000, 6000)]
    assert (hole.trades_from_ms, hole.trades_to_ms) == (120_000, 121_001)


def test_what_the_tape_loses_is_a_gap_that_is_filled_and_prices_go_on() -> None:
    """Statuses and results of that time are told afterwards; what was told before is not told again."""
    world = World()
    world.need(0)
    world.paths.on_status(MARKET, ms(1), MarketStatus.ACTIVE, None)
    world.paths.on_book(MARKET, ms(10), a_book())
    world.paths.on_watermark(MARKET, ms(1000))
    world.log.told.clear()
    world.prices.told.clear()
    world.paths.lose()
    world.paths.on_book(MARKET, ms(1500), a_book())
    world.paths.on_trade(MARKET, a_trade(1600))
    world.paths.on_gap(MARKET, ms(1700), ms(1800), "sequence")
    world.paths.on_status(MARKET, ms(2000), MarketStatus.CLOSED, None)
    world.paths.on_result(MARKET, ms(2500), "yes", False)
    world.paths.on_watermark(MARKET, ms(3000))
    assert world.log.told == []
    assert [line[0] for line in world.prices.told] == ["book", "trade", "gap", "status", "result", "watermark"]
    assert world.paths.remembered(MARKET) == Remembered(ms(1000), ms(1000))
    world.standing = Standing(ms(3000), None, OPENED)
    world.paths.regain()
    assert world.log.told == [
        ("gap", 1000, 2000, True),
        ("status", 2000, "CLOSED", None),
        ("result", 2500, "yes", False),
    ]
    (hole,) = world.path.due(LATER)
    assert (hole.from_ms, hole.trades_from_ms, hole.trades_to_ms, hole.ended) == (1000, 1000, 2000, True)
    world.paths.on_watermark(MARKET, ms(4000))
    assert world.log.of("watermark") == []
    world.path.fill_trades(hole, [a_trade(1600)])
    world.path.fill_candles(hole, [a_candle(0)], last=True)
    assert world.log.told[-1] == ("watermark", 4000)
    world.paths.regain()
    assert world.log.told[-1] == ("watermark", 4000), "nothing was lost, nothing is told"


def test_trades_alone_that_the_tape_lost_are_fetched() -> None:
    world = World(standing=Standing(ms(10), a_book(), OPENED))
    world.need(0)
    world.paths.on_watermark(MARKET, ms(1000))
    for hole in world.path.due(LATER):
        world.path.fill_trades(hole, [])
        world.path.fill_candles(hole, [a_candle(0)], last=True)
    world.paths.lose()
    world.paths.on_trade(MARKET, a_trade(1600))
    world.standing = Standing(ms(1000), a_book(), OPENED)
    world.log.told.clear()
    world.paths.regain()
    assert world.log.told[:2] == [("gap", 1000, 1001, True), ("book", 1001, 4000, 6000)]
    (hole,) = world.path.due(LATER)
    assert (hole.trades_from_ms, hole.trades_to_ms) == (1000, 1601)
    world.paths.on_watermark(MARKET, ms(5000))
    assert world.log.of("watermark") == []
    world.path.fill_candles(hole, [], last=True)
    world.path.fill_trades(hole, [a_trade(1600)])
    assert world.log.told[-2:] == [("trade", 1600, "t"), ("watermark", 5000)]


def test_while_the_tape_loses_nothing_is_asked_for_or_filled() -> None:
    world = World()
    hole = world.gap(MINUTE, 2 * MINUTE)
    world.paths.lose()
    assert world.path.due(LATER) == []
    world.path.fill_trades(hole, [a_trade(MINUTE + 1)])
    world.path.fill_candles(hole, [a_candle(1)], last=True)
    world.paths.need(OTHER, ms(0), NOTHING)
    assert world.log.told == []
    assert hole.open
    world.standing = Standing(ms(3 * MINUTE), a_book(), OPENED)
    world.paths.regain()
    assert len(world.path.due(LATER)) == 2, "the old one, and what was lost"
    assert OTHER in world.paths
