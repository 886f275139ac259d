"""Kalshi's REST answers as paths: candlesticks become candle lines in one gap, trades become trade lines.

Facts of the bodies: Kalshi's OpenAPI document, `/markets/candlesticks`, `/series/…/candlesticks`,
`/historical/markets/…/candlesticks` (other key names, same meaning) and `/markets/trades`. What the lines prove is
`conditions.md` section 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from relayer.domain.errors import UsageError
from relayer.domain.units import millis_from_rfc3339

Line = dict[str, Any]


def lines_of(body: bytes, *, name: str, block_free: bool = False) -> list[bytes]:
    """The path lines of one answer as fetched. Raises UsageError naming the file for any other JSON.

    block_free: take the low and high of candle trades too. Kalshi does not say whether block trades move them.
    """
    try:
        answer = json.loads(body)
        if "candlesticks" in answer:
            lines = candle_lines(answer["candlesticks"], block_free=block_free)
        else:
            lines = trade_lines(answer["trades"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{name} holds neither Kalshi candlesticks nor trades as fetched: {error!r}") from error
    return [json.dumps(line).encode() for line in lines]


def candle_lines(candlesticks: Sequence[Any], *, block_free: bool = False, minutes: int = 1) -> list[Line]:
    """One gap that the candles bound. Trailing candles at 0/1 are the close: a status line and no candle.

    minutes: the `period_interval` that was asked for.
    """
    length = minutes * 60_000
    candles = [_candle(one, length, block_free=block_free) for one in candlesticks]
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


def trade_lines(trades: Sequence[Any]) -> list[Line]:
    """The trades in order of time, complete from the first to the last of them."""
    lines = sorted((_trade(one) for one in trades), key=lambda line: int(line["t"]))
    if not lines:
        return []
    return [{"type": "gap", "from": 0, "to": lines[0]["t"]}, *lines, {"type": "watermark", "t": lines[-1]["t"]}]


def _candle(one: Any, length: int, *, block_free: bool) -> Line:
    end = one["end_period_ts"] * 1000
    line: Line = {"type": "candle", "from": end - length, "to": end}
    line["bid"], line["ask"] = _prices(one["yes_bid"]), _prices(one["yes_ask"])
    if block_free:
        low, high = _price(one["price"], "low"), _price(one["price"], "high")
        line["trades"] = None if low is None or high is None else [low, high]
    return line


def _prices(side: Any) -> list[str] | None:
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
    bid, ask = candle["bid"], candle["ask"]
    return (bid is None or all(float(price) == 0 for price in bid)) and (
        ask is None or all(float(price) in (0, 1) for price in ask)
    )


def _between(one: Line, after: Line | None) -> Iterator[Line]:
    """Minutes that the answer leaves out between candles that agree: nothing changed in them."""
    if after is None or one["to"] >= after["from"] or one["bid"] is None or one["ask"] is None:
        return
    if after["bid"] is None or after["ask"] is None:
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
