"""A parent's path as a trader reads it: belief and conviction above, realised and expected movement below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path as FilePath

from relayer.cli import beliefs
from relayer.cli.plotting import draw_gaps, name_times, new_figure, save, time_of
from relayer.conditions.events import Path
from relayer.domain.units import millis_from_rfc3339


def draw_beliefs(
    market: str, path: Path, mids: Sequence[tuple[int, float]], level: float, convinced_at: str | None, file: FilePath
) -> None:
    """Write the picture as .png or .svg. mids: time and mid price in dollars, at least one.

    Movement above what is expected means that the price moved more than it came nearer to an answer.
    """
    figure = new_figure(file, height=6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    times = [time_of(at_ms) for at_ms, _ in mids]
    prices = [price for _, price in mids]
    above.step(times, prices, where="post", linewidth=0.9, color="tab:blue", label="mid price")
    for edge in (level, 1 - level):
        above.axhline(edge, color="tab:red", linewidth=0.8, linestyle=":")
    above.plot([], [], color="tab:red", linestyle=":", linewidth=0.8, label=f"conviction at {level:g} either way")
    if convinced_at is not None:
        at = time_of(millis_from_rfc3339(convinced_at))
        above.axvline(at, color="black", linestyle="--", linewidth=0.9, label="first conviction")
    above.set_ylim(-0.02, 1.02)
    above.set_ylabel("price of YES, dollars")
    above.set_title(market, loc="left", fontsize=10)
    realised = list(accumulate(((after - before) ** 2 for before, after in pairwise(prices)), initial=0.0))
    expected = [beliefs.expected_movement(prices[0]) - beliefs.expected_movement(price) for price in prices]
    below.step(times, realised, where="post", linewidth=1.2, color="tab:orange", label="realised movement")
    below.step(times, expected, where="post", linewidth=0.7, color="tab:green", label="expected: uncertainty gone")
    below.axhline(0, color="0.6", linewidth=0.5)
    below.set_ylabel("sum of squared moves")
    name_times(below)
    for axes in (above, below):
        draw_gaps(axes, path)
        axes.set_xlim(times[0], times[-1])
        axes.legend(loc="best", fontsize=7)
    save(figure, file)
