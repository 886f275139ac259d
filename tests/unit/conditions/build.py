"""Short spellings of specs and path lines for tests; times are milliseconds after the start of the window."""

from __future__ import annotations

import json
from typing import Any

from relayer.conditions.parse import spec_of
from relayer.conditions.path import read_path
from relayer.conditions.reference.judge import judge as judge_by_definition
from relayer.conditions.replay import judge
from relayer.conditions.spec import Spec
from relayer.domain.units import Millis, millis_from_rfc3339, rfc3339
from relayer.domain.verdicts import Verdict

START = millis_from_rfc3339("2026-01-01T00:00:00Z")
LONG, SHORT = "kalshi:KXA", "polymarket:12345"

Line = dict[str, Any]

_KINDS = {
    "reach": "timing",
    "hold": "cascade",
    "range": "volatility",
    "at": "trajectory",
    "average": "trajectory",
    "realized": "volatility",
    "outcome": "outcome",
}


def document(test: Line, price: Line | None, *, seconds: int = 10, spread: bool = False) -> Line:
    """A spec document of the window [0 s, `seconds`)."""
    parent = {"venue": "kalshi", "market": "KXA"}
    spec: Line = {
        "version": 1,
        "kind": "arbitrage" if spread else _KINDS[test["type"]],
        "parent": {"long": parent, "short": {"venue": "polymarket", "market": "12345"}} if spread else parent,
        "window": {"start": rfc3339(START), "end": rfc3339(START + seconds * 1000)},
        "test": test,
        "otherwise": {"answer": "no", "after_days": 14},
    }
    if price is not None:
        spec["price"] = price
    return spec


def reach(level: str = "0.7000", direction: str = "up") -> Line:
    return {"type": "reach", "direction": direction, "level": level}


def hold(level: str = "0.7000", direction: str = "up") -> Line:
    return {"type": "hold", "direction": direction, "level": level}


def swing(amount: str = "0.2000", horizon_s: int = 10, unit: str = "points") -> Line:
    return {"type": "range", "unit": unit, "amount": amount, "horizon_s": horizon_s}


def stand(at_s: int, level: str = "0.7000", direction: str = "up") -> Line:
    return {"type": "at", "direction": direction, "level": level, "time": rfc3339(START + at_s * 1000)}


def average(level: str = "0.7000", direction: str = "up") -> Line:
    return {"type": "average", "direction": direction, "level": level}


def realized(amount: str = "0.2000", step_s: int = 60) -> Line:
    return {"type": "realized", "amount": amount, "step_s": step_s}


def executable(held_s: int = 0, min_size: str = "0.01") -> Line:
    return {"source": "executable", "min_size": min_size, "held_s": held_s}


def mid(held_s: int = 0, max_spread: str = "0.1000") -> Line:
    return {"source": "mid", "max_spread": max_spread, "held_s": held_s}


def trades(min_size: str = "0.01", min_trades: int = 1, within_s: int = 1) -> Line:
    return {"source": "trades", "min_size": min_size, "min_trades": min_trades, "within_s": within_s}


def quote(at: int, bid: str = "", ask: str = "", size: str = "100") -> Line:
    """A top of book; an empty string is an empty side."""
    return book(at, [[bid, size]] if bid else [], [[ask, size]] if ask else [])


def book(at: int, bids: list[list[str]], asks: list[list[str]]) -> Line:
    return {"type": "quote", "t": START + at, "bids": bids, "asks": asks}


def trade(at: int, price: str, size: str = "1", **more: Any) -> Line:
    return {"type": "trade", "t": START + at, "id": f"{at}/{price}/{size}", "price": price, "size": size, **more}


def status(at: int, word: str = "active", since: int | None = None) -> Line:
    line: Line = {"type": "status", "t": START + at, "status": word}
    return line if since is None else {**line, "since": START + since}


def gap(start: int, end: int, *, complete: bool = False) -> Line:
    return {"type": "gap", "from": START + start, "to": START + end, "trades": complete}


def candle(start: int, end: int, **sides: Any) -> Line:
    """`bid="0.50 0.60"` spells low and high (open and close are both the high), `bid=None` an empty side."""
    line: Line = {"type": "candle", "from": START + start, "to": START + end}
    for name, value in sides.items():
        low, _, high = (value or "").partition(" ")
        pair = [low, high or low]
        line[name] = None if value is None else pair if name == "trades" else [pair[1], *pair, pair[1]]
    return line


def watermark(at: int) -> Line:
    return {"type": "watermark", "t": START + at}


def result(at: int, word: str, *, final: bool = True) -> Line:
    return {"type": "result", "t": START + at, "result": word, "final": final}


def of(market: str, *lines: Line) -> list[Line]:
    return [{**line, "market": market} for line in lines]


def file(lines: list[Line]) -> list[bytes]:
    return [json.dumps(line).encode() for line in lines]


def verdict_of(spec: Line | Spec, lines: list[Line], *, at: int | None = None) -> Verdict:
    """The verdict on which both evaluators agree."""
    parsed = spec if isinstance(spec, Spec) else spec_of(spec)
    paths = read_path(file(lines), parsed.legs)
    at_ms = None if at is None else Millis(START + at)
    verdict, defined = judge(parsed, paths, at_ms=at_ms), judge_by_definition(parsed, paths, at_ms=at_ms)
    assert (verdict.answer, verdict.decided_at) == (defined.answer, defined.decided_at)
    assert verdict.coverage == defined.coverage
    assert verdict.witness == defined.witness
    return verdict


def judged(spec: Line, *lines: Line, at: int | None = None) -> tuple[str, int | None, str | None]:
    """Answer, decided_at after the start, price of the witness ("absent" for null, None without a witness)."""
    verdict = verdict_of(spec, list(lines), at=at)
    decided = None if verdict.decided_at is None else verdict.decided_at - START
    witness = verdict.witness
    if witness is not None:
        assert witness.at_ms == verdict.decided_at
    return str(verdict.answer), decided, None if witness is None else witness.price or "absent"
