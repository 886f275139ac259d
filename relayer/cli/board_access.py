"""Which board a command is about, whose key changes it, and a board's facts for people and scripts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relayer.cli.addresses import address_of
from relayer.cli.desk import Desk
from relayer.cli.printing import Rows
from relayer.cli.signing import Facts, Request, Transactions
from relayer.domain.errors import PermanentError, UsageError
from relayer.domain.markets import MarketId
from relayer.domain.units import dollars, rfc3339

if TYPE_CHECKING:
    from solders.instruction import Instruction
    from solders.pubkey import Pubkey

    from relayer.chain.board_setup import BoardView
    from relayer.chain.programs.board import BoardHeader, BoardSlot
    from relayer.chain.settings import BoardSettings
    from relayer.chain.signer import Signer

IndexOption = Annotated[
    int | None,
    typer.Option("--index", min=0, max=0xFFFF, help="Number among its maker's boards; the file's, or 0."),
]
AuthorityOption = Annotated[
    Path | None,
    typer.Option(
        "--authority", metavar="KEY.json", help="The board's authority; the file's keys.authority if left out."
    ),
]
MarketsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[VENUE:TICKER]...", help="Markets; the file's board.feeds if left out.")
]


@dataclass(frozen=True)
class Which:
    """One board."""

    board: Annotated[
        str | None, typer.Option("--board", metavar="ADDR", help="The board's address, instead of maker and index.")
    ] = None
    index: IndexOption = None


@dataclass(frozen=True)
class OfMaker(Which):
    """A board that others than its authority ask for."""

    maker: Annotated[
        str | None,
        typer.Option(
            "--authority", metavar="ADDR", help="Whoever made the board; the file's board.authority if left out."
        ),
    ] = None

    def address(self, desk: Desk) -> Pubkey:
        """Raises UsageError if nobody says whose board it is."""
        return _address(desk, self, address_of(self.maker) if self.maker else _maker(desk))

    async def opened(self, desk: Desk, role: str, signer: Signer) -> HeldBoard:
        """Raises PermanentError if there is no such board; whether the key may do something there is not looked at."""
        return HeldBoard(desk, await view_of(desk, self.address(desk)), role, signer)


@dataclass(frozen=True)
class OfAuthority(Which):
    """A board that its authority changes."""

    authority: AuthorityOption = None

    async def opened(self, desk: Desk) -> HeldBoard:
        """Raises PermanentError if there is no such board, or if it obeys another key."""
        owner = desk.key("--authority", self.authority, "authority")
        named = desk.file.board.authority if desk.file else None
        view = await view_of(desk, _address(desk, self, address_of(named) if named else owner.pubkey))
        _refuse_another(view, owner)
        return HeldBoard(desk, view, "authority", owner)


@dataclass(frozen=True)
class HeldBoard:
    """A board, and the key that signs for it in that role."""

    desk: Desk
    view: BoardView
    role: str
    signer: Signer

    @property
    def address(self) -> Pubkey:
        return self.view.address

    @property
    def header(self) -> BoardHeader:
        return self.view.board.header

    def request(
        self,
        steps: Sequence[Sequence[Instruction]],
        rows: Rows,
        facts: Facts | None = None,
        *,
        warnings: Sequence[str] = (),
    ) -> Request:
        """Have the key sign the steps, a transaction each; reports the board's header if nothing else."""
        return Request(
            rows=[("board", str(self.address)), *rows],
            signers={self.role: self.signer},
            work=Transactions(steps, [self.signer], "board"),
            facts=facts or self.facts,
            warnings=warnings,
        )

    async def facts(self) -> dict[str, Any]:
        view = await view_of(self.desk, self.address)
        return header(str(self.address), view.board.header)


def _refuse_another(view: BoardView, owner: Signer) -> None:
    shown = view.board.header
    if shown.authority == owner.pubkey:
        return
    if shown.pending_authority == owner.pubkey:
        raise PermanentError(
            f"Board {view.address} is offered to {owner.address} but still obeys {shown.authority}: run "
            "`relayer board accept-authority` first."
        )
    raise PermanentError(
        f"Board {view.address} obeys {shown.authority} and not {owner.address}: name that authority's key file with "
        "--authority."
    )


async def view_of(desk: Desk, address: Pubkey) -> BoardView:
    """Raises PermanentError if there is no such board, or none yet."""
    from relayer.chain.board_setup import read_board

    view = await read_board(desk.rpc, desk.program, address)
    if view is None:
        raise PermanentError(
            f"There is no finished board {address}: make or finish it with `relayer board init`, or name another with "
            "--board, or with --authority and --index."
        )
    return view


def _address(desk: Desk, which: Which, maker: Pubkey | None) -> Pubkey:
    """A board keeps the address that its first authority gave it."""
    from relayer.chain.programs.board import board_address

    if which.board:
        return address_of(which.board)
    if maker is None:
        raise UsageError("Which board? Give --board or --authority, or --config with board.authority.")
    return board_address(desk.program, maker, board_settings(desk, index=which.index).index)


def _maker(desk: Desk) -> Pubkey | None:
    if desk.file is None:
        return None
    if desk.file.board.authority:
        return address_of(desk.file.board.authority)
    return desk.key("--authority", None, "authority").pubkey if desk.file.keys.authority else None


def board_settings(desk: Desk, **changes: Any) -> BoardSettings:
    """`[board]` of the file, with the options above it. Raises UsageError for a value that does not fit."""
    from pydantic import ValidationError

    from relayer.chain.settings import BoardSettings

    settings = desk.file.board if desk.file else BoardSettings()
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return BoardSettings.model_validate({**settings.model_dump(), **given, "feeds": ()})
    except ValidationError as error:
        reasons = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise UsageError(f"The board cannot be so: {reasons}.") from None


def publisher_of(desk: Desk, publisher: str | None) -> Pubkey:
    """Raises UsageError if neither the option nor the file says who may publish."""
    if publisher is not None:
        return address_of(publisher)
    if desk.key_file("publisher") is None:
        raise UsageError("Who may publish? Give --publisher with an address, or --config with keys.publisher.")
    return desk.key("--publisher", None, "publisher").pubkey


async def refuse_different(desk: Desk, address: Pubkey, settings: BoardSettings, publisher: Pubkey) -> None:
    """Raises PermanentError for a board that is there and is not as asked, or was closed."""
    from relayer.chain.board_setup import begun

    found = await begun(desk.rpc, desk.program, address)
    if found and (said := list(_differences(found, settings, publisher))):
        raise PermanentError(
            f"Board {address} is there, but {'; '.join(said)}. Nothing was signed: ask for it as it is, or make "
            "another under another --index."
        )


def _differences(found: BoardHeader, settings: BoardSettings, publisher: Pubkey) -> Iterator[str]:
    if found.capacity != settings.capacity:
        yield f"its capacity is {found.capacity} and not {settings.capacity} (it never changes)"
    if found.name != settings.name:
        yield f"its name is {found.name!r} and not {settings.name!r} (it never changes)"
    if found.publisher != publisher:
        yield f"its publisher is {found.publisher} and not {publisher} (see `relayer board set-publisher`)"


def known_markets(desk: Desk, markets: list[str] | None) -> list[MarketId]:
    """Those of the arguments, else those of the file. Raises UsageError for one that is not venue:ticker."""
    if not markets:
        return list(desk.file.board.feeds) if desk.file else []
    try:
        return list(dict.fromkeys(map(MarketId.parse, markets)))
    except ValueError as error:
        raise UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from None


def wanted_markets(desk: Desk, markets: list[str] | None) -> list[MarketId]:
    """As `known_markets`, and at least one."""
    wanted = known_markets(desk, markets)
    if not wanted:
        raise UsageError("Which markets? Name them as venue:ticker, or give --config with board.feeds.")
    return wanted


def header(address: str, facts: BoardHeader) -> dict[str, Any]:
    """A board's facts for people and scripts."""
    return {
        "board": address,
        "name": facts.name,
        "authority": str(facts.authority),
        "pending_authority": str(facts.pending_authority) if facts.pending_authority else None,
        "publisher": str(facts.publisher),
        "feeds": facts.length,
        "capacity": facts.capacity,
        "epoch": facts.epoch,
        "updates": facts.updates,
        "last_publish": last_publish(facts),
        "tape_head": facts.tape_head.hex() if any(facts.tape_head) else None,
    }


def last_publish(facts: BoardHeader) -> str | None:
    return rfc3339(facts.last_publish_ms) if facts.last_publish_ms else None


def slot_facts(view: BoardView, names: Mapping[bytes, str]) -> list[dict[str, Any]]:
    """One row a slot; a feed without a name here is shown by its id."""
    return [
        {"slot": index, "feed": names.get(feed.feed_id, feed.feed_id.hex()), **_shown(slot)}
        for index, (feed, slot) in enumerate(zip(view.feeds, view.board.slots, strict=True))
    ]


def _shown(slot: BoardSlot) -> dict[str, Any]:
    state = slot.state
    return {
        "status": state.status.name.lower() if state else "retired",
        "bid": dollars(state.bid) if state else None,
        "ask": dollars(state.ask) if state else None,
        "last": dollars(state.last) if state else None,
        "as_of": rfc3339(state.as_of_ms) if state and state.as_of_ms else None,
        "age_s": round(time.time() - state.as_of_ms / 1000, 1) if state and state.as_of_ms else None,
        "updates": slot.updates,
        "generation": slot.generation,
    }
