"""Convert one day of best bids and offers of KXHIGHNY (New York's highest temperature) into a replay tape.

    .venv/bin/python deploy/tapes/convert_bbo.py kxhighny-25dec21.csv.gz relayer/data/tapes/kxhighny-25dec21.jsonl.gz

Source: github Jetpackjules/Kalshi-Trader, server_mirror/market_logs/, with columns timestamp, market_ticker,
best_yes_bid, best_no_bid, implied_no_ask and implied_yes_ask, prices in cents. What comes from where:

- Recorded: the times (naive US Pacific in the file) and the best YES and NO bids. 0 and 100 mean no bid. A row whose
  bids add up to a dollar or more is no state an exchange rests in; it is left out, and the header counts such rows.
- Made up, because the recording lacks it: every level holds 100.00 contracts, and only the best level of a side is
  known, so a change of the best price is its removal and an addition. The rows of one market and millisecond become
  one change, removals first, since a tape counts in milliseconds. There are no trades. The texts of the markets are
  our own; their strikes follow from the tickers. Trading opens an hour before the first row and closes at the full
  five minutes after the last one; five minutes later the results are determined, and after five more final.
- Inferred: a market whose last bid is 95 or more resolved that way.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
API = "/trade-api/v2"
SIZE, NO_SIZE = "100.00", "0.00"
SETTLEMENT_TIMER_S = 300
FIVE_MINUTES_MS, HOUR_MS = 300_000, 3_600_000

Record = dict[str, Any]


@dataclass(frozen=True)
class Quote:
    """One row: best bids in cents, None where there is none; `at` is UTC."""

    at: datetime
    ticker: str
    yes: int | None
    no: int | None

    @property
    def at_ms(self) -> int:
        return int(self.at.timestamp()) * 1000 + self.at.microsecond // 1000

    @property
    def crossed(self) -> bool:
        return self.yes is not None and self.no is not None and self.yes + self.no >= 100

    def bids(self) -> tuple[tuple[str, int | None], ...]:
        return (("yes", self.yes), ("no", self.no))


def read_quotes(path: Path) -> list[Quote]:
    """All rows of a recording, oldest first."""
    with gzip.open(path, "rt", newline="") as file:
        return [_quote(row) for row in csv.DictReader(file)]


def _quote(row: dict[str, str]) -> Quote:
    at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=PACIFIC).astimezone(UTC)
    return Quote(at, row["market_ticker"], _bid(row["best_yes_bid"]), _bid(row["best_no_bid"]))


def _bid(cents: str) -> int | None:
    return int(cents) if 0 < int(cents) < 100 else None


def convert(quotes: list[Quote]) -> list[Record]:
    """The tape's lines: header, start state, quotes, close and results."""
    kept = list({(quote.at_ms, quote.ticker): quote for quote in quotes if not quote.crossed}.values())
    first: dict[str, Quote] = {}
    for quote in kept:
        first.setdefault(quote.ticker, quote)
    final = {quote.ticker: quote for quote in kept}
    start_ms = max(quote.at_ms for quote in first.values())
    day = Day(
        event=kept[0].ticker.rpartition("-")[0],
        results={ticker: _result(quote) for ticker, quote in final.items()},
        open_ms=kept[0].at_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS - HOUR_MS,
        close_ms=(kept[-1].at_ms // FIVE_MINUTES_MS + 1) * FIVE_MINUTES_MS,
    )
    crossed = sum(quote.crossed for quote in quotes)
    return [
        {
            "tape": 1,
            "venue": "kalshi-sandbox",
            "source": f"Quotes of {day.event} from github Jetpackjules/Kalshi-Trader, converted by "
            f"deploy/tapes/convert_bbo.py; {len(quotes)} rows, of which {crossed} crossed and left out",
            "from": start_ms,
            "to": day.final_ms,
        },
        *day.opening(start_ms),
        *(_snapshot(quote, start_ms) for quote in first.values()),
        *_deltas(kept, first),
        *day.closing(),
    ]


def _result(quote: Quote) -> str:
    for side, bid in quote.bids():
        if bid is not None and bid >= 95:
            return side
    raise SystemExit(f"The last quote of {quote.ticker} is {quote.yes}/{quote.no}: no result follows from it.")


def _snapshot(quote: Quote, at_ms: int) -> Record:
    levels = {f"{side}_dollars_fp": [[_dollars(bid), SIZE]] for side, bid in quote.bids() if bid is not None}
    return _frame(at_ms, "orderbook_snapshot", {**_names(quote.ticker), **levels})


def _deltas(quotes: list[Quote], first: dict[str, Quote]) -> Iterator[Record]:
    before = dict(first)
    for quote in quotes:
        sides = list(zip(before[quote.ticker].bids(), quote.bids(), strict=True))
        moved = [(side, old, new) for (side, old), (_, new) in sides if old != new]
        yield from (_delta(quote, side, old, f"-{SIZE}") for side, old, _ in moved if old is not None)
        yield from (_delta(quote, side, new, SIZE) for side, _, new in moved if new is not None)
        before[quote.ticker] = quote


def _delta(quote: Quote, side: str, cents: int, change: str) -> Record:
    level = {"price_dollars": _dollars(cents), "delta_fp": change, "side": side}
    when = {"ts": f"{quote.at:%Y-%m-%dT%H:%M:%S.%fZ}", "ts_ms": quote.at_ms}
    return _frame(quote.at_ms, "orderbook_delta", {**_names(quote.ticker), **level, **when})


def _names(ticker: str) -> dict[str, str]:
    return {"market_ticker": ticker, "market_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"kalshi-sandbox:{ticker}"))}


def _dollars(cents: int) -> str:
    return f"0.{cents:02d}00"


def _frame(at_ms: int, kind: str, msg: dict[str, Any]) -> Record:
    return {"t": at_ms, "ws": {"type": kind, "msg": msg}}


def _rest(at_ms: int, path: str, body: dict[str, Any]) -> Record:
    return {"t": at_ms, "rest": f"{API}/{path}", "body": body}


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True)
class Day:
    """The event around the quotes: series, markets and their life."""

    event: str
    results: dict[str, str]
    open_ms: int
    close_ms: int

    @property
    def determined_ms(self) -> int:
        return self.close_ms + FIVE_MINUTES_MS

    @property
    def final_ms(self) -> int:
        return self.determined_ms + SETTLEMENT_TIMER_S * 1000

    @property
    def series(self) -> str:
        return self.event.partition("-")[0]

    @property
    def date(self) -> datetime:
        return datetime.strptime(self.event.rpartition("-")[2], "%y%b%d").replace(tzinfo=UTC)

    def opening(self, at_ms: int) -> Iterator[Record]:
        yield _rest(at_ms, f"series/{self.series}", {"series": self._series()})
        yield _rest(at_ms, f"events/{self.event}", {"event": self._event(), "markets": []})
        for ticker in self.results:
            yield self._market(at_ms, ticker, status="active")

    def closing(self) -> Iterator[Record]:
        for ticker in self.results:
            yield self._market(self.close_ms, ticker, status="closed")
        for ticker, result in self.results.items():
            value = "1.0000" if result == "yes" else "0.0000"
            yield self._market(
                self.determined_ms, ticker, status="determined", result=result, settlement_value_dollars=value
            )
            told = {"determination_ts": self.determined_ms // 1000, "result": result, "settlement_value": value}
            yield self._life(self.determined_ms, ticker, "determined", told)
        for ticker, result in self.results.items():
            value = "1.0000" if result == "yes" else "0.0000"
            yield self._market(
                self.final_ms,
                ticker,
                status="finalized",
                result=result,
                settlement_value_dollars=value,
                settlement_ts=_time(self.final_ms),
            )
            yield self._life(self.final_ms, ticker, "settled", {"settled_ts": self.final_ms // 1000})

    def _life(self, at_ms: int, ticker: str, kind: str, told: dict[str, Any]) -> Record:
        return _frame(at_ms, "market_lifecycle_v2", {"event_type": kind, "market_ticker": ticker, **told})

    def _market(self, at_ms: int, ticker: str, **state: str) -> Record:
        market = {
            "ticker": ticker,
            "event_ticker": self.event,
            "market_type": "binary",
            **self._strike(ticker),
            "created_time": _time(self.open_ms - HOUR_MS),
            "updated_time": _time(self.open_ms if state["status"] == "active" else at_ms),
            "open_time": _time(self.open_ms),
            "close_time": _time(self.close_ms),
            "expected_expiration_time": _time(self.determined_ms),
            "latest_expiration_time": _time(self.close_ms + 7 * 24 * HOUR_MS),
            "settlement_timer_seconds": SETTLEMENT_TIMER_S,
            "can_close_early": False,
            "yes_bid_dollars": "0.0000",
            "yes_bid_size_fp": NO_SIZE,
            "yes_ask_dollars": "1.0000",
            "yes_ask_size_fp": NO_SIZE,
            "no_bid_dollars": "0.0000",
            "no_ask_dollars": "1.0000",
            "last_price_dollars": "0.0000",
            "previous_yes_bid_dollars": "0.0000",
            "previous_yes_ask_dollars": "0.0000",
            "previous_price_dollars": "0.0000",
            "volume_fp": NO_SIZE,
            "volume_24h_fp": NO_SIZE,
            "open_interest_fp": NO_SIZE,
            "notional_value_dollars": "1.0000",
            "result": "",
            "expiration_value": "",
            "settlement_bounds_type": "default",
            "price_level_structure": "linear_cent",
            "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
            "exchange_index": 0,
            **state,
        }
        return _rest(at_ms, f"markets/{ticker}", {"market": market})

    def _strike(self, ticker: str) -> dict[str, Any]:
        """`B46.5` is 46 or 47 degrees; of the two `T`, the lower means colder than it, the upper warmer."""
        kind, degrees = ticker.rpartition("-")[2][0], float(ticker.rpartition("-")[2][1:])
        outer = [float(name.rpartition("-")[2][1:]) for name in self.results if "-T" in name]
        if kind == "B":
            low, high = int(degrees - 0.5), int(degrees + 0.5)
            words = f"{low} or {high}"
            strike: dict[str, Any] = {"strike_type": "between", "floor_strike": low, "cap_strike": high}
        elif degrees == min(outer):
            words = f"{degrees - 1:.0f} or below"
            strike = {"strike_type": "less", "cap_strike": int(degrees)}
        else:
            words = f"{degrees + 1:.0f} or above"
            strike = {"strike_type": "greater", "floor_strike": int(degrees)}
        rule = (
            f"YES if the highest temperature at Central Park, New York, on {self.date:%B %d, %Y} is {words} degrees F."
        )
        return {"yes_sub_title": words, "no_sub_title": words, **strike, "rules_primary": rule, "rules_secondary": ""}

    def _event(self) -> dict[str, Any]:
        return {
            "event_ticker": self.event,
            "series_ticker": self.series,
            "title": "Highest temperature in New York?",
            "sub_title": f"On {self.date:%b %d, %Y}",
            "collateral_return_type": "MECNET",
            "mutually_exclusive": True,
            "category": "Climate and Weather",
            "strike_date": _time(self.close_ms),
            "product_metadata": None,
            "last_updated_ts": _time(self.open_ms),
            "exchange_index": 0,
            "markets": [],
        }

    def _series(self) -> dict[str, Any]:
        return {
            "ticker": self.series,
            "frequency": "daily",
            "title": "Highest temperature in New York",
            "category": "Climate and Weather",
            "tags": None,
            "settlement_sources": [{"name": "National Weather Service", "url": "https://www.weather.gov"}],
            "contract_url": "",
            "contract_terms_url": "",
            "fee_type": "quadratic",
            "fee_multiplier": 1,
            "additional_prohibitions": [],
            "last_updated_ts": _time(self.open_ms),
            "exchange_index": 0,
        }


def write_tape(records: list[Record], path: Path) -> None:
    """The same records always give the same bytes: the gzip header has neither name nor time."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for record in records:
            packed.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    write_tape(convert(read_quotes(Path(sys.argv[1]))), Path(sys.argv[2]))
