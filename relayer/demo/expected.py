"""What each demo market must end as, counted straight off the tape: no book, path or condition code of the relayer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

from relayer.demo.scenario import DemoMarket
from relayer.domain.units import Millis
from relayer.tape.replay import FrameRecord, ReplayTape, RestRecord


def expected_answer(market: DemoMarket, tape: ReplayTape, start_ms: Millis, end_ms: Millis) -> str:
    """`yes` or `no`: the settled result, or whether the bid stood high enough for long enough in the window."""
    if market.price is None:
        return "yes" if _result(tape, market.ticker) == market.test["result"] else "no"
    longest = _longest_stand(market, tape, start_ms, end_ms)
    needed = int(market.price["held_s"]) * 1000
    return "yes" if longest is not None and longest >= needed else "no"


def _result(tape: ReplayTape, ticker: str) -> str:
    last = ""
    for record in tape.records():
        if isinstance(record, RestRecord) and record.path.endswith(f"/markets/{ticker}"):
            last = str(json.loads(record.body)["market"]["result"])
    return last


def _longest_stand(market: DemoMarket, tape: ReplayTape, start_ms: Millis, end_ms: Millis) -> int | None:
    """Longest time in ms at or above the level inside the window; None if it was never there for any instant."""
    level, enough = Decimal(market.test["level"]), Decimal(str((market.price or {})["min_size"]))
    longest: int | None = None
    since: int | None = None
    for at_ms, bids in _yes_bids(tape, market.ticker):
        high = sum((size for price, size in bids.items() if price >= level), Decimal(0)) >= enough
        if high and since is None:
            since = max(at_ms, start_ms)
        elif not high and since is not None:
            longest, since = _longer(longest, since, min(at_ms, end_ms)), None
    return longest if since is None else _longer(longest, since, end_ms)


def _longer(longest: int | None, since: int, until: int) -> int | None:
    if until <= since:
        return longest
    return max(longest or 0, until - since)


def _yes_bids(tape: ReplayTape, ticker: str) -> Iterator[tuple[int, dict[Decimal, Decimal]]]:
    """The YES bids as they stand after all frames of each millisecond that has any."""
    bids: dict[Decimal, Decimal] = {}
    at: int | None = None
    for record in tape.records():
        if not isinstance(record, FrameRecord) or not record.type.startswith("orderbook"):
            continue
        msg = json.loads(record.msg)
        if msg["market_ticker"] != ticker:
            continue
        if at is not None and record.at_ms > at:
            yield at, bids
        at = record.at_ms
        if record.type == "orderbook_snapshot":
            bids = {Decimal(price): Decimal(size) for price, size in msg.get("yes_dollars_fp", [])}
        elif msg["side"] == "yes":
            price = Decimal(msg["price_dollars"])
            bids[price] = bids.get(price, Decimal(0)) + Decimal(msg["delta_fp"])
    if at is not None:
        yield at, bids
