"""A PNP stand-in with its settings made, a collateral mint, and a creator with money."""

from __future__ import annotations

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import pnp, token
from relayer.domain.pnp import PnpKind, PnpMarket
from relayer.domain.verdicts import Outcome
from tests.svm.chain import START_S, Chain, Sent

DECIMALS = 6
UNIT = 10**DECIMALS
BUFFER_S = 900
END_S = START_S + 3_600
QUESTION = "Will kalshi:KXTEST resolve yes?"


class Exchange:
    def __init__(self, chain: Chain, *, min_liquidity: int = 1) -> None:
        self.chain, self.id = chain, chain.pnp
        self.admin, self.global_oracle, self.creator = chain.funded(), chain.funded(), chain.funded()
        self.mint = self.new_mint()
        self.created: Sent | None = None
        """The last creation."""
        self.fund(self.creator, 1_000 * UNIT)
        chain.ok(
            pnp.init_protocol(
                self.id,
                self.admin.pubkey(),
                collateral_mint=self.mint,
                oracle=self.global_oracle.pubkey(),
                min_liquidity=min_liquidity,
                buffer_period_s=BUFFER_S,
            ),
            self.admin,
        )

    def new_mint(self) -> Pubkey:
        chain, mint = self.chain, Keypair()
        payer = chain.payer.pubkey()
        lamports = chain.svm.minimum_balance_for_rent_exemption(token.MINT_LEN)
        chain.ok(token.create_mint(payer, mint.pubkey(), authority=payer, decimals=DECIMALS, lamports=lamports), mint)
        return mint.pubkey()

    def fund(self, owner: Keypair, amount: int) -> None:
        payer, account = self.chain.payer.pubkey(), token.token_account_address(owner.pubkey(), self.mint)
        self.chain.ok(
            [
                token.create_token_account(payer, owner.pubkey(), self.mint),
                token.mint_to(self.mint, account, payer, amount),
            ]
        )

    def settings(self) -> pnp.GlobalConfig:
        return pnp.decode_global_config(self.chain.data(pnp.global_config_address(self.id)))

    def create(
        self,
        kind: PnpKind,
        oracle: Pubkey | None,
        *,
        question: str = QUESTION,
        end_time: int = END_S,
        odds: int | None = None,
        amount: int = 10 * UNIT,
    ) -> Pubkey:
        """A new market; its address."""
        market_id, key = self.settings().next_id, self.creator.pubkey()
        if kind is PnpKind.V2:
            made = pnp.create_market_v2(
                self.id,
                key,
                market_id=market_id,
                question=question,
                initial_liquidity=amount,
                end_time=end_time,
                creator=key,
                collateral_mint=self.mint,
                oracle=oracle,
                yes_odds_bps=odds,
            )
        else:
            made = pnp.create_market_v3(
                self.id,
                key,
                market_id=market_id,
                question=question,
                initial_amount=amount,
                side=Outcome.YES,
                creator_side_cap=100 * UNIT,
                end_time=end_time,
                max_pot_ratio_bps=10_000,
                creator=key,
                collateral_mint=self.mint,
                oracle=oracle,
                odds_bps=odds,
            )
        self.created = self.chain.ok(made, self.creator)
        return pnp.market_address(self.id, kind, market_id)

    def market(self, address: Pubkey, kind: PnpKind) -> PnpMarket:
        bare = pnp.decode_market(address, self.chain.data(address), Pubkey.default())
        extension = pnp.extension_address(self.id, kind, bare.market_id)
        if self.chain.svm.get_account(extension) is None:
            return bare
        oracle = pnp.decode_extension(self.chain.data(extension)).oracle
        return pnp.decode_market(address, self.chain.data(address), oracle)

    def balance(self, account: Pubkey) -> int:
        """Of a token account, in base units."""
        return int.from_bytes(self.chain.data(account)[64:72], "little")
