"""Recorded order-book frames of Kalshi, rebuilt from the facts in `books_2026-08-07.jsonl` (its first line: source).

All that frames said is in the file but the markets' UUIDs, which are made from the tickers here.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from relayer.domain.units import PRICE_MAX, dollars, millis_from_rfc3339, price_from_dollars

_FACTS = Path(__file__).parent / "books_2026-08-07.jsonl"
SID = 1

Frame = dict[str, Any]


def recorded(*, yes_prices: bool) -> list[tuple[int, Frame]]:
    """`(received_ms, frame)` in order. `yes_prices`: as a subscription with `use_yes_price` would have had them."""
    lines = _FACTS.read_text().splitlines()[1:]
    return [(facts["received_ms"], _frame(facts, yes_prices)) for facts in map(json.loads, lines)]


def tickers() -> list[str]:
    """The recorded markets, in the order of their snapshots."""
    return [
        frame["msg"]["market_ticker"] for _, frame in recorded(yes_prices=True) if frame["type"] == "orderbook_snapshot"
    ]


def _frame(facts: dict[str, Any], yes_prices: bool) -> Frame:
    if "subscribed" in facts:
        return {"type": "subscribed", "id": facts["subscribed"], "msg": {"channel": "orderbook_delta", "sid": SID}}
    if "ok" in facts:
        msg = {"market_tickers": facts["tickers"]}
        return {"type": "ok", "id": facts["ok"], "sid": SID, "seq": facts["seq"], "msg": msg}
    kind, msg = _snapshot(facts, yes_prices) if "snapshot" in facts else _delta(facts, yes_prices)
    return {"type": kind, "sid": SID, "seq": facts["seq"], "msg": msg}


def _snapshot(facts: dict[str, Any], yes_prices: bool) -> tuple[str, Frame]:
    no = [[_turned(price), size] for price, size in facts["no"]] if yes_prices else facts["no"]
    msg = {**_market(facts["snapshot"]), "yes_dollars_fp": facts["yes"], "no_dollars_fp": no}
    return "orderbook_snapshot", msg


def _delta(facts: dict[str, Any], yes_prices: bool) -> tuple[str, Frame]:
    turned = yes_prices and facts["side"] == "no"
    msg = {
        **_market(facts["delta"]),
        "price_dollars": _turned(facts["price"]) if turned else facts["price"],
        "delta_fp": facts["size"],
        "side": facts["side"],
        "ts": facts["ts"],
        "ts_ms": millis_from_rfc3339(facts["ts"]),
    }
    return "orderbook_delta", msg


def _market(ticker: str) -> Frame:
    return {"market_ticker": ticker, "market_id": str(uuid.uuid5(uuid.NAMESPACE_URL, ticker))}


def _turned(price: str) -> str:
    return dollars(PRICE_MAX - price_from_dollars(price, rounding="down"))
