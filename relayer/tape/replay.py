"""Replay tapes: one venue's recorded day as gzip JSON Lines, read record by record.

The first line is a header, `{"tape":1,"venue":"kalshi-sandbox","source":"...","from":ms,"to":ms}`. Each further line
is, in order of time, either `{"t":ms,"rest":"/trade-api/v2/...","body":{...}}`, a REST body valid from `t` on, or
`{"t":ms,"ws":{"type":"...","msg":{...}}}`, a WebSocket frame in the venue's own shape without `sid` and `seq`, which
belong to a connection. Lines of `t <= from` are the state the venue starts with. Meaning is left to the sandbox.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from relayer.domain.errors import UsageError
from relayer.domain.units import Millis

SHIPPED_TAPE = Path(__file__).parents[1] / "data" / "tapes" / "kxhighny-25dec21.jsonl.gz"
"""The recorded day that comes with the package (`deploy/tapes/convert_bbo.py` made it)."""


@dataclass(frozen=True, slots=True)
class TapeHeader:
    """What the tape holds: times from `from_ms` (the state at the start) to `to_ms`, both included."""

    venue: str
    source: str
    from_ms: Millis
    to_ms: Millis


@dataclass(frozen=True, slots=True)
class RestRecord:
    """A REST answer valid from `at_ms` on; `body` is the JSON object's text."""

    at_ms: Millis
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """A WebSocket frame that the venue sent at `at_ms`; `msg` is the JSON object's text."""

    at_ms: Millis
    type: str
    msg: bytes


Record = RestRecord | FrameRecord


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    tape: int
    venue: str
    source: str
    from_ms: int = msgspec.field(name="from")
    to_ms: int = msgspec.field(name="to")


class _Frame(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    msg: msgspec.Raw


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    t: int
    rest: str | None = None
    body: msgspec.Raw = msgspec.Raw()
    ws: _Frame | None = None


_HEADER = msgspec.json.Decoder(_Header)
_LINE = msgspec.json.Decoder(_Line)
_UNREADABLE = (OSError, EOFError, zlib.error)


class ReplayTape:
    """A tape file, gzip or plain. Every reading starts at the top and holds one line at a time.

    Raises UsageError naming the file, and the line where one is at fault, for a file that is missing, torn or wrong.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = self._header(next(self._lines(), b""))

    def records(self) -> Iterator[Record]:
        """All records in order of time."""
        lines = self._lines()
        next(lines)
        last = -1
        for number, text in enumerate(lines, start=2):
            record = self._record(number, text)
            if record.at_ms < last:
                raise self._wrong(number, f"its time {record.at_ms} is before the line above ({last})")
            if record.at_ms > self.header.to_ms:
                raise self._wrong(number, f"its time {record.at_ms} is after the header's end {self.header.to_ms}")
            last = record.at_ms
            yield record

    def _lines(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                packed = file.read(2) == b"\x1f\x8b"
                file.seek(0)
                yield from io.BufferedReader(gzip.GzipFile(fileobj=file)) if packed else file
        except _UNREADABLE as error:
            raise UsageError(
                f"Tape {self.path} cannot be read: {error}. Check the path, or copy the file again."
            ) from error

    def _header(self, text: bytes) -> TapeHeader:
        try:
            header = _HEADER.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._wrong(1, f"a tape starts with its header, and this is none ({error})") from error
        if header.tape != 1:
            raise self._wrong(1, f"it is of tape version {header.tape}, and only version 1 is known")
        if header.to_ms < header.from_ms:
            raise self._wrong(1, f"it ends at {header.to_ms}, before it starts at {header.from_ms}")
        return TapeHeader(header.venue, header.source, Millis(header.from_ms), Millis(header.to_ms))

    def _record(self, number: int, text: bytes) -> Record:
        try:
            line = _LINE.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._wrong(number, str(error)) from error
        if line.ws is not None and line.rest is None and not len(memoryview(line.body)):
            return FrameRecord(Millis(line.t), line.ws.type, self._object(number, line.ws.msg))
        if line.ws is None and line.rest is not None:
            return RestRecord(Millis(line.t), line.rest, self._object(number, line.body))
        raise self._wrong(number, "a record has either `rest` and `body`, or `ws`")

    def _object(self, number: int, raw: msgspec.Raw) -> bytes:
        text = bytes(raw)
        if not text.startswith(b"{"):
            raise self._wrong(number, f"a body or msg must be an object, not {text[:20].decode(errors='replace')}")
        return text

    def _wrong(self, number: int, why: str) -> UsageError:
        return UsageError(f"Tape {self.path}, line {number}: {why}.")
