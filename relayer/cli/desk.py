"""What every command on chain works with: one cluster, the operator's files, and where results are printed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relayer.cli.addresses import address_of
from relayer.cli.options import ReadingOptions, spread
from relayer.cli.printing import report, sol
from relayer.domain.errors import UsageError

if TYPE_CHECKING:
    from solders.pubkey import Pubkey

    from relayer.chain.rpc import Rpc
    from relayer.chain.settings import ClusterSettings
    from relayer.chain.signer import Signer
    from relayer.settings import Settings

_NO_PROGRAM = "1" * 32


@dataclass(frozen=True)
class Desk:
    """`file` is the configuration and `payer_file` the option --payer, where they are given."""

    options: ReadingOptions
    payer_file: Path | None
    file: Settings | None
    cluster: ClusterSettings
    rpc: Rpc

    @property
    def program(self) -> Pubkey:
        """Raises UsageError if neither a file nor an option names it."""
        if self.cluster.oracle_program == _NO_PROGRAM:
            raise UsageError("Which program? Give --program with its address, or --config with cluster.oracle_program.")
        return address_of(self.cluster.oracle_program)

    def key(self, option: str, path: Path | None, role: str) -> Signer:
        """The key in the option's file, else the configuration's for that role. Raises UsageError if there is none."""
        from relayer.chain.signer import load_keypair

        chosen = path or self.key_file(role)
        if chosen is None:
            raise UsageError(f"Who signs as {role}? Give {option} with a key file, or --config with keys.{role}.")
        return load_keypair(chosen, role=role)

    def key_file(self, role: str) -> Path | None:
        """The configuration's; the publisher pays where no payer is named."""
        if self.file is None:
            return None
        keys = self.file.keys
        named: Path | None = getattr(keys, role)
        return named or (keys.publisher if role == "payer" else None)

    def payer(self, instead: Signer | None = None) -> Signer:
        """Who pays: the option's key, else the configuration's, else the one given. Raises UsageError for nobody."""
        if self.payer_file is None and self.key_file("payer") is None and instead is not None:
            return instead
        return self.key("--payer", self.payer_file, "payer")

    async def rent(self, *lengths: int) -> str:
        """What makes accounts of these lengths rent exempt, in SOL."""
        return sol(sum([await self.rpc.minimum_balance(length) for length in lengths]))

    def report(self, facts: Any) -> None:
        """Print a result on standard output."""
        report(facts, as_json=self.options.as_json)


def reads(command: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make a command of `async def command(desk, ...)`, which looks and reports; the options of all come with it."""
    return spread(command, ReadingOptions, _at_desk)


def _at_desk(options: ReadingOptions, command: Callable[[Desk], Awaitable[None]]) -> None:
    async def work() -> None:
        async with opened(options) as desk:
            await command(desk)

    asyncio.run(work())


@asynccontextmanager
async def opened(options: ReadingOptions, *, payer_file: Path | None = None) -> AsyncIterator[Desk]:
    """Raises UsageError if neither a file nor an endpoint is named, or if they are wrong."""
    import aiohttp

    from relayer.chain.rpc import Rpc
    from relayer.settings import load_settings

    file = load_settings(options.config) if options.config else None
    cluster = _cluster(file, options.rpc, options.program)
    async with aiohttp.ClientSession() as session:
        yield Desk(options, payer_file, file, cluster, Rpc(settings=cluster, session=session))


def _cluster(file: Settings | None, rpc: Sequence[str] | None, program: str | None) -> ClusterSettings:
    """The file's; an endpoint or a program named by an option takes its place."""
    if file is None and not rpc:
        raise UsageError("Which cluster? Give --config with the relayer's TOML file, or --rpc with an endpoint.")
    if file is None:
        return _settings(rpc or (), program)
    changes: dict[str, Any] = {"rpc_urls": _settings(rpc, program).rpc_urls} if rpc else {}
    if program:
        changes["oracle_program"] = str(address_of(program))
    return file.cluster.model_copy(update=changes)


def _settings(rpc: Sequence[str], program: str | None) -> ClusterSettings:
    from pydantic import ValidationError

    from relayer.chain.settings import ClusterSettings

    try:
        return ClusterSettings.model_validate({"rpc_urls": tuple(rpc), "oracle_program": program or _NO_PROGRAM})
    except ValidationError as error:
        # An endpoint that is wrong is also missed in the list of them.
        problems = [problem["msg"] for problem in error.errors() if problem["type"] != "too_short"]
        reasons = "; ".join(text.removeprefix("Value error, ") for text in problems)
        raise UsageError(f"--rpc or the program's address is wrong: {reasons}.") from None
