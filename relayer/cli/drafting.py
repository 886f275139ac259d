"""Which keys a spec needs, given those before: what `relayer specs new` asks. Refusing values is `conditions.parse`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

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
    "level": "dollars with 4 places, such as 0.7000",
    "amount": "4 places, such as 0.2000",
    "max_spread": "dollars with 4 places, such as 0.0500",
    "min_size": "contracts with 2 places, such as 100.00",
}
_INTEGERS = {"held_s", "within_s", "min_trades", "horizon_s", "step_s", "after_days"}


def draft(given: dict[str, str], ask: Ask) -> dict[str, Any]:
    """A spec document from keys `given` by path and answers. Raises UsageError for keys that do not apply."""
    form = _Form(given, ask)
    kind = Kind(form.choose("kind", list(Kind)))
    document: dict[str, Any] = {"version": 1, "kind": str(kind), "parent": _parent(form, kind)}
    document["window"] = {"start": form.fill("window.start"), "end": form.fill("window.end")}
    test = form.choose("test.type", _TESTS[kind])
    document["test"] = {"type": test, **{key: form.fill(f"test.{key}") for key in _TEST_KEYS[test]}}
    if test != "outcome":
        source = form.choose("price.source", _sources(kind, test))
        document["price"] = {"source": source, **{key: form.fill(f"price.{key}") for key in _PRICE_KEYS[source]}}
    document["otherwise"] = {
        "answer": form.choose("otherwise.answer", ["yes", "no"]),
        "after_days": form.fill("otherwise.after_days"),
    }
    form.done()
    return document


def _parent(form: _Form, kind: Kind) -> dict[str, Any]:
    if kind is Kind.ARBITRAGE:
        return {leg: _market(form, f"parent.{leg}") for leg in ("long", "short")}
    return _market(form, "parent")


def _market(form: _Form, path: str) -> dict[str, Any]:
    return {"venue": form.choose(f"{path}.venue", list(Venue)), "market": form.fill(f"{path}.market")}


def _sources(kind: Kind, test: str) -> list[str]:
    if test in ("at", "average", "realized"):
        return ["mid"]
    takes_trades = test in ("reach", "range") and kind is not Kind.ARBITRAGE
    return [*(["trades"] if takes_trades else []), "executable", "mid"]


_CHOICES: dict[str, list[str]] = {"direction": [*Direction], "unit": [*Unit], "result": ["yes", "no"]}


class _Form:
    def __init__(self, given: dict[str, str], ask: Ask) -> None:
        self._given = dict(given)
        self._ask = ask

    def fill(self, path: str) -> str | int:
        name = path.rpartition(".")[2]
        if choices := _CHOICES.get(name):
            return self.choose(path, choices)
        hint = _HINTS.get(name, "whole number" if name in _INTEGERS else "")
        value = self._take(path, hint)
        return int(value) if name in _INTEGERS and re.fullmatch(r"-?[0-9]+", value) else value

    def choose(self, path: str, choices: Sequence[str]) -> str:
        if len(choices) == 1:
            return self._given.pop(path, choices[0])
        return self._take(path, ", ".join(choices))

    def done(self) -> None:
        for path in self._given:
            raise UsageError(f"key '{path}' does not apply to this spec: leave it out.")

    def _take(self, path: str, hint: str) -> str:
        return self._given.pop(path) if path in self._given else self._ask(f"{path} ({hint})" if hint else path)
