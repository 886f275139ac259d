"""A verdict as a picture: prices, level, gaps, witness and decision. Needs the extra `plot` (matplotlib)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from relayer.conditions.events import Candle, Gap, Path, Quote
from relayer.conditions.question import question
from relayer.conditions.spec import At, Average, Hold, Reach, Spec
from relayer.domain.errors import UsageError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId
from relayer.domain.units import PRICE_MAX
from relayer.domain.verdicts import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(spec: Spec, paths: Mapping[MarketId, Path], verdict: Verdict, file: FilePath) -> None:
    """Write the picture as .png or .svg. Raises UsageError without matplotlib or for another suffix."""
    figure = new_figure(file, height=5)
    axes = figure.subplots()
    for market, path in paths.items():
        _draw_path(axes, str(market), path)
    _draw_question(axes, spec, verdict)
    axes.set_title(question(spec).rpartition(" spec:")[0], fontsize=8, wrap=True)
    axes.set_ylabel("price of YES, dollars")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(time_of(spec.start_ms), time_of(spec.end_ms))  # type: ignore[arg-type]
    axes.legend(loc="best", fontsize=7)
    figure.savefig(file)


def new_figure(file: FilePath, *, height: float) -> Figure:
    """An empty picture for this file, `height` in inches. Raises UsageError like `draw`."""
    if file.suffix not in (".png", ".svg"):
        raise UsageError(f"--plot {file}: name a file that ends in .png or .svg.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("--plot needs matplotlib: install the extra, pip install 'pnp-relayer[plot]'.") from error
    return Figure(figsize=(11, height), layout="constrained", dpi=120)


def draw_gaps(axes: Axes, path: Path) -> None:
    """Grey where the path proves nothing."""
    for event in path.events:
        if isinstance(event, Gap):
            axes.axvspan(time_of(event.at_ms), time_of(event.to_ms), color="0.85", zorder=0)  # type: ignore[arg-type]


def _draw_path(axes: Axes, name: str, path: Path) -> None:
    quotes = [event for event in path.events if isinstance(event, Quote)]
    times = [time_of(quote.at_ms) for quote in quotes]
    for side, prices in (
        ("bid", [_dollars(quote.book.best_bid) for quote in quotes]),
        ("ask", [_dollars(quote.book.best_ask) for quote in quotes]),
    ):
        axes.step(times, prices, where="post", linewidth=0.8, label=f"{name} {side}")  # type: ignore[arg-type]
    trades = [event for event in path.events if isinstance(event, Trade) and not event.block]
    if trades:
        points = [trade.price / PRICE_MAX for trade in trades]
        axes.plot([time_of(trade.at_ms) for trade in trades], points, ".", markersize=2, label=f"{name} trades")  # type: ignore[arg-type]
    draw_gaps(axes, path)
    for event in path.events:
        if isinstance(event, Candle) and isinstance(event.bid, tuple):
            span = [time_of(event.at_ms), time_of(event.to_ms)]
            low, high = (price / PRICE_MAX for price in event.bid[1:3])
            axes.fill_between(span, low, high, color="tab:blue", alpha=0.4)  # type: ignore[arg-type]


def _draw_question(axes: Axes, spec: Spec, verdict: Verdict) -> None:
    if isinstance(spec.test, Reach | Hold | At | Average):
        axes.axhline(spec.test.level / PRICE_MAX, color="tab:red", linewidth=0.8, label="level")
    if verdict.decided_at is not None:
        label = f"{verdict.answer}, decided"
        axes.axvline(time_of(verdict.decided_at), color="black", linestyle="--", label=label)  # type: ignore[arg-type]
    if verdict.witness is not None and verdict.witness.price is not None:
        at = [time_of(verdict.witness.at_ms)]
        axes.plot(at, [float(verdict.witness.price)], "k*", markersize=10, label="witness")  # type: ignore[arg-type]


def time_of(at_ms: int) -> datetime:
    """What matplotlib takes."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _dollars(price: int | None) -> float:
    return float("nan") if price is None else price / PRICE_MAX
