"""The price of one market, as the median of several publishers' boards.

python docs/examples/reading_prices.py http://127.0.0.1:8899 PROGRAM kalshi:KXHIGHNY-25DEC21-B46.5 AUTHORITY...
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from relayer.chain.programs import reader
from relayer.chain.programs.board import board_address, ids_address
from relayer.chain.programs.reader import Account, Median, Source, Terms
from relayer.chain.rpc import Rpc
from relayer.chain.settings import ClusterSettings
from relayer.domain.markets import MarketId

MAX_AGE_MS = 30_000


async def fetch(rpc: Rpc, addresses: list[Pubkey]) -> list[Account]:
    """What stands at the addresses, of one moment. Where nothing does, there is an empty account of the system's."""
    pairs = zip(addresses, await rpc.accounts(list(map(str, addresses))), strict=True)
    return [
        Account(at, Pubkey.from_string(held.owner), held.data) if held else Account(at, SYSTEM_PROGRAM, b"")
        for at, held in pairs
    ]


async def locate(rpc: Rpc, program: Pubkey, authority: Pubkey, market: MarketId) -> Source:
    """Once, to be kept: where the authority's first board carries the market. Raises Refused."""
    address = board_address(program, authority, 0)
    board, ids = await fetch(rpc, [address, ids_address(program, address)])
    index, generation = reader.find(board, ids, program, market.feed_id())
    return Source(authority, address, index, generation)


async def price(rpc: Rpc, program: Pubkey, sources: list[Source]) -> Median:
    """Every time: rather none than one that no majority stands for. Raises Refused."""
    accounts = await fetch(rpc, [source.board for source in sources])
    now_ms = await rpc.cluster_time_ms()  # after the accounts, so that they look older rather than younger
    return reader.median_of(sources, accounts, Terms(program, now_ms, MAX_AGE_MS), quorum=len(sources) // 2 + 1)


async def run(rpc_url: str, program_id: str, market_id: str, *authorities: str) -> str:
    program, market = Pubkey.from_string(program_id), MarketId.parse(market_id)
    settings = ClusterSettings.model_validate({"rpc_urls": [rpc_url], "oracle_program": program_id})
    async with aiohttp.ClientSession() as session:
        rpc = Rpc(settings=settings, session=session)
        sources = [await locate(rpc, program, Pubkey.from_string(key), market) for key in authorities]
        median = await price(rpc, program, sources)
    return f"{median.twice_mid / 2 / 100:.3f} cents, by {median.voices} of {len(sources)}"


if __name__ == "__main__":
    print(asyncio.run(run(*sys.argv[1:])))
