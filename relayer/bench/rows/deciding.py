"""From a frame to decisions, with 10,000 markets: policy of a full board and armed conditions.

Books and changes are the recorded ones spread over made-up markets (`exchange.py`). The policy flushes and the engine
is asked for decisions as often as in the daemon at 5,000 frames a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from relayer.bench.exchange import Exchange
from relayer.bench.house import House
from relayer.bench.row import Effort, Measured, Row
from relayer.bench.timing import Job, cost_ratio, in_turns

_MARKETS = 10_000
_CHANGES = 10_000
_CONDITIONS_A_MARKET = 5
_MANY, _FEW = 1_000_000, 1_000


def _measure(effort: Effort, *, moving: bool) -> Measured:
    exchange = Exchange(effort.of(_MARKETS), moving=moving)
    with _opened(exchange, len(exchange.tickers) * _CONDITIONS_A_MARKET) as (house,):
        parts = _parts(exchange, effort)
        texts, same = iter(parts), iter(parts)

        def candidate() -> Job:
            part = next(texts)
            return lambda: house.run(part)

        def baseline() -> Job:
            part = next(same)
            return lambda: [json.loads(text) for text in part]

        rounds = in_turns(candidate, baseline, rounds=effort.rounds)
    return cost_ratio(rounds, units=len(parts[0]), unit="frame")


def _scaling(effort: Effort) -> Measured:
    exchange = Exchange(effort.of(_MARKETS), moving=True)
    with _opened(exchange, effort.of(_MANY), effort.of(_FEW)) as (many, few):
        parts = _parts(exchange, effort)
        to_many, to_few = iter(parts), iter(parts)

        def candidate() -> Job:
            part = next(to_many)
            return lambda: many.run(part)

        def baseline() -> Job:
            part = next(to_few)
            return lambda: few.run(part)

        rounds = in_turns(candidate, baseline, rounds=effort.rounds)
    return cost_ratio(rounds, units=len(parts[0]), unit="frame")


@contextmanager
def _opened(exchange: Exchange, *conditions: int) -> Iterator[list[House]]:
    """Houses with so many conditions, their books known and moved once: ticks are measured, not first decisions."""
    snapshots, first = exchange.opening(), exchange.once_each()
    houses = [House(exchange, conditions=count) for count in conditions]
    try:
        for house in houses:
            house.open(snapshots, first)
        yield houses
    finally:
        for house in houses:
            house.close()


def _parts(exchange: Exchange, effort: Effort) -> list[Sequence[str]]:
    """One for each round; the stream goes on from one to the next."""
    return [exchange.changes(effort.of(_CHANGES)) for _ in range(effort.rounds)]


ROWS = (
    Row(
        id="wire_to_decision",
        what="recorded changes through books, policy and 5 armed conditions a market, 10,000 markets, over json.loads",
        goal=1.0,
        unit="ratio",
        measure=lambda effort: _measure(effort, moving=False),
    ),
    Row(
        id="wire_to_decision_moving",
        what="the same when every frame moves the best price",
        goal=2.0,
        unit="ratio",
        measure=lambda effort: _measure(effort, moving=True),
    ),
    Row(
        id="conditions_scaling",
        what="the moving case on 10,000 markets with 1,000,000 conditions, over the same with 1,000",
        goal=1.3,
        unit="ratio",
        measure=_scaling,
    ),
)
