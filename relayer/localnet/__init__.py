"""A Solana cluster in one process, for `demo`, `relayer localnet` and the tests: LiteSVM behind JSON-RPC and PubSub.

It behaves like an Agave 4.2 node where clients can tell, including what LiteSVM itself does not enforce. It knows
nothing of the relayer beyond the clock.
"""

from relayer.localnet.bank import Localnet
from relayer.localnet.server import Urls, serve

__all__ = ["Localnet", "Urls", "serve"]
