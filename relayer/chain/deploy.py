"""Programs onto the cluster: a buffer filled in chunks, then deployed or swapped in. What is there already is not sent.

The buffer's address follows from the payer and the code, so that an interrupted deployment goes on where it stopped.
What is asked and printed is the command's business.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs import loader
from relayer.chain.programs.loader import LOADER, Code
from relayer.chain.rpc import Rpc, Sleep
from relayer.chain.sender import Sender
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError, RelayerError, TransientError

CHUNK = 850
"""Code bytes a transaction, beside three signatures' room and the compute-budget instructions."""
_AT_ONCE = 16
_ROUNDS = 5
_SLOT_S = 0.2
_SLOT_LOOKS = 300

Progress = Callable[[int, int], None]
"""Called with (chunks written, chunks in all)."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A program as the chain shows it."""

    program: Pubkey
    code: Code

    def matches(self, elf: bytes) -> bool:
        """Whether its code is this file, and nothing but zeros after it."""
        code = self.code.code
        return code[: len(elf)] == elf and not any(code[len(elf) :])


@dataclass(frozen=True, slots=True)
class Plan:
    """What bringing code onto the chain takes, before anything is signed."""

    buffer: Pubkey
    seed: str
    buffer_exists: bool
    missing: tuple[int, ...]
    """Offsets of the chunks that the buffer does not hold yet."""
    rent: int
    """Lamports that stay with the program's accounts, or go back once the buffer is used."""

    @property
    def transactions(self) -> int:
        """Without the last one, which deploys or upgrades."""
        return len(self.missing) + (not self.buffer_exists)


async def read_program(rpc: Rpc, program: Pubkey) -> Deployed | None:
    """The program, None if there is none. PermanentError for an address that holds something else."""
    account = await rpc.account(str(program))
    if account is None:
        return None
    if account.owner != str(LOADER):
        raise PermanentError(
            f"{program} is an account of {account.owner} and no upgradeable program: check the address."
        )
    code = await rpc.account(str(loader.program_data_address(program)))
    if code is None:
        raise PermanentError(f"Program {program} was closed: deploy under another key.")
    return Deployed(program, loader.decode_program_data(code.data))


class Deployer:
    """Deploys for one payer and one authority."""

    def __init__(self, *, rpc: Rpc, sender: Sender, authority: Signer, sleep: Sleep = asyncio.sleep) -> None:
        self._rpc = rpc
        self._sender = sender
        self._payer = sender.payer
        self._authority = authority
        self._sleep = sleep

    async def plan(self, elf: bytes) -> Plan:
        """Look at the buffer. PermanentError if another authority's code stands there."""
        seed = hashlib.sha256(elf + bytes(self._authority.pubkey)).hexdigest()[:32]
        buffer = loader.buffer_address(self._payer.pubkey, seed)
        account = await self._rpc.account(str(buffer))
        held = b"" if account is None else loader.decode_buffer(account.data).code
        rent = await self._rpc.minimum_balance(loader.PROGRAM_DATA_HEADER_LEN + len(elf))
        return Plan(buffer, seed, account is not None, _missing(elf, held), rent)

    async def deploy(self, elf: bytes, program: Signer, *, progress: Progress) -> Deployed:
        """Deploy under a new program key. PermanentError if something stands there."""
        await self.free(program.pubkey)
        buffer = await self._fill(elf, progress)
        steps = await self._deployment(elf, program.pubkey, buffer)
        await self._sender.run(steps, [program, self._authority], purpose="deploy")
        return await self._callable(program.pubkey)

    async def upgrade(self, elf: bytes, program: Pubkey, *, progress: Progress) -> Deployed:
        """Replace the program's code, making room first where the new one is longer."""
        deployed = await self.controlled(program)
        buffer = await self._fill(elf, progress)
        if (short := len(elf) - len(deployed.code.code)) > 0:
            growth = max(short, loader.MIN_EXTENSION)
            await self._sender.run([loader.extend(program, self._payer.pubkey, growth)], [], purpose="deploy")
            await self._callable(program)
        await self._sender.run([self._swap(program, buffer)], [self._authority], purpose="deploy")
        return await self._callable(program)

    async def rehearse(self, elf: bytes, program: Signer | Pubkey) -> None:
        """Simulate the next step towards deploying (a key) or upgrading (an address): the buffer, a chunk, or the last.

        Later steps build on accounts that are not there yet. Raises PermanentError or TransientError as sending would.
        """
        plan = await self.plan(elf)
        if not plan.buffer_exists:
            await self._sender.build(await self._creation(plan, len(elf)), [], purpose="deploy")
        elif plan.missing:
            await self._sender.build([self._chunk(plan, elf, plan.missing[0])], [self._authority], purpose="deploy")
        elif isinstance(program, Signer):
            steps = await self._deployment(elf, program.pubkey, plan.buffer)
            await self._sender.build(steps, [program, self._authority], purpose="deploy")
        else:
            await self._sender.build([self._swap(program, plan.buffer)], [self._authority], purpose="deploy")

    async def rehearse_authority(self, program: Pubkey, new: Pubkey | None) -> None:
        """Simulate the handover."""
        handover = loader.set_authority(program, self._authority.pubkey, new)
        await self._sender.build([handover], [self._authority], purpose="deploy")

    async def free(self, program: Pubkey) -> None:
        """PermanentError if the address is taken."""
        if await read_program(self._rpc, program) is not None:
            raise PermanentError(f"Program {program} exists: upgrade it, or deploy under another key.")

    async def set_authority(self, program: Pubkey, new: Pubkey | None) -> Deployed:
        """Hand the program over, or make it immutable (None)."""
        await self.controlled(program)
        handover = loader.set_authority(program, self._authority.pubkey, new)
        await self._sender.run([handover], [self._authority], purpose="deploy")
        return await self._existing(program)

    async def controlled(self, program: Pubkey) -> Deployed:
        """The program. PermanentError if it is not there or its upgrade authority is another."""
        deployed = await self._existing(program)
        if deployed.code.authority is None:
            raise PermanentError(f"Program {program} is immutable: nobody can change it. Deploy under another key.")
        if deployed.code.authority != self._authority.pubkey:
            raise PermanentError(
                f"Program {program} obeys {deployed.code.authority} and not {self._authority.address}: "
                "name the key file of that authority."
            )
        return deployed

    async def _existing(self, program: Pubkey) -> Deployed:
        deployed = await read_program(self._rpc, program)
        if deployed is None:
            raise PermanentError(f"There is no program {program} on this cluster: check the address and the cluster.")
        return deployed

    async def _fill(self, elf: bytes, progress: Progress) -> Pubkey:
        """Write what the buffer lacks until it shows the whole code; its address."""
        total = len(_missing(elf, b""))
        for _ in range(_ROUNDS):
            plan = await self.plan(elf)
            progress(total - len(plan.missing), total)
            if plan.buffer_exists and not plan.missing:
                return plan.buffer
            if not plan.buffer_exists:
                await self._sender.run(await self._creation(plan, len(elf)), [], purpose="deploy")
            await self._write(plan, elf, progress, total)
        raise PermanentError(f"Buffer {plan.buffer} does not take the code: run the command again to go on from here.")

    async def _creation(self, plan: Plan, code_len: int) -> list[Instruction]:
        lamports = await self._rpc.minimum_balance(loader.PROGRAM_DATA_HEADER_LEN + code_len)
        return loader.create_buffer(
            self._payer.pubkey, plan.seed, authority=self._authority.pubkey, code_len=code_len, lamports=lamports
        )

    def _chunk(self, plan: Plan, elf: bytes, offset: int) -> Instruction:
        return loader.write(plan.buffer, self._authority.pubkey, offset, elf[offset : offset + CHUNK])

    async def _deployment(self, elf: bytes, program: Pubkey, buffer: Pubkey) -> list[Instruction]:
        return loader.deploy(
            self._payer.pubkey,
            program,
            buffer,
            authority=self._authority.pubkey,
            max_len=len(elf),
            lamports=await self._rpc.minimum_balance(loader.PROGRAM_LEN),
        )

    def _swap(self, program: Pubkey, buffer: Pubkey) -> Instruction:
        return loader.upgrade(program, buffer, authority=self._authority.pubkey, spill=self._payer.pubkey)

    async def _write(self, plan: Plan, elf: bytes, progress: Progress, total: int) -> None:
        """Send the missing chunks; those that fail are seen missing in the next round. Raises if all fail."""
        written = total - len(plan.missing)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def put(offset: int) -> RelayerError | None:
            nonlocal written
            try:
                async with gate:
                    await self._sender.run([self._chunk(plan, elf, offset)], [self._authority], purpose="deploy")
            except (TransientError, PermanentError) as error:
                return error
            written += 1
            progress(written, total)
            return None

        errors = await asyncio.gather(*(put(offset) for offset in plan.missing))
        if errors and all(errors):
            raise next(error for error in errors if error)

    async def _callable(self, program: Pubkey) -> Deployed:
        """Wait for the slot after the deployment, from which on the program may be called or deployed again."""
        deployed = await self._existing(program)
        for _ in range(_SLOT_LOOKS):
            if await self._rpc.slot() > (deployed.code.slot or 0):
                return deployed
            await self._sleep(_SLOT_S)
        raise PermanentError(f"The cluster makes no slots after {deployed.code.slot}: look whether it stands still.")


def _missing(elf: bytes, held: bytes) -> tuple[int, ...]:
    return tuple(
        offset for offset in range(0, len(elf), CHUNK) if held[offset : offset + CHUNK] != elf[offset : offset + CHUNK]
    )
