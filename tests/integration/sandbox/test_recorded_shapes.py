"""The sandbox's frames have the keys of frames recorded at the venue (`tests/payloads/kalshi`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.fakes.tapes import OPENING, A, delta, frame, market, snapshot, trade
from tests.integration.sandbox.conftest import Opener

RECORDED = Path(__file__).parents[2] / "payloads" / "kalshi" / "subscription_frames.jsonl"
NEWER = {"sending_ts_ms", "settlement_value", "is_block_trade"}
"""Keys that came after the recordings: October, February and August 2026."""
DATED = {"ts"}
"""Deprecated text times, which a tape may leave out."""


def recorded(kind: str) -> list[dict[str, Any]]:
    frames = [json.loads(line)["frame"] for line in RECORDED.read_text().splitlines()]
    return [one for one in frames if one["type"] == kind]


def shape(message: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Keys of the envelope and of `msg`."""
    return set(message) - NEWER, set(message.get("msg", {})) - NEWER - DATED


async def test_frames_have_the_recorded_keys(opened: Opener) -> None:
    empty = "KXDEMO-26DEC31-T70"
    life = frame(30, "market_lifecycle_v2", event_type="determined", market_ticker=A, result="no", determination_ts=1)
    lines = [*OPENING, market(0, empty), snapshot(0, empty)]
    venue = await opened([*lines, delta(10, A, "no", "0.5600", "-1.00"), trade(20, A, 1, "0.4", "1.00"), life])
    socket = await venue.connect()
    await socket.tell("subscribe", channels=["orderbook_delta", "trade"], market_tickers=[A], use_yes_price=False)
    await socket.tell("update_subscription", sid=1, action="add_markets", market_tickers=[empty])
    await socket.tell("subscribe", channels=["market_lifecycle_v2"])
    head = await socket.frames(6)
    venue.move_to(40)
    shapes = [(one["type"], shape(one)) for one in [*head, *await socket.frames(3)]]
    for kind in ("subscribed", "orderbook_snapshot", "ok", "orderbook_delta", "trade"):
        known = [shape(one) for one in recorded(kind)]
        ours = [keys for name, keys in shapes if name == kind]
        assert known, kind
        assert ours, kind
        assert all(keys in known for keys in ours), f"{kind}: {ours} is none of {known}"
    (determined,) = [keys for name, keys in shapes if name == "market_lifecycle_v2"]
    without_number = ({"type", "sid", "msg"}, determined[1])
    assert without_number in [shape(one) for one in recorded("market_lifecycle_v2")], "seq came after that recording"


async def test_a_recorded_day_at_the_demo_exchange_replays_to_its_book(opened: Opener) -> None:
    """Snapshot and deltas as recorded give the levels that follow from them by hand."""
    ticker = "KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP"
    first, *moves = recorded("orderbook_snapshot")[:1] + recorded("orderbook_delta")
    lines = [market(0, ticker), frame(0, "orderbook_snapshot", **first["msg"])]
    lines += [frame(10 * n, "orderbook_delta", **one["msg"]) for n, one in enumerate(moves, start=1)]
    venue = await opened(lines)
    venue.move_to(1_000)
    _, body = await venue.get(f"markets/{ticker}/orderbook")
    assert body == {"orderbook_fp": {"yes_dollars": [["0.4700", "3.00"]], "no_dollars": [["0.4800", "1.00"]]}}
