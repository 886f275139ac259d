"""PNP's side of the chain in memory, at the resolver's port: settles once, remembers everything that was sent."""

from __future__ import annotations

from dataclasses import replace

from relayer.domain.errors import PermanentError
from relayer.domain.intents import Act, Intent, Submission, SubmissionState
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import BlockHeight, Millis, Slot


class FakePnp:
    """`fate` decides what becomes of the next transactions; "finalized" once it is used up."""

    def __init__(self, *markets: PnpMarket, now_ms: int = 0) -> None:
        self.by_address = {market.address: market for market in markets}
        self.now_ms = now_ms
        self.fate: list[SubmissionState] = []
        self.sent: list[Intent] = []
        self._intents: dict[str, Intent] = {}

    async def cluster_time_ms(self) -> Millis:
        return Millis(self.now_ms)

    async def markets(self) -> list[PnpMarket]:
        return list(self.by_address.values())

    async def market(self, address: str, *, finalized: bool = False) -> PnpMarket | None:
        return self.by_address.get(address)

    async def build(self, intent: Intent, market: PnpMarket) -> Submission:
        if intent.act is Act.SETTLE and market.resolved:
            raise PermanentError(f"Market {market.address} is settled already.")
        signature = f"signature-{len(self._intents)}"
        self._intents[signature] = intent
        return Submission(signature, intent.key, b"wire", BlockHeight(100), Slot(1))

    async def deliver(self, submission: Submission) -> Submission:
        intent = self._intents[submission.signature]
        self.sent.append(intent)
        state = self.fate.pop(0) if self.fate else SubmissionState.FINALIZED
        if state is SubmissionState.FINALIZED:
            self._apply(intent)
        return replace(submission, state=state)

    async def recover(self, submission: Submission) -> Submission:
        return replace(submission, state=SubmissionState.EXPIRED)

    def _apply(self, intent: Intent) -> None:
        market = self.by_address[intent.market]
        if intent.act is Act.ACTIVATE:
            self.by_address[intent.market] = replace(market, resolvable=True)
        else:
            self.by_address[intent.market] = replace(market, resolved=True, winner=intent.outcome)
