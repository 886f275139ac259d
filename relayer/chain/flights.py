"""Price transactions on their way: which landed, which got lost, and whether the board shows what they claim."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from solders.pubkey import Pubkey

from relayer.chain.programs.board import FUTURE_MS, Board, decode_board
from relayer.chain.refusals import described
from relayer.chain.rpc import Rpc, SignatureStatus
from relayer.chain.settings import ClusterSettings
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.intents import SubmissionState
from relayer.domain.units import BlockHeight, Millis, Slot
from relayer.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Flight:
    """One signed price transaction until its end is known. Times `*_at` are monotonic wall seconds."""

    signature: str
    wire: bytes
    last_valid_block_height: BlockHeight
    shown: Mapping[int, Millis]
    """Slot index -> the time it shows once this has landed."""
    clock_ms: Millis
    """The cluster's clock as last seen before signing: at most what it is at execution."""
    signed_at: float
    sent_at: float
    landed: Slot | None = None
    """Cluster slot of the block that holds it, once one has been seen."""


def found(flight: Flight, board: Board) -> int:
    """How many of the flight's updates the board shows, or newer ones.

    The program writes a time later than its clock + 5 s as clock + 5 s, so that much is enough.
    """
    limit_ms = flight.clock_ms + FUTURE_MS
    return sum(_as_of(board, index) >= min(as_of_ms, limit_ms) for index, as_of_ms in flight.shown.items())


def _as_of(board: Board, index: int) -> int:
    state = board.slots[index].state if index < len(board.slots) else None
    return state.as_of_ms if state else -1


class Flights:
    """The price transactions of one board that are not done with. `shown`: what each slot was last made to show."""

    def __init__(
        self,
        *,
        rpc: Rpc,
        board: Pubkey,
        metrics: Metrics,
        settings: ClusterSettings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.shown: dict[int, Millis] = {}
        self._rpc = rpc
        self._board = str(board)
        self._metrics = metrics
        self._settings = settings
        self._monotonic = monotonic
        self._flying: dict[str, Flight] = {}
        self._claimed: list[Flight] = []
        self._lost: set[int] = set()
        for counter in (metrics.updates_claimed, metrics.updates_found):
            counter.labels(self._board)

    def add(self, flight: Flight) -> None:
        """Take over a flight that is about to be sent."""
        self._flying[flight.signature] = flight
        self.shown |= flight.shown
        self._count("sent")

    def refused(self, flight: Flight) -> None:
        """No endpoint took it. It is still watched, since an endpoint may have forwarded it all the same."""
        self._lose(flight)

    def take_lost(self) -> set[int]:
        """Slots whose newest value did not land, each told once."""
        lost, self._lost = self._lost, set()
        return lost

    async def check(self) -> int:
        """One look at all of them; returns how many landed with an error. Raises Transient- or PermanentError."""
        failures = 0
        if self._flying:
            # The height first: what is unseen after its last block had passed will not be seen any more.
            height = await self._rpc.block_height()
            asked = list(self._flying.values())  # others may take off while the node answers
            statuses = await self._rpc.signature_statuses([flight.signature for flight in asked])
            for flight, status in zip(asked, statuses, strict=True):
                failures += self._judge(flight, status, height)
        if self._claimed:
            await self._read_back()
        await self._send_again()
        return failures

    def _judge(self, flight: Flight, status: SignatureStatus | None, height: BlockHeight) -> bool:
        """File the flight where it belongs; True if it landed with an error."""
        if status is None:
            flight.landed = None  # the block that held it was dropped
            if height > flight.last_valid_block_height:
                self._end(flight, "expired")
            return False
        self._seen(flight, status.slot)
        if status.level is SubmissionState.SENT:
            return False
        if status.err is not None:
            self._end(flight, "failed", status.err)
            return True
        del self._flying[flight.signature]
        self._count("confirmed")
        self._metrics.stage.labels("confirmed").observe(self._monotonic() - flight.signed_at)
        self._metrics.updates_claimed.labels(self._board).inc(len(flight.shown))
        self._claimed.append(flight)
        return False

    def _seen(self, flight: Flight, slot: Slot) -> None:
        if flight.landed is None:
            self._metrics.stage.labels("processed").observe(self._monotonic() - flight.signed_at)
        flight.landed = slot

    def _end(self, flight: Flight, outcome: str, err: object = None) -> None:
        del self._flying[flight.signature]
        self._count(outcome)
        self._lose(flight)
        reason = self._described(flight, err) if err else "its blockhash expired unused"
        _log.warning("prices did not land", extra={"signature": flight.signature, "reason": reason})

    def _described(self, flight: Flight, err: object) -> str:
        oracle_program = Pubkey.from_string(self._settings.oracle_program)
        return described(err, wire=flight.wire, logs=(), oracle_program=oracle_program)

    def _lose(self, flight: Flight) -> None:
        """Forget what the flight was to show, where nothing newer has gone out."""
        for index, as_of_ms in flight.shown.items():
            if self.shown.get(index) == as_of_ms:
                del self.shown[index]
                self._lost.add(index)

    async def _read_back(self) -> None:
        slot = max(flight.landed or Slot(0) for flight in self._claimed)
        account = await self._rpc.account(self._board, min_slot=slot)
        if account is None:
            raise PermanentError(f"Board {self._board} is not there any more: was it closed?")
        board = decode_board(account.data)
        for flight in self._claimed:
            count = found(flight, board)
            self._metrics.updates_found.labels(self._board).inc(count)
            if count < len(flight.shown):
                missing = {"signature": flight.signature, "claimed": len(flight.shown), "found": count}
                _log.warning("the board does not show what was confirmed", extra=missing)
        self._claimed.clear()

    async def _send_again(self) -> None:
        """The same bytes once more, where no block shows them and nothing newer has gone out."""
        now = self._monotonic()
        due = [
            flight
            for flight in self._flying.values()
            if flight.landed is None
            and now - flight.sent_at >= self._settings.resend_s
            and any(self.shown.get(index) == as_of_ms for index, as_of_ms in flight.shown.items())
        ]
        for flight in due:
            flight.sent_at = now
        await asyncio.gather(*(self._resend(flight) for flight in due))

    async def _resend(self, flight: Flight) -> None:
        try:
            await self._rpc.send(flight.wire)
        except (TransientError, PermanentError) as error:
            _log.warning("prices not sent again", extra={"signature": flight.signature, "reason": str(error)})

    def _count(self, outcome: str) -> None:
        self._metrics.transactions.labels("publish", outcome).inc()
