"""Kalshi's REST answers as paths: candlesticks become candle lines in one gap, trades become trade lines.

Facts of the bodies: Kalshi's OpenAPI document, `/markets/candlesticks` (several markets), `/series/…/candlesticks` (of
a market or an event), `/historical/markets/…/candlesticks` (other key names, same meaning) and `/markets/trades`. What
the lines prove is `conditions.md` section 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId
from relayer.domain.units import millis_from_rfc3339

Line = dict[str, Any]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def lines_of(body: bytes, *, name: str, legs: Iterable[MarketId] = (), block_free: bool = False) -> list[bytes]:
    """The path lines of one answer as fetched, those of a named ticker labelled with the leg that has it.

    Raises UsageError naming the file for any other JSON, and for candles of which nobody can tell how long they are.
    block_free: take the low and high of candle trades too. Kalshi does not say whether block trades move them.
    """
    try:
        answer = json.loads(body)
        if "trades" in answer:
            parts = _traded_parts(answer["trades"], more=bool(answer.get("cursor")))
        else:
            parts = {one: candle_lines(candles, block_free=block_free) for one, candles in _candle_parts(answer)}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{name} holds neither Kalshi candlesticks nor trades as fetched: {error!r}") from error
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
    known = {leg.ticker: str(leg) for leg in legs}
    return [_encoded(line, ticker, known) for ticker, lines in parts.items() for line in lines]


def _encoded(line: Line, ticker: str | None, known: Mapping[str, str]) -> bytes:
    """`known`: the markets asked about, by ticker; the venue stands in no answer."""
    return json.dumps(line if ticker is None else {**line, "market": known.get(ticker, f"kalshi:{ticker}")}).encode()


def _candle_parts(answer: Any) -> list[tuple[str | None, Sequence[Any]]]:
    """Ticker and candlesticks of each market, of whichever of the four calls; a ticker may be missing."""
    if "markets" in answer:
        return [(one["market_ticker"], one["candlesticks"]) for one in answer["markets"]]
    if "market_candlesticks" in answer:
        return list(zip(answer["market_tickers"], answer["market_candlesticks"], strict=True))
    return [(answer.get("ticker"), answer["candlesticks"])]


def candle_lines(candlesticks: Sequence[Any], *, minutes: int | None = None, block_free: bool = False) -> list[Line]:
    """One gap that the candles bound. Trailing candles at 0/1 are the close: a status line and no candle.

    minutes: the `period_interval` that was asked for, where it is known. Raises UsageError if nobody can tell.
    """
    newest = {one["end_period_ts"]: one for one in candlesticks}
    ends = sorted(newest)
    spans = _spans(ends, _length(ends) if minutes is None else minutes * _MINUTE)
    candles = [_candle(newest[end], start, end, block_free=block_free) for start, end in spans]
    if not candles:
        return []
    start, end = candles[0]["from"], candles[-1]["to"]
    open_until = len(candles)
    while open_until and _is_close(candles[open_until - 1]):
        open_until -= 1
    lines: list[Line] = [{"type": "gap", "from": start, "to": end}]
    kept = candles[:open_until]
    for one, after in zip(kept, [*kept[1:], None], strict=True):
        lines.append(one)
        lines += _between(one, after)
    if open_until < len(candles):
        lines.append({"type": "status", "t": candles[open_until]["from"], "status": "closed"})
    return [*lines, {"type": "watermark", "t": end}]


def _spans(ends: Sequence[int], length: int) -> list[tuple[int, int]]:
    """Start and end of each candle, seconds.

    A day is one of New York, of 23 or 25 hours where clocks change: it begins where the day before it ended.
    """
    spans: list[tuple[int, int]] = []
    for before, end in zip([None, *ends], ends, strict=False):
        start = end - length
        if length == _DAY and before is not None and end - before <= _DAY + _HOUR:
            start = before
        spans.append((start, end))
    return spans


def _length(ends: Sequence[int]) -> int:
    """Seconds of a candle. No answer says its `period_interval` (1, 60 or 1440 minutes), but the ends show it."""
    if any(end % _HOUR for end in ends):
        return _MINUTE
    if len(ends) == 1:
        raise UsageError("one candle alone that ends on a full hour may be a minute, an hour or a day; fetch more.")
    nearest = min((after - before for before, after in pairwise(ends)), default=_MINUTE)
    return _DAY if nearest >= _DAY - _HOUR else _HOUR


def trade_lines(trades: Sequence[Any], *, more: bool = False) -> list[Line]:
    """The trades of one market in order of time, complete from the first to the last of them.

    more: another page lies before them, which may hold trades of the first one's millisecond.
    """
    lines = _in_order(trades)
    return _told(lines, *_known(lines, more=more)) if lines else []


def _traded_parts(trades: Sequence[Any], *, more: bool) -> dict[str | None, list[Line]]:
    """An answer about all markets proves as much of each that it names."""
    if not trades:
        return {}
    known = _known(_in_order(trades), more=more)
    named: dict[str | None, list[Any]] = {}
    for one in trades:
        named.setdefault(one.get("ticker"), []).append(one)
    return {ticker: _told(_in_order(own), *known) for ticker, own in named.items()}


def _in_order(trades: Sequence[Any]) -> list[Line]:
    return sorted((_trade(one) for one in trades), key=lambda line: int(line["t"]))


def _known(lines: Sequence[Line], *, more: bool) -> tuple[int, int]:
    """From when to when the trades are complete."""
    return int(lines[0]["t"]) + more, int(lines[-1]["t"])


def _told(lines: Sequence[Line], from_ms: int, to_ms: int) -> list[Line]:
    return [{"type": "gap", "from": 0, "to": from_ms}, *lines, {"type": "watermark", "t": max(from_ms, to_ms)}]


def _candle(one: Any, start: int, end: int, *, block_free: bool) -> Line:
    line: Line = {"type": "candle", "from": start * 1000, "to": end * 1000}
    for key, side in (("bid", one["yes_bid"]), ("ask", one["yes_ask"])):
        if (prices := _prices(side)) is not None:
            line[key] = prices
    if block_free:
        low, high = _price(one["price"], "low"), _price(one["price"], "high")
        line["trades"] = None if low is None or high is None else [low, high]
    return line


def _prices(side: Any) -> list[str] | None:
    """None where one is missing, as in the candle that Kalshi makes up of what stood before: it proves nothing."""
    prices = [_price(side, name) for name in ("open", "low", "high", "close")]
    return None if None in prices else [str(price) for price in prices]


def _price(table: Any, name: str) -> str | None:
    """Dollars: of `…_dollars`, of a decimal string, or of whole cents; None where there was none."""
    dollars = table.get(f"{name}_dollars")
    if dollars is not None:
        return str(dollars)
    value = table.get(name)
    if value is None or isinstance(value, str):
        return value
    return f"{value // 100}.{value % 100:02d}"


def _is_close(candle: Line) -> bool:
    """Bid 0 and ask 1 throughout."""
    if "bid" not in candle or "ask" not in candle:
        return False
    return all(float(price) == 0 for price in candle["bid"]) and all(float(price) in (0, 1) for price in candle["ask"])


def _between(one: Line, after: Line | None) -> Iterator[Line]:
    """Minutes that the answer leaves out between candles that agree: nothing changed in them."""
    if after is None or one["to"] >= after["from"]:
        return
    if not all(side in candle for side in ("bid", "ask") for candle in (one, after)):
        return
    bid, ask = one["bid"][3], one["ask"][3]
    if (bid, ask) == (after["bid"][0], after["ask"][0]):
        line: Line = {"type": "candle", "from": one["to"], "to": after["from"], "bid": [bid] * 4, "ask": [ask] * 4}
        yield {**line, "trades": None} if "trades" in one else line


def _trade(one: Any) -> Line:
    size = one.get("count_fp", one.get("count"))
    return {
        "type": "trade",
        "t": millis_from_rfc3339(one["created_time"]),
        "id": one["trade_id"],
        "price": _price(one, "yes_price"),
        "size": str(size),
        "block": bool(one.get("is_block_trade", False)),
    }
