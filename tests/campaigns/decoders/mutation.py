"""Odd versions of good JSON: of its structure, of its numbers, of its bytes. Drawn from a seeded `Random` alone."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, MutableMapping, MutableSequence
from decimal import Decimal
from random import Random
from typing import Any

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 0.5, -0.0, 1e308, "", " ", "x", "yes",
    "\u0000", "\ud7ff", [], {}, [[]], ["0.5", "1.00"], [["0.5", "1.00", "2"]], {"msg": {}}, "9" * 400,
)  # fmt: skip
_TEXTS = (
    "", "-", "+", ".", "0x10", "1e3", "1e-3", "1e999999", "-1e999999", "NaN", "sNaN", "Infinity", "-Infinity", "1_0",
    "0.1_0", " 0.5", "0.5\n", "\u0660.\u0665", "\uff10.\uff15", "1/2", "0.30000001", "0.01000000000000000001", "00.5",
    "0,5", ".5", "5.", "0.5.5", "--1", "-0", "-0.00", "1.005", "0.00", "9" * 400, "0." + "9" * 400,
    "2026-13-01T00:00:00Z", "2026-06-11T05:12:22Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "2026-06-11",
)  # fmt: skip
_DIGITS = "0123456789"


def number_text(rng: Random) -> str:
    """A decimal number as it might be written: usual, unusual, or none at all."""
    kind = rng.random()
    if kind < 0.5:
        whole = rng.randrange(10**6) if rng.random() < 0.1 else rng.choice((0, 0, 0, 1))
        return f"{whole}.{_run(rng, rng.choice((2, 2, 4, 6)))}"
    if kind < 0.6:
        return f"{rng.choice(('', '-', '+'))}{_run(rng, rng.randrange(1, 12))}.{_run(rng, rng.randrange(0, 24))}"
    if kind < 0.7:
        return str(Decimal(rng.randrange(-(10**6), 10**6)).scaleb(rng.randrange(-9, 9)))
    return rng.choice(_TEXTS)


def _run(rng: Random, length: int) -> str:
    return "".join(rng.choices(_DIGITS, k=length))


def mutated(rng: Random, document: Any) -> Any:
    """A copy of a JSON document with one to three things wrong with it, or only different."""
    changed = [copy.deepcopy(document)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        holder, key = rng.choice(list(_places(changed)))
        _change(rng, holder, key)
    return changed[0]


Holder = MutableMapping[str, Any] | MutableSequence[Any]


def _places(holder: Holder) -> Iterator[tuple[Holder, Any]]:
    """Every place that holds a value, as what it is in and its key or index there."""
    keys: Iterator[Any] = iter(holder) if isinstance(holder, MutableMapping) else iter(range(len(holder)))
    for key in list(keys):
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])


def _change(rng: Random, holder: Any, key: Any) -> None:
    value, way = holder[key], rng.random()
    if isinstance(value, str) and way < 0.5:
        holder[key] = number_text(rng)
    elif isinstance(value, int) and way < 0.4:
        holder[key] = value + rng.choice((-1, 1, 1000, 2**31, -(2**62)))
    elif isinstance(value, list) and value and way < 0.6:
        rng.choice((value.reverse, value.pop, lambda: value.append(copy.deepcopy(rng.choice(value)))))()
    elif isinstance(holder, dict) and way < 0.7:
        del holder[key]
    elif isinstance(holder, dict) and way < 0.75:
        holder[rng.choice(("news", "yes", "bid", key.upper() or "x"))] = copy.deepcopy(value)
    else:
        holder[key] = copy.deepcopy(rng.choice(_VALUES))


def spoilt(rng: Random, text: bytes) -> bytes:
    """The same bytes, some of them changed, lost, doubled or added."""
    at, way = rng.randrange(len(text) + 1), rng.randrange(6)
    end = min(len(text), at + rng.randrange(1, 9))
    middle = {
        0: bytes(rng.randrange(256) for _ in range(end - at)),
        1: b"",
        2: text[at:end] * 2,
        3: b"[" * rng.choice((1, 2_000)),
        4: text[at:end] + b"\xff",
    }.get(way)
    return text[:at] if middle is None else text[:at] + middle + text[end:]


def odd(rng: Random, document: Any) -> bytes:
    """Bytes made from a good document: nine times in ten still JSON."""
    text = json.dumps(mutated(rng, document)).encode()
    return spoilt(rng, text) if rng.random() < 0.1 else text
