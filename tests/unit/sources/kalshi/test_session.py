"""One conversation, frame by frame: what is asked, what is believed, and what a fault costs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any

import pytest

from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import rfc3339
from relayer.sources.kalshi.market import WatchedMarket
from relayer.sources.kalshi.session import Session
from relayer.sources.kalshi.ticker import TickerCheck
from relayer.sources.kalshi.venue_time import VenueTime
from tests.fakes.kalshi_facts import NOW_MS, facts
from tests.fakes.listener import Book, Gap, PathRules, Status, Watermark

A, B = "KXDEMO-26DEC31-T50", "KXDEMO-26DEC31-T60.5"
LIFECYCLE_SID, TRADE_SID, BOOK_SID = 1, 2, 3


class Talk:
    """A session over two active markets, its venue played by the test."""

    def __init__(self, *, subscribed: bool = True, best_prices: TickerCheck | None = None) -> None:
        self.now_ms = NOW_MS
        self.told = PathRules()
        self.refreshed: list[str] = []
        self.markets = {ticker: WatchedMarket(MarketId(Venue.KALSHI, ticker), self.told) for ticker in (A, B)}
        for ticker, market in self.markets.items():
            market.learn(facts(ticker), asked_ms=NOW_MS - 1, answered_ms=NOW_MS - 1, proven_ms=0)
        self.session = Session(
            markets=self.markets,
            clock=Clock(wall=lambda: self.now_ms),
            venue_time=VenueTime(),
            refresh=self._refresh,
            reply_timeout_s=5,
            best_prices=best_prices,
            wall_s=lambda: self.now_ms / 1000,
        )
        self.session.watch([A, B])
        self.seqs = {LIFECYCLE_SID: 0, TRADE_SID: 0, BOOK_SID: 0}
        if subscribed:
            self.subscribe()

    def _refresh(self, tickers: Iterable[str]) -> None:
        self.refreshed += tickers

    def subscribe(self) -> None:
        """Answer all subscriptions, with snapshots of both books."""
        self.reply("subscribed", 1, channel="market_lifecycle_v2", sid=LIFECYCLE_SID)
        self.reply("subscribed", 2, channel="trade", sid=TRADE_SID)
        self.reply("subscribed", 3, channel="orderbook_delta", sid=BOOK_SID)
        self.snapshot(A)
        self.snapshot(B)
        self.commands()
        self.refreshed.clear()

    def reply(self, kind: str, command_id: int, **msg: Any) -> None:
        self.session.receive(json.dumps({"type": kind, "id": command_id, "msg": msg}))

    def frame(self, kind: str, sid: int, msg: Any, *, skip: int = 0, **envelope: Any) -> str:
        self.seqs[sid] += 1 + skip
        text = json.dumps({"type": kind, "sid": sid, "seq": self.seqs[sid], **envelope, "msg": msg})
        self.session.receive(text)
        return text

    def snapshot(self, ticker: str, command_id: int = 0, skip: int = 0) -> None:
        msg = {"market_ticker": ticker, "yes_dollars_fp": [["0.4000", "1.00"]], "no_dollars_fp": [["0.6000", "1.00"]]}
        self.frame("orderbook_snapshot", BOOK_SID, msg, skip=skip, sending_ts_ms=self.now_ms, id=command_id)

    def delta(self, ticker: str, after_ms: int, skip: int = 0, **changed: Any) -> str:
        msg = {"market_ticker": ticker, "price_dollars": "0.4100", "delta_fp": "1.00", "side": "yes"}
        return self.frame("orderbook_delta", BOOK_SID, msg | {"ts_ms": NOW_MS + after_ms} | changed, skip=skip)

    def trade(self, ticker: str, after_ms: int, skip: int = 0, **changed: Any) -> None:
        msg = {"trade_id": f"t{after_ms}", "market_ticker": ticker, "yes_price_dollars": "0.5", "count_fp": "2.00"}
        self.frame("trade", TRADE_SID, msg | {"ts_ms": NOW_MS + after_ms} | changed, skip=skip)

    def commands(self) -> list[dict[str, Any]]:
        sent = self.session.outbox.copy()
        self.session.outbox.clear()
        return sent

    def later(self, ms: int) -> list[dict[str, Any]]:
        """Let time pass in ticks; returns what was asked meanwhile."""
        for _ in range(ms // 100):
            self.now_ms += 100
            self.session.tick()
        return self.commands()

    def of(self, ticker: str, *kinds: type) -> list[Any]:
        return [line for line in self.told[ticker].lines if isinstance(line, kinds)]

    def waiting(self) -> list[str]:
        return [ticker for ticker, market in self.markets.items() if market.wants_snapshot]


def test_trades_are_subscribed_before_books_and_prices_are_asked_for_in_yes() -> None:
    talk = Talk(subscribed=False)
    first = talk.commands()
    assert [command["params"]["channels"] for command in first] == [["market_lifecycle_v2"], ["trade"]]
    assert "market_tickers" not in first[0]["params"]
    talk.reply("subscribed", 2, channel="trade", sid=TRADE_SID)
    (book,) = talk.commands()
    assert book["params"] == {
        "channels": ["orderbook_delta"],
        "market_tickers": [A, B],
        "skip_ticker_ack": True,
        "use_yes_price": True,
    }


def test_more_markets_are_added_to_the_standing_subscriptions() -> None:
    talk = Talk()
    talk.markets["C"] = WatchedMarket(MarketId(Venue.KALSHI, "C"), talk.told)
    talk.session.watch([A, "C"])
    assert [command["params"] for command in talk.commands()] == [
        {"sids": [sid], "action": "add_markets", "market_tickers": ["C"]} for sid in (TRADE_SID, BOOK_SID)
    ]


def test_many_markets_are_subscribed_in_several_commands() -> None:
    talk = Talk(subscribed=False)
    many = {f"M{number}": WatchedMarket(MarketId(Venue.KALSHI, f"M{number}"), talk.told) for number in range(1200)}
    talk.markets.update(many)
    talk.session.watch(many)
    talk.commands()
    talk.reply("subscribed", 2, channel="trade", sid=TRADE_SID)
    chunks = [len(command["params"]["market_tickers"]) for command in talk.commands()]
    assert chunks == [500, 500, 500, 200]  # the book's first command, then the rest of the trades' markets


def test_books_follow_the_frames() -> None:
    talk = Talk()
    talk.delta(A, 10)
    talk.delta(A, 20, side="no", price_dollars="0.5900", delta_fp="3.50")
    last = talk.of(A, Book)[-1]
    assert (last.at, last.bids, last.asks) == (
        NOW_MS + 20,
        ((4100, 100), (4000, 100)),
        ((5900, 350), (6000, 100)),
    )


def test_prices_finer_than_ours_round_away_from_the_middle() -> None:
    talk = Talk()
    talk.delta(A, 10, price_dollars="0.41009", delta_fp="1.0")
    talk.delta(A, 20, price_dollars="0.590001", side="no", delta_fp="1")
    last = talk.of(A, Book)[-1]
    assert (last.bids[0], last.asks[0]) == ((4100, 100), (5901, 100))


def test_an_ok_counts_in_the_sequence() -> None:
    talk = Talk()
    talk.frame("ok", BOOK_SID, {"market_tickers": [A, B]}, id=77)
    talk.delta(A, 10)
    assert talk.waiting() == []


def test_a_hole_loses_every_market_of_the_subscription() -> None:
    talk = Talk()
    talk.now_ms += 3200
    talk.delta(A, 3000)
    talk.trade(A, 3100)
    talk.delta(A, 4000, skip=1)
    assert talk.waiting() == [A, B]
    asked = talk.later(100)[-1]
    assert asked["params"] == {"sids": [BOOK_SID], "action": "get_snapshot", "market_tickers": [A, B]}
    talk.now_ms = NOW_MS + 4200
    talk.snapshot(A, asked["id"])
    talk.snapshot(B, asked["id"])
    assert talk.of(A, Gap)[-1] == Gap(NOW_MS + 3000, NOW_MS + 4200, "sequence")
    assert talk.of(B, Gap)[-1] == Gap(NOW_MS + 2000, NOW_MS + 4200, "sequence")  # proven as far as the subscription
    assert talk.waiting() == []


def test_a_hole_in_the_trades_loses_the_books_too() -> None:
    talk = Talk()
    talk.trade(A, 50, skip=2)
    assert talk.waiting() == [A, B]


def test_a_hole_in_the_lifecycle_only_asks_rest() -> None:
    talk = Talk()
    msg = {"market_ticker": "OTHER", "event_type": "created"}
    talk.frame("market_lifecycle_v2", LIFECYCLE_SID, msg, skip=3)
    assert talk.waiting() == []
    assert talk.refreshed == [A, B]


def test_a_repeated_frame_is_ignored() -> None:
    talk = Talk()
    text = talk.delta(A, 10)
    talk.session.receive(text)
    talk.delta(A, 20)
    assert talk.of(A, Book)[-1].bids[0] == (4100, 200)
    assert talk.session.frames["repeated"] == 1


def test_a_late_frame_does_not_lower_the_sequence() -> None:
    talk = Talk()
    late = talk.delta(A, 10).replace('"seq": 3', '"seq": 1')
    talk.session.receive(late)
    talk.delta(A, 20)
    assert talk.waiting() == []


def test_frames_of_foreign_subscriptions_are_ignored() -> None:
    talk = Talk()
    talk.session.receive(talk.delta(A, 10).replace('"sid": 3', '"sid": 9'))
    assert talk.of(A, Book)[-1].bids[0] == (4100, 100)


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_dollars": "1.0100"},
        {"price_dollars": "-0.0100"},
        {"price_dollars": "NaN"},
        {"price_dollars": 41},
        {"delta_fp": "lots"},
        {"delta_fp": "0.001"},
        {"side": "maybe"},
        {"ts_ms": 0, "ts": "yesterday"},
        {"ts_ms": 0, "ts": 1786085188},
        {"ts_ms": 0},
        {"ts_ms": NOW_MS * 2},
    ],
)
def test_a_malformed_change_isolates_its_market(wrong: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    talk = Talk()
    with caplog.at_level(logging.ERROR):
        talk.delta(A, 10, **wrong)
    assert talk.waiting() == [A]
    (record,) = caplog.records
    assert record.message == "Kalshi sent a malformed frame: the market is unproven until its next snapshot."
    assert record.__dict__["market"] == A
    assert talk.session.frames["malformed"] == 1
    talk.delta(B, 20)
    assert talk.of(B, Book)[-1].at == NOW_MS + 20


def test_a_change_without_milliseconds_has_the_time_it_spells_out() -> None:
    talk = Talk()
    talk.delta(A, 10, ts_ms=0, ts=f"{rfc3339(NOW_MS + 10).removesuffix('Z')}+00:00")
    assert talk.of(A, Book)[-1].at == NOW_MS + 10


def test_a_frame_that_names_no_market_costs_the_whole_subscription() -> None:
    talk = Talk()
    talk.frame("orderbook_delta", BOOK_SID, [1, 2])
    assert talk.waiting() == [A, B]


def test_text_that_is_no_frame_costs_nothing_until_a_hole_shows() -> None:
    talk = Talk()
    for text in ("{", "[]", "null", '"x"', "12"):
        talk.session.receive(text)
    assert talk.session.frames["malformed"] == 5
    assert talk.waiting() == []


def test_blank_lines_and_unknown_types_are_passed_over() -> None:
    talk = Talk()
    talk.session.receive("\n")
    talk.session.receive("")
    talk.frame("event_lifecycle", LIFECYCLE_SID, {"event_ticker": "KXNEW"})
    talk.frame("depth_chart", BOOK_SID, {"market_ticker": A})
    talk.delta(A, 10)
    assert talk.session.frames["unknown"] == 2
    assert talk.waiting() == []


def test_legacy_frames_in_cents_are_refused() -> None:
    talk = Talk()
    msg: dict[str, Any] = {"market_ticker": A, "price": 40, "delta": -2, "side": "no"}
    talk.frame("orderbook_delta", BOOK_SID, msg)
    assert talk.waiting() == [A]


def test_an_empty_book_has_no_sides() -> None:
    talk = Talk()
    talk.delta(A, 10, skip=1)
    talk.frame("orderbook_snapshot", BOOK_SID, {"market_ticker": A}, sending_ts_ms=NOW_MS + 50)
    assert talk.of(A, Book)[-1] == Book(NOW_MS + 50, (), ())


def test_a_snapshot_without_a_time_is_dated_by_our_clock() -> None:
    talk = Talk()
    talk.delta(A, 10, skip=1)
    talk.now_ms += 200
    talk.frame("orderbook_snapshot", BOOK_SID, {"market_ticker": A})
    assert talk.of(A, Book)[-1].at == NOW_MS + 201


def test_the_watermark_follows_the_slower_of_books_and_trades() -> None:
    talk = Talk()
    talk.delta(A, 4000)
    talk.trade(B, 3000)
    talk.now_ms += 4100
    talk.session.tick()
    assert talk.told[A].watermark_ms == talk.told[B].watermark_ms == NOW_MS + 2000


def test_silence_is_asked_about_and_the_answer_moves_the_watermark() -> None:
    talk = Talk()
    assert talk.later(4900) == []
    trade, book = talk.later(200)
    assert trade["params"] == {"sids": [TRADE_SID], "action": "add_markets", "market_tickers": [A]}
    assert book["params"] == {"sids": [BOOK_SID], "action": "get_snapshot", "market_tickers": [A]}
    assert talk.later(1500) == [], "one question at a time"
    talk.frame("ok", TRADE_SID, {}, id=trade["id"])
    talk.snapshot(A, book["id"])
    talk.later(100)
    assert talk.told[B].watermark_ms == NOW_MS + 5100 - 1000


def test_an_answer_behind_a_hole_proves_nothing() -> None:
    talk = Talk()
    trade, book = talk.later(5100)
    talk.frame("ok", TRADE_SID, {}, id=trade["id"])
    talk.snapshot(A, book["id"], skip=1)
    talk.later(100)
    assert talk.waiting() == [B]
    assert talk.of(A, Gap)[-1].start == NOW_MS


def test_a_socket_that_says_and_answers_nothing_is_given_up() -> None:
    talk = Talk()
    talk.later(10_000)
    with pytest.raises(TransientError, match="Kalshi's WebSocket is open, but says nothing and answers nothing"):
        talk.later(300)


def lifecycle_goes_on(talk: Talk) -> None:
    talk.frame("market_lifecycle_v2", LIFECYCLE_SID, {"market_ticker": "OTHER", "event_type": "created"})


def test_unanswered_questions_lead_to_a_new_subscription_and_then_to_a_new_connection() -> None:
    talk = Talk()
    talk.later(5100)
    lifecycle_goes_on(talk)
    again = talk.later(5100)
    assert [command["cmd"] for command in again] == ["unsubscribe", "subscribe", "unsubscribe", "subscribe"]
    assert talk.waiting() == [A, B]
    with pytest.raises(TransientError, match="Kalshi did not answer the subscription to"):
        talk.later(5100)


def test_a_connection_that_is_far_behind_is_waited_for() -> None:
    """Frames from before the question still come: its answer is somewhere behind them."""
    talk = Talk()
    trade, _ = talk.later(5100)
    for after_ms in range(1000, 5000, 500):
        talk.delta(A, after_ms)
        assert talk.later(3000) == []
    assert talk.waiting() == []
    talk.frame("ok", TRADE_SID, {}, id=trade["id"])
    talk.delta(A, 5500)
    talk.later(5000)
    assert talk.waiting() == []


def test_one_that_has_caught_up_and_does_not_answer_is_silent_after_all() -> None:
    talk = Talk()
    talk.later(5100)
    talk.delta(A, 4000)
    talk.later(5100)
    talk.delta(A, 6000)
    assert talk.waiting() == []
    talk.later(5100)
    assert talk.waiting() == [A, B]


def test_a_new_subscription_that_stays_silent_ends_the_connection() -> None:
    talk = Talk()
    talk.later(5100)
    lifecycle_goes_on(talk)
    for number, command in enumerate(talk.later(5100)):
        if command["cmd"] == "subscribe":
            talk.reply("subscribed", command["id"], channel=command["params"]["channels"][0], sid=10 + number)
    talk.later(5100)
    lifecycle_goes_on(talk)
    with pytest.raises(TransientError, match=r"Kalshi's new subscription to \w+ stays silent"):
        talk.later(15_000)


def test_one_market_without_a_snapshot_does_not_cost_the_others() -> None:
    talk = Talk()
    talk.delta(A, 10, delta_fp="-5.00", price_dollars="0.4000")
    for _ in range(20):
        for command in talk.later(1000):
            if command["params"]["action"] == "get_snapshot":
                assert B in command["params"]["market_tickers"], "the healthy market's answer keeps the line alive"
                talk.snapshot(B, command["id"])
            else:
                talk.frame("ok", TRADE_SID, {}, id=command["id"])
    assert talk.waiting() == [A]
    assert talk.of(B, Gap)[-1].reason == "start"


@pytest.mark.parametrize("code", [10, 17, 25])
def test_a_terminal_error_ends_one_subscription(code: int) -> None:
    talk = Talk()
    talk.frame("error", BOOK_SID, {"code": code, "msg": "Subscription buffer overflow"})
    (again,) = talk.commands()
    assert again["params"]["channels"] == ["orderbook_delta"]
    assert talk.waiting() == [A, B]
    talk.reply("subscribed", again["id"], channel="orderbook_delta", sid=7)
    talk.seqs[7] = 0
    msg = {"market_ticker": A, "yes_dollars_fp": [["0.4400", "1.00"]]}
    talk.frame("orderbook_snapshot", 7, msg, sending_ts_ms=NOW_MS + 500)
    assert talk.of(A, Gap)[-1] == Gap(NOW_MS, NOW_MS + 500, "subscription")


def test_a_refused_subscription_says_why() -> None:
    talk = Talk(subscribed=False)
    with pytest.raises(TransientError, match=r"Kalshi refused the subscription to trade \(error 26: too many\)"):
        talk.reply("error", 2, code=26, msg="too many")


C = "KXDEMO-26DEC31-T70"


def adding_one() -> tuple[Talk, dict[int, int]]:
    """A third market is being added; the ids of the commands by the subscription's sid."""
    talk = Talk(best_prices=TickerCheck(count=lambda _: None, doubt=lambda _: None))
    talk.reply("subscribed", 4, channel="ticker", sid=4)
    talk.markets[C] = WatchedMarket(MarketId(Venue.KALSHI, C), talk.told)
    talk.session.watch([C])
    return talk, {command["params"]["sids"][0]: command["id"] for command in talk.commands()}


@pytest.mark.parametrize("sid", [TRADE_SID, BOOK_SID])
def test_markets_that_are_refused_are_not_taken_for_silent(sid: int) -> None:
    talk, numbers = adding_one()
    with pytest.raises(TransientError, match=r"refused to add markets to a subscription \(error 26: too many\), which"):
        talk.reply("error", numbers[sid], code=26, msg="too many")


def test_a_refusal_matters_for_what_is_proven_and_once_it_is_not_answered() -> None:
    talk, numbers = adding_one()
    talk.reply("error", numbers[4], code=26, msg="too many")
    talk.frame("ok", TRADE_SID, {}, id=numbers[TRADE_SID])
    talk.reply("error", numbers[TRADE_SID], code=18, msg="late")
    talk.frame("error", BOOK_SID, {"code": 25, "msg": "Subscription buffer overflow"})
    talk.reply("error", numbers[BOOK_SID], code=7, msg="unknown sid")


def test_a_refused_question_is_not_repeated_at_once() -> None:
    talk = Talk()
    trade, _ = talk.later(5100)
    talk.reply("error", trade["id"], code=13, msg="Unsupported action")
    assert all(command["params"]["sids"] != [TRADE_SID] for command in talk.later(4000))


def test_a_book_that_stays_crossed_is_asked_for_anew() -> None:
    talk = Talk()
    talk.delta(A, 100, price_dollars="0.7000")
    assert talk.waiting() == []
    asked = talk.later(2_800)[-1]
    assert asked["params"]["market_tickers"] == [A, B]
    talk.snapshot(A, asked["id"])
    assert talk.of(A, Gap)[-1].start == NOW_MS + 100
    assert talk.waiting() == []


def test_lifecycle_events_pause_move_the_close_and_ask_rest() -> None:
    talk = Talk()
    event = {"market_ticker": A, "event_type": "close_date_updated", "close_ts": NOW_MS // 1000 + 60}
    talk.frame("market_lifecycle_v2", LIFECYCLE_SID, event)
    told = talk.markets[A].facts
    assert told is not None
    assert told.close_ms == NOW_MS + 60_000
    msg = {"market_ticker": A, "event_type": "deactivated", "is_deactivated": True}
    talk.frame("market_lifecycle_v2", LIFECYCLE_SID, msg, sending_ts_ms=NOW_MS + 90)
    assert talk.of(A, Status)[-1] == Status(NOW_MS + 90, MarketStatus.PAUSED, NOW_MS + 1)
    assert talk.refreshed == [A, A]


def test_an_unnumbered_lifecycle_frame_is_heard_all_the_same() -> None:
    talk = Talk()
    msg = {"market_ticker": A, "determination_ts": NOW_MS // 1000, "result": "no", "event_type": "determined"}
    talk.session.receive(json.dumps({"type": "market_lifecycle_v2", "sid": LIFECYCLE_SID, "msg": msg}))
    assert talk.refreshed == [A]


def test_trades_keep_their_block_mark() -> None:
    talk = Talk()
    talk.trade(A, 10, is_block_trade=True)
    talk.trade(A, 20, ts_ms=0, ts=NOW_MS // 1000 + 1)
    first, second = talk.of(A, Trade)
    assert (first.block, first.price, first.size, first.at_ms) == (True, 5000, 200, NOW_MS + 10)
    assert (second.block, second.at_ms) == (False, NOW_MS + 1000)


def test_closing_leaves_all_markets_unproven_from_the_proven_instant() -> None:
    talk = Talk()
    talk.delta(A, 4000)
    talk.trade(A, 4000)
    talk.now_ms += 4100
    talk.session.close()
    assert talk.of(B, Watermark)[-1] == Watermark(NOW_MS + 3000)
    assert talk.waiting() == [A, B]


def test_trades_without_numbers_are_taken_as_they_come() -> None:
    talk = Talk()
    msg = {"trade_id": "t", "market_ticker": A, "yes_price_dollars": "0.5", "count_fp": "1.00", "ts_ms": NOW_MS + 5}
    talk.session.receive(json.dumps({"type": "trade", "sid": TRADE_SID, "msg": msg}))
    assert [trade.at_ms for trade in talk.of(A, Trade)] == [NOW_MS + 5]
    question, _ = talk.later(5100)
    talk.session.receive(json.dumps({"type": "ok", "sid": TRADE_SID, "id": question["id"]}))
    assert talk.waiting() == []
    assert all(command["params"]["sids"] != [TRADE_SID] for command in talk.later(900))


def test_known_books_are_compared_with_snapshots_in_turn() -> None:
    talk = Talk()
    asked = []
    for after_ms in range(1000, 25_000, 1000):
        talk.delta(A, after_ms, price_dollars="0.3000")
        talk.trade(A, after_ms)
        for command in talk.later(1000):
            asked += command["params"]["market_tickers"]
            talk.frame("ok", BOOK_SID, {}, id=command["id"])
    assert asked == [A, B]


@pytest.mark.parametrize(
    "text", [b'{"type":"\xff"}', b"[" * 100_000, b'{"type":"orderbook_delta","msg":{"ts":"\xc3("}}']
)
def test_broken_utf8_and_endless_nesting_are_malformed_frames(text: bytes) -> None:
    talk = Talk()
    talk.session.receive(text)
    assert talk.session.frames["malformed"] + talk.session.frames["unknown"] == 1
