"""The state of evaluators as plain data and back: what events have made of them, not what their specs fix.

Levels, signals and listeners are built anew from the spec; state is put into parts that exist already. Which bytes the
data become, and what they are called by, is `checkpoint.py`.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from relayer.conditions.condition import Condition
from relayer.conditions.decision import Decision
from relayer.conditions.dwell import Crossing, Dwell, Open
from relayer.conditions.events import Candle
from relayer.conditions.group import Group
from relayer.conditions.joint import Leg
from relayer.conditions.lane import Lane
from relayer.conditions.measures import Mean, Squares, Standing
from relayer.conditions.parent import Parent
from relayer.conditions.ranging import BookRange, TradeRange
from relayer.conditions.rows import Rows
from relayer.conditions.sights import Sights
from relayer.conditions.signal import Bounds, Presence
from relayer.conditions.sliding import SlidingMax, SlidingMin
from relayer.conditions.stairs import Stairs
from relayer.conditions.steady import Steady
from relayer.conditions.stream import Stream
from relayer.conditions.stretching import Least, Stretches
from relayer.conditions.swing import Extreme, Extremes, Swing
from relayer.conditions.track import BookTrack, Sight, State, TradeTrack
from relayer.conditions.traded import Traded, TradedLevel
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketStatus

_NOUNS: dict[str, Callable[..., Any]] = {
    "bounds": lambda lo, hi, presence: Bounds(lo, hi, Presence(presence)),
    "candle": Candle,
    "decision": Decision,
    "extreme": Extreme,
    "open": Open,
    "state": lambda sight, *more: State(Sight(sight), *more),
    "status": MarketStatus,
    "trade": Trade,
}
_SEQUENCES: dict[str, Callable[[Iterable[Any]], Any]] = {"list": list, "tuple": tuple, "deque": deque, "set": set}
_PARTS = (
    Condition, BookTrack, TradeTrack, Leg, Crossing, Dwell, Traded, TradedLevel, BookRange, TradeRange, Swing,
    Extremes, Stretches, Least, SlidingMax, SlidingMin, Standing, Mean, Squares,
    Group, Steady, Stream, Lane, Stairs, Sights, Rows, Parent,
)  # fmt: skip
_FIXED = object()
"""Stands for what is not state: the spec fixes it."""
_SHARED = {
    "spec",
    "_listener",
    "_joint",
    "_rows",
    "_news",
    "_touched",
    "own",
    "groups",
    "_followed",
    "_sized",
    "_instant",
    "_others",
}
"""Attributes that are others' state too, or are put there by whoever builds the part."""

_PART, _IN_PLACE, _UNSET, _ARRAY = "part", "in place", "unset", "array"
"""Beside the names of nouns and sequences, the first words of what is not a number, a text or nothing."""


def state_of(part: Any) -> dict[str, Any]:
    """The attributes of a part, parts within it by the same rule."""
    state = {}
    for name in _attributes(type(part)) or vars(part):
        if name not in _SHARED and (encoded := _encoded(getattr(part, name))) is not _FIXED:
            state[name] = encoded
    return state


def restore_state(part: Any, state: dict[str, Any]) -> None:
    """Put state into a part that was built alike. Raises all that damaged data may cause."""
    for name, encoded in state.items():
        present = getattr(part, name)
        if isinstance(encoded, list) and encoded[0] in (_PART, _IN_PLACE):
            _fill(present, encoded)
        else:
            setattr(part, name, _decoded(encoded))


def _attributes(kind: type) -> tuple[str, ...]:
    return getattr(kind, "__slots__", ())


def _encoded(value: Any) -> Any:
    encode = _ENCODERS.get(type(value))
    return _FIXED if encode is None else encode(value)


def _itself(value: Any) -> Any:
    return value


def _encoded_noun(name: str) -> Callable[[Any], Any]:
    return lambda noun: [name, *map(_encoded, _fields(noun))]


def _fields(noun: Any) -> Iterable[Any]:
    if isinstance(noun, MarketStatus):
        return (int(noun),)
    if isinstance(noun, tuple):
        return noun
    if isinstance(noun, msgspec.Struct):
        return msgspec.structs.astuple(noun)
    return [getattr(noun, field.name) for field in dataclasses.fields(noun)]


def _encoded_sequence(name: str) -> Callable[[Any], Any]:
    def encode(values: Any) -> Any:
        encoded = [_encoded(value) for value in values]
        if any(one is _FIXED for one in encoded):
            return _FIXED
        return [_IN_PLACE if _any_in_place(encoded) else name, *encoded]

    return encode


def _encoded_dict(parts: dict[Any, Any]) -> Any:
    encoded = [_encoded(part) for part in parts.values()]
    return [_IN_PLACE, *encoded] if _any_in_place(encoded) or not parts else _FIXED


def _any_in_place(encoded: list[Any]) -> bool:
    return any(isinstance(one, list) and one[0] in (_PART, _IN_PLACE) for one in encoded)


_ENCODERS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((int, bool, str, type(None)), _itself),
    **dict.fromkeys((Sight, Presence), int),
    **dict.fromkeys(_PARTS, lambda part: [_PART, state_of(part)]),
    **{kind: _encoded_sequence(kind.__name__) for kind in (list, tuple, deque, set)},
    **{kind: _encoded_noun(kind.__name__.lower()) for kind in (Bounds, Candle, Decision, Extreme, Open, State, Trade)},
    MarketStatus: _encoded_noun("status"),
    msgspec.UnsetType: lambda _: [_UNSET],
    array: lambda values: [_ARRAY, values.typecode, values.tobytes()],
    dict: _encoded_dict,
}


def _fill(present: Any, encoded: list[Any]) -> None:
    if encoded[0] == _PART:
        restore_state(present, encoded[1])
        return
    parts = present.values() if isinstance(present, dict) else present
    for part, state in zip(parts, encoded[1:], strict=True):
        _fill(part, state)


def _decoded(encoded: Any) -> Any:
    if not isinstance(encoded, list):
        return encoded
    word, *values = encoded
    if word == _UNSET:
        return msgspec.UNSET
    if word == _ARRAY:
        return array(values[0], values[1])
    if word in _SEQUENCES:
        return _SEQUENCES[word](_decoded(value) for value in values)
    return _NOUNS[word](*map(_decoded, values))
