from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from relayer.domain.board import FeedState
from relayer.domain.markets import MarketStatus
from relayer.domain.units import Millis, Price
from relayer.prices.policy import PolicySettings, PushReason, decide

SENT = FeedState(Price(6000), Price(6200), Price(6100), MarketStatus.ACTIVE, 7, Millis(1_000_000))
SETTINGS = PolicySettings(deviation_points=1.0, heartbeat_s=60, ride_along=0.5)


def later(**changes: Any) -> FeedState:
    return replace(SENT, **{"as_of_ms": SENT.as_of_ms + 1, **changes})


@pytest.mark.parametrize(
    ("now", "push", "reason"),
    [
        (later(), False, PushReason.FRESH),
        (later(bid=Price(6099)), False, PushReason.FRESH),
        (later(bid=Price(6100)), True, PushReason.DEVIATION),
        (later(ask=Price(6100)), True, PushReason.DEVIATION),
        (later(last=Price(6000)), True, PushReason.DEVIATION),
        (later(bid=Price(0)), True, PushReason.DEVIATION),
        (later(status=MarketStatus.CLOSED), True, PushReason.STATUS),
        (later(as_of_ms=1_059_999), False, PushReason.FRESH),
        (later(as_of_ms=1_060_000), True, PushReason.HEARTBEAT),
        (later(as_of_ms=1_000_000, bid=Price(9000)), False, PushReason.STALE),
    ],
)
def test_a_price_is_pushed_for_a_reason(now: FeedState, push: bool, reason: PushReason) -> None:
    decision = decide(now, SENT, SETTINGS)
    assert (decision.push, decision.reason) == (push, reason)


def test_the_first_value_is_pushed_once_there_is_one() -> None:
    assert decide(SENT, None, SETTINGS).reason is PushReason.FIRST
    assert decide(FeedState(), None, SETTINGS).reason is PushReason.STALE


@pytest.mark.parametrize("now", [later(bid=Price(6050)), later(as_of_ms=1_030_000)])
def test_a_feed_nearly_due_rides_along(now: FeedState) -> None:
    assert not decide(now, SENT, SETTINGS).push
    assert decide(now, SENT, SETTINGS, share=SETTINGS.ride_along).push
