"""What lies on disk: tapes of both kinds, path files, specs, answers as fetched."""

from __future__ import annotations

import json
import struct
import tempfile
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import zstandard

from relayer.cli.fetched import lines_of
from relayer.conditions.parse import parse_spec
from relayer.conditions.path import read_line, read_path
from relayer.conditions.spec import Spec
from relayer.domain.errors import PermanentError, UsageError
from relayer.domain.markets import MarketId, Venue
from relayer.tape.entries import GENESIS, Entry, Kind, block_hash, encode_block, encode_entry
from relayer.tape.paths import recorded_paths
from relayer.tape.replay import ReplayTape
from relayer.tape.segments import Block, pack, read, scan, verify
from tests.campaigns.decoders.mutation import mutated, number_text, odd, spoilt
from tests.campaigns.decoders.target import Defect, Target
from tests.fakes.specs import document
from tests.fakes.tapes import OPENING, START_MS

_MARKET = MarketId(Venue.KALSHI, "KXDEMO-26DEC31-T50")
_FOLDER = tempfile.TemporaryDirectory(prefix="relayer-decoders-")
_SEGMENT = Path(_FOLDER.name) / "000000000001.zst"
_TAPE = Path(_FOLDER.name) / "tape.jsonl"

# Path lines

_LINES: list[dict[str, Any]] = [
    {"type": "quote", "t": 2_000, "bids": [["0.4500", "10.00"], ["0.4000", "3.00"]], "asks": [["0.4700", "1.00"]]},
    {"type": "trade", "t": 2_100, "id": "x", "price": "0.4600", "size": "2.00", "block": False},
    {"type": "status", "t": 2_200, "status": "active", "since": 2_150},
    {"type": "gap", "from": 2_300, "to": 2_400, "trades": True},
    {"type": "candle", "from": 60_000, "to": 120_000, "bid": ["0.4", "0.3", "0.5", "0.4"], "ask": None, "trades": None},
    {"type": "result", "t": 130_000, "result": "yes", "final": True},
    {"type": "watermark", "t": 140_000},
]


def _path(rng: Random) -> bytes:
    at = rng.randrange(len(_LINES))
    lines = [json.dumps(line).encode() for line in _LINES]
    line = _LINES[at]
    if line["type"] == "quote" and rng.random() < 0.5:
        lines[at] = json.dumps({**line, "bids": [[number_text(rng), number_text(rng)]]}).encode()
    else:
        lines[at] = odd(rng, line)
    return b"\n".join(lines)


def _check_path(text: bytes) -> bool:
    lines = text.split(b"\n")
    try:
        for line in lines:
            read_line(line)
        path = read_path(lines, [_MARKET])[_MARKET]
    except UsageError:
        return False
    for event in path.events:
        for at, count in (*getattr(event, "bids", ()), *getattr(event, "asks", ())):
            if not (0 < at <= 10_000 and count > 0):
                raise Defect(f"level {at}, {count}")
    return True


# Specs


def _spec(rng: Random) -> bytes:
    return odd(rng, document())


def _check_spec(text: bytes) -> bool:
    try:
        spec: Spec = parse_spec(text)
    except UsageError:
        return False
    if parse_spec(spec.canonical) != spec:
        raise Defect("the canonical text is another spec")
    return True


# Answers as fetched

_CANDLE = dict.fromkeys(("open_dollars", "low_dollars", "high_dollars", "close_dollars"), "0.5000")
_FETCHED: list[dict[str, Any]] = [
    {"candlesticks": [{"end_period_ts": 1772380800, "yes_bid": _CANDLE, "yes_ask": _CANDLE, "price": _CANDLE}]},
    {
        "trades": [
            {"created_time": "2026-06-11T05:12:22Z", "trade_id": "x", "yes_price_dollars": "0.5", "count_fp": "1.00"}
        ]
    },
]


def _check_fetched(text: bytes) -> bool:
    try:
        read_path(lines_of(text, name="the answer"), [_MARKET])
    except UsageError:
        return False
    return True


# Replay tapes


def _replay(rng: Random) -> bytes:
    header = {"tape": 1, "venue": "kalshi-sandbox", "source": "test", "from": START_MS, "to": START_MS + 3_600_000}
    lines: list[Any] = [header, *OPENING]
    odd_at = rng.randrange(len(lines))
    return b"\n".join(odd(rng, line) if at == odd_at else json.dumps(line).encode() for at, line in enumerate(lines))


def _check_replay(text: bytes) -> bool:
    _TAPE.write_bytes(text)
    try:
        records = list(ReplayTape(_TAPE).records())
    except UsageError:
        return False
    if any(earlier.at_ms > later.at_ms for earlier, later in pairwise(records)):
        raise Defect("records out of order")
    return True


# Recorded tapes

_TEXTS = [json.dumps(line) for line in _LINES]
_ENTRIES = [
    *(
        Entry(n, 1_000 + n, Kind.PATH, "kalshi", "path", text=text, market=str(_MARKET))
        for n, text in enumerate(_TEXTS, 1)
    ),
    Entry(8, 1_008, Kind.LOSS, "kalshi", "ws1", text='{"from_ns":1,"to_ns":2,"entries":3}'),
    Entry(9, 1_009, Kind.FRAME, "kalshi", "ws1", text='{"type":"ok"}'),
    Entry(10, 1_010, Kind.FRAME, "kalshi", "ws1", b64="/w=="),
]
_BLOCKS = [_ENTRIES[:5], _ENTRIES[5:8], _ENTRIES[8:]]
_COMPRESSOR = zstandard.ZstdCompressor(write_checksum=True)


def _chain(rng: Random | None) -> bytes:
    """A segment of three blocks; with `rng`, one entry of them is odd, and the chain is made anew over it."""
    odd_at = rng.randrange(len(_ENTRIES)) if rng else -1
    packed, prev, at = b"", GENESIS, 0
    for number, entries in enumerate(_BLOCKS, 1):
        lines = []
        for entry in entries:
            line = encode_entry(entry)
            lines.append(_odd_entry(rng, line) if rng and at == odd_at else line)
            at += 1
        plain = encode_block(number, prev, lines)
        packed, prev = packed + pack(plain, _COMPRESSOR), block_hash(plain)
    return packed


def _odd_entry(rng: Random, line: bytes) -> bytes:
    entry = json.loads(line)
    if entry.get("text") and rng.random() < 0.6:
        return json.dumps({**entry, "text": odd(rng, json.loads(entry["text"])).decode(errors="replace")}).encode()
    text = json.dumps(mutated(rng, entry)).encode()
    return spoilt(rng, text).replace(b"\n", b" ") if rng.random() < 0.2 else text


_GOOD_SEGMENT = _chain(None)


def _segment(rng: Random) -> bytes:
    if rng.random() < 0.5:
        return _chain(rng)
    at = rng.randrange(len(_GOOD_SEGMENT))
    head = _GOOD_SEGMENT[:at] + struct.pack("<I", rng.getrandbits(32)) + _GOOD_SEGMENT[at + 4 :]
    return rng.choice((head, spoilt(rng, _GOOD_SEGMENT), _GOOD_SEGMENT[:at]))


def _check_segment(content: bytes) -> bool:
    """Read, verified and told as paths. The chain holds only over blocks that were hashed, in their order."""
    _SEGMENT.write_bytes(content)
    folder = _SEGMENT.parent
    blocks = [found for found in scan(_SEGMENT) if isinstance(found, Block)]
    entries = list(read(folder))
    for entry in entries:
        try:
            entry.raw  # noqa: B018 # read for what it may raise
        except PermanentError:
            return False
    try:
        list(recorded_paths(entries, frozenset({str(_MARKET)})))
        verified = verify(folder)
    except (PermanentError, UsageError):
        return False
    if verified.blocks != len(blocks) or any(later.head.prev != earlier.hash for earlier, later in pairwise(blocks)):
        raise Defect("a broken chain was verified")
    return True


TARGETS = [
    Target("path lines", _path, _check_path),
    Target("specs", _spec, _check_spec),
    Target("answers as fetched", lambda rng: odd(rng, rng.choice(_FETCHED)), _check_fetched),
    Target("replay tapes", _replay, _check_replay),
    Target("tape segments", _segment, _check_segment),
]
