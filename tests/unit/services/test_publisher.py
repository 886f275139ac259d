from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from relayer.domain.board import FeedUpdate
from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis, Price, Size
from relayer.prices.book import Book
from relayer.prices.policy import PolicySettings
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
