"""`relayer program`: the on-chain program's code. What a command runs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relayer.cli.addresses import address_of
from relayer.cli.deployment import Deployment, ElfFile, Upgrade, code_rows, elf_file, program_facts
from relayer.cli.desk import Desk, reads
from relayer.cli.printing import sol
from relayer.cli.signing import Facts, Nothing, Request, Transactions, signs
from relayer.domain.errors import PermanentError, UsageError

if TYPE_CHECKING:
    from relayer.chain.signer import Signer

program = typer.Typer(help="Deploy, upgrade, hand over and verify the on-chain program.", no_args_is_help=True)

FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE.so]", help="ELF file; the shipped oracle program if left out.")
]
AuthorityOption = Annotated[
    Path | None, typer.Option("--authority", metavar="KEY.json", help="Upgrade authority; the payer if left out.")
]
_CLOSED_AT_ONCE = 10


@program.command()
@signs
async def deploy(
    desk: Desk,
    program_key: Annotated[
        Path, typer.Option(metavar="KEY.json", help="Key of the program's address; made if the file is not there.")
    ],
    file: FileArgument = None,
    authority: AuthorityOption = None,
) -> Request | Nothing:
    """Deploy the program under a new address. After an interruption run it again: it goes on where it stopped.

    Example: relayer program deploy --program-key oracle.json --payer payer.json --rpc http://127.0.0.1:8899
    """
    from relayer.chain.deploy import free, planned, read_program, stands
    from relayer.chain.programs.loader import PROGRAM_LEN

    if desk.options.program:
        raise UsageError("A new program has the address of --program-key: leave --program out, or `upgrade` that one.")
    elf, upgrading = elf_file(file), _authority(desk, authority)
    plan = await planned(desk.rpc, elf.content, payer=desk.payer(upgrading).pubkey, authority=upgrading.pubkey)
    work = Deployment(desk.rpc, elf, plan, upgrading, program_key)
    target = work.key()

    async def facts() -> dict[str, Any]:
        made = work.key()
        if made is None or await read_program(desk.rpc, made.pubkey) is None:  # after a dry run
            return {"program": made.address if made else None}
        return await program_facts(desk.rpc, made.pubkey, elf)

    if target and await stands(desk.rpc, target.pubkey, elf.content, upgrading.pubkey):
        return Nothing(f"program {target.address} is {elf.name} already.", facts)
    if target:
        await free(desk.rpc, target.pubkey)
    rent = sol(plan.rent + await desk.rpc.minimum_balance(PROGRAM_LEN))
    rows = [
        ("program", target.address if target else f"a new address, its key goes to {program_key}"),
        *code_rows(elf, plan),
        ("rent", f"{rent} from the payer, as long as the program stands"),
    ]

    return Request(rows, {"authority": upgrading}, work, facts)


@program.command()
@signs
async def upgrade(desk: Desk, file: FileArgument = None, authority: AuthorityOption = None) -> Request | Nothing:
    """Replace the program's code, making room where the new one is longer. Goes on after an interruption.

    Example: relayer program upgrade --config relayer.toml --authority upgrade.json
    """
    from relayer.chain.deploy import controlled, planned

    elf, upgrading = elf_file(file), _authority(desk, authority)
    deployed = await controlled(desk.rpc, desk.program, upgrading.pubkey)
    facts = _facts(desk, elf)
    if deployed.matches(elf.content):
        return Nothing(f"program {desk.program} is {elf.name} already.", facts)
    plan = await planned(desk.rpc, elf.content, payer=desk.payer(upgrading).pubkey, authority=upgrading.pubkey)
    growth = deployed.growth(elf.content)
    longer = await desk.rpc.minimum_balance(growth) - await desk.rpc.minimum_balance(0) if growth else 0
    rows = [
        ("program", str(desk.program)),
        *code_rows(elf, plan),
        (
            "rent",
            f"{sol(plan.rent)} in the buffer, back at the end; {sol(longer)} more for longer code, which stays",
        ),
    ]
    return Request(rows, {"authority": upgrading}, Upgrade(desk.rpc, elf, plan, upgrading, deployed), facts)


@program.command()
@signs
async def set_authority(
    desk: Desk,
    new: Annotated[
        str | None,
        typer.Option(metavar="KEY.json", help="Who may upgrade from now on; signs too. With --unchecked an address."),
    ] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Take an address, though nobody shows that its key exists.")
    ] = False,
    immutable: Annotated[bool, typer.Option("--immutable", help="Nobody may upgrade any more, for ever.")] = False,
    authority: AuthorityOption = None,
) -> Request | Nothing:
    """Hand the right to upgrade to another key, which signs too, or give it up for ever.

    Example: relayer program set-authority --new heir.json --config relayer.toml --authority upgrade.json
    """
    from relayer.chain.deploy import controlled
    from relayer.chain.programs import loader

    if (new is None) != immutable or (immutable and unchecked):
        raise UsageError("Who may upgrade from now on? Give --new, or --immutable, and not both.")
    signers = {"authority": _authority(desk, authority)}
    current = signers["authority"].pubkey
    warnings = []
    if new is None:
        step, heir = loader.set_authority(desk.program, current, None), None
        warnings.append("nobody will be able to change this program again, whatever is wrong with it.")
    elif unchecked:
        heir = address_of(new)
        step = loader.set_authority(desk.program, current, heir)
        warnings.append(f"nothing shows that anybody holds the key of {heir}: without it the program is immutable.")
    else:
        signers["new authority"] = _heir(desk, new)
        heir = signers["new authority"].pubkey
        step = loader.hand_over(desk.program, current, heir)
    await controlled(desk.rpc, desk.program, current)
    if heir == current:
        return Nothing(f"program {desk.program} obeys {heir} already.", _facts(desk))
    rows = [("program", str(desk.program)), ("hand over", f"from {current} to {heir or 'nobody, for ever'}")]
    work = Transactions([[step]], list(signers.values()), "deploy")
    return Request(rows, signers, work, _facts(desk), warnings)


@program.command()
@reads
async def verify(desk: Desk, file: FileArgument = None) -> None:
    """Compare the code on chain with a file, byte by byte. Exit status 0 if they are the same, 1 if not.

    Example: relayer program verify --config relayer.toml
    """
    elf = elf_file(file)
    facts = await program_facts(desk.rpc, desk.program, elf)
    desk.report(facts)
    if not facts["matches"]:
        raise PermanentError(
            f"The code of program {desk.program} is not {elf.name}: its sha256 is {facts['sha256']} and not "
            f"{elf.sha256}, {elf.origin}. See `relayer program upgrade`."
        )
    typer.echo(f"The code of program {desk.program} is {elf.name}: its sha256 is {elf.origin}.", err=True)


@program.command()
@reads
async def buffers(
    desk: Desk,
    authority: Annotated[
        str | None, typer.Option(metavar="ADDR", help="Whose; the address of the file's keys.payer if left out.")
    ] = None,
) -> None:
    """List buffers: code that was being written and never became a program, with the rent that lies in them.

    Example: relayer program buffers --authority <address> --rpc http://127.0.0.1:8899
    """
    from relayer.chain.deploy import find_buffers

    if authority is None and desk.key_file("payer") is None:
        raise UsageError("Whose buffers? Give --authority with an address, or --config with keys.payer.")
    whose = address_of(authority) if authority else desk.payer().pubkey
    found = await find_buffers(desk.rpc, whose)
    rows = [{"buffer": str(one.address), "bytes": one.code_len, "lamports": one.lamports} for one in found]
    desk.report(rows)
    if not rows:
        typer.echo(f"{whose} has no buffers.", err=True)


@program.command()
@signs
async def close_buffer(
    desk: Desk,
    buffer: Annotated[
        list[str] | None, typer.Argument(metavar="[BUFFER]...", help="Addresses; see `relayer program buffers`.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All buffers of the authority.")] = False,
    authority: AuthorityOption = None,
) -> Request | Nothing:
    """Give up buffers; their rent goes to the payer.

    Example: relayer program close-buffer --all --payer payer.json --rpc http://127.0.0.1:8899
    """
    from relayer.chain.deploy import find_buffers
    from relayer.chain.programs.loader import close_buffer as closing

    if bool(buffer) == every:
        raise UsageError("Which buffers? Name them, or give --all, and not both.")
    holder = _authority(desk, authority)
    payer = desk.payer(holder)
    found = {one.address: one for one in await find_buffers(desk.rpc, holder.pubkey)}
    wanted = list(dict.fromkeys(map(address_of, buffer or ()))) or list(found)
    if unknown := [str(address) for address in wanted if address not in found]:
        raise PermanentError(
            f"{', '.join(unknown)}: no buffer of {holder.address} on this cluster; see `relayer program buffers`."
        )

    async def facts() -> dict[str, Any]:
        return {"closed": [str(address) for address in wanted]}

    if not wanted:
        return Nothing(f"{holder.address} has no buffers.", facts)
    steps = [closing(address, holder.pubkey, payer.pubkey) for address in wanted]
    parts = [steps[start : start + _CLOSED_AT_ONCE] for start in range(0, len(steps), _CLOSED_AT_ONCE)]
    rows = [
        ("close", ", ".join(map(str, wanted))),
        ("rent back", f"{sol(sum(found[address].lamports for address in wanted))} to {payer.address}"),
    ]
    return Request(rows, {"authority": holder}, Transactions(parts, [holder], "deploy"), facts)


def _authority(desk: Desk, authority: Path | None) -> Signer:
    return desk.key("--authority", authority, "authority") if authority else desk.payer()


def _heir(desk: Desk, new: str) -> Signer:
    """Raises UsageError for an address, which cannot sign."""
    if Path(new).exists():
        return desk.key("--new", Path(new), "new authority")
    raise UsageError(
        f"The new authority signs too, and {new} is no key file: give --new with one, or with an address and "
        "--unchecked."
    )


def _facts(desk: Desk, file: ElfFile | None = None) -> Facts:
    async def facts() -> dict[str, Any]:
        return await program_facts(desk.rpc, desk.program, file)

    return facts
