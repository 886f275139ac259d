"""`relayer analytics`: read the price of a derivative market against its parent's path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId
from relayer.domain.units import PRICE_MAX, millis_from_rfc3339, rfc3339

if TYPE_CHECKING:
    from relayer.conditions.events import Path as KnownPath

Mids = list[tuple[int, float]]


def analytics(
    market: Annotated[str, typer.Argument(metavar="MARKET", help="The parent as venue:ticker.")],
    path_file: Annotated[Path, typer.Option("--path", metavar="FILE", help="Its path, as for `relayer backtest`.")],
    level: Annotated[float, typer.Option(help="Level of the touch and of conviction, dollars above 0.5.")] = 0.9,
    outcome_at: Annotated[
        str | None, typer.Option("--outcome", metavar="TIME", help="When the outcome is known, RFC 3339.")
    ] = None,
    deadline: Annotated[str | None, typer.Option(metavar="TIME", help="Deadline of the touch, RFC 3339.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw belief and movement as .png or .svg.")] = None,
) -> None:
    """Touch probability, realised and implied movement of beliefs, and time to conviction.

    Example: relayer analytics kalshi:KXHIGHNY-25DEC21-B46.5 --path day.jsonl.gz --level 0.7 --json
    """
    from relayer.cli.path_files import read_lines
    from relayer.conditions.path import read_path

    if not 0.5 < level < 1:
        raise UsageError(f"--level {level} must lie between 0.5 and 1.")
    try:
        parent = MarketId.parse(market)
        outcome_ms, deadline_ms = _time(outcome_at), _time(deadline)
    except ValueError as error:
        raise UsageError(f"{error}.") from error
    path = read_path(read_lines(path_file, [parent]), [parent], name=str(path_file))[parent]
    mids = mids_of(path)
    report = {"market": market, "level": level, **_report(mids, level, outcome_ms, deadline_ms)}
    if plot is not None:
        from relayer.cli.belief_plot import draw_beliefs

        draw_beliefs(market, path, mids, level, report["convinced_at"], plot)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        for name, value in report.items():
            typer.echo(f"{name.replace('_', ' '):28} {'-' if value is None else value}")


def mids_of(path: KnownPath) -> Mids:
    """Time and mid, in dollars, of every trading moment with both sides: observed quotes, closes of candles in gaps."""
    from relayer.conditions.events import Candle, Quote
    from relayer.conditions.reference.market import Market, inside

    market = Market(path)
    mids: dict[int, float | None] = {}
    for event in path.events:
        if isinstance(event, Quote) and market.trading(event.at_ms) and not inside(market.gaps, event.at_ms):
            mids[event.at_ms] = _mid(event.book.best_bid, event.book.best_ask)
        elif isinstance(event, Candle) and isinstance(event.bid, tuple) and isinstance(event.ask, tuple):
            last_ms = event.to_ms - 1
            if market.trading(last_ms) and inside(market.gaps, last_ms):
                mids.setdefault(event.to_ms, _mid(event.bid[3], event.ask[3]))
    return [(at_ms, mid) for at_ms, mid in sorted(mids.items()) if mid is not None]


def _mid(bid: int | None, ask: int | None) -> float | None:
    """Dollars; None where a side is empty."""
    return (bid + ask) / 2 / PRICE_MAX if bid and ask and ask < PRICE_MAX else None


def _report(mids: Mids, level: float, outcome_ms: int | None, deadline_ms: int | None) -> dict[str, Any]:
    from relayer.cli import beliefs

    if not mids:
        raise UsageError("The path holds no quote with both sides, so there is no belief to read.")
    (first_ms, first), (last_ms, last) = mids[0], mids[-1]
    convinced = next((at for at, price in mids if max(price, 1 - price) >= level), None)
    realised = beliefs.movement([price for _, price in mids])
    report = {
        "first": first,
        "last": last,
        "touch_bound": beliefs.touch_bound(last, level),
        "movement_realised": realised,
        "movement_expected": beliefs.expected_movement(first) - beliefs.expected_movement(last),
        "volatility_realised_per_root_s": (realised * 1000 / max(last_ms - first_ms, 1)) ** 0.5,
        "convinced_at": None if convinced is None else rfc3339(convinced),
        "seconds_to_conviction": None if convinced is None else (convinced - first_ms) / 1000,
    }
    if outcome_ms is None:
        return report
    if outcome_ms <= last_ms or not 0 < last < 1:
        raise UsageError("--outcome must lie after the last quote of the path, and that quote be undecided.")
    left_ms = outcome_ms - last_ms
    share = 1.0 if deadline_ms is None else min(max((deadline_ms - last_ms) / left_ms, 0.0), 1.0)
    return {
        **report,
        "volatility_implied_per_root_s": beliefs.volatility_left(last, left_ms / 1000),
        "touch_by_deadline": beliefs.touch_chance(last, level, share),
        "conviction_by_deadline": beliefs.conviction_chance(last, level, share),
        "median_conviction_in_s": beliefs.conviction_time(last, level) * left_ms / 1000,
    }


def _time(text: str | None) -> int | None:
    return None if text is None else millis_from_rfc3339(text)
