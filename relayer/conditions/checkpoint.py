"""The state of a condition as bytes and back, so that a restart goes on as if nothing had happened (section 6).

Only data are stored: what a spec fixes (levels, signals, listeners) is built anew from the spec. Where the bytes are
kept, and from which place of the tape the rest is replayed, is left to the caller.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

import msgspec

from relayer.conditions.condition import Condition
from relayer.conditions.decision import Decision
from relayer.conditions.dwell import Crossing, Dwell, Open
from relayer.conditions.events import Candle
from relayer.conditions.joint import Leg
from relayer.conditions.measures import Mean, Squares, Standing
from relayer.conditions.ranging import BookRange, TradeRange
from relayer.conditions.signal import Bounds, Presence
from relayer.conditions.sliding import SlidingMax, SlidingMin
from relayer.conditions.spec import Spec
from relayer.conditions.stretching import Least, Stretches
from relayer.conditions.swing import Extreme, Extremes, Swing
from relayer.conditions.track import BookTrack, Sight, State, TradeTrack
from relayer.conditions.traded import Traded, TradedLevel
from relayer.domain.errors import PermanentError
from relayer.domain.feeds import Trade

VERSION = 1

_NOUNS: dict[str, Any] = {
    "bounds": Bounds,
    "candle": Candle,
    "decision": Decision,
    "extreme": Extreme,
    "open": Open,
    "state": State,
    "trade": Trade,
}
_NAMES = {noun: name for name, noun in _NOUNS.items()}
_SEQUENCES: dict[str, Any] = {"list": list, "tuple": tuple, "deque": deque, "set": set}
_PARTS = (
    Condition, BookTrack, TradeTrack, Leg, Crossing, Dwell, Traded, TradedLevel, BookRange, TradeRange, Swing,
    Extremes, Stretches, Least, SlidingMax, SlidingMin, Standing, Mean, Squares,
)  # fmt: skip
_FIXED = {"spec", "_listener", "_joint"}


def save(condition: Condition) -> bytes:
    """The state of a condition."""
    return msgspec.json.encode({"version": VERSION, "spec": condition.spec.hash, "state": _state(condition)})


def restore(spec: Spec, saved: bytes, *, candles_follow: bool = False) -> Condition:
    """A condition that goes on where `saved` was taken. Raises PermanentError for bytes of another spec or version."""
    try:
        document = msgspec.json.decode(saved)
        same = (document["version"], document["spec"]) == (VERSION, spec.hash)
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise PermanentError(
            f"The checkpoint of spec {spec.hash} is damaged: replay its tape from the start."
        ) from error
    if not same:
        raise PermanentError(f"The checkpoint is not of spec {spec.hash} in version {VERSION}: replay its tape.")
    condition = Condition(spec, candles_follow=candles_follow)
    _restore(condition, document["state"])
    return condition


def _state(part: Any) -> dict[str, Any]:
    """Attributes of a part: data as they are, parts within it by the same rule; what the spec fixes is left out."""
    state = {}
    for name, value in vars(part).items():
        if name not in _FIXED and (encoded := _encode(value)) is not None:
            state[name] = encoded
    return state


def _encode(value: Any) -> Any:
    """None for what the spec fixes."""
    if value is msgspec.UNSET:
        return {"unset": True}
    if value is None or isinstance(value, int | str):
        return {"is": value}
    if type(value) in _NAMES:
        return {"noun": _NAMES[type(value)], "fields": [_encode(field) for field in _fields(value)]}
    if isinstance(value, _PARTS):
        return {"part": _state(value)}
    if isinstance(value, dict):
        return {"parts": [_state(part) for part in value.values()]}
    for name, sequence in _SEQUENCES.items():
        if type(value) is sequence:
            return _encode_sequence(name, list(value))
    return None


def _encode_sequence(name: str, values: list[Any]) -> Any:
    if values and all(isinstance(value, _PARTS) for value in values):
        return {"parts": [_state(part) for part in values]}
    encoded = [_encode(value) for value in values]
    return None if any(one is None for one in encoded) else {"sequence": name, "values": encoded}


def _fields(noun: Any) -> list[Any]:
    if isinstance(noun, tuple):
        return list(noun)
    if isinstance(noun, msgspec.Struct):
        return list(msgspec.structs.astuple(noun))
    return [getattr(noun, field.name) for field in dataclasses.fields(noun)]


def _restore(part: Any, state: dict[str, Any]) -> None:
    for name, encoded in state.items():
        present = getattr(part, name)
        if "part" in encoded:
            _restore(present, encoded["part"])
        elif "parts" in encoded:
            parts = present.values() if isinstance(present, dict) else present
            for one, saved in zip(parts, encoded["parts"], strict=True):
                _restore(one, saved)
        else:
            setattr(part, name, _decode(encoded))


def _decode(encoded: Any) -> Any:
    if "unset" in encoded:
        return msgspec.UNSET
    if "is" in encoded:
        return encoded["is"]
    if "sequence" in encoded:
        return _SEQUENCES[encoded["sequence"]](_decode(value) for value in encoded["values"])
    fields = [_decode(field) for field in encoded["fields"]]
    match encoded["noun"]:
        case "state":
            return State(Sight(fields[0]), *fields[1:])
        case "bounds":
            return Bounds(fields[0], fields[1], Presence(fields[2]))
        case name:
            return _NOUNS[name](*fields)
