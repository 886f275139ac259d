"""What is going on with one PNP market, for a person: state, distance, coverage, what would decide it, what it costs.

Pure views of what the services hold; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relayer.conditions.spec import (
    At,
    Average,
    Direction,
    Executable,
    Hold,
    Mid,
    Range,
    Reach,
    Realized,
    Resolves,
    Spec,
    Trades,
)
from relayer.domain.feeds import BookView
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import PRICE_MAX, Millis, contracts, dollars, rfc3339
from relayer.domain.verdicts import Verdict
from relayer.services.feeds import Feed, FeedTable
from relayer.services.judge import Armed

_SHOWN_GAPS = 20


def explain_market(
    market: PnpMarket, state: str, why: str, armed: Armed | None, feeds: FeedTable, now_ms: Millis
) -> dict[str, Any]:
    """One market as JSON. Prices in dollars, sizes in contracts, times RFC 3339, durations in milliseconds."""
    told: dict[str, Any] = {
        "market": market.address,
        "pnp": market.kind,
        "id": market.market_id,
        "question": market.question,
        "state": state,
        "why": why,
        "end": rfc3339(market.end_ms),
        "winner": market.winner,
    }
    if armed is None:
        return told
    parents = [feeds.feed(leg) for leg in armed.spec.legs]
    return told | {
        "spec": armed.spec.hash,
        "verdict": _verdict(armed.verdict(), latched=armed.latched is not None),
        "decides": decides(armed.spec),
        "parents": [explain_feed(parent, now_ms) for parent in parents],
        "distance": _distance(armed.spec, parents),
        "cost_to_force": _cost(armed.spec, parents),
    }


def explain_feed(feed: Feed, now_ms: Millis, filled: Mapping[Millis, str] | None = None) -> dict[str, Any]:
    """One feed as JSON, with its latest gaps and their reasons; filled: what filled them, by their ends."""
    state = feed.state()
    return {
        "market": str(feed.market),
        "status": state.status.name.lower(),
        "bid": dollars(state.bid) if state.bid else None,
        "ask": dollars(state.ask) if state.ask < PRICE_MAX else None,
        "last": dollars(state.last) if state.last else None,
        "watermark": rfc3339(feed.watermark_ms) if feed.watermark_ms else None,
        "age_s": max(0, now_ms - feed.watermark_ms) / 1000 if feed.watermark_ms else None,
        "result": feed.result and {"result": feed.result[1], "final": feed.result[2]},
        "gaps": feed.gap_count,
        "latest_gaps": [
            {
                "from": rfc3339(gap.from_ms) if gap.from_ms else None,
                "to": rfc3339(gap.to_ms),
                "reason": gap.reason,
                "filled_by": (filled or {}).get(gap.to_ms),
            }
            for gap in list(feed.gaps)[-_SHOWN_GAPS:]
        ],
    }


def decides(spec: Spec) -> str:
    """What would decide this spec, in words."""
    held = f" for {spec.held_ms // 1000} s" if spec.held_ms else ""
    end = rfc3339(spec.end_ms)
    match spec.test:
        case Reach(direction, level):
            return f"yes once the price is {_side(direction, level)}{held}; no if it is not until {end}"
        case Hold(direction, level):
            return f"no once the price is not {_side(direction, level)}{held}; yes if it is until {end}"
        case Range(_, amount, horizon_ms):
            return (
                f"yes once the price swings by more than {dollars(amount)} within {horizon_ms // 1000} s; "
                f"no if it does not until {end}"
            )
        case At(direction, level, at_ms):
            return f"where the price stands at {rfc3339(at_ms)}: yes {_side(direction, level)}"
        case Average(direction, level):
            return f"the average until {end}: yes {_side(direction, level)}"
        case Realized(amount, step_ms):
            return f"the moves every {step_ms // 1000} s until {end}: yes above {dollars(amount)}"
        case Resolves(result):
            return f"the parent's final result: yes if it is {result}"


def _side(direction: Direction, level: int) -> str:
    match direction:
        case Direction.UP:
            return f"at or above {dollars(level)}"
        case Direction.DOWN:
            return f"at or below {dollars(level)}"
        case Direction.EITHER:
            return f"at or above {dollars(level)} or at or below {dollars(PRICE_MAX - level)}"


def _verdict(verdict: Verdict, *, latched: bool) -> dict[str, Any]:
    coverage = verdict.coverage
    return {
        "answer": verdict.answer,
        "latched": latched,
        "decided_at": verdict.decided_at and rfc3339(verdict.decided_at),
        "reason": verdict.reason,
        "coverage": {
            "window_ms": coverage.window_ms,
            "observed_ms": coverage.observed_ms,
            "bounded_ms": coverage.bounded_ms,
            "unknown_ms": coverage.unknown_ms,
            "not_trading_ms": coverage.not_trading_ms,
        },
    }


def _levels(spec: Spec) -> list[tuple[bool, int]]:
    """(up, level) of each side that counts; empty where no single level does."""
    if len(spec.legs) > 1 or not isinstance(spec.test, Reach | Hold | At | Average):
        return []
    direction, level = spec.test.direction, int(spec.test.level)
    if direction is Direction.EITHER:
        return [(True, level), (False, PRICE_MAX - level)]
    return [(direction is Direction.UP, level)]


def _distance(spec: Spec, parents: list[Feed]) -> list[dict[str, Any]]:
    """How far the price that counts is from each level; negative where it is beyond it."""
    book = parents[0].book
    found = []
    for up, level in _levels(spec):
        halves = _halves(spec, book, up=up) if book else None
        left = None if halves is None else (2 * level - halves if up else halves - 2 * level)
        found.append(
            {
                "level": dollars(level),
                "direction": "up" if up else "down",
                "price": None if halves is None else f"{halves / 2 / PRICE_MAX:.5f}",
                "points_left": None if left is None else left / 2 / 100,
            }
        )
    return found


def _halves(spec: Spec, book: BookView, *, up: bool) -> int | None:
    """Twice the price that counts, None where it is absent."""
    match spec.price:
        case Executable(size, _):
            price = book.bid_for(size) if up else book.ask_for(size)
            return None if price is None else 2 * price
        case Mid(max_spread, _):
            bid, ask = book.best_bid, book.best_ask
            present = bid is not None and ask is not None and ask - bid <= max_spread
            return bid + ask if present and bid is not None and ask is not None else None
        case _:
            return None


def _cost(spec: Spec, parents: list[Feed]) -> list[dict[str, Any]]:
    """What it takes to put the price at each level now: the contracts in the way, and the size that must then rest."""
    book = parents[0].book
    if book is None or not isinstance(spec.price, Executable | Trades):
        return []
    return [_cost_of(spec.price.min_size, book, up=up, level=level) for up, level in _levels(spec)]


def _cost_of(min_size: int, book: BookView, *, up: bool, level: int) -> dict[str, Any]:
    """Up: buy every ask at or below the level, then bid for `min_size` there. Down is the mirror image, in NO."""
    in_the_way = (
        [(price, size) for price, size in book.asks() if price <= level]
        if up
        else [(PRICE_MAX - price, size) for price, size in book.bids() if price >= level]
    )
    bought = sum(size for _, size in in_the_way)
    paid = sum(price * size for price, size in in_the_way)
    rest = min_size * (level if up else PRICE_MAX - level)
    return {
        "level": dollars(level),
        "direction": "up" if up else "down",
        "contracts_in_the_way": contracts(bought),
        "dollars": f"{(paid + rest) / PRICE_MAX / 100:.2f}",
    }
