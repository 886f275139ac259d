"""The tape's head hash on the board, now and then, so that what was recorded before can not be rewritten unnoticed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from relayer.domain.errors import PermanentError, TransientError
from relayer.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_AGAIN_S = 60.0
"""Wall seconds after which a failed anchoring is tried again, if the next one is not due before."""


class AnchorBoard(Protocol):
    """The board that carries the hash (`chain.board_gateway`)."""

    async def anchored(self) -> str:
        """The hash that the board carries, 64 hex digits."""

    async def anchor(self, head: str) -> None:
        """Confirmed when it returns."""


class Anchor:
    """head: the tape's newest durable hash, 64 hex digits. interval_s: wall seconds between two anchors."""

    def __init__(self, *, head: Callable[[], str], board: AnchorBoard, interval_s: float, metrics: Metrics) -> None:
        self._head = head
        self._board = board
        self._interval_s = interval_s
        self._metrics = metrics

    async def run(self) -> None:
        """Anchor for ever; a cluster in trouble is logged, counted and tried again."""
        while True:
            done = await self.anchor_or_say_why()
            await asyncio.sleep(self._interval_s if done else min(self._interval_s, _AGAIN_S))

    async def anchor_or_say_why(self) -> bool:
        """Whether the board carries the head now; nothing is sent where it does already."""
        head = self._head()
        try:
            if await self._board.anchored() != head:
                await self._board.anchor(head)
                log.info("tape anchored", extra={"head": head})
        except (TransientError, PermanentError) as error:
            self._metrics.errors.labels("chain").inc()
            log.warning("tape not anchored", extra={"head": head, "reason": str(error)})
            return False
        return True
