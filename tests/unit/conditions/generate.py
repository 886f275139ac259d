"""Random specs and path files, made so that boundaries are hit often: few prices, few instants, short windows.

The files keep the rules of a writer (`conditions.md` section 2): gap lines come before what proves the time after
their start, and no watermark passes the start of a gap before its candles are in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from relayer.domain.units import millis_from_rfc3339, rfc3339

ORIGIN = millis_from_rfc3339("2026-01-01T00:00:00Z")
LEVELS = ["0.3000", "0.4500", "0.5500", "0.6000", "0.7000"]
PRICES = ["0.25", "0.30", "0.40", "0.45", "0.50", "0.55", "0.60", "0.65", "0.70", "0.80"]
SIZES = ["0.01", "1.00", "5.00"]
KINDS = ("momentum", "timing", "volatility", "outcome", "trajectory", "cascade", "arbitrage")
SWINGS = ("volatility", "volatility", "arbitrage")
"""Kinds of which most have a `range`, the test with the most cases of its own."""


@dataclass(frozen=True)
class Case:
    """`lines` in file order, ending in a watermark when `complete`."""

    spec: dict[str, Any]
    lines: list[dict[str, Any]]

    def file(self) -> list[bytes]:
        return [json.dumps(line).encode() for line in self.lines]


def random_case(rng: Random, *, complete: bool = False, kinds: Sequence[str] = KINDS) -> Case:
    """One spec and a path file of its parents. complete: a last watermark covers all lines and the window."""
    spec = random_spec(rng, kinds)
    tick = 10_000 if spec["test"]["type"] == "realized" else rng.choice([100, 500, 1000])
    parent = spec["parent"]
    legs = [parent["long"], parent["short"]] if "long" in parent else [parent]
    named = len(legs) == 2 or rng.random() < 0.2
    parts = [_lines_of(rng, spec, tick, f"{leg['venue']}:{leg['market']}" if named else None) for leg in legs]
    lines = parts[0] if len(parts) == 1 else _interleave(rng, *parts)
    if complete:
        last = max([_largest(line) for line in lines], default=ORIGIN)
        last = max(last, millis_from_rfc3339(spec["window"]["end"])) + rng.choice([0, 1, tick])
        for leg in legs:
            lines.append({"type": "watermark", "t": last, **_market(leg, named)})
    return Case(spec, lines)


def _market(leg: dict[str, str], named: bool) -> dict[str, str]:
    return {"market": f"{leg['venue']}:{leg['market']}"} if named else {}


def _largest(line: dict[str, Any]) -> int:
    return max(int(line.get("t", 0)), int(line.get("to", 0)))


def _interleave(rng: Random, one: list[dict[str, Any]], other: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two files as one, each in its own order."""
    one, other, lines = list(one), list(other), []
    while one and other:
        lines.append((one if rng.random() < 0.5 else other).pop(0))
    return lines + one + other


def random_spec(rng: Random, kinds: Sequence[str] = KINDS) -> dict[str, Any]:
    """A valid spec document of one of the kinds."""
    kind = rng.choice(kinds)
    length = rng.choice([4, 10, 20])
    test, price = _test_and_price(rng, kind, length)
    if test["type"] == "realized":
        length = rng.choice([60, 120, 300])
        test["step_s"] = 60
    start = ORIGIN
    market = {"venue": "kalshi", "market": "KXA"}
    other = {"venue": "polymarket", "market": "12345"}
    spec: dict[str, Any] = {
        "version": 1,
        "kind": kind,
        "parent": {"long": market, "short": other} if kind == "arbitrage" else market,
        "window": {"start": rfc3339(start), "end": rfc3339(start + length * 1000)},
        "test": test,
        "otherwise": {"answer": "no", "after_days": 14},
    }
    if test["type"] == "at":
        test["time"] = rfc3339(start + rng.randint(0, length) * 1000)
    if price is not None:
        spec["price"] = price
    return spec


def _test_and_price(rng: Random, kind: str, length: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    held = rng.choice([0, 0, 0, 1, 2])
    trades = {
        "source": "trades",
        "min_size": rng.choice(SIZES),
        "min_trades": rng.choice([1, 1, 2]),
        "within_s": rng.choice([1, 2]),
    }
    executable = {"source": "executable", "min_size": rng.choice(["0.01", *SIZES]), "held_s": held}
    mid: dict[str, Any] = {"source": "mid", "max_spread": rng.choice(["0.1000", "0.3000", "0.9000"]), "held_s": held}
    still = {**mid, "held_s": 0}
    level = rng.choice(LEVELS)
    direction = rng.choice(["up", "down"])
    match kind:
        case "momentum":
            return {"type": "reach", "direction": direction, "level": level}, rng.choice([trades, executable, mid])
        case "timing":
            level = rng.choice(["0.5500", "0.6000", "0.7000"])
            return {"type": "reach", "direction": "either", "level": level}, rng.choice([trades, executable, mid])
        case "cascade":
            direction = rng.choice([direction, "either"])
            level = rng.choice(["0.5500", "0.6000"]) if direction == "either" else level
            return {"type": "hold", "direction": direction, "level": level}, rng.choice([executable, mid])
        case "trajectory" if rng.random() < 0.5:
            return {"type": "at", "direction": direction, "level": level}, still
        case "trajectory":
            return {"type": "average", "direction": direction, "level": level}, still
        case "volatility" if rng.random() < 0.3:
            return {"type": "realized", "amount": rng.choice(["0.0500", "0.2000", "0.5000"])}, still
        case "volatility":
            unit = rng.choice(["points", "relative"])
            amount = rng.choice(["0.0500", "0.1000", "0.2500", "0.3000"])
            horizon = rng.randint(2, length)
            test = {"type": "range", "unit": unit, "amount": amount, "horizon_s": horizon}
            return test, rng.choice([trades, executable, mid])
        case "arbitrage" if rng.random() < 0.4:
            amount = rng.choice(["0.0500", "0.1000", "0.3000"])
            test = {"type": "range", "unit": "points", "amount": amount, "horizon_s": rng.randint(2, length)}
            return test, rng.choice([executable, mid])
        case "arbitrage":
            level = rng.choice(["0.0500", "0.1000", "0.2000"])
            test = {"type": "reach", "direction": rng.choice(["up", "either"]), "level": level}
            return test, rng.choice([executable, mid])
    return {"type": "outcome", "result": rng.choice(["yes", "no"])}, None


def _lines_of(rng: Random, spec: dict[str, Any], tick: int, market: str | None) -> list[dict[str, Any]]:
    """The lines of one market in file order."""
    start, end = (millis_from_rfc3339(spec["window"][key]) for key in ("start", "end"))
    first, last = start - rng.randint(0, 3) * tick, end + rng.randint(-3, 3) * tick
    gaps = [_gap(rng, first, last, tick) for _ in range(rng.choice([0, 0, 0, 0, 1, 1, 2, 3]))]
    candles = _candles(rng, gaps, first, tick)
    watermarks = rng.random() < 0.7
    moments = sorted(max(_moment(rng, first, last, tick), first) for _ in range(rng.randint(0, 16)))
    writer = _Writer(rng, gaps, candles, watermarks=watermarks)
    if rng.random() < 0.7:
        writer.write_at(first, "quote")
    for moment in moments:
        writer.write_at(moment)
    lines = writer.finish()
    return [{**line, "market": market} for line in lines] if market else lines


def _moment(rng: Random, first: int, last: int, tick: int) -> int:
    return first + rng.randint(0, max((last - first) // tick, 1)) * tick + rng.choice([0, 0, 0, 0, -1, 1])


def _gap(rng: Random, first: int, last: int, tick: int) -> dict[str, Any]:
    start = _moment(rng, first - 2 * tick, last, tick)
    gap: dict[str, Any] = {"type": "gap", "from": start, "to": start + rng.randint(1, 6) * tick + rng.choice([0, 1])}
    return {**gap, "trades": rng.random() < 0.5} if rng.random() < 0.7 else gap


def _candles(rng: Random, gaps: list[dict[str, Any]], first: int, tick: int) -> list[dict[str, Any]]:
    """Candles on a grid of their own, some of those that touch a gap."""
    size = tick * rng.choice([1, 2, 3])
    starts = set()
    for gap in gaps:
        grid = first + (gap["from"] - first) // size * size
        starts |= set(range(grid, gap["to"], size))
    return [_candle(rng, start, start + size) for start in sorted(starts) if rng.random() < 0.7]


def _candle(rng: Random, start: int, end: int) -> dict[str, Any]:
    candle: dict[str, Any] = {"type": "candle", "from": start, "to": end}
    bids, asks = ["0", *PRICES[:7]], [*PRICES[3:], "1"]
    if rng.random() < 0.9:
        candle["bid"] = _ohlc(rng, bids)
    if rng.random() < 0.9:
        candle["ask"] = _ohlc(rng, asks)
    if rng.random() < 0.7:
        low, high = sorted([rng.choice(PRICES), rng.choice(PRICES)])
        candle["trades"] = None if rng.random() < 0.3 else [low, high]
    return candle


def _ohlc(rng: Random, prices: list[str]) -> list[str] | None:
    if rng.random() < 0.15:
        return None
    if rng.random() < 0.3:
        return [rng.choice(prices)] * 4
    low, high = sorted([rng.choice(prices), rng.choice(prices)], key=float)
    return [low, low, high, rng.choice([low, high])]


class _Writer:
    """Writes one market's lines the way a recorder does."""

    def __init__(
        self, rng: Random, gaps: list[dict[str, Any]], candles: list[dict[str, Any]], *, watermarks: bool
    ) -> None:
        self._rng = rng
        self._gaps = sorted(gaps, key=lambda gap: int(gap["from"]))
        self._passed: list[dict[str, Any]] = []
        self._candles = candles
        self._watermarks = watermarks
        self._lines: list[dict[str, Any]] = []
        self._proven = ORIGIN - 10**9
        self._watermark = self._proven
        self._ids = 0
        self._kinds = {
            "quote": self._quote,
            "trade": self._trade,
            "status": self._status,
            "result": self._result,
            "watermark": self._write_watermark,
            "candles": self._write_candles,
        }

    def write_at(self, moment: int, kind: str = "") -> None:
        self._write_gaps(moment)
        names = ["quote"] * 8 + ["trade"] * 8 + ["status"] * 2 + ["result"] + ["watermark"] * 2 + ["candles"] * 2
        self._kinds[kind or self._rng.choice(names)](moment)

    def finish(self) -> list[dict[str, Any]]:
        self._write_gaps(10**15)
        self._write_candles(10**15)
        return self._lines

    def _write_gaps(self, before: int) -> None:
        while self._gaps and self._gaps[0]["from"] < before:
            self._passed.append(self._gaps.pop(0))
            self._lines.append(self._passed[-1])

    def _write_candles(self, before: int) -> None:
        for candle in [candle for candle in self._candles if candle["from"] < before]:
            self._candles.remove(candle)
            if candle["from"] >= self._watermark:
                self._lines.append(candle)

    def _write_watermark(self, moment: int) -> None:
        gap_end = max([gap["to"] for gap in self._passed], default=0)
        if self._watermarks and not any(moment <= candle["from"] < gap_end for candle in self._candles):
            self._write_candles(moment)
            self._lines.append({"type": "watermark", "t": moment})
            self._proven = self._watermark = moment

    def _quote(self, moment: int) -> None:
        bids = sorted(self._rng.sample(PRICES[:7], self._rng.choice([0, 1, 1, 1, 1, 2, 3])), reverse=True)
        asks = [price for price in sorted([*PRICES[3:], "1.00"]) if not bids or price > bids[0]]
        asks = asks[: self._rng.choice([0, 1, 1, 1, 1, 2])]
        sizes = ["0", *SIZES, *SIZES, *SIZES]
        self._lines.append(
            {
                "type": "quote",
                "t": moment,
                "bids": [[price, self._rng.choice(sizes)] for price in bids],
                "asks": [[price, self._rng.choice(sizes)] for price in asks],
            }
        )
        self._proven = moment

    def _trade(self, moment: int) -> None:
        self._ids += self._rng.random() < 0.9
        line = {"type": "trade", "t": moment, "id": str(self._ids), "price": self._rng.choice(PRICES)}
        self._lines.append({**line, "size": self._rng.choice(["0", *SIZES]), "block": self._rng.random() < 0.1})
        self._proven = moment

    def _status(self, moment: int) -> None:
        line: dict[str, Any] = {
            "type": "status",
            "t": moment,
            "status": self._rng.choice(["active", "active", "paused"]),
        }
        if self._rng.random() < 0.3 and moment > self._proven:
            line["since"] = self._rng.randint(self._proven + 1, moment)
        self._lines.append(line)
        self._proven = moment

    def _result(self, moment: int) -> None:
        result = self._rng.choice(["yes", "yes", "no", "void"])
        self._lines.append({"type": "result", "t": moment, "result": result, "final": self._rng.random() < 0.6})
        self._proven = moment
