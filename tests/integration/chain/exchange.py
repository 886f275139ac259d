"""A PNP stand-in on the local cluster, set up over its RPC port: settings, a collateral mint, a creator with money."""

from __future__ import annotations

import os

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from relayer.chain.programs import pnp, token
from relayer.chain.signer import Signer
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.integration.chain.conftest import START_MS, Cluster

UNIT = 10**6
BUFFER_S = 900
END_S = START_MS // 1000 + 3_600


class Exchange:
    def __init__(self, cluster: Cluster) -> None:
        self.id = cluster.pnp_program
        self._cluster = cluster
        self._creator = cluster.funded()
        self._sender = cluster.sender(self._creator)
        self._mint = Signer(os.urandom(32))

    @property
    def creator(self) -> str:
        return self._creator.address

    async def set_up(self) -> None:
        us, mint = self._creator.pubkey, self._mint.pubkey
        account = token.token_account_address(us, mint)
        lamports = self._cluster.node.rent_exempt(token.MINT_LEN)
        await self._send(
            [
                *token.create_mint(us, mint, authority=us, decimals=6, lamports=lamports),
                token.create_token_account(us, us, mint),
                token.mint_to(mint, account, us, 1_000 * UNIT),
            ],
            self._mint,
        )
        await self._send(
            [pnp.init_protocol(self.id, us, collateral_mint=mint, oracle=us, min_liquidity=1, buffer_period_s=BUFFER_S)]
        )

    async def create(self, kind: PnpKind, oracle: Pubkey, *, question: str = "Will it?") -> str:
        """A new market that names the oracle; its address."""
        account = await self._cluster.rpc().account(str(pnp.global_config_address(self.id)))
        assert account
        market_id = pnp.decode_global_config(account.data).next_id
        make = self._v2 if kind is PnpKind.V2 else self._v3
        await self._send([make(market_id, oracle, question)])
        return str(pnp.market_address(self.id, kind, market_id))

    async def settle(self, market: str, winner: Outcome) -> None:
        """As PNP's global oracle, which the creator is here. V2."""
        rpc, address = self._cluster.rpc(), Pubkey.from_string(market)
        account = await rpc.account(market)
        assert account
        shown = pnp.decode_market(address, account.data, self._creator.pubkey)
        await self._send([pnp.settle_market_v2(self.id, self._creator.pubkey, shown, winner)])

    async def spend_all(self) -> None:
        """Leave the creator's address empty."""
        left = await self._cluster.rpc().balance(self._creator.address) - 5_000
        to = Pubkey.new_unique()
        await self._send([transfer(TransferParams(from_pubkey=self._creator.pubkey, to_pubkey=to, lamports=left))])

    async def _send(self, instructions: list[Instruction], *signers: Signer) -> None:
        await self._sender.run(instructions, signers, purpose="board")

    def _v2(self, market_id: int, oracle: Pubkey, question: str) -> Instruction:
        return pnp.create_market_v2(
            self.id,
            self._creator.pubkey,
            market_id=market_id,
            question=question,
            initial_liquidity=10 * UNIT,
            end_time=END_S,
            creator=self._creator.pubkey,
            collateral_mint=self._mint.pubkey,
            oracle=oracle,
        )

    def _v3(self, market_id: int, oracle: Pubkey, question: str) -> Instruction:
        return pnp.create_market_v3(
            self.id,
            self._creator.pubkey,
            market_id=market_id,
            question=question,
            initial_amount=10 * UNIT,
            side=Outcome.YES,
            creator_side_cap=100 * UNIT,
            end_time=END_S,
            max_pot_ratio_bps=10_000,
            creator=self._creator.pubkey,
            collateral_mint=self._mint.pubkey,
            oracle=oracle,
        )
