"""Prices, statuses and outcome tokens from DFlow's wire types. Raises ValueError for what cannot be one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

from relayer.domain.markets import MarketStatus
from relayer.domain.units import PRICE_MAX, Price, price_from_dollars
from relayer.sources.dflow import wire

STATUSES = {
    "initialized": MarketStatus.INITIALIZED,
    "active": MarketStatus.ACTIVE,
    "inactive": MarketStatus.PAUSED,
    "closed": MarketStatus.CLOSED,
    "determined": MarketStatus.DETERMINED,
    "finalized": MarketStatus.FINAL,
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Prices:
    """Best YES prices, None for an empty side. Sizes are not told."""

    bid: Price | None
    ask: Price | None


@dataclass(frozen=True, slots=True)
class OutcomeToken:
    """One side of a Kalshi market as a token on Solana, on the rail of one settlement mint. Addresses in base58."""

    mint: str
    ticker: str
    outcome: Literal["yes", "no"]
    settlement_mint: str
    ledger: str | None
    on_chain: bool
    """Whether the ledger and its mints exist already; most are made by the first trade."""


def decode(text: str | bytes | msgspec.Raw, kind: type[T]) -> T:
    """JSON of this shape. Raises ValueError for anything else."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:  # broken UTF-8 is a ValueError already
        raise ValueError(str(error)) from error


def prices(told: wire.Market | wire.PriceFrame) -> Prices:
    """A bid of 0 and an ask of 1 are empty sides; a crossed pair is an error."""
    bid, ask = _price(told.yes_bid, "down") or None, _price(told.yes_ask, "up")
    ask = None if ask in (0, PRICE_MAX) else ask
    if bid is not None and ask is not None and bid >= ask:
        raise ValueError(f"bid {bid} is not below ask {ask}")
    return Prices(bid, ask)


def _price(text: str | None, rounding: str) -> Price | None:
    if text is None:
        return None
    try:
        return price_from_dollars(text, rounding=rounding)
    except ArithmeticError:
        raise ValueError(f"price {text[:40]!r} is outside 0 to 1") from None


def tokens(market: wire.Market) -> list[OutcomeToken]:
    """All outcome tokens of a market; none on a rail that has no mints yet."""
    return [
        OutcomeToken(mint, market.ticker, outcome, settlement_mint, rail.market_ledger, rail.is_initialized)
        for settlement_mint, rail in market.accounts.items()
        for outcome, mint in _mints(rail)
        if mint
    ]


def _mints(rail: wire.Rail) -> Iterable[tuple[Literal["yes", "no"], str | None]]:
    return ("yes", rail.yes_mint), ("no", rail.no_mint)
