"""`relayer tape`: record what a venue sends, prove that it is whole, look into it, and take paths out of it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from relayer.domain.errors import PermanentError, UsageError
from relayer.domain.markets import MarketId

if TYPE_CHECKING:
    from collections.abc import Callable

    from relayer.tape.entries import Entry
    from relayer.tape.segments import Verified

tape = typer.Typer(name="tape", help="Record, verify, read and export tapes.", no_args_is_help=True)

Directory = Annotated[Path, typer.Argument(help="Directory of the recording.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@tape.command()
def record(
    markets: Annotated[list[str], typer.Argument(help="Markets as venue:ticker.")],
    config: Annotated[Path, typer.Option("--config", "-c", help="TOML file with the settings.")] = Path("relayer.toml"),
    directory: Annotated[Path | None, typer.Option(help="Where to; the setting tape.directory if left out.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many; at a signal if left out.")] = None,
) -> None:
    """Record markets until stopped: frames and REST answers verbatim, and the path that they prove, its gaps filled.

    Of DFlow, where [dflow] mode is not off, frames and answers alone; with mode first nothing of Kalshi.

    Example: relayer tape record kalshi:KXHIGHNY-26NOV24-B46.5 --directory tapes --minutes 60
    """
    from relayer.cli.recording import record as record_markets
    from relayer.cli.run import until_signal
    from relayer.settings import load_settings

    settings = load_settings(config)
    where = directory or settings.tape.directory
    if where is None:
        raise UsageError("Where should the tape go? Give --directory, or set tape.directory.")
    asyncio.run(until_signal(record_markets(settings, where, [_market(text) for text in markets], minutes)))


@tape.command()
def verify(
    directory: Directory,
    head: Annotated[str | None, typer.Option(help="A hash published earlier: the chain must contain it.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The chain must contain what this file's board carries.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Follow the hash chain through every block and say what it covers.

    Example: relayer tape verify tapes --config relayer.toml
    """
    from relayer.tape.segments import verify as verify_tape

    if head and config:
        raise UsageError("--head and --config both name a hash: give one of them.")
    anchored = asyncio.run(_anchored(config)) if config else head
    found = verify_tape(directory, contains=anchored)
    told = {**dataclasses.asdict(found), "contains": anchored}
    typer.echo(json.dumps(told) if as_json else _verdict(found, anchored))


async def _anchored(config: Path) -> str:
    """The tape's head on the board of this configuration. Raises PermanentError where there is none."""
    import aiohttp
    from solders.pubkey import Pubkey

    from relayer.chain.board_gateway import authority_of
    from relayer.chain.board_setup import read_board
    from relayer.chain.programs.board import board_address
    from relayer.chain.rpc import Rpc
    from relayer.chain.signer import load_keypair
    from relayer.settings import load_settings

    settings = load_settings(config)
    key = settings.keys.authority
    authority = authority_of(settings.board, load_keypair(key, role="authority") if key else None)
    program = Pubkey.from_string(settings.cluster.oracle_program)
    address = board_address(program, authority, settings.board.index)
    async with aiohttp.ClientSession() as session:
        view = await read_board(Rpc(settings=settings.cluster, session=session), program, address)
    if view is None or not any(view.board.header.tape_head):
        raise PermanentError(f"Board {address} carries no tape's head: it is anchored hourly by `relayer run`.")
    return view.board.header.tape_head.hex()


def _verdict(found: Verified, anchored: str | None) -> str:
    lines = [
        f"The chain holds: {found.entries} entries in {found.blocks} blocks, {found.segments} segments.",
        f"Head {found.head}",
    ]
    if anchored:
        lines.append(f"It contains {anchored.lower()}.")
    if found.first_block > 1:
        lines.append(f"It begins at block {found.first_block}: older segments were deleted.")
    if found.lost_entries:
        lines.append(f"The recorder itself reports {found.lost_entries} entries that it could not keep.")
    if found.torn_bytes:
        lines.append(f"{found.torn_bytes} bytes are of unfinished writes and count for nothing.")
    return "\n".join(lines)


@tape.command()
def cat(
    directory: Directory,
    market: Annotated[str | None, typer.Option(help="Only entries about this market (venue:ticker).")] = None,
    kind: Annotated[str | None, typer.Option(help="Only frame, body, path or loss.")] = None,
    from_entry: Annotated[int, typer.Option("--from", min=1, help="First entry's number.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
) -> None:
    """Print entries as JSON Lines, payloads verbatim.

    Example: relayer tape cat tapes --market kalshi:KXHIGHNY-26NOV24-B46.5 --kind frame
    """
    from itertools import islice

    from relayer.tape.entries import encode_entry
    from relayer.tape.segments import read

    wanted = _filter(market, kind)
    for entry in islice(filter(wanted, read(directory, from_entry=from_entry)), limit):
        typer.echo(encode_entry(entry).decode())


def _filter(market: str | None, kind: str | None) -> Callable[[Entry], bool]:
    from relayer.tape.entries import Kind

    if kind is not None and kind not in list(Kind):
        raise UsageError(f"--kind {kind} is none of {', '.join(Kind)}.")
    return lambda entry: (market is None or entry.market == market) and (kind is None or entry.kind == kind)


@tape.command()
def export(
    directory: Directory,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; .gz packs JSON Lines.")],
    market: Annotated[list[str], typer.Option(help="Market as venue:ticker; several may be given.")],
    format: Annotated[Literal["jsonl", "parquet"], typer.Option(help="Path lines, or columns of them.")] = "jsonl",
) -> None:
    """Write the recorded path of markets, ready for `relayer backtest --path`.

    Example: relayer tape export tapes --market kalshi:KXHIGHNY-26NOV24-B46.5 --out path.jsonl.gz
    """
    from relayer.tape.export import export_paths, write_jsonl, write_parquet

    lines = export_paths(directory, frozenset(str(_market(text)) for text in market))
    count = (write_jsonl if format == "jsonl" else write_parquet)(lines, out)
    typer.echo(f"{count} lines to {out}")


def _market(text: str) -> MarketId:
    try:
        return MarketId.parse(text)
    except ValueError as error:
        raise UsageError(f"{error}.") from error
