"""What the studies share: questions asked of many markets, answers counted, each held against a direct count."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from relayer.conditions.events import Path
from relayer.conditions.parse import spec_of
from relayer.conditions.path import read_path
from relayer.conditions.replay import judge
from relayer.domain.markets import MarketId
from relayer.domain.units import rfc3339
from relayer.domain.verdicts import Verdict

Line = dict[str, Any]
Window = tuple[int, int]

TRADES: Line = {"source": "trades", "min_size": "0.01", "min_trades": 1, "within_s": 1}


def executable(held_s: int) -> Line:
    """Price of a single hundredth of a contract."""
    return {"source": "executable", "min_size": "0.01", "held_s": held_s}


@dataclass
class Question:
    """A spec without market and window (a horizon is the window's length), and its answers over all markets."""

    name: str
    rule: str
    kind: str
    test: Line
    price: Line | None
    answers: Counter[str] = field(default_factory=Counter)
    spent_ms: Counter[str] = field(default_factory=Counter)
    differing: list[str] = field(default_factory=list)

    def ask(self, market: MarketId, path: Path, window: Window, counted: str) -> None:
        """Judge one market. counted: the answer of the direct count."""
        verdict = judge(spec_of(self._document(market, window)), {market: path})
        self.answers[str(verdict.answer)] += 1
        self.spent_ms.update(_spent(verdict))
        if verdict.answer != counted:
            why = f"judged {verdict.answer} ({verdict.reason}), counted {counted}"
            self.differing.append(f"{market} {self.name}, {self.rule}: {why}")

    def _document(self, market: MarketId, window: Window) -> Line:
        start_ms, end_ms = window
        horizon = {"horizon_s": (end_ms - start_ms) // 1000} if self.test["type"] == "range" else {}
        return {
            "version": 1,
            "kind": self.kind,
            "parent": {"venue": str(market.venue), "market": market.ticker},
            "window": {"start": rfc3339(start_ms), "end": rfc3339(end_ms)},
            "test": {**self.test, **horizon},
            "otherwise": {"answer": "no", "after_days": 14},
            **({} if self.price is None else {"price": self.price}),
        }


def path_of(lines: Iterable[Line], market: MarketId) -> Path:
    """The path that these lines make of the market."""
    return read_path((json.dumps(line).encode() for line in lines), [market], name=str(market))[market]


def report(questions: Iterable[Question]) -> int:
    """Print the table and every difference; returns how many there are."""
    table = Table("question", "rule", "yes", "no", "unknown", "pending", "differ", *_SHARES.values())
    differing = []
    for question in questions:
        answers = [str(question.answers[word]) for word in ("yes", "no", "unknown", "pending")]
        shares = [f"{question.spent_ms[key] / question.spent_ms['window_ms']:.2%}" for key in _SHARES]
        table.add_row(question.name, question.rule, *answers, str(len(question.differing)), *shares)
        differing += question.differing
    Console(width=140).print(table)
    print("\n".join(differing) or "Every verdict equals the direct count.")
    return len(differing)


_SHARES = {
    "observed_ms": "observed",
    "bounded_ms": "bounded",
    "unknown_ms": "not known",
    "not_trading_ms": "not trading",
}


def _spent(verdict: Verdict) -> Mapping[str, int]:
    return {key: getattr(verdict.coverage, key) for key in ("window_ms", *_SHARES)}
