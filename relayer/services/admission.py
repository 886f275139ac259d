"""May this market be activated? Pure; the answer is None or the reason against. Activation cannot be undone."""

from __future__ import annotations

from collections.abc import Sequence

from relayer.conditions.spec import Spec
from relayer.domain.markets import MarketId
from relayer.domain.pnp import PnpMarket
from relayer.domain.units import Millis, rfc3339
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
    if verdict.answer is not Answer.PENDING:
        return f"its verdict is {verdict.answer} already"
    if spec.price and spec.start_ms < now_ms and verdict.coverage.unknown_ms:
        return f"{verdict.coverage.unknown_ms} ms of its window since {rfc3339(spec.start_ms)} were not observed"
    return None
