from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest

from relayer.domain.markets import MarketId, Venue


def test_there_is_one_object_a_market() -> None:
    one = MarketId(Venue.KALSHI, "KXA-1")
    assert MarketId.parse("kalshi:KXA-1") is one
    assert pickle.loads(pickle.dumps(one)) is one
    assert copy.deepcopy(one) is one
    assert MarketId(Venue.KALSHI_DEMO, "KXA-1") != one
    assert str(one) == "kalshi:KXA-1"


def test_it_is_what_it_was_made() -> None:
    with pytest.raises(FrozenInstanceError):
        MarketId(Venue.KALSHI, "KXA-1").ticker = "KXB-1"  # type: ignore[misc]


@pytest.mark.parametrize(("text", "why"), [("kalshi", "must be written venue:ticker"), ("nasdaq:X", "is none of")])
def test_what_names_no_market_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MarketId.parse(text)
