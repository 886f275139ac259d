from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import pytest

from relayer.domain.board import FeedState, FeedUpdate
from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price, Size
from relayer.prices.book import Book
from relayer.prices.policy import PolicySettings, PushReason, decide
from relayer.services.feeds import FeedTable
from relayer.services.publisher import Publisher
from relayer.telemetry.metrics import Metrics

ONE, OTHER = (MarketId.parse(f"kalshi:{ticker}") for ticker in ("KXONE", "KXOTHER"))


@dataclass
class Board:
    """The publisher's port, remembering what it was given; `down` refuses."""

    down: bool = False
    sent: list[list[FeedUpdate]] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)

    async def publish(self, updates: Sequence[FeedUpdate]) -> None:
        if self.down:
            raise TransientError("The endpoint does not answer.")
        self.sent.append(list(updates))

    def take_lost(self) -> set[int]:
        lost, self.lost = self.lost, set()
        return lost


class Scene:
    def __init__(self) -> None:
        self.feeds = FeedTable(clock=Clock(), metrics=Metrics())
        self.board = Board()
        self.publisher = Publisher(
            feeds=self.feeds,
            indexes={ONE: 0, OTHER: 7},
            board=self.board,
            settings=PolicySettings(deviation_points=1, heartbeat_s=60),
            metrics=Metrics(),
        )

    def quote(self, market: MarketId, at_ms: int, bid: int, ask: int) -> None:
        book = Book()
        book.replace({bid: 20_000}, {ask: 300})
        self.feeds.on_status(market, Millis(at_ms), MarketStatus.ACTIVE, None)
        self.feeds.on_book(market, Millis(at_ms), book)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_first_price_goes_out_with_its_size_and_time(scene: Scene) -> None:
    scene.quote(ONE, 1000, 7000, 7200)
    assert await scene.publisher.flush() == 1
    [[update]] = scene.board.sent
    assert update.index == 0
    state = update.state
    assert (state.bid, state.ask, state.last, state.status, state.as_of_ms) == (
        7000,
        7200,
        0,
        MarketStatus.ACTIVE,
        1000,
    )
    assert state.size_bits == 2, "three whole contracts on the thinner side"


async def test_a_small_move_waits_for_a_larger_one_and_only_the_latest_is_sent(scene: Scene) -> None:
    scene.quote(ONE, 1000, 7000, 7200)
    await scene.publisher.flush()
    scene.quote(ONE, 2000, 7050, 7200)
    assert await scene.publisher.flush() == 0
    scene.quote(ONE, 3000, 7100, 7200)
    scene.quote(ONE, 4000, 7300, 7400)
    await scene.publisher.flush()
    assert [update.state.bid for update in scene.board.sent[-1]] == [7300]


async def test_a_feed_half_due_rides_along_but_never_alone(scene: Scene) -> None:
    scene.quote(ONE, 1000, 7000, 7200)
    scene.quote(OTHER, 1000, 4000, 4200)
    await scene.publisher.flush()
    scene.quote(OTHER, 2000, 4060, 4200)
    assert await scene.publisher.flush() == 0
    scene.quote(ONE, 3000, 7500, 7600)
    await scene.publisher.flush()
    assert [update.index for update in scene.board.sent[-1]] == [0, 7]


async def test_what_could_not_be_sent_is_still_due(scene: Scene) -> None:
    scene.quote(ONE, 1000, 7000, 7200)
    scene.board.down = True
    with pytest.raises(TransientError):
        await scene.publisher.flush()
    scene.board.down = False
    assert await scene.publisher.flush() == 1


async def test_a_lost_price_is_followed_by_the_newest_one(scene: Scene) -> None:
    scene.quote(ONE, 1000, 7000, 7200)
    await scene.publisher.flush()
    scene.quote(ONE, 2000, 7010, 7200)
    scene.board.lost = {0}
    await scene.publisher.flush()
    assert [update.state.bid for update in scene.board.sent[-1]] == [7010]
    assert await scene.publisher.flush() == 0


async def test_a_closed_market_shows_its_status_and_no_prices(scene: Scene) -> None:
    scene.quote(ONE, 1000, 7000, 7200)
    await scene.publisher.flush()
    scene.feeds.on_status(ONE, Millis(2000), MarketStatus.CLOSED, None)
    await scene.publisher.flush()
    [update] = scene.board.sent[-1]
    assert (update.state.bid, update.state.ask, update.state.status) == (0, 10_000, MarketStatus.CLOSED)


async def test_a_quiet_feed_that_still_proves_its_value_gets_a_heartbeat(scene: Scene) -> None:
    scene.quote(ONE, 1000, 7000, 7200)
    await scene.publisher.flush()
    scene.feeds.on_watermark(ONE, Millis(61_000))
    await scene.publisher.flush()
    assert scene.board.sent[-1][0].state.as_of_ms == 61_000


async def test_a_silent_feed_gets_none(scene: Scene) -> None:
    scene.quote(ONE, 1000, 7000, 7200)
    await scene.publisher.flush()
    for _ in range(5):
        assert await scene.publisher.flush() == 0


def test_block_trades_are_not_the_last_price(scene: Scene) -> None:
    for trade_id, price, block in (("a", 7000, False), ("b", 1000, True)):
        scene.feeds.on_trade(ONE, Trade(trade_id, Millis(1), Price(price), Size(100), block))
    assert scene.feeds.feed(ONE).state().last == 7000


class Everything:
    """The plain publisher: each flush looks at the present state of every feed."""

    def __init__(self, feeds: FeedTable, markets: Sequence[MarketId]) -> None:
        self._feeds = feeds
        self._markets = markets
        self._sent: dict[int, FeedState] = {}

    def flush(self, lost: set[int], *, down: bool) -> list[FeedUpdate]:
        for index in lost:
            self._sent.pop(index, None)
        states = {index: self._feeds.feed(market).state() for index, market in enumerate(self._markets)}
        pushes = self._pushed(states, 1.0)
        pushes += [index for index in self._pushed(states, SETTINGS.ride_along) if pushes and index not in pushes]
        if not down:
            self._sent |= {index: states[index] for index in pushes}
        return [FeedUpdate(index, states[index]) for index in pushes]

    def _pushed(self, states: dict[int, FeedState], share: float) -> list[int]:
        return [i for i, state in states.items() if decide(state, self._sent.get(i), SETTINGS, share=share).push]


SETTINGS = PolicySettings(deviation_points=1, heartbeat_s=3)


@pytest.mark.parametrize("seed", range(40))
async def test_a_flush_sends_what_a_look_at_everything_would(seed: int) -> None:
    draw = Random(seed)
    markets = [MarketId.parse(f"kalshi:KX-{number}") for number in range(5)]
    feeds, board, metrics = FeedTable(clock=Clock(), metrics=Metrics()), Board(), Metrics()
    indexes = {market: index for index, market in enumerate(markets)}
    publisher = Publisher(feeds=feeds, indexes=indexes, board=board, settings=SETTINGS, metrics=metrics)
    plain = Everything(feeds, markets)
    books = {market: Book() for market in markets}
    now_ms, flushes = 1_000, 0
    for _ in range(250):
        now_ms += draw.choice((0, 1, 400, 1_500))
        _happen(draw, feeds, draw.choice(markets), books, Millis(now_ms))
        if draw.random() < 0.4:
            flushes += 1
            board.lost = {draw.randrange(5)} if draw.random() < 0.1 else set()
            board.down = draw.random() < 0.2
            expected = plain.flush(set(board.lost), down=board.down)
            board.sent.clear()
            with contextlib.suppress(TransientError):
                await publisher.flush()
            assert board.sent == ([expected] if expected and not board.down else [])
    judged = [metrics.decisions.labels(reason)._value.get() for reason in PushReason]
    assert sum(judged) == 5 * flushes


def _happen(draw: Random, feeds: FeedTable, market: MarketId, books: dict[MarketId, Book], at_ms: Millis) -> None:
    """One thing told of one market."""
    match draw.randrange(6):
        case 0 | 1 | 2:
            bid = draw.randrange(1, 200) + 5_000
            books[market].replace({bid: 20_000}, {bid + 10: 300})
            feeds.on_book(market, at_ms, books[market])
        case 3:
            feeds.on_trade(market, Trade("x", at_ms, Price(draw.randrange(5_000, 5_200)), Size(1), draw.random() < 0.3))
        case 4:
            feeds.on_status(market, at_ms, draw.choice((MarketStatus.ACTIVE, MarketStatus.PAUSED)), None)
        case 5:
            feeds.on_watermark(market, at_ms)
