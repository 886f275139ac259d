"""SIGKILL at every stored step of an activation and of a settlement: after a restart, exactly one of each."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from relayer.conditions.parse import parse_spec
from relayer.demo.scenario import TICKERS, DemoMarket
from relayer.domain.intents import IntentState
from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Outcome
from tests.e2e.world import TAPE, World, open_world, run_clock_to, tape_time

STEPS = ("put_intent", "record_submission", "send", "update_submission", "finish_intent")
DEATHS = [f"{when} {step}" for step in STEPS for when in ("before", "after")]
DYING = ("-m", "tests.e2e.dying_relayer")
STARTED = '"event": "started"'
INSTRUCTIONS = {"c1129b3ea17c5019": "create", "4adfbb06f513dcfd": "activate", "83c74b9b10c74801": "settle"}
ASKED_AGAIN_MS = 300_000
"""By then the venue's own history of the verdict's minute may be asked for."""
OUTCOME = DemoMarket("outcome", PnpKind.V2, TICKERS[4], "", {"type": "outcome", "result": "yes"})


async def test_killed_at_every_step_it_activates_once_and_settles_once(tmp_path: Path) -> None:
    """One market for each step; they share a spec, so they share a verdict too."""
    document = OUTCOME.spec(tape_time(0), tape_time(105_000))
    async with open_world(tmp_path, tape_time(104_000), [(OUTCOME, document)] * len(DEATHS)) as world:
        await die_everywhere(world, "activate")
        await finish(world, "activate")
        assert all([(await world.market(address)).resolvable for address in world.markets])

        await run_clock_to(world.clock, TAPE.header.to_ms + ASKED_AGAIN_MS)
        for when in ("before", "after"):
            await die_at(world, f"{when} latch", parse_spec(document).hash)
        await die_everywhere(world, "settle")
        await finish(world, "settle")

        for address in world.markets:
            assert (await world.market(address)).winner is Outcome.YES
            assert await changes(world, address) == {"create": 1, "activate": 1, "settle": 1}


async def die_everywhere(world: World, act: str) -> None:
    """Each market's act is cut off once, at its own step; those cut off before are finished meanwhile."""
    keys = [f"{act}:{address}" for address in world.markets]
    for number, where in enumerate(DEATHS):
        await die_at(world, where, keys[number], held=keys[number + 1 :])


async def die_at(world: World, where: str, subject: str, held: Sequence[str] = ()) -> None:
    process = await world.start(program=DYING, DIE_AT=f"{where} {subject}", HELD=" ".join(held))
    try:
        async with asyncio.timeout(60):
            status = await process.wait()
    except TimeoutError:
        process.kill()
        raise AssertionError(f"{where} {subject} was never reached:\n{world.log()[-3000:]}") from None
    assert status == -signal.SIGKILL, f"{where} {subject}:\n{world.log()[-3000:]}"


async def finish(world: World, act: str) -> None:
    """Let a sound daemon run until every market's act is done, then stop it as an operator would."""
    starts = world.log().count(STARTED)
    process = await world.start()
    try:
        async with asyncio.timeout(60):
            while world.log().count(STARTED) == starts or not await is_done(world, act):
                await asyncio.sleep(0.2)
                assert process.returncode is None, world.log()[-3000:]
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0, world.log()[-3000:]


async def is_done(world: World, act: str) -> bool:
    with closing(sqlite3.connect(f"file:{world.folder}/relayer.db?mode=ro", uri=True)) as store:
        states = store.execute("SELECT state FROM intents WHERE act = ?", (act,)).fetchall()
    return states == [(IntentState.DONE,)] * len(world.markets)


async def changes(world: World, address: str) -> Counter[str]:
    """Transactions on the market's account that succeeded, by the instruction that they carried."""
    found: Counter[str] = Counter()
    async with AsyncClient(world.cluster.settings.rpc_urls[0].get_secret_value(), commitment=Confirmed) as client:
        history = await client.get_signatures_for_address(Pubkey.from_string(address))
        for entry in history.value:
            if entry.err is None:
                found[await instruction_of(client, entry.signature)] += 1
    return found


async def instruction_of(client: AsyncClient, signature: Signature) -> str:
    answer = await client.get_transaction(signature, encoding="base64", max_supported_transaction_version=0)
    assert answer.value
    transaction = answer.value.transaction.transaction
    assert isinstance(transaction, VersionedTransaction)
    known = {bytes(instruction.data)[:8].hex() for instruction in transaction.message.instructions}
    return next((name for discriminator, name in INSTRUCTIONS.items() if discriminator in known), "other")
