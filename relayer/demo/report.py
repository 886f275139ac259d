"""What the demo found, as the JSON object that scripts read and as a table for people."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from rich.table import Table

from relayer.domain.pnp import PnpKind
from relayer.domain.verdicts import Answer, Outcome


@dataclass(frozen=True, slots=True)
class MarketReport:
    """One derivative market: what was judged, what a direct count expects, what the chain shows."""

    kind: str
    pnp: PnpKind
    asks: str
    verdict: Answer
    expected: str
    winner: Outcome | None

    @property
    def settled(self) -> bool:
        """The chain shows the winner that the verdict names."""
        return self.winner is not None and self.winner == self.verdict.value

    @property
    def as_expected(self) -> bool:
        return self.settled and self.verdict == self.expected


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Counts of the whole run."""

    frames: int
    updates_published: int
    updates_on_chain: int
    transactions: int
    markets: list[MarketReport]

    @property
    def good(self) -> bool:
        """Prices are on chain and every market is settled as expected."""
        return self.updates_on_chain > 0 and bool(self.markets) and all(market.as_expected for market in self.markets)

    def json(self) -> str:
        """The object of architecture section 4, in one line."""
        document = {
            "frames": self.frames,
            "updates_published": self.updates_published,
            "updates_on_chain": self.updates_on_chain,
            "transactions": self.transactions,
            "markets": [
                {
                    "kind": market.kind,
                    "pnp": market.pnp,
                    "mode": "direct",
                    "verdict": market.verdict,
                    "expected": market.expected,
                    "settled": market.settled,
                    "evidence_verified": None,
                }
                for market in self.markets
            ],
        }
        return msgspec.json.encode(document).decode()

    def table(self) -> Table:
        """The markets, one a row."""
        table = Table(title="Second-derivative markets on chain", title_justify="left")
        for column in ("kind", "PNP", "asks whether", "verdict", "counted", "on chain", ""):
            table.add_column(column, overflow="fold")
        for market in self.markets:
            mark = "[green]settled[/]" if market.as_expected else "[red]wrong[/]"
            table.add_row(
                market.kind,
                market.pnp,
                market.asks,
                market.verdict,
                market.expected,
                market.winner or "none",
                mark,
            )
        return table

    def summary(self) -> str:
        return (
            f"{self.frames} frames received, {self.updates_published} price updates published in "
            f"{self.transactions} transactions, {self.updates_on_chain} found on the board."
        )
