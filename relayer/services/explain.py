"""What is going on with one PNP market, for a person: state, distance, coverage, what would decide it, what it costs.

Pure views of what the services hold; nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
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
    Unit,
)
from relayer.domain.clock import Clock
from relayer.domain.feeds import BookView
from relayer.domain.markets import MarketId
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import NEVER, PRICE_MAX, Millis, contracts, dollars, rfc3339
from relayer.domain.verdicts import Verdict
from relayer.services import forcing
from relayer.services.dwelling import Dwellings
from relayer.services.feeds import Feed, FeedTable
from relayer.services.resolver import Resolver, Seen

_SHOWN_GAPS = 20


class Explainer:
    """What `/v1/markets` shows. fates: of a market, what filled its gaps, by their ends (`sources`)."""

    def __init__(
        self,
        *,
        resolver: Resolver,
        feeds: FeedTable,
        dwellings: Dwellings,
        clock: Clock,
        fates: Callable[[MarketId], Mapping[Millis, str]],
        dollar_mints: Collection[str],
    ) -> None:
        self._resolver = resolver
        self._feeds = feeds
        self._dwellings = dwellings
        self._clock = clock
        self._fates = fates
        self._dollar_mints = dollar_mints

    def markets(self) -> list[dict[str, Any]]:
        """Every market that names us as the last walk found it, for people and keepers."""
        return [self._explained(seen) for seen in self._resolver.seen()]

    async def market(self, address: str) -> dict[str, Any] | None:
        """One market with its dwell, which is read off the tape; None if it does not name us."""
        seen = next((one for one in self._resolver.seen() if one.market.address == address), None)
        if seen is None:
            return None
        dwell = await self._dwellings.of(seen.armed) if seen.armed else None
        return self._explained(seen) | ({} if dwell is None else {"dwell": dwell})

    def _explained(self, seen: Seen) -> dict[str, Any]:
        return explain_market(seen, self._feeds, self._clock.now_ms(), self._fates, self._dollar_mints)


def explain_market(
    seen: Seen,
    feeds: FeedTable,
    now_ms: Millis,
    fates: Callable[[MarketId], Mapping[Millis, str]] = lambda _market: {},
    dollar_mints: Collection[str] = (),
) -> dict[str, Any]:
    """One market as JSON. Prices in dollars, sizes in contracts, times RFC 3339, durations in milliseconds."""
    market, armed = seen.market, seen.armed
    told: dict[str, Any] = {
        "market": market.address,
        "pnp": market.kind,
        "id": market.market_id,
        "question": market.question,
        "state": seen.state,
        "why": seen.why,
        "end": rfc3339(market.end_ms),
        "winner": market.winner,
        "stake": _stake(market, dollar_mints),
    }
    if armed is None:
        return told
    spec = armed.spec
    parents = [feeds.feed(leg) for leg in spec.legs]
    return told | {
        "spec": spec.hash,
        "verdict": _verdict(armed.verdict(), latched=armed.latched is not None),
        "decides": decides(spec),
        "parents": [_parent(parent, spec, now_ms, fates(parent.market)) for parent in parents],
        "distance": _distance(spec, parents),
        "cost_to_force": [forcing.described(one) for one in forcing.forcings(spec, parents)],
        "alarm": forcing.alarm(market, spec, parents, dollar_mints),
    }


def _parent(feed: Feed, spec: Spec, now_ms: Millis, filled: Mapping[Millis, str]) -> dict[str, Any]:
    """Of the gaps those that reach into the window."""
    return explain_feed(feed, now_ms, filled, since_ms=spec.start_ms)


def _stake(market: PnpMarket, dollar_mints: Collection[str]) -> dict[str, Any]:
    """What the answer decides about: tokens of the collateral, and dollars where it is known to be worth that."""
    tokens = None if market.decimals is None else Decimal(market.stake).scaleb(-market.decimals)
    worth = forcing.stake(market, dollar_mints)
    return {
        "collateral_mint": market.collateral_mint,
        "tokens": None if tokens is None else f"{tokens:f}",
        "dollars": None if worth is None else forcing.as_dollars(worth),
    }


def explain_feed(
    feed: Feed, now_ms: Millis, filled: Mapping[Millis, str] | None = None, *, since_ms: int = NEVER
) -> dict[str, Any]:
    """One feed as JSON, with its latest gaps that end after `since_ms`, and their reasons.

    filled: what filled them, by their ends.
    """
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
            for gap in [gap for gap in feed.gaps if gap.to_ms > since_ms][-_SHOWN_GAPS:]
        ],
    }


def decides(spec: Spec) -> str:
    """What would decide this spec, in words."""
    held = f" for {spec.held_ms // 1000} s" if spec.held_ms else ""
    end = rfc3339(spec.end_ms)
    match spec.test:
        case Reach(direction, level) if isinstance(spec.price, Trades):
            return f"yes once {_enough(spec.price)} traded {_side(direction, level)}; no if not until {end}"
        case Reach(direction, level):
            return f"yes once the price is {_side(direction, level)}{held}; no if it is not until {end}"
        case Hold(direction, level):
            return f"no once the price is not {_side(direction, level)}{held}; yes if it is until {end}"
        case Range(unit, amount, horizon_ms):
            swing = f"{dollars(amount)} {'points' if unit is Unit.POINTS else 'of its low'}"
            wanted = f"the price swings by more than {swing} within {horizon_ms // 1000} s{held}"
            return f"yes once {wanted}; no if it does not until {end}"
        case At(direction, level, at_ms):
            return f"where the price stands at {rfc3339(at_ms)}: yes {_side(direction, level)}"
        case Average(direction, level):
            return f"the average until {end}: yes {_side(direction, level)}"
        case Realized(amount, step_ms):
            return f"the moves every {step_ms // 1000} s until {end}: yes above {dollars(amount)}"
        case Resolves(result):
            return f"the parent's final result: yes if it is {result}"


def _enough(price: Trades) -> str:
    size, within_s = contracts(price.min_size), price.within_ms // 1000
    return f"{size} contracts in {price.min_trades} trades within {within_s} s were"


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
    told_ms = coverage.observed_ms + coverage.bounded_ms + coverage.unknown_ms + coverage.not_trading_ms
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
            "to_come_ms": coverage.window_ms - told_ms,
        },
    }


def _levels(spec: Spec) -> list[tuple[bool, int]]:
    """(up, level) of each side that counts; empty where no single level does."""
    if isinstance(spec.test, At | Average):
        return [(spec.test.direction is Direction.UP, int(spec.test.level))]
    return forcing.levels(spec)


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
