"""DFlow's mirror of Kalshi: a second opinion on its prices, or their only source, or (by default) nothing.

Its prices carry neither time nor sequence, so nothing here ever decides a market; `sources.kalshi` does.
"""
