"""An outsider's view of the demo: the finalized accounts, read with unmodified solana-py and not our own client."""

from __future__ import annotations

from collections.abc import Sequence

from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Finalized
from solders.pubkey import Pubkey
from solders.signature import Signature

from relayer.chain.programs.board import decode_board
from relayer.chain.programs.pnp import decode_market
from relayer.demo.cluster import DemoCluster
from relayer.domain.pnp import PnpMarket
from relayer.domain.verdicts import Outcome

_PAGE = 1000


class ChainObserver:
    """Reads boards, markets and history. Use as an async context manager."""

    def __init__(self, cluster: DemoCluster, board: str) -> None:
        self._cluster = cluster
        self._board = Pubkey.from_string(board)
        self._client = AsyncClient(cluster.settings.rpc_urls[0].get_secret_value(), commitment=Finalized)

    async def __aenter__(self) -> ChainObserver:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def all_resolvable(self, addresses: Sequence[str]) -> bool:
        return all([(market := await self._market(address)) and market.resolvable for address in addresses])

    async def all_resolved(self, addresses: Sequence[str]) -> bool:
        return all([(market := await self._market(address)) and market.resolved for address in addresses])

    async def winner(self, address: str) -> Outcome | None:
        market = await self._market(address)
        return market.winner if market else None

    async def updates_on_chain(self) -> int:
        """Entries that the program wrote into the board's slots, by its own count."""
        data = await self._data(self._board)
        return 0 if data is None else decode_board(data).header.updates

    async def transactions(self) -> int:
        """Transactions without an error that the relayer's keys signed."""
        found: set[Signature] = set()
        for role in ("publisher", "oracle", "authority"):
            found |= await self._signatures(self._cluster.keys[role].pubkey)
        return len(found)

    async def _signatures(self, key: Pubkey) -> set[Signature]:
        found: set[Signature] = set()
        before = None
        while True:
            page = (await self._client.get_signatures_for_address(key, before=before, limit=_PAGE)).value
            found |= {entry.signature for entry in page if entry.err is None}
            if len(page) < _PAGE:
                return found
            before = page[-1].signature

    async def _market(self, address: str) -> PnpMarket | None:
        """None until the market's creation is finalized."""
        key = Pubkey.from_string(address)
        data = await self._data(key)
        return None if data is None else decode_market(key, data, self._cluster.keys["oracle"].pubkey)

    async def _data(self, key: Pubkey) -> bytes | None:
        account = (await self._client.get_account_info(key)).value
        return None if account is None else bytes(account.data)
