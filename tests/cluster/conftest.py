"""One foreign cluster for the session, with the programs deployed under fresh ids over plain RPC."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import aiohttp
import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.pubkey import Pubkey

from relayer.chain.deploy import Deployer
from relayer.chain.rpc import Rpc
from relayer.chain.sender import Sender
from relayer.chain.settings import ClusterSettings
from relayer.chain.signer import Signer, write_keypair
from relayer.domain.units import LAMPORTS_PER_SOL
from relayer.telemetry.metrics import Metrics
from tests.cluster.nodes import Urls, foreign_node

ARTEFACTS = files("relayer") / "data" / "programs"
PROGRAMS = ("oracle", "pnp_standin", "metadata_standin")


@dataclass(frozen=True)
class ForeignCluster:
    urls: Urls
    programs: dict[str, str]
    """Addresses of the programs by the name of their artefact."""
    payer: Signer

    def table(self) -> dict[str, object]:
        """`[cluster]` as a configuration spells it."""
        return {
            "rpc_urls": [self.urls.rpc],
            "oracle_program": self.programs["oracle"],
            "pnp_program": self.programs["pnp_standin"],
            "metadata_program": self.programs["metadata_standin"],
        }


async def fund(urls: Urls, keys: Sequence[Pubkey], sol: int) -> None:
    """Ask the cluster's faucet, and wait until the lamports are there."""
    async with AsyncClient(urls.rpc, Confirmed, timeout=30) as client:
        for key in keys:
            signature = (await client.request_airdrop(key, sol * LAMPORTS_PER_SOL, Confirmed)).value
            await client.confirm_transaction(signature, Confirmed)
            assert (await client.get_balance(key)).value == sol * LAMPORTS_PER_SOL


@pytest.fixture(scope="session")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Urls]:
    with foreign_node(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture(scope="session")
def cluster(urls: Urls, tmp_path_factory: pytest.TempPathFactory) -> ForeignCluster:
    return asyncio.run(_deployed(urls, tmp_path_factory.mktemp("keys")))


async def _deployed(urls: Urls, folder: Path) -> ForeignCluster:
    payer = write_keypair(folder / "payer.json")
    await fund(urls, [payer.pubkey], 20)
    settings = ClusterSettings.model_validate({"rpc_urls": [urls.rpc], "oracle_program": payer.address})
    programs = {}
    async with aiohttp.ClientSession() as session:
        rpc = Rpc(settings=settings, session=session)
        sender = Sender(rpc=rpc, payer=payer, metrics=Metrics(), settings=settings)
        deployer = Deployer(rpc=rpc, sender=sender, authority=payer)
        for name in PROGRAMS:
            key = write_keypair(folder / f"{name}.json")
            await deployer.deploy((ARTEFACTS / f"{name}.so").read_bytes(), key, progress=lambda done, total: None)
            programs[name] = key.address
    return ForeignCluster(urls, programs, payer)
