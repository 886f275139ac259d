"""A small board to read back, on any cluster."""

from __future__ import annotations

import aiohttp
from solders.pubkey import Pubkey

from relayer.chain.board_setup import listing, making, read_board
from relayer.chain.programs.board import board_address
from relayer.chain.rpc import Rpc
from relayer.chain.sender import Sender
from relayer.chain.settings import BoardSettings, ClusterSettings
from relayer.chain.signer import Signer
from relayer.domain.markets import MarketId
from relayer.telemetry.metrics import Metrics

_BOARD = BoardSettings(index=7, name="read me", capacity=4)


def shown(program: str, payer: Signer) -> dict[str, object]:
    """What a reader finds in the board that `made_board` makes."""
    keys = {"owner": program, "authority": payer.address, "publisher": payer.address}
    return {**keys, "capacity": _BOARD.capacity, "length": 1, "name": _BOARD.name}


async def made_board(settings: ClusterSettings, payer: Signer) -> str:
    """A board of one feed; its address."""
    program = Pubkey.from_string(settings.oracle_program)
    address = board_address(program, payer.pubkey, _BOARD.index)
    async with aiohttp.ClientSession() as session:
        rpc = Rpc(settings=settings, session=session)
        sender = Sender(rpc=rpc, payer=payer, metrics=Metrics(), settings=settings)
        steps = await making(
            rpc, program=program, address=address, authority=payer.pubkey, publisher=payer.pubkey, settings=_BOARD
        )
        await sender.run(steps, [payer], purpose="board")
        view = await read_board(rpc, program, address)
        assert view is not None
        for instructions in listing(program, payer.pubkey, view, [MarketId.parse("kalshi:A")]):
            await sender.run(instructions, [payer], purpose="board")
    return str(address)
