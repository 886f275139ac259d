"""May this market be activated? Pure; the answer is None or the reason against. Activation cannot be undone."""

from __future__ import annotations

from collections.abc import Sequence

from relayer.conditions.spec import Executable, Mid, Source, Spec, Trades
from relayer.domain.markets import MarketId
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import Millis, contracts, rfc3339
from relayer.domain.verdicts import Answer, Verdict
from relayer.services.settings import ResolverSettings


def refusal(
    market: PnpMarket,
    spec: Spec,
    verdict: Verdict,
    *,
    unheard: Sequence[MarketId],
    now_ms: Millis,
    settings: ResolverSettings,
) -> str | None:
    """Why the market must stay frozen, or None if it may open.

    unheard: parents that the venue has told nothing of. now_ms: exchange time.
    """
    if unheard:
        return f"its parent {unheard[0]} has not been heard of: its venue may not know it, or the stream has just begun"
    if market.creator not in settings.allowed_creators:
        return f"its creator {market.creator} is not in [resolver] allowed_creators"
    if spec.end_ms > market.end_ms:
        return f"its window ends {rfc3339(spec.end_ms)}, after the market's own end {rfc3339(market.end_ms)}"
    if below := _below_floor(spec.price, settings):
        return below
    if verdict.answer is not Answer.PENDING:
        return f"its verdict is {verdict.answer} already"
    if spec.price and spec.start_ms < now_ms and verdict.coverage.unknown_ms:
        return f"{verdict.coverage.unknown_ms} ms of its window since {rfc3339(spec.start_ms)} were not observed"
    return None


def _below_floor(price: Source | None, settings: ResolverSettings) -> str | None:
    """How the spec asks for less than this operator stakes its name on."""
    if isinstance(price, Executable | Mid) and price.held_ms < settings.floor_held_s * 1000:
        return f"its held_s of {price.held_ms // 1000} is below [resolver] floor_held_s of {settings.floor_held_s}"
    if isinstance(price, Executable | Trades) and price.min_size < settings.floor_min_size * 100:
        size, floor = contracts(price.min_size), settings.floor_min_size
        return f"its min_size of {size} is below [resolver] floor_min_size of {floor}"
    if isinstance(price, Trades) and price.min_trades < settings.floor_min_trades:
        return (
            f"its min_trades of {price.min_trades} is below [resolver] floor_min_trades of {settings.floor_min_trades}"
        )
    return None
