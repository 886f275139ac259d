"""A stretch of the recorded day moved to now, so that a cluster on wall time can see it at speed 1."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from relayer.tape.replay import SHIPPED_TAPE, FrameRecord, Record, ReplayTape, RestRecord

MOMENT_MS = 1_766_337_287_797
"""The bid of B46.5 jumps from 0.47 to 0.53 and stays there for over 13 minutes; 0.60 comes 80 s later."""
BEFORE_MS = 110_000
AFTER_MS = 60_000

_RFC3339 = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SHIFTED = {"ts_ms": 1000, "ts": 1, "determination_ts": 1, "settled_ts": 1, "close_ts": 1, "open_ts": 1}
"""Numeric time fields, and their units in a second."""


def write_excerpt(file: Path, *, now_ms: int) -> tuple[ReplayTape, int]:
    """The excerpt as a tape that starts at the first full second from `now_ms`; and by how many ms it was moved."""
    from_ms = (MOMENT_MS - BEFORE_MS) // 1000 * 1000
    shift_ms = -(-(now_ms - from_ms) // 1000) * 1000
    records = list(ReplayTape(SHIPPED_TAPE).records())
    lines = [(from_ms, line) for line in _state_at(records, from_ms)]
    lines += [(record.at_ms, _line(record)) for record in records if from_ms < record.at_ms <= MOMENT_MS + AFTER_MS]
    header = {
        "tape": 1,
        "venue": "kalshi-sandbox",
        "source": "excerpt of the shipped day",
        "from": from_ms + shift_ms,
        "to": MOMENT_MS + AFTER_MS + shift_ms,
    }
    moved = [{"t": at_ms + shift_ms, **_moved(line, shift_ms)} for at_ms, line in lines]
    file.write_text("\n".join(json.dumps(line) for line in [header, *moved]) + "\n")
    return ReplayTape(file), shift_ms


def _line(record: Record) -> dict[str, Any]:
    if isinstance(record, FrameRecord):
        return {"ws": {"type": record.type, "msg": json.loads(record.msg)}}
    return {"rest": record.path, "body": json.loads(record.body)}


def _state_at(records: list[Record], at_ms: int) -> list[dict[str, Any]]:
    """The newest REST bodies, and one snapshot of each book."""
    bodies: dict[str, dict[str, Any]] = {}
    books: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.at_ms > at_ms:
            break
        if isinstance(record, RestRecord):
            bodies[record.path] = _line(record)
        elif record.type.startswith("orderbook"):
            _apply(books, record.type, json.loads(record.msg))
    return [
        *bodies.values(),
        *({"ws": {"type": "orderbook_snapshot", "msg": _snapshot(book)}} for book in books.values()),
    ]


def _apply(books: dict[str, dict[str, Any]], kind: str, msg: dict[str, Any]) -> None:
    if kind == "orderbook_snapshot":
        sides = {side: dict(msg.get(f"{side}_dollars_fp", [])) for side in ("yes", "no")}
        books[msg["market_ticker"]] = {"msg": msg, **sides}
        return
    levels = books[msg["market_ticker"]][msg["side"]]
    size = Decimal(levels.get(msg["price_dollars"], "0")) + Decimal(msg["delta_fp"])
    if size:
        levels[msg["price_dollars"]] = str(size)
    else:
        levels.pop(msg["price_dollars"], None)


def _snapshot(book: dict[str, Any]) -> dict[str, Any]:
    msg: dict[str, Any] = book["msg"]
    return msg | {f"{side}_dollars_fp": sorted(book[side].items()) for side in ("yes", "no")}


def _moved(value: Any, shift_ms: int, key: str = "") -> Any:
    """The same JSON with every time in it moved."""
    if isinstance(value, dict):
        return {name: _moved(inner, shift_ms, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, shift_ms) for inner in value]
    if isinstance(value, str):
        return _RFC3339.sub(_mover(shift_ms), value)
    return value + shift_ms * _SHIFTED[key] // 1000 if key in _SHIFTED else value


def _mover(shift_ms: int) -> Callable[[re.Match[str]], str]:
    def move(found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(found[0]) + timedelta(milliseconds=shift_ms)
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

    return move
