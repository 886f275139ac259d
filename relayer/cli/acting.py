"""What the commands that sign share: which cluster, who pays, showing what will be signed, and asking."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from relayer.domain.errors import UsageError
from relayer.domain.units import LAMPORTS_PER_SOL

if TYPE_CHECKING:
    from relayer.chain.rpc import Rpc
    from relayer.chain.sender import Sender
    from relayer.chain.settings import ClusterSettings
    from relayer.chain.signer import Signer

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="TOML file with the cluster and the keys.", show_default=False)
]
RpcOption = Annotated[
    list[str] | None, typer.Option("--rpc", metavar="URL", help="RPC endpoint instead of the file's. Repeatable.")
]
PayerOption = Annotated[
    Path | None, typer.Option("--payer", metavar="KEY.json", help="Key that pays; the file's keys.payer if left out.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before signing.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Simulate, send nothing.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@dataclass(frozen=True)
class Acting:
    """Access to one cluster for one payer."""

    rpc: Rpc
    sender: Sender
    payer: Signer


def cluster(config: Path | None, rpc: Sequence[str] | None, *, program: str | None = None) -> ClusterSettings:
    """The cluster that the options name; `program` takes the place of the file's oracle program.

    Raises UsageError if neither a file nor an endpoint is named, or if they are wrong.
    """
    from relayer.settings import load_settings

    if config is None and not rpc:
        raise UsageError("Which cluster? Give --config with the relayer's TOML file, or --rpc with an endpoint.")
    if config is None:
        return _settings(rpc or (), program)
    settings = load_settings(config).cluster
    if rpc:
        settings = settings.model_copy(update={"rpc_urls": _settings(rpc, program).rpc_urls})
    return settings if program is None else settings.model_copy(update={"oracle_program": program})


def _settings(rpc: Sequence[str], program: str | None) -> ClusterSettings:
    from pydantic import ValidationError
    from solders.system_program import ID as NO_PROGRAM

    from relayer.chain.settings import ClusterSettings

    try:
        return ClusterSettings.model_validate({"rpc_urls": tuple(rpc), "oracle_program": program or str(NO_PROGRAM)})
    except ValidationError as error:
        reasons = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise UsageError(f"--rpc or the program's address is wrong: {reasons}.") from None


def key(option: str, path: Path | None, config: Path | None, role: str) -> Signer:
    """The key in the option's file, else the one of that role in the configuration. Raises UsageError."""
    from relayer.chain.signer import load_keypair
    from relayer.settings import load_settings

    if path is None and config is not None:
        keys = load_settings(config).keys
        path = getattr(keys, role) or (keys.publisher if role == "payer" else None)
    if path is None:
        raise UsageError(f"Who signs as {role}? Give {option} with a key file, or --config with keys.{role}.")
    return load_keypair(path, role=role)


@asynccontextmanager
async def reading(settings: ClusterSettings) -> AsyncIterator[Rpc]:
    import aiohttp

    from relayer.chain.rpc import Rpc

    async with aiohttp.ClientSession() as session:
        yield Rpc(settings=settings, session=session)


@asynccontextmanager
async def acting(settings: ClusterSettings, payer: Signer) -> AsyncIterator[Acting]:
    from relayer.chain.sender import Sender
    from relayer.telemetry.metrics import Metrics

    async with reading(settings) as rpc:
        yield Acting(rpc, Sender(rpc=rpc, payer=payer, metrics=Metrics(), settings=settings), payer)


def show(rows: Sequence[tuple[str, str]]) -> None:
    """What will be signed, on standard error: standard output is for results."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{name:<{width}}  {value}", err=True)


def agree(yes: bool) -> None:
    """Go on only if `--yes` or the operator says so; otherwise exit status 1."""
    if yes:
        return
    # Not typer.confirm: it writes to standard output, which belongs to the result.
    typer.echo("Sign and send? [y/N]: ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        typer.echo("Nothing was sent.", err=True)
        raise typer.Exit(1)


def sol(lamports: int) -> str:
    """`1500000` -> `0.0015 SOL`."""
    whole, fraction = divmod(lamports, LAMPORTS_PER_SOL)
    return f"{whole}.{fraction:09d}".rstrip("0").rstrip(".") + " SOL"
