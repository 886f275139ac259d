"""Code on its way to the cluster: the file, what bringing it takes, and a program's facts for people and scripts."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from relayer.domain.errors import PermanentError, UsageError

if TYPE_CHECKING:
    from solders.pubkey import Pubkey

    from relayer.chain.deploy import Deployed, Deployer, Plan
    from relayer.chain.rpc import Rpc
    from relayer.chain.sender import Sender
    from relayer.chain.signer import Signer
    from relayer.domain.intents import Submission


@dataclass(frozen=True)
class ElfFile:
    """A program's file, `origin` where its hash comes from."""

    name: str
    content: bytes
    origin: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def elf_file(path: Path | None) -> ElfFile:
    """The file, or the shipped program. Raises UsageError for a file that is no ELF."""
    if path is None:
        return _shipped()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): check the path.") from error
    if content[:4] != b"\x7fELF":
        raise UsageError(f"{path} is not an ELF file: name the program's .so file.")
    return ElfFile(str(path), content, "the file's")


def _shipped() -> ElfFile:
    """The program in this installation, checked against the hash beside it."""
    from importlib.resources import files

    folder = files("relayer") / "data" / "programs"
    file = ElfFile("the shipped oracle.so", (folder / "oracle.so").read_bytes(), "the one committed in SHA256SUMS")
    if f"{file.sha256}  oracle.so" not in (folder / "SHA256SUMS").read_text().splitlines():
        raise PermanentError(
            "The shipped oracle.so is not the one of its hash in SHA256SUMS: install the relayer anew."
        )
    return file


@dataclass(frozen=True)
class Deployment:
    """Work: code under a new address. The key of the address is made only once the operator has agreed."""

    rpc: Rpc
    file: ElfFile
    plan: Plan
    authority: Signer
    key_file: Path

    @property
    def transactions(self) -> int:
        return self.plan.transactions + 1

    def key(self) -> Signer | None:
        """None before the key is made."""
        from relayer.chain.signer import load_keypair

        return load_keypair(self.key_file, role="program") if self.key_file.exists() else None

    async def rehearse(self, sender: Sender) -> Submission:
        from relayer.chain.signer import Signer

        target = self.key() or Signer(os.urandom(32))
        return await _deployer(self.rpc, sender, self.authority).rehearse(self.file.content, target)

    async def perform(self, sender: Sender) -> list[str]:
        from relayer.chain.signer import write_keypair

        target = self.key() or write_keypair(self.key_file)
        with _progress() as progress:
            deployer = _deployer(self.rpc, sender, self.authority)
            return [await deployer.deploy(self.file.content, target, progress=progress)]


@dataclass(frozen=True)
class Upgrade:
    """Work: other code under an address that is there."""

    rpc: Rpc
    file: ElfFile
    plan: Plan
    authority: Signer
    deployed: Deployed

    @property
    def transactions(self) -> int:
        return self.plan.transactions + 1 + bool(self.deployed.growth(self.file.content))

    async def rehearse(self, sender: Sender) -> Submission:
        deployer = _deployer(self.rpc, sender, self.authority)
        return await deployer.rehearse(self.file.content, self.deployed.program)

    async def perform(self, sender: Sender) -> list[str]:
        with _progress() as progress:
            deployer = _deployer(self.rpc, sender, self.authority)
            return [await deployer.upgrade(self.file.content, self.deployed.program, progress=progress)]


def code_rows(file: ElfFile, plan: Plan) -> list[tuple[str, str]]:
    """What is written, and where it is gathered first."""
    buffer = "is there" if plan.buffer_exists else "to be made"
    return [
        ("code", f"{file.name}, {len(file.content):,} bytes, sha256 {file.sha256}"),
        ("buffer", f"{plan.buffer} ({buffer}, {len(plan.missing)} chunks missing)"),
    ]


async def program_facts(rpc: Rpc, program: Pubkey, file: ElfFile | None = None) -> dict[str, Any]:
    """A program as the chain shows it, compared with the file where there is one. PermanentError if there is none."""
    from relayer.chain.deploy import existing

    found = await existing(rpc, program)
    facts: dict[str, Any] = {
        "program": str(program),
        "authority": str(found.code.authority) if found.code.authority else None,
        "slot": found.code.slot,
    }
    if file is None:
        return facts
    on_chain = found.sha256(len(file.content))
    return {**facts, "sha256": on_chain, "wanted_sha256": file.sha256, "matches": found.matches(file.content)}


def _deployer(rpc: Rpc, sender: Sender, authority: Signer) -> Deployer:
    from relayer.chain.deploy import Deployer

    return Deployer(rpc=rpc, sender=sender, authority=authority)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere; what to do after Ctrl-C."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("writing the code")
            yield lambda done, total: bar.update(task, completed=done, total=total)
    except asyncio.CancelledError:
        typer.echo("Interrupted: run the command again to go on from here, or take the rent back with", err=True)
        typer.echo("`relayer program close-buffer`.", err=True)
        raise
