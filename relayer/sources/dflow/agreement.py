"""Whether DFlow's prices agree with another feed's. Pure: no I/O, no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from relayer.domain.units import Price
from relayer.sources.dflow.parse import Prices


class Agreement(StrEnum):
    """The second opinion on one market. It may alarm; it never decides."""

    AGREES = "agrees"
    DIFFERS = "differs"
    """By more than the tolerance, but not for long: the feeds never arrive together."""
    CONTRADICTS = "contradicts"
    """By more than the tolerance, for longer than is given."""
    ABSENT = "absent"
    """Nothing to compare: one of the two has no price that counts."""


@dataclass(slots=True)
class Comparison:
    """One market's, from one look to the next."""

    agreement: Agreement = Agreement.ABSENT
    _differs_since_s: float | None = None

    def look(
        self, own: Prices | None, other: Prices | None, *, now_s: float, tolerance: int, patience_s: float
    ) -> Agreement:
        """Compare again. tolerance in centi-cents, patience_s how long a difference may last."""
        self.agreement = self._judge(own, other, now_s, tolerance, patience_s)
        return self.agreement

    def _judge(
        self, own: Prices | None, other: Prices | None, now_s: float, tolerance: int, patience_s: float
    ) -> Agreement:
        if own is None or other is None or not differ(own, other, tolerance):
            self._differs_since_s = None
            return Agreement.ABSENT if own is None or other is None else Agreement.AGREES
        if self._differs_since_s is None:
            self._differs_since_s = now_s
        lasted_s = now_s - self._differs_since_s
        return Agreement.CONTRADICTS if lasted_s >= patience_s else Agreement.DIFFERS


def differ(one: Prices, other: Prices, tolerance: int) -> bool:
    """Whether a best price differs by more than `tolerance` centi-cents, or a side is empty in one alone."""
    return _far(one.bid, other.bid, tolerance) or _far(one.ask, other.ask, tolerance)


def _far(one: Price | None, other: Price | None, tolerance: int) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > tolerance
