"""Programs deployed, upgraded and handed over on a cluster, over plain RPC."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.deploy import CHUNK, Deployer, controlled, existing, find_buffers, planned
from relayer.chain.programs import loader
from relayer.chain.sender import Sender
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError
from tests.integration.chain.conftest import PROGRAMS, SOL, Cluster, new_key

SMALL = (PROGRAMS / "metadata_standin.so").read_bytes()
LARGE = (PROGRAMS / "pnp_standin.so").read_bytes()


class PowerCutError(Exception):
    """Nothing in the code handles it."""


class Progress:
    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.seen.append((done, total))


@pytest.fixture
def payer(cluster: Cluster) -> Signer:
    key = new_key()
    cluster.node.airdrop(key.pubkey, 100 * SOL)
    return key


@pytest.fixture
def authority() -> Signer:
    return new_key()


@pytest.fixture
def deployer(cluster: Cluster, payer: Signer, authority: Signer) -> Deployer:
    return deployer_of(cluster, payer, authority)


def deployer_of(cluster: Cluster, payer: Signer, authority: Signer) -> Deployer:
    return Deployer(rpc=cluster.rpc(), sender=cluster.sender(payer), authority=authority, sleep=_soon)


async def _soon(_: float) -> None:
    await asyncio.sleep(0.01)


async def deployed(deployer: Deployer, elf: bytes = SMALL) -> Pubkey:
    program = new_key()
    await deployer.deploy(elf, program, progress=Progress())
    return program.pubkey


async def test_a_program_is_deployed_and_can_be_called(
    cluster: Cluster, deployer: Deployer, payer: Signer, authority: Signer
) -> None:
    program, progress = new_key(), Progress()
    signature = await deployer.deploy(SMALL, program, progress=progress)
    [status] = await cluster.rpc().signature_statuses([signature])
    assert status
    found = await existing(cluster.rpc(), program.pubkey)
    assert found.matches(SMALL)
    assert found.code.authority == authority.pubkey
    chunks = -(-len(SMALL) // CHUNK)
    assert (progress.seen[0], progress.seen[-1]) == ((0, chunks), (chunks, chunks))
    with pytest.raises(PermanentError, match=rf"instruction 4 \(program {program.address}\): NotEnoughAccountKeys"):
        await cluster.sender(payer).build([Instruction(program.pubkey, b"\xff", [])], [], purpose="board")


async def test_the_address_must_be_free(deployer: Deployer) -> None:
    program = new_key()
    await deployer.deploy(SMALL, program, progress=Progress())
    with pytest.raises(PermanentError, match=f"Program {program.address} exists: upgrade it, or deploy under another"):
        await deployer.deploy(SMALL, program, progress=Progress())


async def test_an_upgrade_makes_room_for_longer_code_and_clears_after_shorter(
    cluster: Cluster, deployer: Deployer
) -> None:
    program = await deployed(deployer)
    await deployer.upgrade(LARGE, program, progress=Progress())
    longer = await existing(cluster.rpc(), program)
    assert longer.matches(LARGE)
    assert len(longer.code.code) > len(SMALL) + loader.MIN_EXTENSION
    await deployer.upgrade(SMALL, program, progress=Progress())
    shorter = await existing(cluster.rpc(), program)
    assert shorter.matches(SMALL)
    assert not shorter.matches(LARGE)
    assert shorter.sha256(len(SMALL)) == hashlib.sha256(SMALL).hexdigest()


async def test_the_buffer_s_rent_comes_back(cluster: Cluster, deployer: Deployer, payer: Signer) -> None:
    program = await deployed(deployer, LARGE)
    before = await cluster.rpc().balance(payer.address)
    await deployer.upgrade(SMALL, program, progress=Progress())
    spent = before - await cluster.rpc().balance(payer.address)
    assert spent < 0.001 * SOL


async def test_an_interrupted_deployment_goes_on_where_it_stopped(
    cluster: Cluster, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sent = Sender.run, 0

    async def dying(self: Sender, *arguments: Any, **options: Any) -> Any:
        nonlocal sent
        sent += 1
        if sent > 30:
            raise PowerCutError
        return await run(self, *arguments, **options)

    program = new_key()
    with monkeypatch.context() as patch:
        patch.setattr(Sender, "run", dying)
        with pytest.raises(PowerCutError):
            await deployer.deploy(LARGE, program, progress=Progress())
    progress = Progress()
    await deployer.deploy(LARGE, program, progress=progress)
    assert (await existing(cluster.rpc(), program.pubkey)).matches(LARGE)
    done, total = progress.seen[0]
    assert 0 < done < total


async def test_another_authority_is_refused_by_name(
    cluster: Cluster, deployer: Deployer, payer: Signer, authority: Signer
) -> None:
    program, stranger = await deployed(deployer), new_key()
    expected = f"Program {program} obeys {authority.address} and not {stranger.address}: name the key file of that"
    with pytest.raises(PermanentError, match=expected):
        await deployer_of(cluster, payer, stranger).upgrade(LARGE, program, progress=Progress())


async def test_a_buffer_of_another_authority_is_not_filled(
    cluster: Cluster, deployer: Deployer, payer: Signer, authority: Signer
) -> None:
    plan = await planned(cluster.rpc(), SMALL, payer=payer.pubkey, authority=authority.pubkey)
    made = loader.create_buffer(
        payer.pubkey, plan.seed, authority=payer.pubkey, code_len=len(SMALL), lamports=plan.rent
    )
    await cluster.sender(payer).run(made, [], purpose="deploy")
    with pytest.raises(PermanentError, match=f"Buffer {plan.buffer} obeys {payer.address} and not {authority.address}"):
        await deployer.deploy(SMALL, new_key(), progress=Progress())


async def test_abandoned_buffers_are_found_and_their_rent_comes_back(
    cluster: Cluster, payer: Signer, authority: Signer
) -> None:
    rpc, sender = cluster.rpc(), cluster.sender(payer)
    assert await find_buffers(rpc, authority.pubkey) == []
    for elf in (SMALL, LARGE):
        plan = await planned(rpc, elf, payer=payer.pubkey, authority=authority.pubkey)
        made = loader.create_buffer(
            payer.pubkey, plan.seed, authority=authority.pubkey, code_len=len(elf), lamports=plan.rent
        )
        await sender.run(made, [], purpose="deploy")
    found = await find_buffers(rpc, authority.pubkey)
    assert [buffer.code_len for buffer in found] == [len(LARGE), len(SMALL)]
    before = await rpc.balance(payer.address)
    closing = [loader.close_buffer(buffer.address, authority.pubkey, payer.pubkey) for buffer in found]
    await sender.run(closing, [authority], purpose="deploy")
    gained = await rpc.balance(payer.address) - before
    assert gained > 0.99 * sum(buffer.lamports for buffer in found)
    assert await find_buffers(rpc, authority.pubkey) == []


async def test_rehearsing_sends_nothing(cluster: Cluster, deployer: Deployer, payer: Signer) -> None:
    before = await cluster.rpc().balance(payer.address)
    program = new_key()
    await deployer.rehearse(SMALL, program)
    assert await cluster.rpc().balance(payer.address) == before
    live = await deployed(deployer)
    await deployer.rehearse(LARGE, live)
    found = await existing(cluster.rpc(), live)
    assert found.code.authority is not None
    assert not found.matches(LARGE)


async def test_what_is_no_program_is_named(cluster: Cluster, payer: Signer) -> None:
    with pytest.raises(PermanentError, match=f"{payer.address} is an account of 1111.* and no upgradeable program"):
        await controlled(cluster.rpc(), payer.pubkey, payer.pubkey)
    nowhere = Pubkey.new_unique()
    with pytest.raises(PermanentError, match=f"There is no program {nowhere} on this cluster"):
        await controlled(cluster.rpc(), nowhere, payer.pubkey)
