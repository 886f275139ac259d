"""What is said of a parent before a spec on it is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relayer.cli.parents import described, look_up, warnings
from relayer.conditions.parse import spec_of
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketFacts, MarketId, MarketStatus
from relayer.domain.units import Millis
from tests.unit.conditions.build import START, document, executable, reach

PATH = document(reach(), executable(), seconds=10)
OUTCOME = document({"type": "outcome", "result": "yes"}, None, seconds=10)


def _facts(**changes: Any) -> MarketFacts:
    facts = MarketFacts(
        market=MarketId.parse("kalshi:KXA"),
        title="Will it rain?",
        event="KX",
        status=MarketStatus.ACTIVE,
        open_ms=Millis(START - 1),
        close_ms=Millis(START + 10_000),
        result="",
        final=False,
        settled_ms=None,
        rules_hash="",
        provisional=False,
    )
    return replace(facts, **changes)


def test_a_trading_parent_gives_no_warning() -> None:
    for spec in (PATH, OUTCOME):
        assert list(warnings(spec_of(spec), _facts())) == []
    assert described(_facts()) == "kalshi:KXA: Will it rain?; active, closes 2026-01-01T00:00:10Z"


@pytest.mark.parametrize(
    ("spec", "changes", "message"),
    [
        (PATH, {"close_ms": START + 9999}, "the window ends after kalshi:KXA closes (2026-01-01T00:00:09.999Z)"),
        (OUTCOME, {"close_ms": START + 10_001}, "the window ends before kalshi:KXA closes"),
        (PATH, {"status": MarketStatus.PAUSED}, "kalshi:KXA is paused now, not trading."),
    ],
)
def test_what_is_odd_is_told(spec: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    (warning,) = warnings(spec_of(spec), _facts(**changes))
    assert message in warning


@pytest.mark.parametrize(
    ("spec", "changes", "message"),
    [
        (PATH, {"provisional": True}, "kalshi:KXA is provisional"),
        (OUTCOME, {"result": "no"}, "already has the result 'no'"),
        (OUTCOME, {"status": MarketStatus.FINAL}, "already has the result"),
        (PATH, {"close_ms": START}, r"'window\.start': kalshi:KXA closes 2026-01-01T00:00:00Z"),
    ],
)
def test_what_makes_no_sense_is_refused(spec: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list(warnings(spec_of(spec), _facts(**changes)))


def test_other_venues_are_not_asked() -> None:
    spec = document({"type": "outcome", "result": "yes"}, None)
    spec["parent"] = {"venue": "polymarket", "market": "12345"}
    assert look_up(spec_of(spec), "") == []


@pytest.mark.parametrize(
    ("venue", "url", "message"),
    [("kalshi-sandbox", "", "no fixed address"), ("kalshi", "localhost:80", "is no address")],
)
def test_addresses_are_checked(venue: str, url: str, message: str) -> None:
    spec = document(reach(), executable())
    spec["parent"]["venue"] = venue
    with pytest.raises(UsageError, match=message):
        look_up(spec_of(spec), url)
