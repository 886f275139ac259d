"""Faults of single frames. `content` sees messages before they are numbered, `transport` numbered frames on their way.

A *lie* is what no client can notice from the stream alone; what is told under one need not be true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from relayer.sandbox.faults.dice import Dice
from relayer.sandbox.frames import turned_msg
from relayer.sandbox.state import VenueState

Message = tuple[str, bytes]
"""Type and `msg` text."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame's text; `seq` is None where it has none; the connection waits `delay_s` before it."""

    text: bytes
    seq: int | None
    delay_s: float = 0.0


class FrameFault:
    """Passes everything on as it is."""

    def __init__(self, dice: Dice, state: VenueState) -> None:
        self.dice, self.state = dice, state

    def content(self, kind: str, msg: bytes) -> list[Message]:
        return [(kind, msg)]

    def transport(self, sent: Sent) -> list[Sent]:
        return [sent]


class SequenceHole(FrameFault):
    """numbered frames are lost"""

    def transport(self, sent: Sent) -> list[Sent]:
        return [] if sent.seq is not None and self.dice.strikes() else [sent]


class Duplicate(FrameFault):
    """numbered frames come twice"""

    def transport(self, sent: Sent) -> list[Sent]:
        return [sent, sent] if sent.seq is not None and self.dice.strikes() else [sent]


class Reorder(FrameFault):
    """neighbouring frames change places"""

    _held: Sent | None = None

    def transport(self, sent: Sent) -> list[Sent]:
        held, self._held = self._held, None
        if held is not None:
            return [sent, held]
        if sent.seq is not None and self.dice.strikes():
            self._held = sent
            return []
        return [sent]


class Delay(FrameFault):
    """the connection stalls for up to half a second and then catches up"""

    def transport(self, sent: Sent) -> list[Sent]:
        return [replace(sent, delay_s=self.dice.seconds(0.05, 0.5))] if self.dice.strikes() else [sent]


class TruncatedFrame(FrameFault):
    """frames end in the middle of their JSON"""

    def transport(self, sent: Sent) -> list[Sent]:
        if not self.dice.strikes():
            return [sent]
        return [replace(sent, text=sent.text[: self.dice.random.randrange(1, len(sent.text))])]


class LostReply(FrameFault):
    """answers to commands are lost"""

    def transport(self, sent: Sent) -> list[Sent]:
        return [] if b'"id":' in sent.text[:60] and self.dice.strikes() else [sent]


class UnknownType(FrameFault):
    """frames of types that no document names, and keys nobody knows"""

    def transport(self, sent: Sent) -> list[Sent]:
        if not self.dice.strikes():
            return [sent]
        stranger = Sent(b'{"type":"market_weather","sid":99,"seq":1,"msg":{"mood":"sunny"}}', None)
        return [stranger, replace(sent, text=sent.text[:-1] + b',"added_later":{"x":[1,null]}}')]


class BlankLine(FrameFault):
    """empty frames, and frames that end with line breaks"""

    def transport(self, sent: Sent) -> list[Sent]:
        return [Sent(b"\n", None), replace(sent, text=sent.text + b"\n")] if self.dice.strikes() else [sent]


class LookAlike(FrameFault):
    """frames of perpetual futures, whose prices are no probabilities, on this connection"""

    def transport(self, sent: Sent) -> list[Sent]:
        if not self.dice.strikes():
            return [sent]
        msg = b'{"market_ticker":"KXBTCPERP","price_dollars":"64210.5000","delta_fp":"1.00","side":"yes","ts_ms":1}'
        return [Sent(b'{"type":"orderbook_delta","sid":98,"seq":1,"msg":' + msg + b"}", None), sent]


class WrongSide(FrameFault):
    """a lie: NO levels in the price convention that was not asked for"""

    def content(self, kind: str, msg: bytes) -> list[Message]:
        concerned = kind in ("orderbook_delta", "orderbook_snapshot")
        return [(kind, turned_msg(msg) if concerned and self.dice.strikes() else msg)]


class CrossedBook(FrameFault):
    """a bid appears above the best ask and stays until the next snapshot"""

    def content(self, kind: str, msg: bytes) -> list[Message]:
        if kind != "orderbook_delta" or not self.dice.strikes():
            return [(kind, msg)]
        delta = msgspec.json.decode(msg)
        if self.state.book(delta["market_ticker"]).best("no") is None:
            return [(kind, msg)]
        bid = {**delta, "side": "yes", "price_dollars": "0.9999", "delta_fp": "1.00"}
        return [(kind, msg), (kind, msgspec.json.encode(bid))]


class PhantomLevel(FrameFault):
    """a level that never was is reduced"""

    def content(self, kind: str, msg: bytes) -> list[Message]:
        if kind != "orderbook_delta" or not self.dice.strikes():
            return [(kind, msg)]
        phantom = {**msgspec.json.decode(msg), "side": "yes", "price_dollars": "0.0001", "delta_fp": "-7.00"}
        return [(kind, msg), (kind, msgspec.json.encode(phantom))]


class ZombieSnapshot(FrameFault):
    """a lie: the first snapshot of a market is sent again, long after it was true"""

    def __init__(self, dice: Dice, state: VenueState) -> None:
        super().__init__(dice, state)
        self._first: dict[str, bytes] = {}

    def content(self, kind: str, msg: bytes) -> list[Message]:
        if kind == "orderbook_snapshot":
            self._first.setdefault(_ticker(msg), msg)
        elif kind == "orderbook_delta" and self.dice.strikes():
            first = self._first.get(_ticker(msg))
            if first is not None:
                return [(kind, msg), ("orderbook_snapshot", first)]
        return [(kind, msg)]


class MissingTime(FrameFault):
    """deltas without `ts_ms`, which the document calls optional"""

    def content(self, kind: str, msg: bytes) -> list[Message]:
        return [
            (kind, _changed_time(msg, lambda _: None) if kind == "orderbook_delta" and self.dice.strikes() else msg)
        ]


class StaleTime(FrameFault):
    """a lie: deltas that claim to be ten seconds older than they are"""

    def content(self, kind: str, msg: bytes) -> list[Message]:
        struck = kind == "orderbook_delta" and self.dice.strikes()
        return [(kind, _changed_time(msg, lambda at: at - 10_000) if struck else msg)]


class FutureTime(FrameFault):
    """deltas dated an hour ahead"""

    def content(self, kind: str, msg: bytes) -> list[Message]:
        struck = kind == "orderbook_delta" and self.dice.strikes()
        return [(kind, _changed_time(msg, lambda at: at + 3_600_000) if struck else msg)]


def _ticker(msg: bytes) -> str:
    return str(msgspec.json.decode(msg)["market_ticker"])


def _changed_time(msg: bytes, change: Callable[[int], int | None]) -> bytes:
    """Both times are replaced; a time of None is left out, one that lacks already stays so."""
    fields = msgspec.json.decode(msg)
    if "ts_ms" not in fields:
        return msg
    at = change(fields.pop("ts_ms"))
    fields.pop("ts", None)
    return msgspec.json.encode(fields if at is None else {**fields, "ts_ms": at})
