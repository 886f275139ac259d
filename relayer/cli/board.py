"""`relayer board`: boards made, filled and shown. What a command runs is imported when it runs."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from relayer.cli.acting import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    PayerOption,
    RpcOption,
    YesOption,
    cluster,
    reading,
    sol,
)
from relayer.cli.addresses import ProgramOption, address_of
from relayer.cli.board_access import (
    AuthorityOption,
    BoardOption,
    IndexOption,
    MarketsArgument,
    access_to,
    board_settings,
    derived,
    header,
    known_markets,
    print_boards,
    print_slots,
    publisher_of,
    slot_facts,
    wanted_markets,
)
from relayer.cli.steps import report
from relayer.domain.errors import PermanentError

if TYPE_CHECKING:
    from relayer.chain.board_setup import BoardView
    from relayer.chain.programs.board import Board

board = typer.Typer(help="Make, fill and show boards: the accounts that carry prices.", no_args_is_help=True)


@board.command()
def init(
    publisher: Annotated[
        str | None, typer.Option(metavar="ADDR", help="Key that may publish; the file's keys.publisher if left out.")
    ] = None,
    capacity: Annotated[int | None, typer.Option(min=1, max=1024, help="Slots; the file's, or 1024.")] = None,
    name: Annotated[str | None, typer.Option(help="At most 16 bytes; the file's, or none.")] = None,
    index: IndexOption = None,
    authority: AuthorityOption = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a board, or finish one whose making was interrupted. The authority pays its rent.

    Example: relayer board init --config relayer.toml --authority authority.json --capacity 200
    """
    from relayer.chain.board_setup import making
    from relayer.chain.programs.board import board_len, ids_len

    settings = board_settings(config, index=index, capacity=capacity, name=name)
    may_publish = publisher_of(publisher, config)

    async def run() -> None:
        async with access_to(config, rpc, payer, authority, program, settings, None) as access:
            steps = await making(
                access.act.rpc,
                program=access.program,
                address=access.board,
                authority=access.authority.pubkey,
                publisher=may_publish,
                settings=settings,
            )
            signatures = []
            if steps:
                lengths = board_len(settings.capacity), ids_len(settings.capacity)
                rent = sum([await access.act.rpc.minimum_balance(length) for length in lengths])
                what = [
                    ("publisher", str(may_publish)),
                    ("capacity", f"{settings.capacity} slots, rent about {sol(rent)} when it is new"),
                ]
                signatures = await access.carry_out([steps], what, yes=yes, dry_run=dry_run)
            report({"board": str(access.board), "signatures": signatures}, as_json=as_json)

    asyncio.run(run())


@board.command("list")
def list_boards(
    authority: Annotated[str | None, typer.Option(metavar="ADDR", help="Only the boards of this authority.")] = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the boards of the program.

    Example: relayer board list --config relayer.toml
    """
    from relayer.chain.board_setup import find_boards

    settings = cluster(config, rpc, program=program)

    async def run() -> list[tuple[str, Board]]:
        async with reading(settings) as client:
            whose = address_of(authority) if authority else None
            return await find_boards(client, address_of(settings.oracle_program), authority=whose)

    found = asyncio.run(run())
    facts = [header(address, one) for address, one in found]
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        print_boards(facts)


@board.command()
def add(
    markets: MarketsArgument = None,
    address: BoardOption = None,
    index: IndexOption = None,
    authority: AuthorityOption = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give slots to markets; those that have one keep it. A running relayer goes on by itself.

    Example: relayer board add kalshi:KXHIGHNY-25DEC21-B44.5 --config relayer.toml --authority authority.json
    """
    from relayer.chain.board_setup import listing

    wanted = wanted_markets(markets, config)
    settings = board_settings(config, index=index)

    async def run() -> None:
        async with access_to(config, rpc, payer, authority, program, settings, address) as access:
            view = await access.view()
            missing = [market for market in wanted if market not in view.indexes(wanted)]
            signatures = []
            if missing:
                steps = listing(access.program, access.authority.pubkey, view, missing)
                what = [("list", " ".join(map(str, missing)))]
                signatures = await access.carry_out(steps, what, yes=yes, dry_run=dry_run)
            slots = (view if dry_run else await access.view()).indexes(wanted)
            facts = {str(market): slot for market, slot in slots.items()}
            report({"board": str(access.board), "slots": facts, "signatures": signatures}, as_json=as_json)

    asyncio.run(run())


@board.command()
def retire(
    markets: Annotated[list[str], typer.Argument(metavar="VENUE:TICKER...", help="Markets whose slots are emptied.")],
    address: BoardOption = None,
    index: IndexOption = None,
    authority: AuthorityOption = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Empty the slots of markets, for others to be listed in. Readers see them as retired at once.

    Example: relayer board retire kalshi:KXHIGHNY-25DEC21-B44.5 --config relayer.toml --authority authority.json
    """
    from relayer.chain.board_setup import retiring

    leaving = wanted_markets(markets, config)
    settings = board_settings(config, index=index)

    async def run() -> None:
        async with access_to(config, rpc, payer, authority, program, settings, address) as access:
            slots = (await access.view()).indexes(leaving)
            if unknown := [str(market) for market in leaving if market not in slots]:
                raise PermanentError(
                    f"Board {access.board} does not list {' '.join(unknown)}: see `relayer board show`."
                )
            steps = retiring(access.program, access.authority.pubkey, access.board, list(slots.values()))
            what = [("retire", ", ".join(f"{market} (slot {slot})" for market, slot in slots.items()))]
            signatures = await access.carry_out(steps, what, yes=yes, dry_run=dry_run)
            retired = {str(market): slot for market, slot in slots.items()}
            report({"board": str(access.board), "retired": retired, "signatures": signatures}, as_json=as_json)

    asyncio.run(run())


@board.command()
def close(
    address: BoardOption = None,
    index: IndexOption = None,
    authority: AuthorityOption = None,
    payer: PayerOption = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Close a board for ever; its rent goes back to the authority. Its address can not be used again.

    Example: relayer board close --config relayer.toml --authority authority.json
    """
    from relayer.chain.programs.board import close_board

    settings = board_settings(config, index=index)

    async def run() -> None:
        async with access_to(config, rpc, payer, authority, program, settings, address) as access:
            view = await access.view()
            step = close_board(access.program, access.authority.pubkey, access.board)
            what = [("close", f"for ever, with {len(view.feeds)} listed feeds and its prices")]
            signatures = await access.carry_out([[step]], what, yes=yes, dry_run=dry_run)
            report({"board": str(access.board), "signatures": signatures}, as_json=as_json)

    asyncio.run(run())


@board.command()
def show(
    markets: MarketsArgument = None,
    address: BoardOption = None,
    index: IndexOption = None,
    authority: Annotated[
        str | None, typer.Option(metavar="ADDR", help="The authority that made it; the file's if left out.")
    ] = None,
    program: ProgramOption = None,
    config: ConfigOption = None,
    rpc: RpcOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a board with its prices and their ages. Feeds are named where the file or the arguments name them.

    Example: relayer board show --config relayer.toml
    """
    from relayer.chain.board_setup import read_board

    settings = cluster(config, rpc, program=program)
    names = {market.feed_id(): str(market) for market in known_markets(markets, config)}
    where = address_of(address) if address else derived(config, authority, index, settings)

    async def run() -> BoardView:
        async with reading(settings) as client:
            view = await read_board(client, address_of(settings.oracle_program), where)
        if view is None:
            raise PermanentError(f"There is no finished board {where}: check --board, --authority and --index.")
        return view

    view = asyncio.run(run())
    facts, slots = header(str(where), view.board), slot_facts(view, names)
    if as_json:
        typer.echo(json.dumps({**facts, "slots": slots}))
    else:
        report(facts, as_json=False)
        print_slots(slots)
