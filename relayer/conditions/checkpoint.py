"""Conditions and engines as bytes and back, so that a restart goes on as if nothing had happened (section 6).

What is state and what is not: `state.py`. Where the bytes are kept, and from which place of the tape the rest is
replayed, is left to the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from relayer.conditions.condition import Condition
from relayer.conditions.engine import Engine
from relayer.conditions.group import Group
from relayer.conditions.parent import Handle
from relayer.conditions.spec import Executable, Mid, Spec
from relayer.conditions.state import restore_state, state_of
from relayer.domain.errors import PermanentError
from relayer.domain.markets import MarketId

VERSION = 2
"""Raised with every change of what evaluators keep: bytes of another version are not read."""
_DAMAGE = (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError)


def save(condition: Condition) -> bytes:
    """The state of a condition."""
    return msgspec.msgpack.encode([VERSION, condition.spec.hash, state_of(condition)])


def restore(spec: Spec, saved: bytes, *, candles_follow: bool = False) -> Condition:
    """A condition that goes on where `saved` was taken. Raises PermanentError for bytes of another spec or version."""
    with _undamaged(f"The checkpoint of spec {spec.hash}"):
        version, spec_hash, state = msgspec.msgpack.decode(saved)
        if (version, spec_hash) != (VERSION, spec.hash):
            raise PermanentError(f"The checkpoint is not of spec {spec.hash} in version {VERSION}: replay its tape.")
        condition = Condition(spec, candles_follow=candles_follow)
        restore_state(condition, state)
    return condition


def save_engine(engine: Engine) -> bytes:
    """The state of an engine, without the specs of what it shares: they stay with whoever armed them."""
    document = {
        "rows": state_of(engine.rows),
        "groups": [_saved_group(group) for group in engine.groups.values()],
        "parents": {str(market): state_of(parent) for market, parent in engine.parents.items()},
        "own": [[handle, condition.spec.hash, state_of(condition)] for handle, condition in engine.own.items()],
        "news": engine.news,
        "touched": list(engine.touched),
        "numbers": [engine.next_group, engine.owned],
    }
    return msgspec.msgpack.encode([VERSION, document])


def restore_engine(saved: bytes, specs: Mapping[Handle, Spec], *, candles_follow: bool = False) -> Engine:
    """An engine that goes on where `saved` was taken; what hears of markets asks it for their parents anew.

    specs: of each handle. Raises PermanentError for bytes of other specs or another version.
    """
    with _undamaged("The checkpoint of the engine"):
        version, document = msgspec.msgpack.decode(saved)
        if version != VERSION:
            raise PermanentError(
                f"The checkpoint of the engine has version {version}, and this relayer knows {VERSION}: "
                "replay the tape from the start."
            )
        engine = Engine(candles_follow=candles_follow)
        restore_state(engine.rows, document["rows"])
        for group in document["groups"]:
            _restore_group(engine, group)
        for handle, spec_hash, state in document["own"]:
            _restore_own(engine, handle, specs[handle], spec_hash, state)
        for market, state in document["parents"].items():
            restore_state(engine.parent(MarketId.parse(market)), state)
        engine.news.extend(document["news"])
        engine.touched.clear()
        engine.touched.update(document["touched"])
        engine.next_group, engine.owned = document["numbers"]
    return engine


def _saved_group(group: Group) -> dict[str, Any]:
    source = group.source
    return {
        "market": str(group.market),
        "number": group.number,
        "source": ["executable", source.min_size, source.held_ms]
        if isinstance(source, Executable)
        else ["mid", source.max_spread, source.held_ms],
        "streams": [[*key, *stream.kinds()] for key, stream in group.streams.items()],
        "state": state_of(group),
    }


def _restore_group(engine: Engine, saved: dict[str, Any]) -> None:
    """Build the group with all its parts, then put their state into them."""
    kind, first, held_ms = saved["source"]
    source = Executable(first, held_ms) if kind == "executable" else Mid(first, held_ms)
    engine.next_group = saved["number"]
    group = engine.group(MarketId.parse(saved["market"]), source)
    for up, hold, held_s, shown_s in saved["streams"]:
        group.stream(up=up, hold=hold).prepare(held_s, shown_s)
    restore_state(group, saved["state"])


def _restore_own(engine: Engine, handle: Handle, spec: Spec, spec_hash: str, state: dict[str, Any]) -> None:
    if spec.hash != spec_hash:
        raise PermanentError(f"The checkpoint of the engine knows spec {spec_hash} where {spec.hash} is armed.")
    condition = Condition(spec, candles_follow=engine.candles_follow)
    restore_state(condition, state)
    engine.adopt(handle, condition)


@contextmanager
def _undamaged(what: str) -> Iterator[None]:
    """Damage shows in many ways while bytes are read; all mean the same."""
    try:
        yield
    except (msgspec.MsgspecError, *_DAMAGE) as error:
        raise PermanentError(f"{what} is damaged: replay the tape from the start.") from error
