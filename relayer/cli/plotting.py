"""A verdict as a picture: prices, level, gaps, witness and decision. Needs the extra `plot` (matplotlib).

Of a spread the two books are drawn above, and below the difference that the question is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from relayer.conditions.events import Candle, Path, Quote, Status
from relayer.conditions.question import question
from relayer.conditions.reference.bounds import Presence
from relayer.conditions.reference.market import Market, inside
from relayer.conditions.reference.stretches import Side, sides
from relayer.conditions.reference.window import Piece, pieces
from relayer.conditions.spec import At, Average, Direction, Hold, Reach, Spec
from relayer.domain.errors import UsageError
from relayer.domain.feeds import Trade
from relayer.domain.markets import MarketId
from relayer.domain.units import PRICE_MAX
from relayer.domain.verdicts import Answer, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Span = tuple[int, int]
_NOTHING = float("nan")
_COLOURS = (("tab:blue", "tab:orange", "tab:green"), ("tab:purple", "tab:brown", "tab:olive"))
"""Bid, ask and trades of each leg."""


def draw(spec: Spec, paths: Mapping[MarketId, Path], verdict: Verdict, file: FilePath) -> None:
    """Write the picture as .png or .svg. Raises UsageError for another suffix, a missing folder or no matplotlib."""
    spread = len(spec.legs) > 1
    figure = new_figure(file, height=7 if spread else 5)
    panels = figure.subplots(2 if spread else 1, 1, sharex=True, squeeze=False)[:, 0]
    for market, colours in zip(spec.legs, _COLOURS, strict=False):
        _draw_path(panels[0], str(market), paths[market], colours)
    panels[0].set_ylabel("price of YES, dollars")
    panels[0].set_ylim(-0.02, 1.02)
    if spread:
        _draw_difference(panels[1], spec, paths)
    _draw_question(panels[-1], spec, verdict)
    panels[0].set_title(question(spec).rpartition(" spec:")[0], fontsize=8, wrap=True)
    panels[0].set_xlim(time_of(spec.start_ms), time_of(spec.end_ms))
    for axes in panels:
        axes.legend(loc="best", fontsize=7)
    name_times(panels[-1])
    save(figure, file)


def new_figure(file: FilePath, *, height: float) -> Figure:
    """An empty picture for this file, `height` in inches. Raises UsageError like `draw`."""
    if file.suffix not in (".png", ".svg"):
        raise UsageError(f"--plot {file}: name a file that ends in .png or .svg.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError("--plot needs matplotlib: install the extra, pip install 'pnp-relayer[plot]'.") from error
    return Figure(figsize=(11, height), layout="constrained", dpi=120)


def save(figure: Figure, file: FilePath) -> None:
    """Raises UsageError where nothing can be written."""
    try:
        figure.savefig(file)
    except OSError as error:
        raise UsageError(f"--plot {file} cannot be written: {error.strerror}.") from error


def name_times(axes: Axes) -> None:
    """Short times, and whose they are."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    axes.set_xlabel("exchange time, UTC")
    axes.xaxis.set_major_formatter(ConciseDateFormatter(AutoDateLocator()))  # type: ignore[no-untyped-call]


def draw_gaps(axes: Axes, path: Path) -> None:
    """Grey where the path proves nothing, hatched where the market does not trade."""
    _shade(axes, Market(path).gaps, "gap", color="0.85")
    _shade(axes, _pauses(path), "not trading", facecolor="none", edgecolor="0.75", hatch="//")


def time_of(at_ms: int) -> datetime:
    """What matplotlib takes."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _shade(axes: Axes, spans: Sequence[Span], label: str, **look: str) -> None:
    known = axes.get_legend_handles_labels()[1]
    for start, end in spans:
        axes.axvspan(time_of(start), time_of(end), zorder=0, label="_" if label in known else label, **look)  # type: ignore[arg-type]
        known = [label]


def _pauses(path: Path) -> list[Span]:
    """Not-trading time as far as the path goes."""
    spans: list[Span] = []
    since: int | None = None
    for event in path.events:
        if isinstance(event, Status) and event.trading:
            spans += [] if since is None else [(since, event.at_ms)]
            since = None
        elif since is None and isinstance(event, Status):
            since = event.at_ms
    return spans if since is None else [*spans, (since, _end(path, since))]


def _end(path: Path, least: int) -> int:
    return max(least, path.watermark_ms or least)


def _draw_path(axes: Axes, name: str, path: Path, colours: Sequence[str]) -> None:
    steps = list(_steps(path))
    times = [time_of(at_ms) for at_ms, _, _ in steps]
    for side, index, colour in (("bid", 1, colours[0]), ("ask", 2, colours[1])):
        prices = [step[index] for step in steps]
        axes.step(times, prices, where="post", linewidth=0.8, color=colour, label=f"{name} {side}")  # type: ignore[arg-type]
    trades = [event for event in path.events if isinstance(event, Trade) and not event.block]
    if trades:
        at = [time_of(trade.at_ms) for trade in trades]
        prices = [trade.price / PRICE_MAX for trade in trades]
        axes.plot(at, prices, ".", markersize=3, color=colours[2], label=f"{name} trades")  # type: ignore[arg-type]
    draw_gaps(axes, path)
    for event in path.events:
        if isinstance(event, Candle):
            _draw_candle(axes, event, colours)


def _steps(path: Path) -> Iterator[tuple[int, float, float]]:
    """Time, bid and ask in dollars; no line is drawn where no book is known."""
    gaps, pauses = Market(path).gaps, _pauses(path)
    quotes = (event for event in path.events if isinstance(event, Quote))
    known = [one for one in quotes if not inside(gaps, one.at_ms) and not inside(pauses, one.at_ms)]
    steps: list[tuple[int, float, float]] = [
        (one.at_ms, _dollars(one.book.best_bid), _dollars(one.book.best_ask)) for one in known
    ]
    steps += [(start, _NOTHING, _NOTHING) for start, _ in gaps + pauses]
    steps.sort(key=itemgetter(0))
    yield from steps
    if steps:
        yield (_end(path, steps[-1][0]), *steps[-1][1:])


def _draw_candle(axes: Axes, candle: Candle, colours: Sequence[str]) -> None:
    span = [time_of(candle.at_ms), time_of(candle.to_ms)]
    for side, colour in zip((candle.bid, candle.ask), colours, strict=False):
        if isinstance(side, tuple):
            low, high = (price / PRICE_MAX for price in side[1:3])
            axes.fill_between(span, low, high, color=colour, alpha=0.35, linewidth=0.8)  # type: ignore[arg-type]


def _draw_difference(axes: Axes, spec: Spec, paths: Mapping[MarketId, Path]) -> None:
    """What the test looks at, in each order that counts; a band where only bounds are known."""
    window = pieces([Market(paths[leg]) for leg in spec.legs], spec.start_ms, spec.end_ms)
    direction = spec.test.direction if isinstance(spec.test, Reach) else Direction.UP
    for side, (colour, _, _) in zip(sides(spec, direction, 0), _COLOURS, strict=False):
        times, lows, highs = [], [], []
        for piece in window:
            signal = _signal(side, piece)
            for at_ms in (piece.from_ms, piece.to_ms):
                times.append(time_of(at_ms))
                lows.append(signal[0])
                highs.append(signal[1])
        one, other = spec.legs if side.exchanged else spec.legs[::-1]
        axes.plot(times, lows, color=colour, linewidth=0.8, label=f"{one} less {other}")  # type: ignore[arg-type]
        axes.fill_between(times, lows, highs, color=colour, alpha=0.3)  # type: ignore[arg-type]
    axes.set_ylabel("difference, dollars")


def _signal(side: Side, piece: Piece) -> tuple[float, float]:
    """Lowest and highest difference, dollars; nothing where it is absent or not traded."""
    signal = side.signal(piece)
    if not piece.trading or signal.presence is Presence.ABSENT:
        return _NOTHING, _NOTHING
    return signal.lo / 2 / PRICE_MAX, signal.hi / 2 / PRICE_MAX


def _draw_question(axes: Axes, spec: Spec, verdict: Verdict) -> None:
    for level in _levels(spec):
        axes.axhline(level, color="tab:red", linewidth=0.8, label=f"level {level:.4f}")
    if verdict.decided_at is not None:
        label = f"{verdict.answer}, {'over' if verdict.answer is Answer.UNKNOWN else 'decided'}"
        axes.axvline(time_of(verdict.decided_at), color="black", linestyle="--", label=label)  # type: ignore[arg-type]
    if verdict.witness is not None and verdict.witness.price is not None:
        at = [time_of(verdict.witness.at_ms)]
        axes.plot(at, [float(verdict.witness.price)], "k*", markersize=10, label="witness")  # type: ignore[arg-type]


def _levels(spec: Spec) -> list[float]:
    """Of `either` both; on a spread one, for both orders are drawn."""
    if not isinstance(spec.test, Reach | Hold | At | Average):
        return []
    level = spec.test.level / PRICE_MAX
    return [level, 1 - level] if spec.test.direction is Direction.EITHER and len(spec.legs) == 1 else [level]


def _dollars(price: int | None) -> float:
    return _NOTHING if price is None else price / PRICE_MAX
