"""What price transactions are signed on: blockhash, cluster time, priority fee; kept fresh off the hot path."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from relayer.chain.fees import price_offered
from relayer.chain.rpc import Blockhash, Rpc
from relayer.chain.settings import ClusterSettings
from relayer.domain.errors import TransientError
from relayer.domain.units import Millis

_LONGEST_LIFE_S = 25.0  # 150 blocks of 200 ms are 30 s, the shortest planned
_FEES_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Moment:
    blockhash: Blockhash
    clock_ms: Millis
    micro_lamports: int
    taken_at: float
    """Monotonic wall seconds."""


class Terms:
    """`accounts`: what the transactions write to, for the fees."""

    def __init__(
        self,
        *,
        rpc: Rpc,
        accounts: Sequence[str],
        settings: ClusterSettings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rpc = rpc
        self._accounts = accounts
        self._settings = settings
        self._monotonic = monotonic
        self._moment: Moment | None = None
        self._fees_at = float("-inf")
        self._micro_lamports = 0

    def now(self) -> Moment:
        """Raises TransientError when the cluster has not told a blockhash for too long."""
        if self._moment is None or self._monotonic() - self._moment.taken_at > _LONGEST_LIFE_S:
            raise TransientError(
                "No fresh blockhash is known, so prices wait: check the endpoints in cluster.rpc_urls."
            )
        return self._moment

    async def refresh(self) -> None:
        """Ask anew for what is older than the settings allow. Raises TransientError or PermanentError."""
        taken_at = self._monotonic()
        if self._moment and taken_at - self._moment.taken_at < self._settings.blockhash_refresh_s:
            return
        blockhash = await self._rpc.latest_blockhash()
        clock_ms = await self._rpc.cluster_time_ms()
        if taken_at - self._fees_at >= _FEES_EVERY_S:
            self._micro_lamports = await self._price()
            self._fees_at = taken_at
        self._moment = Moment(blockhash, clock_ms, self._micro_lamports, taken_at)

    async def _price(self) -> int:
        return price_offered(
            await self._rpc.recent_fees(self._accounts),
            floor=self._settings.compute_price_floor_micro_lamports,
            cap=self._settings.compute_price_cap_micro_lamports,
        )
