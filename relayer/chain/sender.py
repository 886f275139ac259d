"""Durable transactions: build once, send the same bytes, follow until the chain tells how they ended.

A new signature is a new transaction: signing anew is the caller's decision, and only after EXPIRED. Prices do not come
this way (`board_gateway.py`). Writing a submission down before it is sent is the caller's part too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.fees import TRIAL, Budget, budget_for, price_offered
from relayer.chain.refusals import described, refusal
from relayer.chain.rpc import Rpc, SignatureStatus, Simulation, Sleep
from relayer.chain.settings import ClusterSettings
from relayer.chain.signer import Signer
from relayer.chain.transaction import V0
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.intents import Submission, SubmissionState
from relayer.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)

_RANK = {SubmissionState.SENT: 0, SubmissionState.CONFIRMED: 1, SubmissionState.FINALIZED: 2}
_FEE_ACCOUNTS = 128


class Sender:
    """Sends for one payer."""

    def __init__(
        self,
        *,
        rpc: Rpc,
        payer: Signer,
        metrics: Metrics,
        settings: ClusterSettings,
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.payer = payer
        self._rpc = rpc
        self._metrics = metrics
        self._settings = settings
        self._oracle_program = Pubkey.from_string(settings.oracle_program)
        self._sleep = sleep
        self._monotonic = monotonic

    async def build(
        self, instructions: Sequence[Instruction], signers: Sequence[Signer], *, purpose: str, intent_key: str = ""
    ) -> Submission:
        """Simulate, then sign with the limits and the price found; nothing is sent.

        `intent_key` (else `purpose`) goes into the submission; what stands before its colon labels the metrics.
        Raises PermanentError if the simulation refuses the instructions, naming the program's error; TransientError if
        the node cannot say, or if money or a moment would help.
        """
        blockhash = await self._rpc.latest_blockhash()
        keys = [self.payer, *signers]
        trial = V0.sign(TRIAL, instructions, keys, blockhash.value)
        simulation = await self._rpc.simulate(trial.wire, min_slot=blockhash.slot)
        if simulation.err is not None:
            self._metrics.transactions.labels(purpose, "refused").inc()
            raise refusal(simulation, wire=trial.wire, purpose=purpose, oracle_program=self._oracle_program)
        budget = await self._budget(simulation, instructions)
        signed = V0.sign(budget, instructions, keys, blockhash.value)
        return Submission(
            signature=signed.signature,
            intent_key=intent_key or purpose,
            wire=signed.wire,
            last_valid_block_height=blockhash.last_valid_block_height,
            blockhash_slot=blockhash.slot,
        )

    async def send(self, submission: Submission) -> None:
        """Hand the bytes to every endpoint. Never raises for the network: no answer is not a failure."""
        self._count(submission, "sent")
        await self._resend(submission)

    async def follow(self, submission: Submission, *, until: SubmissionState = SubmissionState.FINALIZED) -> Submission:
        """Wait for the transaction's end, re-sending the same bytes while nothing shows it.

        Returns it with state `until` (CONFIRMED or FINALIZED) or FAILED (with the error; it landed) or EXPIRED. Never
        raises for the network and has no time-out of its own: the blockhash's life is the limit.
        """
        sent_at = float("-inf")
        while True:
            seen, ended = await self._look(submission, until)
            if ended is not None:
                self._count(ended, ended.state)
                return ended
            if not seen and self._monotonic() - sent_at >= self._settings.resend_s:
                sent_at = self._monotonic()
                await self._resend(submission)
            await self._sleep(self._settings.poll_s)

    async def run(
        self,
        instructions: Sequence[Instruction],
        signers: Sequence[Signer],
        *,
        purpose: str,
        until: SubmissionState = SubmissionState.CONFIRMED,
    ) -> Submission:
        """Build, send and follow, for acts that a caller repeats by hand. PermanentError unless it succeeded."""
        return await self.land(await self.build(instructions, signers, purpose=purpose), until=until)

    async def land(self, submission: Submission, *, until: SubmissionState = SubmissionState.CONFIRMED) -> Submission:
        """Send and follow what was built. PermanentError unless it succeeded."""
        await self.send(submission)
        ended = await self.follow(submission, until=until)
        if ended.state is not until:
            purpose = submission.intent_key.partition(":")[0]
            raise PermanentError(
                f"The {purpose} transaction {ended.signature} {ended.state}: {ended.error or 'it never landed'}."
            )
        return ended

    async def _resend(self, submission: Submission) -> None:
        try:
            await self._rpc.send(submission.wire)
        except (TransientError, PermanentError) as error:
            _log.warning("sending is unanswered", extra={"signature": submission.signature, "reason": str(error)})

    async def _look(self, submission: Submission, until: SubmissionState) -> tuple[bool, Submission | None]:
        """(whether any block shows it, the submission in its end state if that is known)."""
        try:
            [status] = await self._rpc.signature_statuses([submission.signature])
            if status is None:
                height = await self._rpc.block_height("finalized")
                if height <= submission.last_valid_block_height:
                    return False, None
                return await self._last_look(submission, until)
            return True, self._ended(submission, status, until)
        except (TransientError, PermanentError) as error:
            _log.warning("its status is unknown", extra={"signature": submission.signature, "reason": str(error)})
            return False, None

    async def _last_look(self, submission: Submission, until: SubmissionState) -> tuple[bool, Submission | None]:
        """The blockhash is dead: expired if no history shows the transaction, at two endpoints where there are two."""
        nodes = self._rpc.each()
        agreed = 0
        for node in nodes:
            try:
                height = await node.block_height("finalized")
                [status] = await node.signature_statuses([submission.signature], search_history=True)
            except (TransientError, PermanentError) as error:
                _log.warning("expiry is not agreed", extra={"signature": submission.signature, "reason": str(error)})
                continue
            if status is not None:
                return True, self._ended(submission, status, until)
            agreed += height > submission.last_valid_block_height
        if agreed < min(2, len(nodes)):
            return False, None
        return False, replace(submission, state=SubmissionState.EXPIRED, error="its blockhash expired unused")

    def _ended(self, submission: Submission, status: SignatureStatus, until: SubmissionState) -> Submission | None:
        if _RANK[status.level] < _RANK[until]:
            return None
        if status.err is None:
            return replace(submission, state=until)
        error = described(status.err, wire=submission.wire, logs=(), oracle_program=self._oracle_program)
        return replace(submission, state=SubmissionState.FAILED, error=error)

    async def _budget(self, simulation: Simulation, instructions: Sequence[Instruction]) -> Budget:
        written = {str(meta.pubkey) for ix in instructions for meta in ix.accounts if meta.is_writable}
        recent = await self._rpc.recent_fees(sorted(written)[:_FEE_ACCOUNTS])
        price = price_offered(
            recent,
            floor=self._settings.compute_price_floor_micro_lamports,
            cap=self._settings.compute_price_cap_micro_lamports,
        )
        return budget_for(simulation, margin=self._settings.compute_margin, micro_lamports=price)

    def _count(self, submission: Submission, outcome: str) -> None:
        self._metrics.transactions.labels(submission.intent_key.partition(":")[0], outcome).inc()
