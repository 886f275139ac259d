"""`relayer program`: the on-chain program's code. What a command runs is imported when it runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from relayer.cli.acting import (
    Acting,
    ConfigOption,
    DryRunOption,
    JsonOption,
    PayerOption,
    RpcOption,
    YesOption,
    acting,
    agree,
    cluster,
    key,
    reading,
    show,
    sol,
)
from relayer.domain.errors import PermanentError, UsageError

if TYPE_CHECKING:
    from solders.pubkey import Pubkey

    from relayer.chain.deploy import Deployed, Deployer, Plan
    from relayer.chain.signer import Signer

program = typer.Typer(help="Deploy, upgrade, hand over and verify the on-chain program.", no_args_is_help=True)

FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE.so]", help="ELF file; the shipped oracle program if left out.")
]
ProgramOption = Annotated[
    str | None,
    typer.Option("--program", metavar="ADDR", help="Program; the file's cluster.oracle_program if left out."),
]
AuthorityOption = Annotated[
    Path | None, typer.Option("--authority", metavar="KEY.json", help="Upgrade authority; the payer if left out.")
]
_LAMPORTS_PER_SIGNATURE = 5_000


@program.command()
def deploy(
    program_key: Annotated[
        Path, typer.Option(metavar="KEY.json", help="Key of the program's address; made if the file is not there.")
    ],
    file: FileArgument = None,
    authority: AuthorityOption = None,
    payer: PayerOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Deploy the program under a new address. After an interruption run it again: it goes on where it stopped.

    Example: relayer program deploy --program-key oracle.json --payer payer.json --rpc http://127.0.0.1:8899
    """
    code = _read_code(file)
    target = _program_key(program_key, dry_run=dry_run)

    async def run() -> None:
        async with _access(config, rpc, payer, authority, target.address) as access:
            await access.deployer.free(target.pubkey)
            if await _may_go_on(access, code, target, yes=yes, dry_run=dry_run):
                with _progress() as progress:
                    _print(await access.deployer.deploy(code.elf, target, progress=progress), code, as_json)

    asyncio.run(run())


@program.command()
def upgrade(
    file: FileArgument = None,
    address: ProgramOption = None,
    authority: AuthorityOption = None,
    payer: PayerOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replace the program's code, making room where the new one is longer. Goes on after an interruption.

    Example: relayer program upgrade --config relayer.toml --authority upgrade.json
    """
    code = _read_code(file)

    async def run() -> None:
        async with _access(config, rpc, payer, authority, address) as access:
            deployed = await access.deployer.controlled(access.program)
            if deployed.matches(code.elf):
                _print(deployed, code, as_json)
            elif await _may_go_on(access, code, access.program, yes=yes, dry_run=dry_run):
                with _progress() as progress:
                    _print(await access.deployer.upgrade(code.elf, access.program, progress=progress), code, as_json)

    asyncio.run(run())


@program.command()
def set_authority(
    new: Annotated[str | None, typer.Option(metavar="ADDR", help="Who may upgrade from now on.")] = None,
    immutable: Annotated[bool, typer.Option("--immutable", help="Nobody, for ever.")] = False,
    address: ProgramOption = None,
    authority: AuthorityOption = None,
    payer: PayerOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hand the right to upgrade to another key, or give it up for ever.

    Example: relayer program set-authority --config relayer.toml --authority upgrade.json --immutable
    """
    if (new is None) != immutable:
        raise UsageError("Who may upgrade from now on? Give --new with an address, or --immutable, and not both.")
    heir = None if new is None else _address(new)

    async def run() -> None:
        async with _access(config, rpc, payer, authority, address) as access:
            await access.deployer.controlled(access.program)
            show([*access.rows(), ("will sign", f"1 transaction: authority to {heir or 'nobody, for ever'}")])
            if dry_run:
                await access.deployer.rehearse_authority(access.program, heir)
                _say_rehearsed()
            else:
                agree(yes)
                _print(await access.deployer.set_authority(access.program, heir), None, as_json)

    asyncio.run(run())


@program.command()
def verify(
    file: FileArgument = None,
    address: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the code on chain with a file, byte by byte. Exit status 0 if they are the same, 1 if not.

    Example: relayer program verify --config relayer.toml
    """
    from relayer.chain.deploy import read_program

    code = _read_code(file)
    settings = cluster(config, rpc, program=address)
    target = _address(settings.oracle_program)

    async def run() -> None:
        async with reading(settings) as client:
            deployed = await read_program(client, target)
        if deployed is None:
            raise PermanentError(f"There is no program {target} on this cluster: check the address and the cluster.")
        _print(deployed, code, as_json)
        if not deployed.matches(code.elf):
            raise PermanentError(f"The code of program {target} is not {code.name}: see `relayer program upgrade`.")

    asyncio.run(run())


@dataclass(frozen=True)
class _Code:
    name: str
    elf: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.elf).hexdigest()


@dataclass(frozen=True)
class _Access:
    act: Acting
    deployer: Deployer
    program: Pubkey
    authority: Signer

    def rows(self) -> list[tuple[str, str]]:
        return [
            ("cluster", self.act.rpc.name),
            ("program", str(self.program)),
            ("payer", self.act.payer.address),
            ("authority", self.authority.address),
        ]


@asynccontextmanager
async def _access(
    config: Path | None, rpc: list[str] | None, payer: Path | None, authority: Path | None, address: str | None
) -> AsyncIterator[_Access]:
    from relayer.chain.deploy import Deployer

    paying = key("--payer", payer, config, "payer")
    upgrading = paying if authority is None else key("--authority", authority, None, "authority")
    settings = cluster(config, rpc, program=address)
    async with acting(settings, paying) as act:
        deployer = Deployer(rpc=act.rpc, sender=act.sender, authority=upgrading)
        yield _Access(act, deployer, _address(settings.oracle_program), upgrading)


async def _may_go_on(access: _Access, code: _Code, target: Signer | Pubkey, *, yes: bool, dry_run: bool) -> bool:
    """Show what will be signed; then simulate only (False), or ask."""
    plan = await access.deployer.plan(code.elf)
    balance = await access.act.rpc.balance(access.act.payer.address)
    costs = _costs(code, plan, signatures=len({access.act.payer.address, access.authority.address}))
    show([*access.rows(), *costs, ("balance", sol(balance))])
    if dry_run:
        await access.deployer.rehearse(code.elf, target)
        _say_rehearsed()
        return False
    agree(yes)
    return True


def _costs(code: _Code, plan: Plan, *, signatures: int) -> list[tuple[str, str]]:
    count = plan.transactions + 1
    buffer = "is there" if plan.buffer_exists else "to be made"
    return [
        ("code", f"{code.name}, {len(code.elf):,} bytes, sha256 {code.sha256}"),
        ("buffer", f"{plan.buffer} ({buffer}, {len(plan.missing)} chunks missing)"),
        ("will sign", f"{count} transactions"),
        ("costs", f"rent {sol(plan.rent)}, fees about {sol(count * signatures * _LAMPORTS_PER_SIGNATURE)}"),
    ]


def _read_code(file: Path | None) -> _Code:
    """The file, or the shipped program. Raises UsageError for a file that is no ELF."""
    if file is None:
        return _shipped_code()
    try:
        elf = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): check the path.") from error
    if elf[:4] != b"\x7fELF":
        raise UsageError(f"{file} is not an ELF file: name the program's .so file.")
    return _Code(str(file), elf)


def _shipped_code() -> _Code:
    """The program in this installation, checked against the hash beside it."""
    from importlib.resources import files

    folder = files("relayer") / "data" / "programs"
    code = _Code("the shipped oracle.so", (folder / "oracle.so").read_bytes())
    if f"{code.sha256}  oracle.so" not in (folder / "SHA256SUMS").read_text().splitlines():
        raise PermanentError(
            "The shipped oracle.so is not the one of its hash in SHA256SUMS: install the relayer anew."
        )
    return code


def _program_key(path: Path, *, dry_run: bool) -> Signer:
    from relayer.chain.signer import Signer, load_keypair, write_keypair

    if path.exists():
        return load_keypair(path, role="program")
    return Signer(os.urandom(32)) if dry_run else write_keypair(path)


def _address(text: str) -> Pubkey:
    from solders.pubkey import Pubkey

    try:
        return Pubkey.from_string(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not an address: give 32 bytes in base58.") from error


def _say_rehearsed() -> None:
    typer.echo("The next step simulates well. Nothing was sent.", err=True)


def _print(deployed: Deployed, code: _Code | None, as_json: bool) -> None:
    facts = {
        "program": str(deployed.program),
        "authority": None if deployed.code.authority is None else str(deployed.code.authority),
        "slot": deployed.code.slot,
    }
    if code is not None:
        facts |= {"sha256": code.sha256, "matches": deployed.matches(code.elf)}
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            typer.echo(f"{name:<9}  {value}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("writing the code")
        yield lambda done, total: bar.update(task, completed=done, total=total)
