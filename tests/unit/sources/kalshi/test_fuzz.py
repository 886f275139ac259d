"""Whatever text comes: the session lives, and only what is a price, a size and a time is ever told."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayer.domain.errors import TransientError
from relayer.sources.kalshi import parse, wire
from relayer.sources.kalshi.client import error_of
from tests.fakes.listener import Book
from tests.unit.sources.kalshi.test_session import BOOK_SID, LIFECYCLE_SID, TRADE_SID, A, B, Talk

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
number_texts = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(["", "-", "0x10", "1e3", "1_0", " 0.5", "\u0660.\u0665", "0.5\n", "1/2", "0.30000001", "9" * 400]),
    st.text(max_size=6),
)
members = st.fixed_dictionaries(
    {"market_ticker": st.sampled_from([A, B, "", "KXOTHER"])},
    optional={
        "price_dollars": number_texts | json_values,
        "delta_fp": number_texts | json_values,
        "yes_price_dollars": number_texts | json_values,
        "count_fp": number_texts | json_values,
        "yes_dollars_fp": st.lists(st.lists(number_texts, max_size=3), max_size=3) | json_values,
        "no_dollars_fp": st.lists(st.lists(number_texts, max_size=3), max_size=3) | json_values,
        "side": st.sampled_from(["yes", "no"]) | json_values,
        "ts_ms": json_values | st.integers(),
        "ts": json_values,
        "trade_id": st.text(max_size=4) | json_values,
        "event_type": st.sampled_from(["deactivated", "close_date_updated", "determined"]) | json_values,
        "close_ts": st.integers() | json_values,
        "channel": st.sampled_from(["trade", "orderbook_delta"]) | json_values,
        "sid": st.integers() | json_values,
        "code": st.integers() | json_values,
    },
)
frames = st.fixed_dictionaries(
    {"type": st.sampled_from([*wire.FRAME_TYPES.values(), "news"]) | json_values},
    optional={
        "sid": st.sampled_from([BOOK_SID, TRADE_SID, LIFECYCLE_SID]) | json_values,
        "seq": st.integers(0, 12) | json_values,
        "id": st.integers(0, 9) | json_values,
        "sending_ts_ms": st.integers() | json_values,
        "msg": members | json_values,
    },
)


@given(st.lists(frames.map(json.dumps) | st.text(max_size=20) | st.binary(max_size=20), max_size=8))
@settings(max_examples=400, deadline=None)
def test_no_frame_breaks_a_session(texts: list[str | bytes]) -> None:
    talk = Talk()
    for text in texts:
        with contextlib.suppress(TransientError):
            talk.session.receive(text)
    with contextlib.suppress(TransientError):
        talk.later(200)
    for told in talk.told.markets.values():
        for line in told.lines:
            if isinstance(line, Book):
                assert all(0 < price <= 10_000 and size > 0 for price, size in (*line.bids, *line.asks))


@given(number_texts)
def test_a_text_is_a_price_or_an_error(text: str) -> None:
    for price_of in (parse.bid_price, parse.ask_price, parse.ask_of_no_bid):
        with contextlib.suppress(ValueError):
            assert 0 <= price_of(text) <= 10_000


@given(st.decimals(min_value=0, max_value=1, places=6))
def test_prices_round_away_from_the_middle(value: Any) -> None:
    bid, ask = parse.bid_price(str(value)), parse.ask_price(str(value))
    assert bid <= value * 10_000 <= ask
    assert ask - bid <= 1
    assert parse.ask_of_no_bid(str(value)) == 10_000 - bid


BODIES = [wire.MarketBody, wire.MarketsBody, wire.BookBody, wire.TradesBody, wire.EventBody, wire.CandlesBody]


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
@settings(deadline=None)
def test_no_body_breaks_its_decoder(content: bytes) -> None:
    error_of(content)
    for kind in BODIES:
        with contextlib.suppress(msgspec.MsgspecError):
            msgspec.json.decode(content, type=kind)


def test_a_size_finer_than_a_hundredth_is_refused() -> None:
    assert parse.size_change("-3.500") == -350
    with pytest.raises(ValueError, match=r"size '1\.005' is finer than 0\.01 contract"):
        parse.size_change("1.005")
    with pytest.raises(ValueError, match=r"size '1e-3' is finer than 0\.01 contract"):
        parse.size("1e-3")
    with pytest.raises(ValueError, match=r"a level of -3\.50 contracts"):
        parse.size("-3.50")


def test_a_trade_of_less_than_nothing_is_refused_on_both_ways() -> None:
    row = wire.RestTrade("x", A, "-1.00", "0.5000", "2026-06-11T05:12:22Z")
    with pytest.raises(ValueError, match=r"a trade of -1\.00 contracts"):
        parse.rest_trade(row)
    with pytest.raises(ValueError, match=r"a trade of -1\.00 contracts"):
        parse.trade(wire.TradeMsg("x", A, "0.5000", "-1.00", 1))
