"""No false claim: `python -m tests.campaigns.truth [scenarios of each world] [first seed] [world ...]`.

Three worlds of random faults, each held against the venue's truth: one stream, two merged streams, and paths filled
from the venue's history. Prints every seed that fails; exit status 1 if there is one.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterable
from traceback import extract_tb
from unittest import mock

from relayer.sources.kalshi import backfill
from tests.unit.sources.kalshi import test_filled_truth, test_pair_truth, test_truth

_TOLD_EVERY = 100
WORLDS: dict[str, Callable[[int], None]] = {
    "stream": test_truth.hold,
    "pair": test_pair_truth.hold,
    "filled": lambda seed: asyncio.run(test_filled_truth.hold(seed)),
}


def falsehoods(world: str, seeds: Iterable[int]) -> list[str]:
    """The scenarios that end in a false claim, or in any other exception."""
    return [text for seed in seeds if (text := _falsehood(world, seed)) is not None]


def _falsehood(world: str, seed: int) -> str | None:
    try:
        with mock.patch.object(backfill, "_PAUSE_S", 0):
            WORLDS[world](seed)
    except Exception as error:  # noqa: BLE001 - any way to fail is a finding
        place = extract_tb(error.__traceback__)[-1]
        return f"{world} {seed}: {type(error).__name__} {error} ({place.name}, line {place.lineno})"
    return None


def main() -> int:
    """The worlds and seeds asked for."""
    scenarios = int(sys.argv[1]) if len(sys.argv) > 1 else 3_400
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    logging.disable()
    found: list[str] = []
    for world in sys.argv[3:] or WORLDS:
        began, seeds = time.monotonic(), range(first, first + scenarios)
        for start in range(0, scenarios, _TOLD_EVERY):
            done = seeds[: start + _TOLD_EVERY]
            found += falsehoods(world, done[start:])
            told = f"{world}: {len(done)} scenarios, {len(found)} failed, {time.monotonic() - began:.0f} s"
            print(told, end="\n" if done == seeds else "\r", flush=True)
    print("\n".join(found) or "no false claim")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
