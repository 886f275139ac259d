"""The one clock. In production it is wall time; in a replay it runs from another origin at another speed.

Wall time itself stays for signatures, HTTP `Date`, pings, socket time-outs, retries, rate limits and slot production:
those use `time` and `asyncio.sleep` directly.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from relayer.domain.units import Millis


def wall_ms() -> float:
    """Wall time in milliseconds since 1970."""
    return time.time() * 1000


class Clock:
    """`now = origin + (wall - wall_origin) * speed`; several processes given the same three numbers agree.

    origin_ms, wall_origin_ms: the instant shown when the wall clock shows `wall_origin_ms`; both default to now.
    speed: clock seconds per wall second, above 0.
    """

    def __init__(
        self,
        *,
        origin_ms: float | None = None,
        wall_origin_ms: float | None = None,
        speed: float = 1.0,
        wall: Callable[[], float] = wall_ms,
    ) -> None:
        if speed <= 0:
            raise ValueError(f"clock speed {speed} must be above 0")
        self._wall = wall
        self._wall_origin = wall() if wall_origin_ms is None else wall_origin_ms
        self._origin = self._wall_origin if origin_ms is None else origin_ms
        self._speed = speed
        self._rebased = asyncio.Event()

    @property
    def speed(self) -> float:
        return self._speed

    def now_ms(self) -> Millis:
        return Millis(int(self._origin + (self._wall() - self._wall_origin) * self._speed))

    def set_speed(self, speed: float) -> None:
        """Go on from the present instant at another speed; sleepers wake at the right time all the same."""
        wall = self._wall()
        self._origin += (wall - self._wall_origin) * self._speed
        self._wall_origin, self._speed = wall, speed
        self._rebased.set()
        self._rebased = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Sleep that many seconds of this clock."""
        await self.sleep_until(self.now_ms() + seconds * 1000)

    async def sleep_until(self, at_ms: float) -> None:
        """Sleep until this clock shows `at_ms`; return at once if it has."""
        while (left_ms := at_ms - self.now_ms()) > 0:
            try:
                await asyncio.wait_for(self._rebased.wait(), max(left_ms / 1000 / self._speed, 0.001))
            except TimeoutError:
                continue
