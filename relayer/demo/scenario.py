"""The demo's derivative markets: two questions about the price's path, two about the result, on the shipped day.

B44.5 ("44 or 45 degrees") was bid up to 73 % and ended no; B46.5 ended yes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from relayer.domain.pnp import PnpKind
from relayer.domain.units import Millis, rfc3339

_EVENT = "KXHIGHNY-25DEC21"
TICKERS = tuple(f"{_EVENT}-{strike}" for strike in ("T40", "B40.5", "B42.5", "B44.5", "B46.5", "T47"))


@dataclass(frozen=True, slots=True)
class DemoMarket:
    """One derivative market to create: what it asks in short, and the parts of its spec as JSON."""

    kind: str
    pnp: PnpKind
    ticker: str
    asks: str
    test: dict[str, str]
    price: dict[str, str | int] | None = None

    def spec(self, start_ms: Millis, end_ms: Millis) -> bytes:
        """The spec file's bytes for the window `[start_ms, end_ms)`, both on full seconds."""
        document: dict[str, object] = {
            "version": 1,
            "kind": self.kind,
            "parent": {"venue": "kalshi-sandbox", "market": self.ticker},
            "window": {"start": rfc3339(start_ms), "end": rfc3339(end_ms)},
            "test": self.test,
            "otherwise": {"answer": "no", "after_days": 1},
        }
        if self.price:
            document["price"] = self.price
        return json.dumps(document, indent=1).encode()


_RESOLVES_YES = {"type": "outcome", "result": "yes"}
_ONE_HUNDRED = {"source": "executable", "min_size": "100.00"}

MARKETS = (
    DemoMarket(
        "momentum",
        PnpKind.V2,
        f"{_EVENT}-B44.5",
        "B44.5 is bid at 0.70 for 2 s",
        {"type": "reach", "direction": "up", "level": "0.7000"},
        {**_ONE_HUNDRED, "held_s": 2},
    ),
    DemoMarket(
        "momentum",
        PnpKind.V3,
        f"{_EVENT}-B42.5",
        "B42.5 is ever bid at 0.50",
        {"type": "reach", "direction": "up", "level": "0.5000"},
        {**_ONE_HUNDRED, "held_s": 0},
    ),
    DemoMarket("outcome", PnpKind.V2, f"{_EVENT}-B46.5", "B46.5 resolves yes", _RESOLVES_YES),
    DemoMarket("outcome", PnpKind.V3, f"{_EVENT}-B44.5", "B44.5 resolves yes", _RESOLVES_YES),
)
