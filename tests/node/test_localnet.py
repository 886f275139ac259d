"""@solana/web3.js and @solana/kit, unmodified, against the localnet: airdrop, send, confirm, subscribe, expire."""

from __future__ import annotations

import pytest

from relayer.domain.clock import Clock
from relayer.localnet import Localnet, serve
from tests.node import npm

pytestmark = pytest.mark.node
FOLDER = npm.HERE / "localnet"


@pytest.mark.parametrize("script", [("web3.mjs", "expiry"), ("kit.mjs",)])
async def test_an_unmodified_client_does_its_work(script: tuple[str, ...]) -> None:
    await npm.installed(FOLDER)
    name, *options = script
    async with serve(Localnet(clock=Clock(), slot_ms=20)) as urls:
        assert await npm.run(FOLDER, "node", name, urls.rpc, urls.ws, *options) == "ok\n"
