"""Feeds every decoder odd versions of good input: `python -m tests.campaigns.decoders [seconds] [seed]`.

Allowed are an answer that the reference shares and the decoder's own error; everything else is printed with its input.
Exit status 1 if there is any.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from tests.campaigns.decoders import chain, files, venues
from tests.campaigns.decoders.target import Target

TARGETS = [*venues.TARGETS, *files.TARGETS, *chain.TARGETS]
_ROUND = 50
"""Inputs of one target before the next has its turn."""


@dataclass
class Tally:
    """taken, refused: inputs by target. failures: what else came of one, with the input."""

    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def feed(target: Target, rng: Random, count: int, tally: Tally) -> None:
    """Try `count` inputs on one decoder."""
    for _ in range(count):
        text = target.make(rng)
        try:
            counts = tally.taken if target.check(text) else tally.refused
        except Exception as error:  # noqa: BLE001 # whatever a decoder lets out is the finding
            tally.failures.append(f"{target.name}: {type(error).__name__}: {str(error)[:300]}\n  {text[:600]!r}")
        else:
            counts[target.name] += 1


def rounds(seed: int) -> Iterator[Random]:
    """A source of chance for each round, for ever: a round can be done again by itself."""
    number = 0
    while True:
        yield Random(f"{seed}:{number}")
        number += 1


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    logging.disable(logging.CRITICAL)
    tally, ends = Tally(), time.monotonic() + seconds
    for rng in rounds(seed):
        for target in TARGETS:
            feed(target, rng, _ROUND, tally)
        if time.monotonic() > ends:
            break
    for target in TARGETS:
        print(f"{target.name:<32}{tally.taken[target.name]:>9} taken {tally.refused[target.name]:>9} refused")
    total = sum(tally.taken.values()) + sum(tally.refused.values())
    print("\n".join(tally.failures[:20]) or f"{total} inputs, seed {seed}: nothing else")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
