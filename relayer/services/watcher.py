"""Looks at the cluster every few seconds: balances of our keys, offset of its clock, whether it answers at all."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Protocol

from relayer.domain.clock import Clock
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.units import Lamports, Millis
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_INTERVAL_S = 5.0
_SILENCE_S = 30.0


class Cluster(Protocol):
    """The two reads of `chain.rpc` that the watcher needs."""

    async def balance(self, address: str) -> Lamports: ...
    async def cluster_time_ms(self) -> Millis: ...


class Watcher:
    """Exports what it sees and answers readiness: `trouble()` is None while the cluster answers."""

    def __init__(self, *, cluster: Cluster, roles: Mapping[str, str], clock: Clock, metrics: Metrics) -> None:
        self._cluster = cluster
        self._roles = roles
        self._clock = clock
        self._metrics = metrics
        self._answered_at: float | None = None
        self._last_error = "it has not answered yet"

    def trouble(self) -> str | None:
        """Why the cluster cannot be relied on now."""
        if self._answered_at is None:
            return f"the cluster has never answered: {self._last_error}"
        silence = time.monotonic() - self._answered_at
        return f"no answer from the cluster for {silence:.0f} s: {self._last_error}" if silence > _SILENCE_S else None

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look()
            except (TransientError, PermanentError) as error:
                self._last_error = str(error)
                self._metrics.errors.labels("watcher").inc()
                log.warning("cluster not read", extra={"reason": str(error)})
            await asyncio.sleep(_INTERVAL_S)

    async def look(self) -> None:
        """One reading of balances and of the cluster's clock."""
        for role, address in self._roles.items():
            self._metrics.balance.labels(role).set(await self._cluster.balance(address))
        offset_ms = await self._cluster.cluster_time_ms() - self._clock.now_ms()
        self._metrics.clock_offset.set(offset_ms / 1000)
        self._answered_at = time.monotonic()
