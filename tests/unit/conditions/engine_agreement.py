"""Many specs in one engine against a condition of its own for each, on one random stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from relayer.conditions.arming import attains
from relayer.conditions.checkpoint import restore_engine, save_engine
from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.parse import spec_of
from relayer.conditions.path import read_path
from relayer.conditions.reference.judge import judge as judge_by_definition
from relayer.conditions.replay import judge_all
from relayer.conditions.spec import Executable, Hold, Mid, Range, Reach, Resolves, Spec, Trades
from relayer.domain.markets import MarketId
from relayer.domain.units import Millis, Price, Size, millis_from_rfc3339, rfc3339
from relayer.domain.verdicts import Answer
from tests.unit.conditions.agreement import facts, filled_late, tell_line
from tests.unit.conditions.generate import random_case, random_spec

SPECS = 12
_NONE = Mid(Price(1), -1)
"""A signal that nobody looks at."""

Line = dict[str, Any]


@dataclass
class Pair:
    """One spec as the engine judges it and as it should be judged."""

    handle: int
    spec: Spec
    alone: Condition
    reported: bool = False


def engine_disagreements(seeds: Iterable[int], *, restarts: float = 0.0) -> list[str]:
    """The cases in which a verdict of the engine is not that of the condition, or a decision is not reported.

    restarts: how likely the engine is saved and restored after a line.
    """
    return [text for seed in seeds if (text := _Run(seed, restarts).disagreement()) is not None]


def whole_disagreements(seeds: Iterable[int]) -> list[str]:
    """Many specs over whole files, or all of them before a moment, against the definitions."""
    return [text for seed in seeds for text in _whole_disagreements(seed)]


def _whole_disagreements(seed: int) -> Iterator[str]:
    rng = Random(seed)
    case = random_case(rng, complete=rng.random() < 0.75)
    specs = [spec_of(case.spec), *(other_spec(rng, case.spec) for _ in range(5))]
    paths = read_path(case.file(), specs[0].legs)
    start_ms, end_ms = specs[0].start_ms, specs[0].end_ms
    at_ms = Millis(rng.randint(start_ms - 1000, end_ms + 2000)) if rng.random() < 0.3 else None
    candles = any(line["type"] == "candle" for line in case.lines)
    for spec, found in zip(specs, judge_all(specs, paths, at_ms=at_ms), strict=True):
        ties = isinstance(spec.test, Range) or (attains(spec) and candles)
        defined = judge_by_definition(spec, {leg: paths[leg] for leg in spec.legs}, at_ms=at_ms)
        one, other = (facts(spec, verdict, live=False, ties=ties) for verdict in (found, defined))
        if one != other:
            yield f"seed {seed}, {spec.canonical.decode()}: {one} is by definition {other}"


class _Run:
    """Arms most specs at first, some on the way, gives some up; asks after every line, now and then, or at the end."""

    def __init__(self, seed: int, restarts: float) -> None:
        self._seed = seed
        self._restarts = restarts
        self._rng = Random(seed)
        case = random_case(self._rng, complete=self._rng.random() < 0.8)
        self._follow = self._rng.random() < 0.7
        without = [line for line in case.lines if line["type"] != "candle"]
        self._lines = filled_late(self._rng, case.lines) if self._follow else without
        self._spec = spec_of(case.spec)
        specs = [self._spec, *(other_spec(self._rng, case.spec) for _ in range(SPECS - 1))]
        self._later = [(self._rng.randint(1, max(len(self._lines), 1)), spec) for spec in specs[8:]]
        self._engine = Engine(candles_follow=self._follow)
        self._pairs = [Pair(self._engine.arm(spec), spec, self._alone(spec)) for spec in specs[:8]]
        self._from_the_start = set(self._engine.groups)
        self._asking = self._rng.choice([0, 0.2, 1])

    def disagreement(self) -> str | None:
        for number, line in enumerate(self._lines, 1):
            for pair in self._pairs:
                _tell(pair.alone, pair.spec, line)
            tell_line(self._engine, self._spec, line)
            for spec in [spec for after, spec in self._later if after == number]:
                self._arm(spec, self._lines[:number])
            if self._rng.random() < 0.02:
                self._engine.disarm(self._pairs.pop(self._rng.randrange(len(self._pairs))).handle)
            if self._restarts and self._rng.random() < self._restarts:
                self._restart()
            if self._rng.random() < self._asking and (text := self._difference()) is not None:
                return f"seed {self._seed}, after line {number}: {text}"
        text = self._difference()
        return None if text is None else f"seed {self._seed}: {text}"

    def _restart(self) -> None:
        specs = {pair.handle: pair.spec for pair in self._pairs}
        self._engine = restore_engine(save_engine(self._engine), specs, candles_follow=self._follow)

    def _arm(self, spec: Spec, lines: list[Line]) -> None:
        """A signal that is followed already knows the past; another is introduced, or its condition is told of it."""
        alone, told = self._alone(spec), self._alone(spec)
        for line in lines:
            _tell(told, spec, line)
            _tell(alone, spec, line)
        parent = self._engine.parent(spec.legs[0])
        begins = parent.heard_ms <= spec.start_ms
        group = parent.groups.get(self._signal(spec))
        if begins and group is not None and group.number in self._from_the_start:
            self._pairs.append(Pair(self._engine.arm(spec), spec, alone))
        elif self._signal(spec) not in parent.groups and self._rng.random() < 0.5:
            alone = self._alone(spec)
            for leg in spec.legs:
                self._engine.parent(leg).introduce(alone, leg)
            self._pairs.append(Pair(self._engine.arm(spec), spec, alone))
        else:
            self._pairs.append(Pair(self._engine.arm(spec, told), spec, alone))

    def _alone(self, spec: Spec) -> Condition:
        return Condition(spec, candles_follow=self._follow)

    def _signal(self, spec: Spec) -> Executable | Mid:
        """What a spec shares, if it does."""
        if len(spec.legs) == 2 or isinstance(spec.price, Trades) or (self._follow and attains(spec)):
            return _NONE
        if not isinstance(spec.test, Reach | Hold | Resolves):
            return _NONE
        return Executable(Size(1), 1) if spec.price is None else replace(spec.price, held_ms=0)

    def _difference(self) -> str | None:
        decided = self._engine.decided()
        for pair in self._pairs:
            verdict, expected = self._engine.verdict(pair.handle), pair.alone.verdict()
            pair.reported = pair.reported or pair.handle in decided
            if verdict != expected:
                return f"{pair.spec.canonical.decode()}: {verdict} should be {expected}"
            if expected.answer is not Answer.PENDING and not pair.reported:
                return f"{pair.spec.canonical.decode()}: not reported"
        return None


def other_spec(rng: Random, document: Line) -> Spec:
    """A spec on the same parents, its window a little elsewhere."""
    parent = document["parent"]
    while True:
        other = random_spec(rng)
        if ("long" in other["parent"]) <= ("long" in parent):
            break
    if "long" not in other["parent"] and "long" in parent:
        other["parent"] = parent["long"]
    start, end = (millis_from_rfc3339(other["window"][key]) for key in ("start", "end"))
    shift = 0 if other["test"]["type"] == "realized" else rng.choice([0, 0, 1, 2, 5]) * 1000
    other["window"] = {"start": rfc3339(start + shift), "end": rfc3339(end + shift)}
    if other["test"]["type"] == "at":
        other["test"]["time"] = rfc3339(start + shift + 2000)
    return spec_of(other)


def _tell(condition: Condition, spec: Spec, line: Line) -> None:
    if "market" not in line or MarketId.parse(line["market"]) in spec.legs:
        tell_line(condition, spec, line)
