"""A served cluster with short slots."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from solders.keypair import Keypair

from relayer.domain.clock import Clock
from relayer.localnet import Localnet, Urls, serve

SLOT_MS = 20


@pytest.fixture
def node() -> Localnet:
    return Localnet(clock=Clock(), slot_ms=SLOT_MS)


@pytest.fixture
def payer(node: Localnet) -> Keypair:
    keypair = Keypair()
    node.airdrop(keypair.pubkey(), 10_000_000_000)
    return keypair


@pytest.fixture
async def urls(node: Localnet) -> AsyncIterator[Urls]:
    async with serve(node) as urls:
        yield urls
