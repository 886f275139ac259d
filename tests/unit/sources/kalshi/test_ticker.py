"""Ticker frames: what they find out about a book, and that nothing of theirs costs a market anything."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from relayer.sources.kalshi import wire
from relayer.sources.kalshi.ticker import TickerCheck
from tests.fakes.kalshi_facts import NOW_MS
from tests.unit.sources.kalshi.test_session import BOOK_SID, A, B, Talk

TICKER_SID = 4


class Look(Talk):
    """A talk with ticker frames; both books are 0.40 to 0.60."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.doubted: list[str] = []
        super().__init__(
            best_prices=TickerCheck(count=lambda found: self.counted.update([found]), doubt=self.doubted.append)
        )
        self.seqs[TICKER_SID] = 0
        self.reply("subscribed", 4, channel="ticker", sid=TICKER_SID)

    def ticker(self, ticker: str, after_ms: int, **changed: Any) -> None:
        msg = {"market_ticker": ticker, "yes_bid_dollars": "0.4000", "yes_ask_dollars": "0.6000"}
        self.seqs[TICKER_SID] = -1  # never numbered
        self.frame("ticker", TICKER_SID, msg | {"ts_ms": NOW_MS + after_ms} | changed)

    def prove(self, upto_ms: int) -> None:
        """Let the stream be proven up to then by frames of another market."""
        self.delta(B, upto_ms + 1000)
        self.trade(B, upto_ms + 1000)
        self.now_ms = NOW_MS + upto_ms + 1000
        self.session.tick()


def test_ticker_frames_are_subscribed_after_the_books() -> None:
    talk = Look()
    talk.later(100)
    assert talk.waiting() == []
    talk.session.watch(["C"])
    assert [command["params"]["sids"] for command in talk.commands()] == [[2], [BOOK_SID], [TICKER_SID]]


def test_a_resting_book_is_compared_once_it_is_proven() -> None:
    talk = Look()
    talk.ticker(A, 500)
    talk.prove(400)
    assert not talk.counted
    talk.prove(1600)
    assert (talk.counted, talk.doubted) == (Counter(agrees=1), [])
    talk.prove(2600)
    assert talk.counted == Counter(agrees=1), "once a frame"


@pytest.mark.parametrize(
    "shown",
    [
        {"yes_bid_dollars": "0.4100"},
        {"yes_ask_dollars": "0.6100"},
        {"yes_bid_dollars": "0.0000"},
        {"yes_ask_dollars": "1.0000"},
        {"yes_ask_dollars": "0.0000"},
    ],
)
def test_a_difference_is_a_reason_to_doubt_and_costs_nothing(shown: dict[str, Any]) -> None:
    talk = Look()
    talk.ticker(A, 500, **shown)
    talk.prove(1600)
    assert (talk.counted, talk.doubted) == (Counter(differs=1), [A])
    assert talk.waiting() == []


def test_a_book_that_moved_since_is_not_compared() -> None:
    talk = Look()
    talk.ticker(A, 500, yes_bid_dollars="0.3000")
    talk.delta(A, 600)
    talk.prove(1600)
    assert not talk.counted


def test_a_book_that_is_awaited_is_not_compared() -> None:
    talk = Look()
    talk.ticker(A, 500)
    talk.delta(A, 600, delta_fp="-9.00")
    talk.prove(1600)
    assert not talk.counted


@pytest.mark.parametrize(
    "wrong",
    [
        {"yes_bid_dollars": "64210.5000", "yes_ask_dollars": "64211.0000"},
        {"yes_bid_dollars": ""},
        {"ts_ms": 0},
        {"yes_bid_dollars": 40},
    ],
)
def test_look_alikes_and_malformed_ones_are_refused_and_cost_nothing(wrong: dict[str, Any]) -> None:
    talk = Look()
    talk.ticker(A, 500, **wrong)
    assert talk.session.frames["malformed"] == 1
    talk.prove(1600)
    assert (talk.counted, talk.waiting()) == (Counter(), [])


def test_frames_of_other_markets_and_subscriptions_are_passed_over() -> None:
    talk = Look()
    talk.ticker("KXBTCPERP", 500, yes_bid_dollars="64210.5000")
    msg = {"market_ticker": A, "yes_bid_dollars": "9", "yes_ask_dollars": "9"}
    talk.session.receive(json.dumps({"type": "ticker", "sid": 98, "msg": msg}))
    assert talk.session.frames["malformed"] == 0


def test_a_refused_or_dead_ticker_subscription_costs_nothing() -> None:
    talk = Look()
    error = {"type": "error", "sid": TICKER_SID, "msg": {"code": 25, "msg": "overflow"}}
    talk.session.receive(json.dumps(error))
    (again,) = talk.commands()
    assert again["params"]["channels"] == ["ticker"]
    talk.reply("error", again["id"], code=8, msg="Unknown channel name")
    assert talk.waiting() == []


def test_a_ticker_without_milliseconds_is_dated_by_its_second() -> None:
    check = TickerCheck(count=lambda found: None, doubt=lambda ticker: None)
    check.take(wire.TickerMsg(A, "0.4000", "0.6000", ts=NOW_MS // 1000))
    with pytest.raises(ValueError, match="a ticker without a time"):
        check.take(wire.TickerMsg(A, "0.4000", "0.6000"))
