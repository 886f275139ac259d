"""The past of a spec that is armed after its window began: what its parent's path left open is asked for once more.

A path is filled as far back as it was needed when it began; who needs more of it, or needs it after it was given up, is
told of the rest alone, from the venue's own history.
"""

from __future__ import annotations

from collections.abc import Sequence

from relayer.conditions.condition import Condition
from relayer.conditions.events import Gap
from relayer.domain.markets import MarketId, MarketStatus
from relayer.domain.units import Millis
from relayer.services.corroborator import VenueHistory

Lost = tuple[MarketId, Gap]
"""A gap whose trades nobody was told."""


async def tell_past(condition: Condition, history: VenueHistory, lost: Sequence[Lost]) -> None:
    """Tell what fills these gaps, from the spec's start on. Raises TransientError and PermanentError."""
    for market, gap in sorted(lost, key=lambda one: one[1].at_ms):
        from_ms = Millis(max(gap.at_ms, condition.spec.start_ms - 1))
        await _tell(condition, history, market, from_ms, gap.to_ms)


async def _tell(condition: Condition, history: VenueHistory, market: MarketId, from_ms: Millis, to_ms: Millis) -> None:
    opened_ms = Millis(min(max((await history.market(market)).open_ms, from_ms), to_ms))
    trades = await history.trades(market, from_ms=opened_ms, to_ms=to_ms)
    candles = await history.candles(market, from_ms=opened_ms, to_ms=to_ms)
    if from_ms < opened_ms:
        condition.on_status(market, from_ms, MarketStatus.INITIALIZED, None)
        condition.on_status(market, opened_ms, MarketStatus.ACTIVE, None)
    if opened_ms < to_ms:
        condition.on_gap(market, opened_ms, to_ms, True)
    for trade in trades:
        condition.on_trade(market, trade)
    for candle in candles:
        condition.on_candle(market, candle)
