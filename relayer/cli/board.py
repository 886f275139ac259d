"""`relayer board`: the accounts that carry prices. What a command runs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from relayer.cli.addresses import address_of, digest_of
from relayer.cli.board_access import (
    AuthorityOption,
    IndexOption,
    MarketsArgument,
    OfAuthority,
    OfMaker,
    board_settings,
    header,
    known_markets,
    last_publish,
    publisher_of,
    refuse_different,
    slot_facts,
    view_of,
    wanted_markets,
)
from relayer.cli.desk import Desk, reads
from relayer.cli.printing import sol
from relayer.cli.signing import Nothing, Request, Transactions, signs
from relayer.domain.errors import PermanentError, UsageError

board = typer.Typer(help="Make, fill, hand over and show boards: the accounts that carry prices.", no_args_is_help=True)
_LISTED = ("board", "name", "authority", "publisher", "feeds", "capacity", "last_publish")


@board.command()
@signs
async def init(
    desk: Desk,
    publisher: Annotated[
        str | None, typer.Option(metavar="ADDR", help="Key that may publish; the file's keys.publisher if left out.")
    ] = None,
    capacity: Annotated[int | None, typer.Option(min=1, max=1024, help="Slots; the file's, or 1024.")] = None,
    name: Annotated[str | None, typer.Option(help="At most 16 bytes; the file's, or none.")] = None,
    index: IndexOption = None,
    authority: AuthorityOption = None,
) -> Request | Nothing:
    """Make a board, or finish one whose making was interrupted. The authority pays its rent.

    Example: relayer board init --config relayer.toml --authority authority.json --capacity 200
    """
    from relayer.chain.board_setup import making, rent_of
    from relayer.chain.programs.board import board_address

    settings = board_settings(desk, index=index, capacity=capacity, name=name)
    may_publish = publisher_of(desk, publisher)
    owner = desk.key("--authority", authority, "authority")
    address = board_address(desk.program, owner.pubkey, settings.index)
    await refuse_different(desk, address, settings, may_publish)
    steps = await making(
        desk.rpc,
        program=desk.program,
        address=address,
        authority=owner.pubkey,
        publisher=may_publish,
        settings=settings,
    )

    async def facts() -> dict[str, Any]:
        return {"board": str(address)}

    if not steps:
        return Nothing(f"board {address} is there as asked.", facts)
    rent = sol(await rent_of(desk.rpc, desk.program, address, settings.capacity))
    rows = [
        ("board", str(address)),
        ("publisher", str(may_publish)),
        ("capacity", f"{settings.capacity} slots, name {settings.name!r}; neither ever changes"),
        ("rent", f"{rent} from the authority; `relayer board close` gives it back"),
    ]
    return Request(rows, {"authority": owner}, Transactions([steps], [owner], "board"), facts)


@board.command("list")
@reads
async def list_boards(
    desk: Desk,
    authority: Annotated[str | None, typer.Option(metavar="ADDR", help="Only the boards of this authority.")] = None,
) -> None:
    """List the boards of the program.

    Example: relayer board list --config relayer.toml
    """
    from relayer.chain.board_setup import find_boards

    found = await find_boards(desk.rpc, desk.program, authority=address_of(authority) if authority else None)
    desk.report([{key: header(address, one.header)[key] for key in _LISTED} for address, one in found])


@board.command()
@signs
async def add(desk: Desk, which: OfAuthority, markets: MarketsArgument = None) -> Request | Nothing:
    """Give slots to markets; those that have one keep it. A running relayer goes on by itself.

    Example: relayer board add kalshi:KXHIGHNY-25DEC21-B44.5 --config relayer.toml --authority authority.json
    """
    from relayer.chain.board_setup import listing

    wanted = wanted_markets(desk, markets)
    own = await which.opened(desk)
    listed = own.view.indexes(wanted)
    missing = [market for market in wanted if market not in listed]

    async def facts() -> dict[str, Any]:
        slots = (await view_of(desk, own.address)).indexes(wanted)
        return {"board": str(own.address), "slots": {str(market): slot for market, slot in slots.items()}}

    known = ", ".join(f"{market} (slot {slot})" for market, slot in listed.items())
    if not missing:
        return Nothing(f"board {own.address} lists {known} already.", facts)
    steps = listing(desk.program, own.signer.pubkey, own.view, missing)
    rows = [("list", " ".join(map(str, missing))), *([("listed", known)] if known else [])]
    return own.request(steps, rows, facts)


@board.command()
@signs
async def retire(
    desk: Desk,
    which: OfAuthority,
    markets: Annotated[list[str], typer.Argument(metavar="VENUE:TICKER...", help="Markets whose slots are emptied.")],
) -> Request | Nothing:
    """Empty the slots of markets, for others to be listed in. Readers see them as retired at once.

    Example: relayer board retire kalshi:KXHIGHNY-25DEC21-B44.5 --config relayer.toml --authority authority.json
    """
    from relayer.chain.board_setup import retiring

    leaving = wanted_markets(desk, markets)
    own = await which.opened(desk)
    slots = own.view.indexes(leaving)
    if unknown := [str(market) for market in leaving if market not in slots]:
        raise PermanentError(f"Board {own.address} does not list {' '.join(unknown)}: see `relayer board show`.")

    async def facts() -> dict[str, Any]:
        return {"board": str(own.address), "retired": {str(market): slot for market, slot in slots.items()}}

    steps = retiring(desk.program, own.signer.pubkey, own.address, list(slots.values()))
    return own.request(
        steps, [("retire", ", ".join(f"{market} (slot {slot})" for market, slot in slots.items()))], facts
    )


@board.command()
@signs
async def set_publisher(
    desk: Desk,
    which: OfAuthority,
    publisher: Annotated[
        str | None,
        typer.Option(metavar="ADDR", help="Who may publish from now on; the file's keys.publisher if left out."),
    ] = None,
) -> Request | Nothing:
    """Let another key publish. What the old one still sends is refused at once.

    Example: relayer board set-publisher --publisher <address> --config relayer.toml --authority authority.json
    """
    from relayer.chain.programs.board import set_publisher as setting

    newcomer = publisher_of(desk, publisher)
    own = await which.opened(desk)
    if own.header.publisher == newcomer:
        return Nothing(f"{newcomer} is the publisher of board {own.address} already.", own.facts)
    step = setting(desk.program, own.signer.pubkey, own.address, newcomer)
    return own.request([[step]], [("publisher", f"from {own.header.publisher} to {newcomer}")])


@board.command()
@signs
async def propose_authority(
    desk: Desk,
    which: OfAuthority,
    new: Annotated[str | None, typer.Option(metavar="ADDR", help="Who is to own the board.")] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back the present offer.")] = False,
) -> Request | Nothing:
    """Offer the board to another authority. Nothing changes until that key signs `relayer board accept-authority`.

    Example: relayer board propose-authority --new <address> --config relayer.toml --authority authority.json
    """
    from solders.pubkey import Pubkey

    from relayer.chain.programs.board import propose_authority as proposing

    if (new is None) != withdraw:
        raise UsageError("To whom? Give --new with an address, or --withdraw, and not both.")
    own = await which.opened(desk)
    heir = address_of(new) if new else None
    if heir == own.header.pending_authority:
        return Nothing(f"board {own.address} is offered to {heir or 'nobody'} already.", own.facts)
    step = proposing(desk.program, own.signer.pubkey, own.address, heir or Pubkey.default())
    return own.request([[step]], [("offer to", str(heir) if heir else "nobody")])


@board.command()
@signs
async def accept_authority(
    desk: Desk,
    which: OfMaker,
    new: Annotated[
        Path | None,
        typer.Option(metavar="KEY.json", help="Key that was offered the board; the file's keys.authority if left out."),
    ] = None,
) -> Request | Nothing:
    """Take over a board that was offered. It keeps its address: board.authority in the file stays its maker.

    Example: relayer board accept-authority --board <address> --new authority.json --config relayer.toml
    """
    from relayer.chain.programs.board import accept_authority as accepting

    heir = desk.key("--new", new, "authority")
    held = await which.opened(desk, "authority", heir)
    if held.header.authority == heir.pubkey:
        return Nothing(f"board {held.address} obeys {heir.address} already.", held.facts)
    if held.header.pending_authority != heir.pubkey:
        raise PermanentError(
            f"Board {held.address} is offered to {held.header.pending_authority or 'nobody'} and not to "
            f"{heir.address}: its authority runs `relayer board propose-authority` first."
        )
    step = accepting(desk.program, heir.pubkey, held.address)
    return held.request([[step]], [("take over", f"from {held.header.authority}")])


@board.command()
@signs
async def anchor(
    desk: Desk,
    which: OfMaker,
    head: Annotated[str, typer.Argument(metavar="HASH", help="Head of the tape, as `relayer tape verify` prints it.")],
    publisher: Annotated[
        Path | None, typer.Option(metavar="KEY.json", help="The publisher; the file's keys.publisher if left out.")
    ] = None,
) -> Request | Nothing:
    """Write the tape's head hash on the board, so that nobody can change the tape behind it later.

    Example: relayer board anchor <64 hex digits> --config relayer.toml
    """
    from relayer.chain.programs.board import anchor as anchoring

    digest = digest_of("HASH", head)
    signer = desk.key("--publisher", publisher, "publisher")
    held = await which.opened(desk, "publisher", signer)
    if held.header.publisher != signer.pubkey:
        raise PermanentError(
            f"Board {held.address} is published by {held.header.publisher} and not by {signer.address}: name that "
            "publisher's key file with --publisher."
        )
    if held.header.tape_head == digest:
        return Nothing(f"board {held.address} carries this hash already.", held.facts)
    return held.request([[anchoring(desk.program, signer.pubkey, held.address, digest)]], [("tape head", head)])


@board.command()
@signs
async def close(desk: Desk, which: OfAuthority) -> Request | Nothing:
    """Close a board for ever; its rent goes back to the authority. Its address can not be used again.

    Example: relayer board close --config relayer.toml --authority authority.json
    """
    from relayer.chain.board_setup import rent_in
    from relayer.chain.programs.board import close_board

    own = await which.opened(desk)

    async def facts() -> dict[str, Any]:
        return {"board": str(own.address)}

    rows = [
        ("close", f"for ever, with {own.header.length} feeds; last published {last_publish(own.header) or 'never'}"),
        ("rent back", f"{sol(await rent_in(desk.rpc, desk.program, own.address))} to the authority"),
    ]
    return own.request([[close_board(desk.program, own.signer.pubkey, own.address)]], rows, facts)


@board.command()
@reads
async def show(desk: Desk, which: OfMaker, markets: MarketsArgument = None) -> None:
    """Show a board with its prices and their ages. Feeds are named where the file or the arguments name them.

    Example: relayer board show --config relayer.toml
    """
    names = {market.feed_id(): str(market) for market in known_markets(desk, markets)}
    view = await view_of(desk, which.address(desk))
    desk.report({**header(str(view.address), view.board.header), "slots": slot_facts(view, names)})
