"""Every row runs, at a size at which nothing can be said of speed."""

from __future__ import annotations

import json
import math

import pytest

from relayer.bench.catalogue import ROWS
from relayer.bench.recording import Replay, recorded_frames
from relayer.bench.row import Effort, Row
from relayer.bench.rows import memory
from relayer.bench.rows.wire_to_book import BestPrices
from relayer.bench.svm import PublishedBoard
from relayer.chain.transaction import V0
from tests.payloads.kalshi.frames import recorded, tickers

TINY = Effort(rounds=1, share=0.001)
RATIOS = [row for row in ROWS if row.unit == "ratio"]
COUNTED = [row for row in ROWS if row.id.startswith(("publish_", "updates_"))]


def name(row: Row) -> str:
    return row.id


def test_no_two_rows_share_an_id() -> None:
    assert len({row.id for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", RATIOS, ids=name)
def test_a_ratio_is_of_two_things_that_took_time(row: Row) -> None:
    measured = row.measure(TINY)
    assert measured.value > 0
    assert measured.worst == measured.value, "one round is the best and the worst"
    assert math.isfinite(measured.value)


@pytest.mark.parametrize("row", COUNTED, ids=name)
def test_what_is_counted_on_chain_meets_its_goal(row: Row) -> None:
    measured = row.measure(TINY)
    assert row.met(measured.value), f"{row.id} is {measured.value}"
    assert measured.worst is None


def test_the_frames_are_the_recorded_ones() -> None:
    frames = [frame for _, frame in recorded(yes_prices=True)]
    assert [json.loads(text) for text in recorded_frames().all] == frames[1:], "all but the answer to the subscription"


def test_every_recorded_frame_reaches_a_book() -> None:
    class Counting(BestPrices):
        books = 0

        def on_book(self, *args: object) -> None:
            self.books += 1

    heard = Counting()
    replay = Replay(tickers(), heard)
    frames = recorded_frames()
    replay.open(frames.opening)
    replay.take(frames.changes)
    replay.session.tick()
    assert heard.books == sum(frame["type"] != "ok" for _, frame in recorded(yes_prices=True)[1:])
    assert replay.session.frames["orderbook_delta"] == 245
    assert not {"malformed", "repeated"} & replay.session.frames.keys()


def test_a_transaction_that_fails_on_the_svm_is_no_measurement() -> None:
    board = PublishedBoard(2)
    signed = board.transaction(V0, 2)
    board.send(signed)
    with pytest.raises(RuntimeError, match="The transaction failed with"):
        board.send(signed)


def test_memory_of_conditions_grows_with_them() -> None:
    measured = memory.ROW.measure(Effort(rounds=1, share=0.05))
    assert measured.value > 8, "a condition takes at least its own number"
    assert measured.worst is None
