"""A long path through the four seed questions at once: touch, swing, either way, outcome.

The path is made up: best prices walk at random, one quote in ten moves them, a quote every half second. The baseline
reads the same quotes from a pandas frame with `itertuples` and keeps what the same answers take: no gaps, no statuses,
no coverage, no bounds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache

import pandas as pd

from relayer.bench.row import Effort, Measured, Row
from relayer.bench.timing import Job, in_turns, speed_ratio
from relayer.conditions.events import Event, Ladder, Path, Quote, Result
from relayer.conditions.replay import judge_all
from relayer.conditions.spec import Direction, Executable, Kind, Range, Reach, Resolves, Spec, Test, Unit
from relayer.domain.markets import MarketId, Venue
from relayer.domain.units import Millis, Price, Size
from relayer.domain.verdicts import Outcome

_QUOTES = 1_000_000
_ROUNDS = 5
_EVERY_MS = 500
_MOVES = 0.1
_SEED = 11
_START_MS = 1_786_085_188_000
_PARENT = MarketId(Venue.KALSHI, "KXBENCHGAME-26AUG07-T00001")
_SPREAD = 200

Answers = list[tuple[str, int | None]]


def _measure(effort: Effort) -> Measured:
    quotes = list(_walk(effort.of(_QUOTES)))
    path, specs = _path(quotes), _specs(quotes[-1][0])
    frame = pd.DataFrame(quotes, columns=["t", "bid", "ask"])
    if (judged := _judged(specs, path)) != (counted := _counted(frame)):
        raise RuntimeError(f"The baseline answers {counted} where the specs are judged {judged}.")

    def candidate() -> Job:
        return lambda: _judged(specs, path)

    def baseline() -> Job:
        return lambda: _counted(frame)

    rounds = in_turns(candidate, baseline, rounds=min(effort.rounds, _ROUNDS))
    return speed_ratio(rounds, units=len(quotes), unit="quote")


def _walk(count: int) -> Iterator[tuple[int, int, int]]:
    """Time, best bid and best ask; the bid stays between 0.31 and 0.69, so that every question stays open."""
    draw = random.Random(_SEED)  # noqa: S311 # a draw that repeats, not a secret
    bid = 5_000
    for number in range(count):
        if draw.random() < _MOVES:
            bid = min(max(bid + draw.choice((-100, 100)), 3_100), 6_900)
        yield _START_MS + number * _EVERY_MS, bid, bid + _SPREAD


def _path(quotes: list[tuple[int, int, int]]) -> Path:
    @cache
    def ladder(bid: int, ask: int) -> Ladder:
        return Ladder(((Price(bid), Size(100)),), ((Price(ask), Size(100)),))

    events: list[Event] = [Quote(Millis(at_ms), ladder(bid, ask)) for at_ms, bid, ask in quotes]
    over_ms = Millis(quotes[-1][0] + _EVERY_MS)
    events.append(Result(over_ms, Outcome.YES, final=True))
    return Path(tuple(events), over_ms, over_ms, over_ms)


def _specs(last_ms: int) -> list[Spec]:
    end_ms = Millis(last_ms + _EVERY_MS)
    book = Executable(Size(1), 0)
    asked: list[tuple[Kind, Test, Executable | None]] = [
        (Kind.MOMENTUM, Reach(Direction.UP, Price(7_000)), book),
        (Kind.VOLATILITY, Range(Unit.POINTS, 5_000, end_ms - _START_MS), book),
        (Kind.TIMING, Reach(Direction.EITHER, Price(9_000)), book),
        (Kind.OUTCOME, Resolves(Outcome.YES), None),
    ]
    return [_spec(kind, test, price, end_ms) for kind, test, price in asked]


def _spec(kind: Kind, test: Test, price: Executable | None, end_ms: Millis) -> Spec:
    return Spec(kind, _PARENT, Millis(_START_MS), end_ms, price, test, Outcome.NO, 14, canonical=b"")


def _judged(specs: list[Spec], path: Path) -> Answers:
    verdicts = judge_all(specs, {_PARENT: path})
    return [(str(verdict.answer), verdict.decided_at) for verdict in verdicts]


def _counted(frame: pd.DataFrame) -> Answers:
    """The same answers from a loop over rows."""
    touched = swung = either = None
    highest, lowest = 0, 10_000
    for row in frame.itertuples(index=False):
        at_ms, bid, ask = row.t, row.bid, row.ask
        if touched is None and bid >= 7_000:
            touched = at_ms
        if either is None and (bid >= 9_000 or ask <= 1_000):
            either = at_ms
        highest, lowest = max(highest, bid), min(lowest, ask)
        if swung is None and (highest - ask > 5_000 or bid - lowest > 5_000):
            swung = at_ms
    over_ms = int(frame["t"].iloc[-1]) + _EVERY_MS
    found = [("no", over_ms) if at_ms is None else ("yes", at_ms) for at_ms in (touched, swung, either)]
    return [*found, ("yes", over_ms)]


ROW = Row(
    id="backtest",
    what="1,000,000 quotes through the four seed questions, events/s over a plain pandas itertuples loop",
    goal=0.5,
    unit="ratio",
    measure=_measure,
    at_most=False,
)
