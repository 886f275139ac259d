"""How long the price has been on the side of the level that counts: now, and at most so far.

The engine keeps no history of the specs that share a signal, so it is read off the tape for who asks.
"""

from __future__ import annotations

from typing import Any

from relayer.conditions.condition import Condition
from relayer.conditions.spec import Hold, Reach, Spec, Trades
from relayer.domain.errors import TransientError, UsageError
from relayer.domain.feeds import Remembered
from relayer.services.forcing import levels
from relayer.services.hearing import Recollection
from relayer.services.judge import Armed, Memory

NO_TAPE = "nothing is recorded: set [tape] directory"


class Dwellings:
    """memory: the tape, if there is one. An answer takes as long as reading it does."""

    def __init__(self, memory: Memory | None) -> None:
        self._memory = memory

    async def of(self, armed: Armed) -> dict[str, Any] | None:
        """Of every level, or why that is not known; None for a spec that waits for no dwell. Seconds of trading time.

        What counts is the time in which the level was met, of `hold` in which it was lost.
        """
        spec = armed.spec
        if not isinstance(spec.test, Reach | Hold) or isinstance(spec.price, Trades):
            return None
        own = None if armed.latched else armed.engine.own.get(armed.handle)
        try:
            dwelt = own.dwelt() if own else await self._from_tape(spec)
        except (TransientError, UsageError) as error:
            return {"unknown": str(error)}
        sides = ["up" if up else "down" for up, _ in levels(spec)] or ["as named", "the other way round"]
        return {
            "wanted_s": spec.held_ms / 1000,
            "levels": [
                {"direction": side, "now_s": now_ms / 1000, "longest_s": longest_ms / 1000}
                for side, (now_ms, longest_ms) in zip(sides, dwelt, strict=False)
            ],
        }

    async def _from_tape(self, spec: Spec) -> list[tuple[int, int]]:
        """Raises TransientError while the tape cannot be read, UsageError for what is no line of a path."""
        if self._memory is None:
            raise UsageError(NO_TAPE)
        condition = Condition(spec, candles_follow=True)
        recollection = Recollection(condition, {leg: Remembered() for leg in spec.legs})
        recollection.tell(await self._memory.told([str(leg) for leg in spec.legs]))
        return condition.dwelt()
