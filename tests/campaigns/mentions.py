"""Four seed questions over every market of a folder of one-minute candles: `python -m tests.campaigns.mentions FOLDER`.

FOLDER holds `*.jsonl.gz`, a market a line: `ticker`, `result` and `candlesticks` as Kalshi answers them. The window is
from the first candle to the last. Every verdict is held against a count over the candle fields by pandas, which knows
nothing of paths; status 1 if one differs. What came out of 1,393 markets is in `docs/touch-rules.md`.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track

from relayer.cli.fetched import candle_lines
from relayer.domain.markets import MarketId, Venue
from tests.campaigns.study import TRADES, Line, Question, executable, path_of, report

REACH: Line = {"type": "reach", "direction": "up", "level": "0.7000"}
SWING: Line = {"type": "range", "unit": "points", "amount": "0.2000"}
EITHER: Line = {"type": "reach", "direction": "either", "level": "0.9000"}
OUTCOME: Line = {"type": "outcome", "result": "yes"}
_PATH_QUESTIONS = [("70 % reached", "momentum", REACH), ("swing over 20 points", "volatility", SWING),
                   ("90 % either way", "timing", EITHER)]  # fmt: skip
_RULES: list[tuple[str, Line]] = [("trades", TRADES), ("executable", executable(0))]

Counted = dict[tuple[str, str], str]


def questions() -> list[Question]:
    """Those on the path by each rule, and the outcome."""
    asked = [Question(name, rule, kind, test, price) for name, kind, test in _PATH_QUESTIONS for rule, price in _RULES]
    return [*asked, Question("outcome yes", "-", "outcome", OUTCOME, None)]


def markets(folder: Path) -> list[Line]:
    """Every market of every file. Raises SystemExit where there is none."""
    found = [market for file in sorted(folder.glob("*.jsonl.gz")) for market in _read(file)]
    if not found:
        raise SystemExit(f"{folder} holds no *.jsonl.gz with markets.")
    return found


def _read(file: Path) -> Iterator[Line]:
    with gzip.open(file) as lines:
        yield from map(json.loads, lines)


def lines_of(market: Line) -> list[Line]:
    """The path: one gap that the candles bound, then the result if there is one."""
    lines = candle_lines(market["candlesticks"], minutes=1, block_free=True)
    if market["result"] not in ("yes", "no"):
        return lines
    *events, watermark = lines
    result = {"type": "result", "t": watermark["t"], "result": market["result"], "final": True}
    return [*events, result, watermark]


def count(found: list[Line]) -> dict[str, Counted]:
    """The answers by ticker, question and rule, from highs and lows in cents alone."""
    rows = [_row(market["ticker"], candle) for market in found for candle in market["candlesticks"]]
    frame = pd.DataFrame(rows).astype(dict.fromkeys(("traded_low", "traded_high", "bid", "ask"), "Float64"))
    frame["bid"] = frame["bid"].where(frame["bid"] > 0)
    frame["ask"] = frame["ask"].where(frame["ask"].between(1, 99))
    extremes = frame.groupby("ticker").agg({"traded_low": "min", "traded_high": "max", "bid": "max", "ask": "min"})
    answers: dict[str, Counted] = {}
    for rule, high, low in (("trades", "traded_high", "traded_low"), ("executable", "bid", "ask")):
        highest, lowest = extremes[high], extremes[low]
        told = {
            "70 % reached": highest >= 70,
            "swing over 20 points": highest - lowest > 20,
            "90 % either way": (highest >= 90).fillna(False) | (lowest <= 10).fillna(False),
        }
        for name, column in told.items():
            for ticker, is_so in column.fillna(False).items():
                answers.setdefault(str(ticker), {})[name, rule] = "yes" if is_so else "no"
    for market in found:
        answers[market["ticker"]]["outcome yes", "-"] = market["result"] or "pending"
    return answers


def _row(ticker: str, candle: Line) -> dict[str, Any]:
    traded = candle["price"]
    return {
        "ticker": ticker,
        "traded_low": traded["low"],
        "traded_high": traded["high"],
        "bid": candle["yes_bid"]["high"],
        "ask": candle["yes_ask"]["low"],
    }


def main(folder: Path) -> int:
    """Judge all, count all, compare; returns how many differ."""
    found, asked = markets(folder), questions()
    counted = count(found)
    for market in track(found, console=Console(stderr=True), transient=True, description="judging"):
        parent = MarketId(Venue.KALSHI, market["ticker"])
        path = path_of(lines_of(market), parent)
        ends = [candle["end_period_ts"] * 1000 for candle in market["candlesticks"]]
        for question in asked:
            question.ask(
                parent, path, (ends[0] - 60_000, ends[-1]), counted[parent.ticker][question.name, question.rule]
            )
    print(f"{len(found)} markets")
    return report(asked)


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
