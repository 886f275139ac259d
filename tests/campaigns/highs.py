"""The same touch held for 0, 30 and 60 s, over days of best bids and asks: `python -m tests.campaigns.highs FOLDER`.

FOLDER holds `kxhighny-*.csv.gz` with `timestamp` (US Pacific, naive), `market_ticker`, `best_yes_bid` and
`implied_yes_ask` in cents. The window of a market is from its first row, at the next full second, to the end of the
file. Every verdict is held against runs of rows counted by pandas; status 1 if one differs. What came out of 90 markets
is in `docs/touch-rules.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import track

from relayer.domain.markets import MarketId, Venue
from tests.campaigns.study import Line, Question, Window, executable, path_of, report

SILENCE_MS = 15 * 60_000
"""Without a row of any market for so long, the recorder was down."""
HELD_S = (0, 30, 60)
_TESTS: dict[str, Line] = {
    "70 % reached": {"type": "reach", "direction": "up", "level": "0.7000"},
    "90 % reached": {"type": "reach", "direction": "up", "level": "0.9000"},
    "90 % either way": {"type": "reach", "direction": "either", "level": "0.9000"},
}


def questions() -> list[Question]:
    """Every test with every `held_s`."""
    return [
        Question(name, f"held {held_s} s", "timing", test, executable(held_s))
        for name, test in _TESTS.items()
        for held_s in HELD_S
    ]


def rows_of(file: Path) -> pd.DataFrame:
    """`ms`, `ticker`, and `bid` and `ask` in cents, missing where a side was empty."""
    frame = pd.read_csv(file)
    local = pd.to_datetime(frame["timestamp"], format="ISO8601").dt.tz_localize("America/Los_Angeles")
    since = local.dt.tz_convert("UTC") - pd.Timestamp(0, tz="UTC")
    sides = {"bid": frame["best_yes_bid"], "ask": frame["implied_yes_ask"]}
    cents = {side: prices.where(prices.between(1, 99)) for side, prices in sides.items()}
    rows = pd.DataFrame({"ms": since // pd.Timedelta(milliseconds=1), "ticker": frame["market_ticker"], **cents})
    return rows.sort_values("ms", kind="stable", ignore_index=True)


def silences(rows: pd.DataFrame) -> list[Window]:
    """When the recorder was down."""
    after = rows["ms"].shift(-1)
    ends = after[after - rows["ms"] > SILENCE_MS]
    return [(int(start) + 1, int(end)) for start, end in zip(rows["ms"][ends.index], ends, strict=True)]


def lines_of(rows: pd.DataFrame, gaps: list[Window], end_ms: int) -> list[Line]:
    """The path of one market: a quote of one contract a side for each row, a gap where the sides cross."""
    lines = [_line(ms, bid, ask) for ms, bid, ask in zip(rows["ms"], rows["bid"], rows["ask"], strict=True)]
    lines += [{"type": "gap", "from": start, "to": end} for start, end in gaps]
    lines.sort(key=lambda line: int(line["from" if "from" in line else "t"]))
    return [*lines, {"type": "watermark", "t": end_ms}]


def _line(ms: int, bid: float, ask: float) -> Line:
    if bid >= ask:
        return {"type": "gap", "from": ms, "to": ms + 1}
    return {"type": "quote", "t": ms, "bids": _side(bid), "asks": _side(ask)}


def _side(cents: float) -> list[list[str]]:
    return [] if pd.isna(cents) else [[f"{cents / 100:.2f}", "1.00"]]


def count(rows: pd.DataFrame, gaps: list[Window], window: Window) -> Iterator[tuple[tuple[str, str], str]]:
    """The answers for one market from runs of its rows."""
    steps = _steps(rows, gaps, window)
    for name, test in _TESTS.items():
        cents = int(float(test["level"]) * 100)
        sides = [steps["bid"] >= cents]
        if test["direction"] == "either":
            sides.append(steps["ask"] <= 100 - cents)
        for held_s in HELD_S:
            answers = [_answer(side, steps["known"], steps["length"], held_s * 1000) for side in sides]
            answer = "yes" if "yes" in answers else "unknown" if "unknown" in answers else "no"
            yield (name, f"held {held_s} s"), answer


def _steps(rows: pd.DataFrame, gaps: list[Window], window: Window) -> pd.DataFrame:
    """The rows as steps: `length` in ms, and whether the book was `known`."""
    crossed = (rows["bid"] >= rows["ask"]).groupby(rows["ms"]).transform("any")
    known = rows.assign(known=~crossed)
    unknown = pd.DataFrame({"ms": [start for start, _ in gaps], "known": False})
    steps = pd.concat([unknown, known]).sort_values("ms", kind="stable")
    steps["ms"] = steps["ms"].clip(lower=window[0])
    steps = steps.drop_duplicates("ms", keep="last")
    return steps.assign(length=steps["ms"].shift(-1, fill_value=window[1]) - steps["ms"])


def _answer(side: pd.Series, known: pd.Series, length: pd.Series, held_ms: int) -> str:
    if _longest(side & known, length) >= max(held_ms, 1):
        return "yes"
    return "unknown" if _longest(side | ~known, length) >= max(held_ms, 1) else "no"


def _longest(is_so: pd.Series, length: pd.Series) -> int:
    """Milliseconds of the longest run."""
    runs = length.where(is_so, 0).groupby((is_so != is_so.shift()).cumsum()).sum()
    return int(runs.max())


def _full_second(ms: int) -> int:
    return -(-ms // 1000) * 1000


def main(folder: Path) -> int:
    """Judge all, count all, compare; returns how many differ."""
    files, asked, markets = sorted(folder.glob("kxhighny-*.csv.gz")), questions(), 0
    if not files:
        raise SystemExit(f"{folder} holds no kxhighny-*.csv.gz.")
    for file in track(files, console=Console(stderr=True), transient=True, description="judging"):
        rows = rows_of(file)
        gaps = silences(rows)
        end_ms = _full_second(int(rows["ms"].max()) + 1)
        for ticker, own in rows.groupby("ticker"):
            markets += 1
            parent = MarketId(Venue.KALSHI, str(ticker))
            window = (_full_second(int(own["ms"].min())), end_ms)
            path, counted = path_of(lines_of(own, gaps, end_ms), parent), dict(count(own, gaps, window))
            for question in asked:
                question.ask(parent, path, window, counted[question.name, question.rule])
    print(f"{markets} markets of {len(files)} days")
    return report(asked)


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1])) else 0)
