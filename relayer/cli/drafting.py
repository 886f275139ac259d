"""Which keys a spec needs, given those before: what `relayer specs new` asks. Refusing values is `conditions.parse`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from relayer.cli.spelling import padded
from relayer.conditions.spec import Direction, Kind, Unit
from relayer.domain.errors import UsageError
from relayer.domain.markets import Venue

Ask = Callable[[str], str]

_TESTS = {
    Kind.MOMENTUM: ["reach"],
    Kind.TIMING: ["reach"],
    Kind.VOLATILITY: ["range", "realized"],
    Kind.OUTCOME: ["outcome"],
    Kind.TRAJECTORY: ["at", "average"],
    Kind.CASCADE: ["hold"],
    Kind.ARBITRAGE: ["reach", "range"],
}
_TEST_KEYS = {
    "reach": ["direction", "level"],
    "hold": ["direction", "level"],
    "range": ["unit", "amount", "horizon_s"],
    "at": ["direction", "level", "time"],
    "average": ["direction", "level"],
    "realized": ["amount", "step_s"],
    "outcome": ["result"],
}
_ONE_VALUE = {"at", "average", "realized"}
"""Tests that take the mid as it is, without a dwell and without `either`."""
_PRICE_KEYS = {
    "trades": ["min_size", "min_trades", "within_s"],
    "executable": ["min_size", "held_s"],
    "mid": ["max_spread", "held_s"],
}
_HINTS = {
    "start": "such as 2026-01-01T00:00:00Z",
    "end": "such as 2026-01-28T19:00:00Z",
    "time": "such as 2026-01-28T19:00:00Z",
    "market": "ticker, token id or address",
    "level": "dollars, up to 4 places, such as 0.70",
    "amount": "up to 4 places, such as 0.20",
    "max_spread": "dollars, up to 4 places, such as 0.05",
    "min_size": "contracts, up to 2 places, such as 100",
}
_PLACES = {"level": 4, "amount": 4, "max_spread": 4, "min_size": 2}
_INTEGERS = {"held_s", "within_s", "min_trades", "horizon_s", "step_s", "after_days"}


def draft(given: dict[str, str], ask: Ask) -> dict[str, Any]:
    """A spec document from keys `given` by path and answers. Raises UsageError for keys that do not apply."""
    form = _Form(given, ask)
    kind = Kind(form.choose("kind", list(Kind)))
    document: dict[str, Any] = {"version": 1, "kind": str(kind), "parent": _parent(form, kind)}
    document["window"] = {"start": form.fill("window.start"), "end": form.fill("window.end")}
    test = form.choose("test.type", _TESTS[kind])
    choices = {"direction": _directions(kind, test), "unit": _units(kind), "result": ["yes", "no"]}
    document["test"] = {"type": test, **{key: form.fill(f"test.{key}", choices) for key in _TEST_KEYS[test]}}
    if test != "outcome":
        source = form.choose("price.source", _sources(kind, test))
        held: dict[str, list[str]] = {"held_s": ["0"]} if test in _ONE_VALUE else {}
        document["price"] = {"source": source, **{key: form.fill(f"price.{key}", held) for key in _PRICE_KEYS[source]}}
    document["otherwise"] = {
        "answer": form.choose("otherwise.answer", ["yes", "no"]),
        "after_days": form.fill("otherwise.after_days"),
    }
    form.done()
    return document


def _parent(form: _Form, kind: Kind) -> dict[str, Any]:
    if kind is Kind.ARBITRAGE:
        return {leg: _market(form, f"parent.{leg}", kind) for leg in ("long", "short")}
    return _market(form, "parent", kind)


def _market(form: _Form, path: str, kind: Kind) -> dict[str, Any]:
    venues = [venue for venue in Venue if venue is not Venue.PNP or kind is Kind.OUTCOME]
    return {"venue": form.choose(f"{path}.venue", venues), "market": form.fill(f"{path}.market")}


def _sources(kind: Kind, test: str) -> list[str]:
    if test in _ONE_VALUE:
        return ["mid"]
    takes_trades = test in ("reach", "range") and kind is not Kind.ARBITRAGE
    return [*(["trades"] if takes_trades else []), "executable", "mid"]


def _directions(kind: Kind, test: str) -> list[str]:
    if kind is Kind.ARBITRAGE:
        return [Direction.UP, Direction.EITHER]
    return [Direction.UP, Direction.DOWN] if kind is Kind.MOMENTUM or test in _ONE_VALUE else [*Direction]


def _units(kind: Kind) -> list[str]:
    return [Unit.POINTS] if kind is Kind.ARBITRAGE else [*Unit]


class _Form:
    def __init__(self, given: dict[str, str], ask: Ask) -> None:
        self._given = dict(given)
        self._ask = ask

    def fill(self, path: str, choices: Mapping[str, Sequence[str]] = MappingProxyType({})) -> str | int:
        """choices: what a key may be, by its last name; any other is asked for freely."""
        name = path.rpartition(".")[2]
        if name in choices:
            value = self.choose(path, choices[name])
        else:
            value = self._take(path, _HINTS.get(name, "whole number" if name in _INTEGERS else ""))
        if name in _PLACES:
            return padded(value, _PLACES[name])
        return int(value) if name in _INTEGERS and re.fullmatch(r"-?[0-9]+", value) else value

    def choose(self, path: str, choices: Sequence[str]) -> str:
        """Asks again for what is none of them; raises UsageError if it was given."""
        if path in self._given:
            if (given := self._given.pop(path)) not in choices:
                raise UsageError(f"key '{path}' is {given!r}, which is none of {', '.join(choices)}.")
            return given
        if len(choices) == 1:
            return choices[0]
        while (answer := self._take(path, ", ".join(choices))) not in choices:
            pass
        return answer

    def done(self) -> None:
        for path in self._given:
            raise UsageError(f"key '{path}' does not apply to this spec: leave it out.")

    def _take(self, path: str, hint: str) -> str:
        return self._given.pop(path) if path in self._given else self._ask(f"{path} ({hint})" if hint else path)
