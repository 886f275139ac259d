"""The demo's cluster: programs, funded keys, collateral, PNP's global settings, and the derivative markets.

Everything after the programs and the first lamports is real transactions through the RPC port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import aiohttp
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account
from solders.token.associated import get_associated_token_address
from spl.token.constants import MINT_LEN, TOKEN_PROGRAM_ID
from spl.token.instructions import create_idempotent_associated_token_account, initialize_mint2, mint_to
from spl.token.models import InitializeMint2Params, MintToParams

from relayer.chain.programs import pnp
from relayer.chain.rpc import Rpc
from relayer.chain.sender import Sender
from relayer.chain.settings import ClusterSettings
from relayer.chain.signer import Signer, write_keypair
from relayer.conditions.question import question
from relayer.conditions.spec import Spec
from relayer.demo.scenario import DemoMarket
from relayer.domain.clock import Clock
from relayer.domain.pnp import PnpKind
from relayer.domain.units import LAMPORTS_PER_SOL
from relayer.domain.verdicts import Outcome
from relayer.localnet.bank import Localnet
from relayer.localnet.server import serve
from relayer.telemetry.metrics import Metrics

ROLES = ("publisher", "oracle", "authority", "creator")
SLOT_MS = 50
_ARTEFACTS = files("relayer") / "data" / "programs"
_PROGRAMS = ("oracle", "pnp_standin", "metadata_standin")
_DECIMALS = 6
_STAKE = 100 * 10**_DECIMALS
_BUFFER_PERIOD_S = 900


@dataclass(frozen=True, slots=True)
class DemoCluster:
    """A running cluster with the keys written to `folder`."""

    table: dict[str, object]
    """`[cluster]` as a configuration would spell it."""
    folder: Path
    keys: dict[str, Signer]

    @property
    def settings(self) -> ClusterSettings:
        return ClusterSettings.model_validate(self.table)

    def key_file(self, role: str) -> Path:
        return self.folder / f"{role}.json"


@asynccontextmanager
async def open_cluster(folder: Path, clock: Clock) -> AsyncIterator[DemoCluster]:
    """A local cluster with the programs and funded keys, until the context ends."""
    localnet = Localnet(clock=clock, slot_ms=SLOT_MS)
    programs = {name: Keypair().pubkey() for name in _PROGRAMS}
    for name, program_id in programs.items():
        localnet.add_program(program_id, (_ARTEFACTS / f"{name}.so").read_bytes())
    keys = {role: write_keypair(folder / f"{role}.json") for role in ROLES}
    for key in keys.values():
        localnet.airdrop(key.pubkey, 100 * LAMPORTS_PER_SOL)
    async with serve(localnet) as urls:
        table: dict[str, object] = {
            "rpc_urls": [urls.rpc],
            "oracle_program": str(programs["oracle"]),
            "pnp_program": str(programs["pnp_standin"]),
            "metadata_program": str(programs["metadata_standin"]),
            "poll_s": 0.2,
        }
        yield DemoCluster(table, folder, keys)


async def create_markets(cluster: DemoCluster, asked: Sequence[tuple[DemoMarket, Spec]]) -> list[str]:
    """Set PNP up and create one market for each spec, with our oracle key as its judge; returns their addresses."""
    async with aiohttp.ClientSession() as session:
        rpc = Rpc(settings=cluster.settings, session=session)
        creator = cluster.keys["creator"]
        sender = Sender(rpc=rpc, payer=creator, metrics=Metrics(), settings=cluster.settings)
        mint = await _make_collateral(rpc, sender, creator)
        program_id = Pubkey.from_string(cluster.settings.pnp_program)
        await sender.run(
            [
                pnp.init_protocol(
                    program_id,
                    creator.pubkey,
                    collateral_mint=mint,
                    oracle=creator.pubkey,
                    min_liquidity=1,
                    buffer_period_s=_BUFFER_PERIOD_S,
                )
            ],
            [creator],
            purpose="board",
        )
        for market_id, (market, spec) in enumerate(asked):
            create = _creation(program_id, market.pnp, market_id, spec, creator.pubkey, mint, cluster.keys["oracle"])
            await sender.run([create], [creator], purpose="board")
        return [str(pnp.market_address(program_id, market.pnp, number)) for number, (market, _) in enumerate(asked)]


async def _make_collateral(rpc: Rpc, sender: Sender, owner: Signer) -> Pubkey:
    """An SPL mint with enough tokens in the owner's account to back every market."""
    mint = Signer(Keypair().secret())
    rent = await rpc.minimum_balance(MINT_LEN)
    account = get_associated_token_address(owner.pubkey, mint.pubkey)
    instructions = [
        create_account(
            CreateAccountParams(
                from_pubkey=owner.pubkey, to_pubkey=mint.pubkey, lamports=rent, space=MINT_LEN, owner=TOKEN_PROGRAM_ID
            )
        ),
        initialize_mint2(
            InitializeMint2Params(
                decimals=_DECIMALS, program_id=TOKEN_PROGRAM_ID, mint=mint.pubkey, mint_authority=owner.pubkey
            )
        ),
        create_idempotent_associated_token_account(owner.pubkey, owner.pubkey, mint.pubkey),
        mint_to(
            MintToParams(
                program_id=TOKEN_PROGRAM_ID,
                mint=mint.pubkey,
                dest=account,
                mint_authority=owner.pubkey,
                amount=1000 * _STAKE,
                signers=[],
            )
        ),
    ]
    await sender.run(instructions, [owner, mint], purpose="board")
    return mint.pubkey


def _creation(
    program_id: Pubkey, kind: PnpKind, market_id: int, spec: Spec, creator: Pubkey, mint: Pubkey, oracle: Signer
) -> Instruction:
    if kind is PnpKind.V2:
        return pnp.create_market_v2(
            program_id,
            creator,
            market_id=market_id,
            question=question(spec),
            initial_liquidity=_STAKE,
            end_time=spec.end_ms // 1000,
            creator=creator,
            collateral_mint=mint,
            oracle=oracle.pubkey,
        )
    return pnp.create_market_v3(
        program_id,
        creator,
        market_id=market_id,
        question=question(spec),
        initial_amount=_STAKE,
        side=Outcome.YES,
        creator_side_cap=10 * _STAKE,
        end_time=spec.end_ms // 1000,
        max_pot_ratio_bps=10_000,
        creator=creator,
        collateral_mint=mint,
        oracle=oracle.pubkey,
    )
