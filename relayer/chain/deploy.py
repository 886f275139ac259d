"""Programs onto the cluster: a buffer filled in chunks, then deployed or swapped in. What is there already is not sent.

The buffer's address follows from the payer and the code, so that an interrupted deployment goes on where it stopped.
What is asked and printed is the command's business.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.programs import loader
from relayer.chain.programs.loader import LOADER, Code
from relayer.chain.rpc import Rpc, Sleep
from relayer.chain.sender import Sender
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError, RelayerError, TransientError
from relayer.domain.intents import Submission

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

    def sha256(self, length: int) -> str:
        """Of its first `length` bytes, and of what follows if that is more than zeros: as of a file of that length."""
        code = self.code.code
        return hashlib.sha256(code[: max(length, len(code.rstrip(b"\0")))]).hexdigest()

    def growth(self, elf: bytes) -> int:
        """Bytes that it must grow by to hold this code."""
        short = len(elf) - len(self.code.code)
        return max(short, loader.MIN_EXTENSION) if short > 0 else 0


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


async def existing(rpc: Rpc, program: Pubkey) -> Deployed:
    """The program. PermanentError if there is none."""
    deployed = await read_program(rpc, program)
    if deployed is None:
        raise PermanentError(f"There is no program {program} on this cluster: check the address and the cluster.")
    return deployed


async def free(rpc: Rpc, program: Pubkey) -> None:
    """PermanentError if the address is taken."""
    if await read_program(rpc, program) is not None:
        raise PermanentError(f"Program {program} exists: upgrade it, or deploy under another key.")


async def stands(rpc: Rpc, program: Pubkey, elf: bytes, authority: Pubkey) -> bool:
    """Whether the program is this code and obeys this authority: all that deploying it would come to."""
    deployed = await read_program(rpc, program)
    return deployed is not None and deployed.matches(elf) and deployed.code.authority == authority


async def controlled(rpc: Rpc, program: Pubkey, authority: Pubkey) -> Deployed:
    """The program. PermanentError if it is not there or its upgrade authority is another."""
    deployed = await existing(rpc, program)
    if deployed.code.authority is None:
        raise PermanentError(f"Program {program} is immutable: nobody can change it. Deploy under another key.")
    if deployed.code.authority != authority:
        raise PermanentError(
            f"Program {program} obeys {deployed.code.authority} and not {authority}: name the key file of that "
            "authority."
        )
    return deployed


@dataclass(frozen=True, slots=True)
class Buffer:
    """Code on its way, or left there."""

    address: Pubkey
    code_len: int
    lamports: int


async def find_buffers(rpc: Rpc, authority: Pubkey) -> list[Buffer]:
    """The buffers that obey this authority, the fullest purse first."""
    found = await rpc.program_accounts(str(LOADER), loader.buffers_of(authority))
    buffers = (
        Buffer(Pubkey.from_string(address), len(account.data) - loader.BUFFER_HEADER_LEN, account.lamports)
        for address, account in found
    )
    return sorted(buffers, key=lambda buffer: -buffer.lamports)


async def planned(rpc: Rpc, elf: bytes, *, payer: Pubkey, authority: Pubkey) -> Plan:
    """Look at the buffer of this payer, authority and code. PermanentError if it obeys somebody else."""
    seed = hashlib.sha256(elf + bytes(authority)).hexdigest()[:32]
    buffer = loader.buffer_address(payer, seed)
    account = await rpc.account(str(buffer))
    held = loader.decode_buffer(account.data) if account else None
    if held and held.authority != authority:
        raise PermanentError(
            f"Buffer {buffer} obeys {held.authority or 'nobody'} and not {authority}: use another payer."
        )
    rent = await rpc.minimum_balance(loader.PROGRAM_DATA_HEADER_LEN + len(elf))
    return Plan(buffer, seed, held is not None, _missing(elf, held.code if held else b""), rent)


class Deployer:
    """Deploys for one payer and one authority."""

    def __init__(self, *, rpc: Rpc, sender: Sender, authority: Signer, sleep: Sleep = asyncio.sleep) -> None:
        self._rpc = rpc
        self._sender = sender
        self._payer = sender.payer
        self._authority = authority
        self._sleep = sleep

    async def deploy(self, elf: bytes, program: Signer, *, progress: Progress) -> str:
        """Deploy under a new program key; the signature. PermanentError if something stands there."""
        await free(self._rpc, program.pubkey)
        buffer = await self._fill(elf, progress)
        steps = await self._deployment(elf, program.pubkey, buffer)
        return await self._last(steps, [program, self._authority], program.pubkey)

    async def upgrade(self, elf: bytes, program: Pubkey, *, progress: Progress) -> str:
        """Replace the program's code, making room first where the new one is longer; the signature."""
        deployed = await controlled(self._rpc, program, self._authority.pubkey)
        buffer = await self._fill(elf, progress)
        if growth := deployed.growth(elf):
            await self._sender.run([loader.extend(program, self._payer.pubkey, growth)], [], purpose="deploy")
            await self._callable(program)
        return await self._last([self._swap(program, buffer)], [self._authority], program)

    async def rehearse(self, elf: bytes, program: Signer | Pubkey) -> Submission:
        """Simulate the next step towards deploying (a key) or upgrading (an address): the buffer, a chunk, or the last.

        Later steps build on accounts that are not there yet. Raises PermanentError or TransientError as sending would.
        """
        plan = await self._plan(elf)
        if not plan.buffer_exists:
            return await self._sender.build(await self._creation(plan, len(elf)), [], purpose="deploy")
        if plan.missing:
            chunk = self._chunk(plan, elf, plan.missing[0])
            return await self._sender.build([chunk], [self._authority], purpose="deploy")
        if isinstance(program, Signer):
            steps = await self._deployment(elf, program.pubkey, plan.buffer)
            return await self._sender.build(steps, [program, self._authority], purpose="deploy")
        return await self._rehearse_upgrade(elf, program, plan)

    async def _rehearse_upgrade(self, elf: bytes, program: Pubkey, plan: Plan) -> Submission:
        if growth := (await controlled(self._rpc, program, self._authority.pubkey)).growth(elf):
            step = loader.extend(program, self._payer.pubkey, growth)
            return await self._sender.build([step], [], purpose="deploy")
        return await self._sender.build([self._swap(program, plan.buffer)], [self._authority], purpose="deploy")

    async def _plan(self, elf: bytes) -> Plan:
        return await planned(self._rpc, elf, payer=self._payer.pubkey, authority=self._authority.pubkey)

    async def _last(self, steps: Sequence[Instruction], signers: Sequence[Signer], program: Pubkey) -> str:
        """Send what makes the code a program, and wait until it may be called."""
        submission = await self._sender.run(steps, signers, purpose="deploy")
        await self._callable(program)
        return submission.signature

    async def _fill(self, elf: bytes, progress: Progress) -> Pubkey:
        """Write what the buffer lacks until it shows the whole code; its address."""
        total = len(_missing(elf, b""))
        for _ in range(_ROUNDS):
            plan = await self._plan(elf)
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
        deployed = await existing(self._rpc, program)
        for _ in range(_SLOT_LOOKS):
            if await self._rpc.slot() > (deployed.code.slot or 0):
                return deployed
            await self._sleep(_SLOT_S)
        raise PermanentError(f"The cluster makes no slots after {deployed.code.slot}: look whether it stands still.")


def _missing(elf: bytes, held: bytes) -> tuple[int, ...]:
    return tuple(
        offset for offset in range(0, len(elf), CHUNK) if held[offset : offset + CHUNK] != elf[offset : offset + CHUNK]
    )
