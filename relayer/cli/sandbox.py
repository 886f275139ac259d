"""`relayer sandbox`: the simulated venue on loopback."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from relayer.domain.clock import Clock, wall_ms
from relayer.domain.errors import UsageError
from relayer.domain.units import millis_from_rfc3339

if TYPE_CHECKING:
    from relayer.sandbox.auth import PublicKey
    from relayer.sandbox.server import Sandbox, Urls

LEAD_MS = 2_000
"""The start comes this long after the command, so that a client can connect before."""


def _list_faults(wanted: bool) -> None:
    if not wanted:
        return
    from relayer.sandbox.faults.kit import ALL

    for name, known in ALL.items():
        typer.echo(f"{name:21}{known.group:8}{known.rate:<8g}{known.about}")
    raise typer.Exit


def sandbox(
    tape: Annotated[Path | None, typer.Option(help="Replay tape; the shipped day if left out.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8888,
    speed: Annotated[float, typer.Option(help="Tape seconds a second.")] = 1.0,
    start: Annotated[str | None, typer.Option(help="RFC 3339 time to start at; the tape's first if left out.")] = None,
    key_id: Annotated[str | None, typer.Option(help="Id of the API key that is let in.")] = None,
    public_key: Annotated[Path | None, typer.Option(help="PEM file of that key's public half.")] = None,
    key_dir: Annotated[Path | None, typer.Option(help="Without a key: where to write a throw-away one.")] = None,
    clock_origin: Annotated[int | None, typer.Option(help="Shared clock: milliseconds shown at --clock-wall.")] = None,
    clock_wall: Annotated[int | None, typer.Option(help="Shared clock: wall time in milliseconds.")] = None,
    clock_speed: Annotated[float | None, typer.Option(help="Shared clock: seconds a second.")] = None,
    dflow_key: Annotated[str | None, typer.Option(help="Key that DFlow's surface asks for; none lets all in.")] = None,
    fault: Annotated[list[str] | None, typer.Option(help="Fault: name[@connection][=rate]; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same faults.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="When ready print one JSON object, on one line.")] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="List all faults and exit.", callback=_list_faults, is_eager=True)
    ] = False,
) -> None:
    """Serve a recorded day as Kalshi and DFlow would: with real signatures, rate limits, at any speed, with faults.

    Example: relayer sandbox --speed 60 --key-dir /tmp/sandbox --fault sequence-hole --fault rest-429=0.5
    """
    from relayer.sandbox.faults.kit import FaultKit
    from relayer.sandbox.server import Sandbox
    from relayer.tape.replay import SHIPPED_TAPE, ReplayTape

    replay = ReplayTape(tape or SHIPPED_TAPE)
    shared = (clock_origin, clock_wall, clock_speed)
    if any(part is not None for part in shared):
        numbers = _shared_clock(*shared)
    else:
        numbers = ClockNumbers(_moment(start) if start else replay.header.from_ms, int(wall_ms()) + LEAD_MS, speed)
    kit = FaultKit(fault or (), seed=seed)
    keys, private = _keys(key_id, public_key, key_dir)
    venue = Sandbox(tape=replay, clock=numbers.clock(), keys=keys, faults=kit, dflow_key=dflow_key)
    entrance = Entrance(next(iter(keys)), private, numbers)
    asyncio.run(_serve(venue, port, entrance.as_json if as_json else entrance.as_text))


class ClockNumbers(NamedTuple):
    """What several processes must agree on to share a clock."""

    origin_ms: int
    wall_ms: int
    speed: float

    def clock(self) -> Clock:
        if not 0 < self.speed < inf:
            raise UsageError(f"A speed must be above 0, not {self.speed}.")
        return Clock(origin_ms=self.origin_ms, wall_origin_ms=self.wall_ms, speed=self.speed)


def _shared_clock(origin: int | None, wall: int | None, speed: float | None) -> ClockNumbers:
    if origin is None or wall is None or speed is None:
        raise UsageError("A shared clock needs all of --clock-origin, --clock-wall and --clock-speed.")
    return ClockNumbers(origin, wall, speed)


def _moment(text: str) -> int:
    try:
        return millis_from_rfc3339(text)
    except ValueError as error:
        raise UsageError(f"--start is written like 2025-12-20T15:00:00Z: {error}.") from error


def _keys(
    key_id: str | None, public_key: Path | None, key_dir: Path | None
) -> tuple[Mapping[str, PublicKey], Path | None]:
    """The key to let in by its id, and its private file where it was made now."""
    from relayer.sandbox.keys import make_key_pair, read_public_key

    if key_id and public_key:
        return {key_id: read_public_key(public_key)}, None
    if key_id or public_key:
        raise UsageError("--key-id and --public-key belong together: give both, or neither and a --key-dir.")
    if key_dir is None:
        raise UsageError("Who may connect? Give --key-id and --public-key, or a --key-dir for a throw-away key.")
    made, file, public = make_key_pair(key_dir)
    return {made: public}, file


async def _serve(venue: Sandbox, port: int, ready: Callable[[Urls], str]) -> None:
    from relayer.sandbox.server import serve

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(venue, port=port) as urls:
        typer.echo(ready(urls))
        await stop.wait()


@dataclass(frozen=True)
class Entrance:
    """What a relayer needs to connect, beside the addresses."""

    key_id: str
    key_file: Path | None
    """Private half of a key made now; None where the caller holds it."""
    clock: ClockNumbers

    def as_json(self, urls: Urls) -> str:
        key = {"key_id": self.key_id, "key_file": str(self.key_file.resolve()) if self.key_file else None}
        return json.dumps({**asdict(urls), **key, "clock": self.clock._asdict()})

    def as_text(self, urls: Urls) -> str:
        ready = f"READY rest={urls.rest} ws={urls.ws} dflow_rest={urls.dflow_rest} dflow_ws={urls.dflow_ws}"
        return f"{self._settings(urls, self.key_file)}\n{ready}" if self.key_file else ready

    def _settings(self, urls: Urls, key_file: Path) -> str:
        """The TOML that connects a relayer to this venue, on the same clock."""
        return f"""\
[kalshi]
environment = "sandbox"
rest_url = "{urls.rest}"
ws_url = "{urls.ws}"
key_id = "{self.key_id}"
key_file = "{key_file.resolve()}"

[clock]
origin_ms = {self.clock.origin_ms}
wall_ms = {self.clock.wall_ms}
speed = {self.clock.speed}
"""
