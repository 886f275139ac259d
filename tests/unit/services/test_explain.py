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
from relayer.services.resolver import Seen
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


def told(feeds: FeedTable, asked: Spec, **facts: Any) -> dict[str, Any]:
    engine = Engine()
    armed = Armed(asked, engine, engine.arm(asked))
    seen = Seen(pnp_market(asked, **facts), "open", "the window is not over", armed)
    return dict(json.loads(json.dumps(explain_market(seen, feeds, START, dollar_mints=("mint",)))))


def test_how_far_the_price_is_and_what_forcing_it_costs(feeds: FeedTable) -> None:
    found = told(feeds, spec())
    assert found["distance"] == [{"level": "0.7000", "direction": "up", "price": "0.66000", "points_left": 4.0}]
    # A hundred at 68 and a hundred at 70 stand in the way; one contract must then rest at 70.
    assert found["cost_to_force"] == [
        {"answer": "yes", "level": "0.7000", "direction": "up", "contracts_in_the_way": "200.00", "dollars": "138.70"}
    ]


def test_down_is_the_mirror_image(feeds: FeedTable) -> None:
    found = told(feeds, spec(test={"type": "reach", "direction": "down", "level": "0.6000"}))
    assert found["distance"][0]["points_left"] == 8.0
    assert found["cost_to_force"][0] == {
        "answer": "yes",
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
    assert parent["latest_gaps"] == []  # it ended before the window
    coverage = found["verdict"]["coverage"]
    assert coverage["to_come_ms"] == END - START - coverage["unknown_ms"]


def test_a_gap_says_what_filled_it(feeds: FeedTable) -> None:
    found = explain_feed(feeds.feed(PARENT_ID), START, {Millis(START - 1000): "trades and candles"})
    assert [gap["filled_by"] for gap in found["latest_gaps"]] == ["trades and candles"]


def test_a_market_without_a_spec_shows_why(feeds: FeedTable) -> None:
    found = explain_market(Seen(pnp_market(spec()), "unbound", "its spec is missing", None), feeds, START)
    assert (found["state"], found["why"]) == ("unbound", "its spec is missing")
    assert "verdict" not in found


def test_gaps_that_reach_into_the_window_are_told_with_what_filled_them(feeds: FeedTable) -> None:
    feeds.on_gap(PARENT_ID, Millis(START - 10), Millis(START + 10), "silence")
    engine = Engine()
    armed = Armed(spec(), engine, engine.arm(spec()))
    seen = Seen(pnp_market(spec()), "open", "", armed)
    found = explain_market(seen, feeds, START, lambda market: {Millis(START + 10): f"candles of {market.ticker}"})
    [gap] = found["parents"][0]["latest_gaps"]
    assert (gap["reason"], gap["filled_by"]) == ("silence", f"candles of {PARENT}")


def test_breaking_a_hold_takes_the_bids_at_its_level(feeds: FeedTable) -> None:
    """A hundred bid at 66 are sold to: that many NO at 34 cents. Nothing is bid at 70."""
    held = {"type": "hold", "direction": "up", "level": "0.6000"}
    assert told(feeds, spec(kind="cascade", test=held))["cost_to_force"] == [
        {"answer": "no", "level": "0.6000", "direction": "down", "contracts_in_the_way": "100.00", "dollars": "34.00"}
    ]
    either = {"type": "hold", "direction": "either", "level": "0.7000"}
    costs = told(feeds, spec(kind="cascade", test=either), stake=1, decimals=6)
    assert [one["dollars"] for one in costs["cost_to_force"]] == ["0.00", "0.00"]
    assert costs["alarm"].startswith("forcing the answer costs about 0.00 dollars now, and 0.00 are at stake")


def test_an_answer_cheaper_than_its_stake_alarms(feeds: FeedTable) -> None:
    """Forcing costs 138.70; exactly that is not yet too much, a base unit more is."""
    even = told(feeds, spec(), stake=138_700_000, decimals=6)
    assert even["stake"] == {"collateral_mint": "mint", "tokens": "138.700000", "dollars": "138.70"}
    assert even["alarm"] is None
    assert told(feeds, spec(), stake=138_700_001, decimals=6)["alarm"] == (
        "forcing the answer costs about 138.70 dollars now, and 138.70 are at stake: "
        "look at the path before it is settled"
    )
    assert told(feeds, spec(), stake=138_700_000_001, decimals=9)["alarm"]  # a part of a micro-dollar counts as one


def test_of_either_level_the_cheaper_one_counts(feeds: FeedTable) -> None:
    """The 66 are sold to, for 34 dollars, and an ask of one contract at 40 takes 60 cents more."""
    either = spec(kind="timing", test={"type": "reach", "direction": "either", "level": "0.6000"})
    found = told(feeds, either, stake=34_600_001, decimals=6)
    assert [one["dollars"] for one in found["cost_to_force"]] == ["0.60", "34.60"]
    assert found["alarm"].startswith("forcing the answer costs about 0.60 dollars now")


@pytest.mark.parametrize(
    "facts", [{"decimals": None}, {"decimals": 6, "collateral_mint": "another"}], ids=["mint not read", "no dollar"]
)
def test_a_stake_that_is_not_known_in_dollars_never_alarms(feeds: FeedTable, facts: dict[str, Any]) -> None:
    found = told(feeds, spec(), stake=10**15, **facts)
    assert (found["stake"]["dollars"], found["alarm"]) == (None, None)


def test_nothing_is_estimated_without_a_book_that_stands(feeds: FeedTable) -> None:
    feeds.on_gap(PARENT_ID, Millis(START), Millis(START + 1), "silence")
    found = told(feeds, spec(), stake=10**15, decimals=6)
    assert (found["cost_to_force"], found["alarm"]) == ([], None)


def test_no_price_counts_where_the_book_is_too_thin(feeds: FeedTable) -> None:
    thick = spec(price={"source": "executable", "min_size": "500.00", "held_s": 0})
    assert told(feeds, thick)["distance"][0]["price"] is None


def test_what_would_decide_it_is_said_in_words() -> None:
    traded = spec(price={"source": "trades", "min_size": "5.00", "min_trades": 2, "within_s": 60})
    wanted = "5.00 contracts in 2 trades within 60 s were traded at or above 0.7000"
    assert decides(traded) == f"yes once {wanted}; no if not until 2026-01-01T01:00:00Z"
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
            "swings by more than 0.2000 points within 600 s for 60 s",
        ),
    ],
)
def test_every_path_test_has_its_words(kind: str, test: dict[str, Any], words: str) -> None:
    assert words in decides(parse_spec(json.dumps(document(kind=kind, test=test))))
