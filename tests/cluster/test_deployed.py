"""The deployed programs are the committed bytes, and clients that are not ours can work with them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from relayer.chain.settings import ClusterSettings
from tests.cluster.boards import made_board, shown
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
    assert seen == shown(cluster.programs["oracle"], cluster.payer)
