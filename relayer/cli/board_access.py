"""Which board a command is about, who signs for it, and how boards are printed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relayer.cli.acting import Acting, acting, cluster, key
from relayer.cli.addresses import address_of
from relayer.cli.steps import carry_out, payer_or
from relayer.domain.errors import PermanentError, UsageError
from relayer.domain.markets import MarketId
from relayer.domain.units import dollars, rfc3339

if TYPE_CHECKING:
    from solders.instruction import Instruction
    from solders.pubkey import Pubkey

    from relayer.chain.board_setup import BoardView
    from relayer.chain.programs.board import Board, BoardSlot
    from relayer.chain.settings import BoardSettings, ClusterSettings
    from relayer.chain.signer import Signer

AuthorityOption = Annotated[
    Path | None, typer.Option("--authority", metavar="KEY.json", help="The board's authority; the file's if left out.")
]
IndexOption = Annotated[
    int | None,
    typer.Option("--index", min=0, max=0xFFFF, help="Number among the authority's boards; the file's, or 0."),
]
BoardOption = Annotated[
    str | None, typer.Option("--board", metavar="ADDR", help="The board's address, instead of authority and index.")
]
MarketsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[VENUE:TICKER]...", help="Markets; the file's board.feeds if left out.")
]


@dataclass(frozen=True)
class BoardAccess:
    """One board, and the key that may change it."""

    act: Acting
    program: Pubkey
    board: Pubkey
    authority: Signer

    async def view(self) -> BoardView:
        """Raises PermanentError if there is no such board, or none yet."""
        from relayer.chain.board_setup import read_board

        view = await read_board(self.act.rpc, self.program, self.board)
        if view is None:
            raise PermanentError(f"There is no finished board {self.board}: run `relayer board init` first.")
        return view

    async def carry_out(
        self,
        transactions: Sequence[Sequence[Instruction]],
        what: Sequence[tuple[str, str]],
        *,
        yes: bool,
        dry_run: bool,
    ) -> list[str]:
        """As `steps.carry_out`, signed by the authority."""
        return await carry_out(
            self.act,
            transactions,
            [self.authority],
            what=[("board", str(self.board)), *what],
            purpose="board",
            yes=yes,
            dry_run=dry_run,
        )


@asynccontextmanager
async def access_to(
    config: Path | None,
    rpc: list[str] | None,
    payer: Path | None,
    authority: Path | None,
    program: str | None,
    settings: BoardSettings,
    address: str | None,
) -> AsyncIterator[BoardAccess]:
    """Raises UsageError for what the options leave open. Without a payer the authority pays."""
    from relayer.chain.programs.board import board_address

    owner = key("--authority", authority, config, "authority")
    paying = payer_or(owner, payer, config)
    chosen = cluster(config, rpc, program=program)
    oracle = address_of(chosen.oracle_program)
    board = address_of(address) if address else board_address(oracle, owner.pubkey, settings.index)
    async with acting(chosen, paying) as act:
        yield BoardAccess(act, oracle, board, owner)


def board_settings(config: Path | None, **changes: Any) -> BoardSettings:
    """`[board]` of the file, with the options above it. Raises UsageError for a value that does not fit."""
    from pydantic import ValidationError

    from relayer.chain.settings import BoardSettings
    from relayer.settings import load_settings

    settings = load_settings(config).board if config else BoardSettings()
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return BoardSettings.model_validate({**settings.model_dump(), **given, "feeds": ()})
    except ValidationError as error:
        reasons = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise UsageError(f"The board cannot be so: {reasons}.") from None


def publisher_of(publisher: str | None, config: Path | None) -> Pubkey:
    """Raises UsageError if neither the option nor the file says who may publish."""
    from relayer.settings import load_settings

    if publisher is not None:
        return address_of(publisher)
    if config is None or load_settings(config).keys.publisher is None:
        raise UsageError("Who may publish? Give --publisher with an address, or --config with keys.publisher.")
    return key("--publisher", None, config, "publisher").pubkey


def derived(config: Path | None, authority: str | None, index: int | None, settings: ClusterSettings) -> Pubkey:
    """Address of the board that the authority made under the index. Raises UsageError if nobody says whose."""
    from relayer.chain.programs.board import board_address
    from relayer.settings import load_settings

    if authority is None and config is not None:
        file = load_settings(config)
        if file.board.authority is None and file.keys.authority is not None:
            authority = key("--authority", None, config, "authority").address
        else:
            authority = file.board.authority
    if authority is None:
        raise UsageError("Which board? Give --board or --authority, or --config with board.authority.")
    chosen = board_settings(config, index=index)
    return board_address(address_of(settings.oracle_program), address_of(authority), chosen.index)


def known_markets(markets: list[str] | None, config: Path | None) -> list[MarketId]:
    """Those of the arguments, else those of the file. Raises UsageError for one that is not venue:ticker."""
    from relayer.settings import load_settings

    if not markets:
        return list(load_settings(config).board.feeds) if config else []
    try:
        return list(dict.fromkeys(map(MarketId.parse, markets)))
    except ValueError as error:
        raise UsageError(f"{str(error)[0].upper()}{str(error)[1:]}.") from None


def wanted_markets(markets: list[str] | None, config: Path | None) -> list[MarketId]:
    """As `known_markets`, and at least one."""
    wanted = known_markets(markets, config)
    if not wanted:
        raise UsageError("Which markets? Name them as venue:ticker, or give --config with board.feeds.")
    return wanted


def header(address: str, board: Board) -> dict[str, Any]:
    """A board's facts for people and scripts."""
    facts = board.header
    return {
        "board": address,
        "name": facts.name,
        "authority": str(facts.authority),
        "publisher": str(facts.publisher),
        "feeds": facts.length,
        "capacity": facts.capacity,
        "epoch": facts.epoch,
        "updates": facts.updates,
        "last_publish": rfc3339(facts.last_publish_ms) if facts.last_publish_ms else None,
    }


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


def print_boards(facts: Sequence[Mapping[str, Any]]) -> None:
    _print_table(facts, ("board", "name", "authority", "publisher", "feeds", "capacity", "last_publish"))


def print_slots(slots: Sequence[Mapping[str, Any]]) -> None:
    _print_table(slots, ("slot", "feed", "status", "bid", "ask", "last", "age_s", "updates"))


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*("-" if row[column] is None else str(row[column]) for column in columns))
    Console(soft_wrap=True).print(table)
