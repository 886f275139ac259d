"""Three publishers' boards that carry one market, on a localnet whose clock stands."""

from __future__ import annotations

from dataclasses import replace

from solders.keypair import Keypair

from relayer.chain.programs import board as boards
from relayer.domain.board import FeedUpdate
from relayer.domain.clock import Clock
from relayer.domain.markets import MarketId
from relayer.domain.units import Price
from relayer.localnet import Localnet
from tests.svm.chain import Chain
from tests.svm.rig import NOW_MS, STATE, Rig, grow_rig

MARKET = MarketId.parse("kalshi:KXHIGHNY-25DEC21-B46.5")


class Readable:
    def __init__(self, *bids: int) -> None:
        """A board a bid, the ask 200 above it."""
        self.wall_ms: float = NOW_MS
        clock = Clock(origin_ms=NOW_MS, wall_origin_ms=NOW_MS, wall=lambda: self.wall_ms)
        self.chain, self.node = Chain(), Localnet(clock=clock)
        self.rigs = [_priced(self.chain, bid) for bid in bids]
        self.show()

    @property
    def asked(self) -> tuple[str, ...]:
        """What the examples are told: program, market, authorities."""
        return str(self.chain.oracle), str(MARKET), *(str(rig.authority.pubkey()) for rig in self.rigs)

    def wait(self, until_ms: int) -> None:
        """Set the clock, and let it be seen at every commitment."""
        self.wall_ms = until_ms
        self.node.advance(40)

    def show(self) -> None:
        """Bring the boards, as they are now, to the localnet."""
        for rig in self.rigs:
            for key in (rig.board, boards.ids_address(self.chain.oracle, rig.board)):
                account = self.chain.svm.get_account(key)
                assert account is not None
                self.node.set_account(key, account)


def _priced(chain: Chain, bid: int) -> Rig:
    rig = grow_rig(chain, chain.funded(), Keypair(), capacity=2)
    listed = [(0, bytes(32)), (1, MARKET.feed_id())]
    chain.ok(boards.list_feeds(chain.oracle, rig.authority.pubkey(), rig.board, listed), rig.authority)
    state = replace(STATE, bid=Price(bid), ask=Price(bid + 200))
    chain.ok(rig.publish(FeedUpdate(1, state)), rig.publisher)
    return rig
