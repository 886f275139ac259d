"""A cluster whose blocks close only when a test says so, and whose clock stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from solders.hash import Hash
from solders.keypair import Keypair

from relayer.domain.clock import Clock
from relayer.localnet import Localnet, methods
from relayer.localnet.chain import Commitment

NOON_MS = 1_766_232_000_000
Call = Callable[..., Any]


class Wall:
    """A wall clock that moves only by hand."""

    def __init__(self) -> None:
        self.ms = float(NOON_MS)

    def __call__(self) -> float:
        return self.ms


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def node(wall: Wall) -> Localnet:
    return Localnet(clock=Clock(wall=wall))


@pytest.fixture
def call(node: Localnet) -> Call:
    """One JSON-RPC method of the node: `call("getSlot", {...})`; RpcErrors are raised."""
    return lambda method, *params: methods.call(node, method, list(params))


@pytest.fixture
def payer(node: Localnet) -> Keypair:
    keypair = Keypair()
    node.airdrop(keypair.pubkey(), 10_000_000_000)
    return keypair


def newest(node: Localnet) -> Hash:
    """The blockhash a client gets at processed."""
    return node.chain.at(Commitment.PROCESSED).blockhash
