"""Runs one seeded random case through both evaluators and says where they differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from relayer.conditions.arming import attains
from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.events import Event
from relayer.conditions.parse import spec_of
from relayer.conditions.path import read_path
from relayer.conditions.reference.judge import judge as judge_by_definition
from relayer.conditions.replay import judge, tell
from relayer.conditions.spec import Range, Spec
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.domain.verdicts import Verdict
from tests.unit.conditions.generate import KINDS, random_case

ANY_MARKET = MarketId.parse("kalshi:ANY")


def disagreements(seeds: Iterable[int], *, live: bool, kinds: Sequence[str] = KINDS) -> list[str]:
    """The cases in which the two differ. live: told as it comes, gaps filled late, up to a last watermark."""
    return [text for seed in seeds if (text := _disagreement(seed, live=live, kinds=kinds)) is not None]


def _disagreement(seed: int, *, live: bool, kinds: Sequence[str]) -> str | None:
    rng = Random(seed)
    case = random_case(rng, complete=live or rng.random() < 0.75, kinds=kinds)
    spec = spec_of(case.spec)
    paths = read_path(case.file(), spec.legs)
    if live:
        found, defined = told_live(spec, filled_late(rng, case.lines)).verdict(), judge_by_definition(spec, paths)
    else:
        at_ms = Millis(rng.randint(spec.start_ms - 1000, spec.end_ms + 2000)) if rng.random() < 0.3 else None
        found, defined = judge(spec, paths, at_ms=at_ms), judge_by_definition(spec, paths, at_ms=at_ms)
    ties = isinstance(spec.test, Range) or (attains(spec) and any(line["type"] == "candle" for line in case.lines))
    one, other = (facts(spec, verdict, live=live, ties=ties) for verdict in (found, defined))
    return None if one == other else f"seed {seed}: {one} is by definition {other}"


def facts(spec: Spec, verdict: Verdict, *, live: bool, ties: bool) -> tuple[Any, ...]:
    """What must agree. ties: of several prices at the deciding moment any may be named (two extremes of a swing, an
    attained price and a quote at the end of its candle). An outcome told live waits for no candles.
    """
    witness, coverage = verdict.witness, verdict.coverage
    price = None if witness is None or ties else witness.price
    seen = None if live and spec.price is None else coverage
    return verdict.answer, verdict.decided_at, None if witness is None else witness.at_ms, price, seen


def told_live(spec: Spec, lines: list[dict[str, Any]]) -> Condition:
    """A condition that was told these lines in order, its verdict asked for after each."""
    condition = Condition(spec, candles_follow=True)
    for line in lines:
        tell_line(condition, spec, line)
        condition.verdict()
    return condition


def filled_late(rng: Random, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines with trades that fill a gap told later, before the watermark passes its start."""
    lines = list(lines)
    ids = Counter(line["id"] for line in lines if line["type"] == "trade")
    for gap in [line for line in lines if line["type"] == "gap" and line.get("trades")]:
        for trade in [line for line in lines if line["type"] == "trade" and ids[line["id"]] == 1]:
            place, before = _place(lines, trade), _passed(lines, gap)
            if _place(lines, gap) < place < before and gap["from"] <= trade["t"] < gap["to"]:
                del lines[place]
                lines.insert(rng.randint(place, before - 1), trade)
    return lines


def _place(lines: list[dict[str, Any]], wanted: dict[str, Any]) -> int:
    return next(place for place, line in enumerate(lines) if line is wanted)


def _passed(lines: list[dict[str, Any]], gap: dict[str, Any]) -> int:
    """Where the watermark passes the start of the gap."""
    marks = (place for place, line in enumerate(lines) if _passes(line, gap))
    return next(marks, len(lines))


def _passes(line: dict[str, Any], gap: dict[str, Any]) -> bool:
    return line["type"] == "watermark" and line.get("market") == gap.get("market") and line["t"] > gap["from"]


def tell_line(condition: Condition | Engine, spec: Spec, line: dict[str, Any]) -> None:
    """One line of a file as a live source tells it."""
    market = MarketId.parse(line["market"]) if "market" in line else spec.legs[0]
    if line["type"] == "status":
        status = MarketStatus.ACTIVE if line["status"] == "active" else MarketStatus.PAUSED
        condition.on_status(market, line["t"], status, line.get("since"))
        return
    tell(condition, market, _event(line))


def _event(line: dict[str, Any]) -> Event:
    alone = {key: value for key, value in line.items() if key != "market"}
    (event,) = read_path([json.dumps(alone).encode()], [ANY_MARKET])[ANY_MARKET].events
    return event
