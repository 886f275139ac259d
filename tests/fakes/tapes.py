"""A small replay tape: two markets of one event, a few frames, and the end of one of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from relayer.tape.replay import ReplayTape

START_MS = 1_766_242_800_000
A, B = "KXDEMO-26DEC31-T50", "KXDEMO-26DEC31-T60.5"
EVENT, SERIES = "KXDEMO-26DEC31", "KXDEMO"
API = "/trade-api/v2"
Line = dict[str, Any]


def rest(after_ms: int, path: str, body: dict[str, Any]) -> Line:
    return {"t": START_MS + after_ms, "rest": f"{API}/{path}", "body": body}


def frame(after_ms: int, kind: str, **msg: Any) -> Line:
    return {"t": START_MS + after_ms, "ws": {"type": kind, "msg": msg}}


def market(after_ms: int, ticker: str, **changed: Any) -> Line:
    body = {
        "ticker": ticker,
        "event_ticker": EVENT,
        "status": "active",
        "result": "",
        "open_time": "2025-12-20T14:00:00Z",
        "close_time": "2025-12-20T16:00:00Z",
        "yes_bid_dollars": "0.0000",
        "yes_ask_dollars": "1.0000",
        **changed,
    }
    return rest(after_ms, f"markets/{ticker}", {"market": body})


def snapshot(after_ms: int, ticker: str, **sides: list[list[str]]) -> Line:
    return frame(after_ms, "orderbook_snapshot", market_ticker=ticker, market_id=f"id-{ticker}", **sides)


def delta(after_ms: int, ticker: str, side: str, price: str, change: str) -> Line:
    level = {"price_dollars": price, "delta_fp": change, "side": side}
    names = {"market_ticker": ticker, "market_id": f"id-{ticker}"}
    return frame(after_ms, "orderbook_delta", **names, **level, ts_ms=START_MS + after_ms)


def trade(after_ms: int, ticker: str, number: int, price: str, count: str, *, block: bool = False) -> Line:
    return frame(
        after_ms,
        "trade",
        trade_id=f"00000000-0000-4000-8000-{number:012d}",
        market_ticker=ticker,
        yes_price_dollars=price,
        no_price_dollars=f"{1 - float(price):.4f}",
        count_fp=count,
        taker_side="yes",
        taker_outcome_side="yes",
        taker_book_side="bid",
        is_block_trade=block,
        ts=(START_MS + after_ms) // 1000,
        ts_ms=START_MS + after_ms,
    )


OPENING = [
    rest(0, f"events/{EVENT}", {"event": {"event_ticker": EVENT, "series_ticker": SERIES}, "markets": []}),
    market(0, A),
    market(0, B),
    snapshot(0, A, yes_dollars_fp=[["0.4000", "500.00"], ["0.4200", "130.00"]], no_dollars_fp=[["0.5600", "75.50"]]),
    snapshot(0, B, yes_dollars_fp=[["0.1000", "3.00"]]),
]
"""Market A with three levels, market B with a bid alone."""


def write_tape(path: Path, lines: list[Line], *, to_ms: int = 3_600_000, packed: bool = True) -> ReplayTape:
    """A tape of these lines below a header that spans `to_ms` from START_MS."""
    header = {"tape": 1, "venue": "kalshi-sandbox", "source": "test", "from": START_MS, "to": START_MS + to_ms}
    text = "".join(json.dumps(line) + "\n" for line in [header, *lines]).encode()
    path.write_bytes(gzip.compress(text) if packed else text)
    return ReplayTape(path)
