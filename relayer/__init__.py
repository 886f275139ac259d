"""Oracle relayer: Kalshi prices on Solana, second-derivative PNP markets settled with proof."""

__version__ = "0.1.0"
