from __future__ import annotations

import json
from typing import Any

import pytest

from relayer.conditions.engine import Engine
from relayer.conditions.parse import parse_spec
from relayer.conditions.spec import Spec
from relayer.domain.clock import Clock
from relayer.domain.markets import MarketId, MarketStatus, Venue
from relayer.domain.units import Millis
from relayer.prices.book import Book
from relayer.services.explain import decides, explain_feed, explain_market
from relayer.services.feeds import FeedTable
from relayer.services.judge import Armed
from relayer.telemetry.metrics import Metrics
from tests.fakes.specs import END, PARENT, START, document, outcome_document, pnp_market, spec

PARENT_ID = MarketId(Venue.KALSHI, PARENT)


@pytest.fixture
def feeds() -> FeedTable:
    """The parent is bid at 66 and asked at 68 and 70, a hundred contracts each."""
    table = FeedTable(clock=Clock(), metrics=Metrics())
    book = Book()
    book.replace({6600: 10_000}, {6800: 10_000, 7000: 10_000})
    table.on_gap(PARENT_ID, Millis(0), Millis(START - 1000), "start")
    table.on_status(PARENT_ID, Millis(START - 1000), MarketStatus.ACTIVE, None)
    table.on_book(PARENT_ID, Millis(START - 1000), book)
    return table


def told(feeds: FeedTable, asked: Spec) -> dict[str, Any]:
    engine = Engine()
    armed = Armed(asked, engine, engine.arm(asked))
    market = explain_market(pnp_market(asked), "open", "the window is not over", armed, feeds, START)
    return dict(json.loads(json.dumps(market)))


def test_how_far_the_price_is_and_what_forcing_it_costs(feeds: FeedTable) -> None:
    found = told(feeds, spec())
    assert found["distance"] == [{"level": "0.7000", "direction": "up", "price": "0.66000", "points_left": 4.0}]
    # A hundred at 68 and a hundred at 70 stand in the way; one contract must then rest at 70.
    assert found["cost_to_force"] == [
        {"level": "0.7000", "direction": "up", "contracts_in_the_way": "200.00", "dollars": "138.70"}
    ]


def test_down_is_the_mirror_image(feeds: FeedTable) -> None:
    found = told(feeds, spec(test={"type": "reach", "direction": "down", "level": "0.6000"}))
    assert found["distance"][0]["points_left"] == 8.0
    assert found["cost_to_force"][0] == {
        "level": "0.6000",
        "direction": "down",
        "contracts_in_the_way": "100.00",
        "dollars": "34.40",
    }


def test_state_verdict_and_parents_are_told_with_their_reasons(feeds: FeedTable) -> None:
    found = told(feeds, spec())
    assert (found["state"], found["why"]) == ("open", "the window is not over")
    assert found["verdict"]["answer"] == "pending"
    assert found["verdict"]["coverage"]["window_ms"] == END - START
    [parent] = found["parents"]
    assert (parent["bid"], parent["ask"], parent["age_s"], parent["gaps"]) == ("0.6600", "0.6800", 1.0, 1)
    assert parent["latest_gaps"] == [{"from": None, "to": "2025-12-31T23:59:59Z", "reason": "start", "filled_by": None}]


def test_a_gap_says_what_filled_it(feeds: FeedTable) -> None:
    found = explain_feed(feeds.feed(PARENT_ID), START, {Millis(START - 1000): "trades and candles"})
    assert [gap["filled_by"] for gap in found["latest_gaps"]] == ["trades and candles"]


def test_a_market_without_a_spec_shows_why(feeds: FeedTable) -> None:
    found = explain_market(pnp_market(spec()), "unbound", "its spec is missing", None, feeds, START)
    assert (found["state"], found["why"]) == ("unbound", "its spec is missing")
    assert "verdict" not in found


def test_no_price_counts_where_the_book_is_too_thin(feeds: FeedTable) -> None:
    thick = spec(price={"source": "executable", "min_size": "500.00", "held_s": 0})
    assert told(feeds, thick)["distance"][0]["price"] is None


def test_what_would_decide_it_is_said_in_words() -> None:
    either = spec(kind="timing", test={"type": "reach", "direction": "either", "level": "0.9000"})
    wanted = "the price is at or above 0.9000 or at or below 0.1000 for 60 s"
    assert decides(either) == f"yes once {wanted}; no if it is not until 2026-01-01T01:00:00Z"
    outcome = parse_spec(json.dumps(outcome_document()))
    assert decides(outcome) == "the parent's final result: yes if it is yes"


@pytest.mark.parametrize(
    ("kind", "test", "words"),
    [
        (
            "cascade",
            {"type": "hold", "direction": "down", "level": "0.3000"},
            "no once the price is not at or below 0.3000",
        ),
        (
            "volatility",
            {"type": "range", "unit": "points", "amount": "0.2000", "horizon_s": 600},
            "swings by more than 0.2000 within 600 s",
        ),
    ],
)
def test_every_path_test_has_its_words(kind: str, test: dict[str, Any], words: str) -> None:
    assert words in decides(parse_spec(json.dumps(document(kind=kind, test=test))))
