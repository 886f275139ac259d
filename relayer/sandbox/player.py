"""Plays a tape into the venue's state when the clock says so, and tells of every frame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from relayer.domain.clock import Clock
from relayer.domain.units import Millis
from relayer.sandbox.state import VenueState
from relayer.tape.replay import FrameRecord, Record

_BATCH = 200
"""Records applied before others get the event loop."""


class Player:
    """Records up to `start_ms` are the start state: applied at once, told to nobody."""

    def __init__(
        self,
        records: Iterator[Record],
        clock: Clock,
        state: VenueState,
        deliver: Callable[[FrameRecord], None],
        *,
        start_ms: Millis,
    ) -> None:
        self._clock, self._state, self._deliver = clock, state, deliver
        self._records = records
        self._next: Record | None = next(self._records, None)
        while self._next is not None and self._next.at_ms <= start_ms:
            state.apply(self._next)
            self._next = next(self._records, None)

    def catch_up(self) -> Millis:
        """Play all that is due and return by when: the state is then exactly that of the returned time."""
        now = self._clock.now_ms()
        while self._play_one(now):
            pass
        return now

    def now_ms(self) -> Millis:
        return self._clock.now_ms()

    async def run(self) -> None:
        """Play to the end of the tape."""
        while self._next is not None:
            await self._clock.sleep_until(self._next.at_ms)
            now = self._clock.now_ms()
            for _ in range(_BATCH):
                if not self._play_one(now):
                    break
            await asyncio.sleep(0)

    def _play_one(self, now: Millis) -> bool:
        record = self._next
        if record is None or record.at_ms > now:
            return False
        self._next = next(self._records, None)
        self._state.apply(record)
        if isinstance(record, FrameRecord):
            self._deliver(record)
        return True
