"""PNP's markets that name our key as oracle: found, read, activated, settled. When to act is the resolver's part."""

from __future__ import annotations

import logging
from dataclasses import replace

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs import pnp
from relayer.chain.rpc import Account, Rpc
from relayer.chain.sender import Sender
from relayer.chain.settings import ClusterSettings
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError
from relayer.domain.intents import Act, Intent, Submission
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.units import Millis

_log = logging.getLogger(__name__)

_SETTLE = {PnpKind.V2: pnp.settle_market_v2, PnpKind.V3: pnp.settle_market_v3}


class PnpGateway:
    """Direct mode: the oracle is one key of ours."""

    def __init__(self, *, rpc: Rpc, sender: Sender, oracle: Signer, settings: ClusterSettings) -> None:
        self._rpc = rpc
        self._sender = sender
        self._oracle = oracle
        self._program = Pubkey.from_string(settings.pnp_program)
        self._metadata_program = Pubkey.from_string(settings.metadata_program)
        self._decimals: dict[str, int] = {}

    async def markets(self) -> list[PnpMarket]:
        """All markets, V2 and V3, whose extension names our key. One that cannot be read is logged and left out."""
        addresses = [address for kind in PnpKind for address in await self._naming_us(kind)]
        accounts = await self._rpc.accounts(addresses)
        markets = []
        for address, account in zip(addresses, accounts, strict=True):
            try:
                if account is not None:
                    markets.append(self._decoded(address, account))
            except PermanentError as error:
                _log.warning("market left out", extra={"market": address, "reason": str(error)})
        await self._read_mints({market.collateral_mint for market in markets} - self._decimals.keys())
        return [replace(market, decimals=self._decimals.get(market.collateral_mint)) for market in markets]

    async def market(self, address: str, *, finalized: bool = False) -> PnpMarket | None:
        """A market known to name our key, as confirmed or as finalized; None if there is no such account.

        Raises PermanentError for an account that is no PNP market.
        """
        account = await self._rpc.account(address, commitment="finalized" if finalized else None)
        return self._decoded(address, account) if account else None

    async def build(self, intent: Intent, market: PnpMarket) -> Submission:
        """A signed transaction that makes the intent true, simulated and not sent; errors as in `Sender.build`."""
        instruction = self._instruction(intent, market)
        return await self._sender.build([instruction], [self._oracle], purpose=intent.act, intent_key=intent.key)

    async def deliver(self, submission: Submission) -> Submission:
        """Send and follow to the end: FINALIZED, FAILED or EXPIRED."""
        await self._sender.send(submission)
        return await self._sender.follow(submission)

    async def recover(self, submission: Submission) -> Submission:
        """After a restart: the end of what was sent before, the same bytes being sent while they may still land."""
        return await self._sender.follow(submission)

    async def cluster_time_ms(self) -> Millis:
        return await self._rpc.cluster_time_ms()

    async def _read_mints(self, unknown: set[str]) -> None:
        """Decimals of collateral; a mint never changes them."""
        mints = sorted(unknown)
        for mint, account in zip(mints, await self._rpc.accounts(mints) if mints else (), strict=True):
            decimals = pnp.decode_decimals(account.data) if account else None
            if decimals is not None:
                self._decimals[mint] = decimals

    async def _naming_us(self, kind: PnpKind) -> list[str]:
        filters = [(0, pnp.EXTENSION[kind]), (pnp.EXTENSION_ORACLE_OFFSET, bytes(self._oracle.pubkey))]
        extensions = await self._rpc.program_accounts(str(self._program), filters)
        numbers = [pnp.decode_extension(account.data).market_id for _, account in extensions]
        return [str(pnp.market_address(self._program, kind, number)) for number in sorted(numbers)]

    def _decoded(self, address: str, account: Account) -> PnpMarket:
        if account.owner != str(self._program):
            raise PermanentError(
                f"Account {address} is held by program {account.owner} and not by PNP: check pnp_program."
            )
        market = pnp.decode_market(Pubkey.from_string(address), account.data, self._oracle.pubkey)
        return replace(market, decimals=self._decimals.get(market.collateral_mint))

    def _instruction(self, intent: Intent, market: PnpMarket) -> Instruction:
        us = self._oracle.pubkey
        if intent.act is Act.SETTLE:
            if intent.outcome is None:
                raise PermanentError(f"The intent {intent.key} has no outcome, so nothing can be settled.")
            return _SETTLE[market.kind](self._program, us, market, intent.outcome)
        if market.kind is PnpKind.V3:
            return pnp.set_market_resolvable_v3(self._program, us, market)
        return pnp.set_market_resolvable_v2(self._program, us, market, metadata_program=self._metadata_program)
