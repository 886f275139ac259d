"""`relayer feeds` and `relayer explain`: what a running relayer knows, asked over its API."""

from __future__ import annotations

import json as jsonlib
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

_Config = Annotated[Path, typer.Option("--config", "-c", help="The running relayer's TOML file, which names its API.")]
_Url = Annotated[str, typer.Option("--url", help="Its API instead, as http://host:port.")]
_Json = Annotated[bool, typer.Option("--json", help="Print what the API says.")]
_CONFIG = Path("relayer.toml")
_PATIENCE_S = 60
"""A long tape takes a while to read."""


def feeds(
    ticker: Annotated[str, typer.Argument(help="One market, as venue:ticker or ticker; all without it.")] = "",
    config: _Config = _CONFIG,
    url: _Url = "",
    live: Annotated[bool, typer.Option("--live", help="Refresh every second until interrupted.")] = False,
    json: _Json = False,
) -> None:
    """Show what each feed proves: price, watermark and its age, gaps, source, sequence; of one market with the reasons.

    Example: relayer feeds --live
    """
    base = _base(config, url)
    if live and not json:
        _show_live(base, ticker)
        return
    found = _chosen(_get(base, "feeds"), ticker)
    if json:
        sys.stdout.write(jsonlib.dumps(found) + "\n")
        return
    _console().print(_feeds_table(found))
    if ticker:
        _console().print(_proven(found[0]))
        for line in _heard(found[0]):
            _console().print(line)
        _console().print(_gaps_table(found[0]))


def explain(
    market: Annotated[str, typer.Argument(help="Address of a PNP market; all that name this relayer without it.")] = "",
    config: _Config = _CONFIG,
    url: _Url = "",
    json: _Json = False,
) -> None:
    """Say of a market what state it is in, why, how far it is from being decided, and what it waits for.

    Of one market also how long its level has been held so far, which is read off the tape.

    Example: relayer explain 9TgkXs6xpUgttL7xGXRCEQVBb83PP8fRiy68H5mmFshi
    """
    base = _base(config, url)
    found = _chosen(_get(base, "markets"), market)
    if market:
        found = [_ask(f"{base}/v1/markets/{one['market']}", base) for one in found]
    if json:
        sys.stdout.write(jsonlib.dumps(found) + "\n")
        return
    for one in found:
        _console().print_json(jsonlib.dumps(one)) if market else _console().print(_line(one), soft_wrap=True)


def _base(config: Path, url: str) -> str:
    if url:
        return url.rstrip("/")
    from relayer.settings import load_settings

    api = load_settings(config).api
    return f"http://{api.host}:{api.port}"


def _get(base: str, view: str) -> list[dict[str, Any]]:
    from relayer.domain.errors import UsageError

    if not base.startswith(("http://", "https://")):
        raise UsageError(f"--url {base} is no address: write it http://host:port.")
    return list(_ask(f"{base}/v1/{view}", base))


def _ask(url: str, base: str) -> Any:
    from relayer.domain.errors import PermanentError

    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:  # noqa: S310 - `_get` has checked it
            return jsonlib.load(answer)
    except (OSError, ValueError) as error:
        raise PermanentError(
            f"No relayer answers at {base} ({error}): start one with `relayer run`, or name its API with --url."
        ) from error


def _chosen(found: list[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    from relayer.domain.errors import UsageError

    chosen = [one for one in found if not wanted or wanted in (one["market"], one["market"].partition(":")[2])]
    if wanted and not chosen:
        known = ", ".join(one["market"] for one in found[:10]) or "nothing"
        raise UsageError(f"The relayer does not serve {wanted}; it serves {known}.")
    return chosen


def _show_live(base: str, ticker: str) -> None:
    """Until interrupted; a relayer that restarts is waited for."""
    from rich.live import Live

    from relayer.domain.errors import PermanentError

    with Live(console=_console()) as screen:
        while True:
            try:
                screen.update(_feeds_table(_chosen(_get(base, "feeds"), ticker)))
            except PermanentError as error:
                screen.update(f"{error} It is asked again every second.")
            time.sleep(1)


def _feeds_table(found: list[dict[str, Any]]) -> Table:
    from rich.table import Table

    table = Table()
    table.add_column("market", no_wrap=True, min_width=24)
    second = any(one.get("dflow") and one["source"] != "dflow" for one in found)
    for column in ("status", "bid", "ask", "last", "age", "gaps"):
        table.add_column(column, no_wrap=True)
    for column in ("watermark", "result", "source", "sequence", *(["dflow"] if second else [])):
        table.add_column(column, overflow="fold")
    for one in found:
        result = one["result"]
        table.add_row(
            one["market"].partition(":")[2],
            one["status"],
            one["bid"] or "-",
            one["ask"] or "-",
            one["last"] or "-",
            "-" if one["age_s"] is None else f"{one['age_s']:.1f} s",
            str(one["gaps"]),
            (one["watermark"] or "-").replace("T", " "),
            f"{result['result']}{'' if result['final'] else ' (not final)'}" if result else "-",
            one.get("source", "-"),
            " ".join(_sequence(connection) for connection in one.get("connections", ())) or "-",
            *([_opinion(one.get("dflow"))] if second else []),
        )
    return table


def _sequence(connection: dict[str, Any]) -> str:
    """`2:4711`: connection 2 has heard frame 4711 of its books; `2:-` while it proves nothing."""
    known = connection["proves"] and connection["sequence"] is not None
    return f"{connection['connection']}:{connection['sequence'] if known else '-'}"


def _opinion(dflow: dict[str, Any] | None) -> str:
    if not dflow or dflow["agreement"] is None:
        return "-"
    return f"{dflow['agreement']} {dflow['bid'] or '-'}/{dflow['ask'] or '-'}"


def _proven(one: dict[str, Any]) -> str:
    """What of one market's past is known to be complete."""
    if one["watermark"] is None:
        return "Nothing of it has been told yet."
    if one.get("source") == "dflow":
        return (
            f"Newest price or status as of {one['watermark']}; DFlow numbers and dates nothing, so nothing is proven."
        )
    return f"Everything before {one['watermark']} has been told."


def _heard(one: dict[str, Any]) -> list[str]:
    """How one market is heard, a line a source."""
    lines = []
    for connection in one.get("connections", ()):
        state = "proves its book" if connection["proves"] else "does not prove its book now"
        why = f" ({connection['trouble']})" if connection["trouble"] else ""
        lines.append(
            f"Connection {connection['connection']} {state}{why}; newest frame of its books: {connection['sequence']}."
        )
    if "agreed_with_rest" in one:
        lines.append(f"REST last showed the same book as of {one['agreed_with_rest'] or 'never yet'}.")
    if dflow := one.get("dflow"):
        lines.append(
            f"DFlow ({dflow['mode']}): {_opinion(dflow)}{', ' + dflow['trouble'] if dflow['trouble'] else ''}."
        )
    return lines


def _gaps_table(one: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table(title=f"Latest gaps of {one['market']}", title_justify="left")
    for column in ("from", "to", "reason", "filled by"):
        table.add_column(column)
    for gap in one["latest_gaps"]:
        filled = gap["filled_by"] or "no need"
        table.add_row(gap["from"] or "the beginning", gap["to"], gap["reason"], filled)
    return table


def _line(one: dict[str, Any]) -> str:
    alarm = f"\n  ALARM: {one['alarm']}" if one.get("alarm") else ""
    return f"{one['market']} ({one['pnp']} {one['id']}): {one['state']}, {one['why']}\n  {one['question']}{alarm}"


def _console() -> Any:
    from rich.console import Console

    return Console()
