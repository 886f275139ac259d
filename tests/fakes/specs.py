"""Specs and PNP markets for tests of the services, with times that are easy to read."""

from __future__ import annotations

import json
from typing import Any

from relayer.conditions.parse import parse_spec
from relayer.conditions.question import question
from relayer.conditions.spec import Spec
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.units import Millis, millis_from_rfc3339

START = millis_from_rfc3339("2026-01-01T00:00:00Z")
END = millis_from_rfc3339("2026-01-01T01:00:00Z")
PARENT = "KXTEST-26JAN01-T50"
CREATOR = "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T"
MARKET = "9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi"


def document(**changes: Any) -> dict[str, Any]:
    """A momentum spec: will the test parent be bid at 70 for a minute within the hour?"""
    return {
        "version": 1,
        "kind": "momentum",
        "parent": {"venue": "kalshi", "market": PARENT},
        "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"},
        "price": {"source": "executable", "min_size": "1.00", "held_s": 60},
        "test": {"type": "reach", "direction": "up", "level": "0.7000"},
        "otherwise": {"answer": "no", "after_days": 2},
        **changes,
    }


def spec(**changes: Any) -> Spec:
    return parse_spec(json.dumps(document(**changes)))


def outcome_document() -> dict[str, Any]:
    """Will the test parent resolve yes?"""
    changed = document(kind="outcome", test={"type": "outcome", "result": "yes"})
    del changed["price"]
    return changed


def pnp_market(spec: Spec, **changes: Any) -> PnpMarket:
    """A V2 market that asks this spec's question, not yet activated."""
    facts: dict[str, Any] = {
        "address": MARKET,
        "kind": PnpKind.V2,
        "market_id": 1,
        "creator": CREATOR,
        "oracle": "oracle",
        "question": question(spec),
        "created_ms": Millis(START - 60_000),
        "end_ms": END,
        "resolvable": False,
        "resolved": False,
        "winner": None,
        "collateral_mint": "mint",
    }
    return PnpMarket(**(facts | changes))
