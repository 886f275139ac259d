"""The judge's checkpoint as bytes: what it judges, what it knows, and how far along the tape it knows it.

The bytes begin with their own hash and name who wrote them, so that damage and another version are seen before
anything is believed. Where they are kept is the store's part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from relayer import __version__
from relayer.conditions.checkpoint import restore_engine, save_engine
from relayer.conditions.engine import Engine
from relayer.conditions.parent import Handle
from relayer.conditions.parse import parse_spec
from relayer.conditions.spec import Spec
from relayer.domain.errors import PermanentError
from relayer.domain.feeds import Gap, Remembered
from relayer.domain.markets import MarketId

_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One moment of judging.

    place: of the tape; everything until there was told. specs: all that are judged. decided: those to be latched.
    remembered: what stands of each parent, for its source.
    """

    place: int
    specs: dict[Handle, Spec]
    decided: list[Handle]
    remembered: dict[MarketId, Remembered]
    engine: Engine


def packed(checkpoint: Checkpoint) -> bytes:
    body = msgspec.msgpack.encode(
        {
            "relayer": __version__,
            "place": checkpoint.place,
            "specs": [[handle, spec.canonical] for handle, spec in checkpoint.specs.items()],
            "decided": checkpoint.decided,
            "remembered": {str(market): _row(known) for market, known in checkpoint.remembered.items()},
            "engine": save_engine(checkpoint.engine),
        }
    )
    return hashlib.sha256(body).digest() + body


def unpacked(saved: bytes) -> Checkpoint:
    """Raises PermanentError for damaged bytes and for those of another version."""
    digest, body = saved[:_HASH_BYTES], saved[_HASH_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise PermanentError("The checkpoint is damaged: its bytes do not have the hash that they begin with.")
    document = msgspec.msgpack.decode(body)
    if document["relayer"] != __version__:
        raise PermanentError(
            f"The checkpoint was written by version {document['relayer']}, and this is version {__version__}."
        )
    specs = {handle: parse_spec(canonical) for handle, canonical in document["specs"]}
    return Checkpoint(
        place=document["place"],
        specs=specs,
        decided=document["decided"],
        remembered={MarketId.parse(market): _remembered(row) for market, row in document["remembered"].items()},
        engine=restore_engine(document["engine"], specs, candles_follow=True),
    )


def _row(known: Remembered) -> list[Any]:
    return [known.book_ms, known.trades_ms, [[gap.from_ms, gap.to_ms, gap.trades] for gap in known.gaps]]


def _remembered(row: list[Any]) -> Remembered:
    book_ms, trades_ms, gaps = row
    return Remembered(book_ms, trades_ms, tuple(Gap(*gap) for gap in gaps))
