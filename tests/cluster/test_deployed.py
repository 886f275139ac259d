"""The deployed programs are the committed bytes, and clients that are not ours can work with them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest
from solders.pubkey import Pubkey

from relayer.chain.board_setup import listing, making, read_board
from relayer.chain.programs.board import board_address
from relayer.chain.rpc import Rpc
from relayer.chain.sender import Sender
from relayer.chain.settings import BoardSettings, ClusterSettings
from relayer.chain.signer import Signer
from relayer.domain.markets import MarketId
from relayer.telemetry.metrics import Metrics
from tests.cluster.conftest import ARTEFACTS, PROGRAMS, ForeignCluster
from tests.node import npm

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("name", PROGRAMS)
async def test_verify_says_they_are_the_committed_bytes(cluster: ForeignCluster, name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.so"
    file.write_bytes((ARTEFACTS / file.name).read_bytes())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relayer", "program", "verify", str(file), "--json"),
        *("--program", cluster.programs[name], "--rpc", cluster.urls.rpc),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    facts = json.loads(output)
    assert (facts["matches"], facts["authority"]) == (True, cluster.payer.address)


@pytest.mark.node
@pytest.mark.parametrize("script", ["web3.mjs", "kit.mjs"])
async def test_javascript_clients_do_their_work(cluster: ForeignCluster, script: str) -> None:
    folder = npm.HERE / "localnet"
    await npm.installed(folder)
    assert await npm.run(folder, "node", script, cluster.urls.rpc, cluster.urls.ws) == "ok\n"


@pytest.mark.node
async def test_web3_js_reads_a_board(cluster: ForeignCluster) -> None:
    folder = npm.HERE / "localnet"
    await npm.installed(folder)
    board = await made_board(ClusterSettings.model_validate(cluster.table()), cluster.payer)
    seen = json.loads(await npm.run(folder, "node", "board.mjs", cluster.urls.rpc, board))
    assert seen == {
        "owner": cluster.programs["oracle"],
        "authority": cluster.payer.address,
        "publisher": cluster.payer.address,
        "capacity": 4,
        "length": 1,
        "name": "read me",
    }


async def made_board(settings: ClusterSettings, payer: Signer) -> str:
    """A board of one feed; its address."""
    program = Pubkey.from_string(settings.oracle_program)
    board = BoardSettings(index=7, name="read me", capacity=4)
    address = board_address(program, payer.pubkey, board.index)
    async with aiohttp.ClientSession() as session:
        rpc = Rpc(settings=settings, session=session)
        sender = Sender(rpc=rpc, payer=payer, metrics=Metrics(), settings=settings)
        steps = await making(
            rpc, program=program, address=address, authority=payer.pubkey, publisher=payer.pubkey, settings=board
        )
        await sender.run(steps, [payer], purpose="board")
        view = await read_board(rpc, program, address)
        assert view is not None
        for instructions in listing(program, payer.pubkey, view, [MarketId.parse("kalshi:A")]):
            await sender.run(instructions, [payer], purpose="board")
    return str(address)
