"""`relayer localnet`: a Solana cluster on loopback. What it runs is imported when it runs."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from relayer.domain.clock import Clock
from relayer.domain.errors import UsageError

if TYPE_CHECKING:
    from relayer.localnet import Localnet
    from relayer.localnet.server import Urls

_PAIRS = ("--program", "--account", "--airdrop")


class PairOptions(TyperCommand):
    """Takes `--program ADDR FILE` as Solana's own tools do: two values, repeatedly, which Typer has no type for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, joined(args))


def joined(args: list[str]) -> list[str]:
    """`--program A F` as `--program A=F`. Raises UsageError where the second value is missing."""
    rest, out = list(args), []
    while rest:
        word = rest.pop(0)
        out.append(word)
        if word not in _PAIRS or (rest and "=" in rest[0]):
            continue
        if len(rest) < 2 or rest[0].startswith("--") or rest[1].startswith("--"):
            raise UsageError(f"{word} takes two values: see relayer localnet --help")
        out.append(f"{rest.pop(0)}={rest.pop(0)}")
    return out


def localnet(
    port: Annotated[
        int, typer.Option(min=0, max=65534, help="HTTP port on 127.0.0.1, WebSocket on the next; 0 takes free ones.")
    ] = 8899,
    slot_ms: Annotated[int, typer.Option(min=1, help="Wall milliseconds a slot.")] = 400,
    skip_every: Annotated[int, typer.Option(min=0, help="Slots that this divides have no block; 0 skips none.")] = 0,
    program: Annotated[
        list[str] | None, typer.Option(metavar="ADDR FILE.so", help="Deploy this ELF file. Repeatable.")
    ] = None,
    account: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDR FILE.json", help="Load what `solana account --output json` wrote. Repeatable."),
    ] = None,
    airdrop: Annotated[
        list[str] | None, typer.Option(metavar="ADDR LAMPORTS", help="Fund this address. Repeatable.")
    ] = None,
    v1: Annotated[bool, typer.Option(help="Whether transactions of version 1 (4,096 bytes) are active.")] = True,
    clock_origin: Annotated[int | None, typer.Option(help="Shared clock: milliseconds shown at --clock-wall.")] = None,
    clock_wall: Annotated[int | None, typer.Option(help="Shared clock: wall time in milliseconds.")] = None,
    clock_speed: Annotated[float, typer.Option(help="Shared clock: seconds a second.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="When ready print one JSON object, on one line.")] = False,
) -> None:
    """Run a Solana cluster in memory: JSON-RPC and PubSub as an Agave node serves them, with a faucet.

    Prints READY with both URLs, or with --json these and all that was loaded; ends at SIGINT or SIGTERM.

    Example: relayer localnet --slot-ms 50 --program <address> program.so --airdrop <address> 1000000000
    """
    from relayer.localnet import Localnet
    from relayer.localnet.dump import load_accounts, load_program, parse_address

    node = Localnet(clock=_clock(clock_origin, clock_wall, clock_speed), slot_ms=slot_ms, skip_every=skip_every, v1=v1)
    accounts, programs, funded = _pairs(account), _pairs(program), _pairs(airdrop)
    load_accounts(node, [(address, Path(file)) for address, file in accounts])
    for address, file in programs:
        load_program(node, address, Path(file))
    for address, lamports in funded:
        node.airdrop(parse_address(address), _lamports(lamports))
    loaded = {"programs": programs, "accounts": accounts, "funded": funded}
    addresses = {kind: [address for address, _ in pairs] for kind, pairs in loaded.items()}

    def ready(urls: Urls) -> str:
        if not as_json:
            return f"READY rpc={urls.rpc} ws={urls.ws}"
        return json.dumps({"rpc": urls.rpc, "ws": urls.ws, "genesis_hash": str(node.chain.genesis_hash), **addresses})

    asyncio.run(_serve(node, port, ready))


def _clock(origin: int | None, wall: int | None, speed: float) -> Clock:
    if (origin is None) != (wall is None):
        raise UsageError("--clock-origin and --clock-wall belong together: give both or neither")
    if not speed > 0:
        raise UsageError(f"--clock-speed must be above 0, not {speed}")
    return Clock(origin_ms=origin, wall_origin_ms=wall, speed=speed)


def _pairs(values: list[str] | None) -> list[tuple[str, str]]:
    return [(first, second) for first, _, second in (value.partition("=") for value in values or [])]


def _lamports(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise UsageError(f"--airdrop takes a whole number of lamports, not {text!r}")
    return int(text)


async def _serve(node: Localnet, port: int, ready: Callable[[Urls], str]) -> None:
    from relayer.localnet import serve

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(node, port=port) as urls:
        typer.echo(ready(urls))
        await stop.wait()
