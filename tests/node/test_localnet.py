"""@solana/web3.js and @solana/kit, unmodified, against the localnet: airdrop, send, confirm, subscribe, expire."""

from __future__ import annotations

import json
import os
from importlib.resources import files

import pytest
from solders.pubkey import Pubkey

from relayer.chain.settings import ClusterSettings
from relayer.chain.signer import Signer
from relayer.domain.clock import Clock
from relayer.localnet import Localnet, serve
from tests.cluster.boards import made_board, shown
from tests.node import npm

pytestmark = pytest.mark.node
FOLDER = npm.HERE / "localnet"


@pytest.mark.parametrize("script", [("web3.mjs", "expiry"), ("kit.mjs",)])
async def test_an_unmodified_client_does_its_work(script: tuple[str, ...]) -> None:
    await npm.installed(FOLDER)
    name, *options = script
    async with serve(Localnet(clock=Clock(), slot_ms=20)) as urls:
        assert await npm.run(FOLDER, "node", name, urls.rpc, urls.ws, *options) == "ok\n"


async def test_web3_js_reads_a_board() -> None:
    await npm.installed(FOLDER)
    node, program, payer = Localnet(clock=Clock(), slot_ms=20), Pubkey.new_unique(), Signer(os.urandom(32))
    node.add_program(program, (files("relayer") / "data" / "programs" / "oracle.so").read_bytes())
    node.airdrop(payer.pubkey, 10**10)
    async with serve(node) as urls:
        settings = ClusterSettings.model_validate({"rpc_urls": [urls.rpc], "oracle_program": str(program)})
        board = await made_board(settings, payer)
        seen = json.loads(await npm.run(FOLDER, "node", "board.mjs", urls.rpc, board))
    assert seen == shown(str(program), payer)
