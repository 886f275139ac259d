"""A recorded day at 1,000 times its speed, all faults on: `python -m tests.campaigns.day [hours] [seed]`.

The source with its pool, merged pairs, cross-checks and backfill, and the tape are in this process, the venue is in
another one. Twice: with every fault that a client can notice, where nothing told may be false and nothing be left
unknown; and with the lies as well, where all must merely go on. Exit status 1 if something is not as it should be.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import heapq
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from relayer.domain.clock import Clock, wall_ms
from relayer.domain.feeds import Remembered
from relayer.domain.markets import MarketId
from relayer.domain.units import Millis
from relayer.sandbox.faults.kit import ALL, LIES, FaultKit, Group
from relayer.services.feeds import FeedTable
from relayer.services.tasks import supervise
from relayer.sources.kalshi import path
from relayer.sources.kalshi.backfill import Backfill
from relayer.sources.kalshi.path import Paths
from relayer.sources.kalshi.settings import KalshiSettings
from relayer.sources.kalshi.source import KalshiSource
from relayer.tape.paths import PathRecorder
from relayer.tape.recorder import Recorder
from relayer.tape.replay import SHIPPED_TAPE, ReplayTape
from relayer.tape.settings import TapeSettings
from relayer.tape.tap import tapped_session
from relayer.telemetry.metrics import Metrics
from tests.campaigns.day_truth import Shares, shares, truths
from tests.fakes.tapes import START_MS, trade
from tests.integration.sources.truth import tickers_of

SPEED = 1_000
HOUR_MS = 3_600_000
LEADS_S = (8, 30, 120)
"""Wall seconds for the sandbox to come up before the day begins; the next one where it did not."""
PATIENCE_S = 400
"""Wall seconds after the day for gaps to be filled."""
GIVEN_UP_S = 150
"""Wall seconds for which a gap is asked for again. In service they are the half hour that `path` counts by the clock;
here that clock runs a thousand times faster, and what REST in trouble costs does not."""
SHUT = frozenset({"tls-failure", "clock-skew"})
"""With these nobody gets in at all."""
RARER = {Group.FRAME: 20, Group.LINK: 50}
"""Chances at each frame are divided by this: a thousand times more frames come a second, while what a lost connection
costs is counted in seconds of the wall."""
GROWTH_MB = 16.0
"""What memory may grow by from the day's second quarter to its last."""


def chosen(*, lies: bool) -> list[str]:
    """The faults of the day."""
    return [
        f"{name}={fault.rate / RARER.get(fault.group, 1):g}"
        for name, fault in ALL.items()
        if name not in SHUT and (lies or name not in LIES)
    ]


@dataclass
class Day:
    """What became of it. megabytes: resident memory, sampled each second of the wall; tasks: how many, likewise."""

    markets: list[MarketId]
    from_ms: Millis
    to_ms: Millis
    seconds: float = 0.0
    megabytes: list[float] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    lost: str | None = None
    unfilled: list[str] = field(default_factory=list)
    entries: int = 0
    counts: dict[str, float] = field(default_factory=dict)
    known: Shares = field(default_factory=Shares)

    @property
    def growth_mb(self) -> float:
        quarter = len(self.megabytes) // 4
        return median(self.megabytes[-quarter:]) - median(self.megabytes[quarter : 2 * quarter]) if quarter else 0.0

    def failures(self, *, lies: bool) -> Iterator[str]:
        """What is not as it should be."""
        if self.lost:
            yield f"a task was lost: {self.lost}"
        yield from (f"{market} was never filled" for market in self.unfilled)
        if not self.megabytes:
            yield "the day was over before anybody watched"
        if self.growth_mb > GROWTH_MB:
            yield f"memory grew by {self.growth_mb:.1f} MB"
        if self.tasks and max(self.tasks[len(self.tasks) // 2 :]) > max(self.tasks[: len(self.tasks) // 2]) + 20:
            yield f"tasks pile up: {self.tasks[-1]}"
        if not lies:
            yield from (f"false: {claim}" for claim in self.known.false)
            yield from (
                f"{self.known.spent[share]} ms {share}" for share in ("unknown", "untold") if self.known.spent[share]
            )
            if self.known.trades["unknown"]:
                yield f"{self.known.trades['unknown']} trades unknown"

    def __str__(self) -> str:
        told = ", ".join(f"{name} {value:g}" for name, value in self.counts.items() if value)
        parts = ", ".join(f"{share} {self.known.percent(share):.2f} %" for share in self.known.spent)
        return (
            f"{self.seconds:.0f} s, {self.entries} entries on tape; {parts}; trades {dict(self.known.trades)}\n"
            f"memory {self.megabytes[:1]} to {self.megabytes[-1:]} MB, grew by {self.growth_mb:.1f} MB; "
            f"tasks at most {max(self.tasks, default=0)}\n{told}"
        )


def with_trades(file: Path, seed: int) -> ReplayTape:
    """The shipped day, which holds no trades, with one a minute."""
    with gzip.open(SHIPPED_TAPE, "rt") as shipped:
        header, *lines = shipped
    told = json.loads(header)
    traded = _trades(Random(seed), tickers_of(ReplayTape(SHIPPED_TAPE)), told["from"] + 1, told["to"] - 900_000)
    merged = heapq.merge(((json.loads(line)["t"], line) for line in lines), traded, key=lambda timed: timed[0])
    file.write_text(header + "".join(line for _, line in merged))
    return ReplayTape(file)


def _trades(rng: Random, tickers: list[str], from_ms: int, to_ms: int) -> Iterator[tuple[int, str]]:
    at_ms, number = from_ms, 0
    while (at_ms := at_ms + rng.randrange(1, 120_000)) < to_ms:
        number += 1
        price, count = f"0.{rng.randrange(1, 100):02d}00", f"{rng.randrange(1, 50)}.00"
        told = trade(at_ms - START_MS, rng.choice(tickers), number, price, count, block=rng.random() < 0.1)
        yield at_ms, json.dumps(told) + "\n"


@contextlib.asynccontextmanager
async def venue(tape: ReplayTape, directory: Path, faults: Iterable[str], seed: int) -> AsyncIterator[dict[str, Any]]:
    """The sandbox in a process of its own, up before the day begins; yields what it says of itself."""
    for lead_s in LEADS_S:
        begins_ms = int(wall_ms()) + 1000 * lead_s
        clock = f"--clock-origin {tape.header.from_ms} --clock-wall {begins_ms} --clock-speed {SPEED}"
        options = f"--tape {tape.path} --port 0 --key-dir {directory / str(lead_s)} --seed {seed} --json {clock}"
        process = await _sandbox(*options.split(), *(part for fault in faults for part in ("--fault", fault)))
        try:
            assert process.stdout is not None
            entrance = json.loads(await process.stdout.readline())
            if wall_ms() < begins_ms:
                yield entrance
                return
        finally:
            process.terminate()
            await process.wait()
    raise RuntimeError("The sandbox does not come up in time: the machine is too busy.")


async def _sandbox(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "relayer", "sandbox", *arguments, stdout=asyncio.subprocess.PIPE
    )


async def live(folder: Path, *, hours: float, seed: int, faults: list[str]) -> Day:
    """Watch the day's first hours through these faults, and hold what was told against the truth."""
    tape, recording = with_trades(folder / "day.jsonl", seed), folder / "recording"
    async with venue(tape, folder / "keys", faults, seed) as entrance:
        day = await _watch(entrance, tape, recording, hours)
    truth = truths(FaultKit(faults, seed=seed), tape, day.from_ms, day.to_ms)
    day.known = shares(recording, day.markets, truth, day.from_ms, day.to_ms)
    return day


async def _watch(entrance: dict[str, Any], tape: ReplayTape, recording: Path, hours: float) -> Day:
    given = {name: entrance[name] for name in ("key_id", "key_file")}
    settings = KalshiSettings(
        environment="sandbox",
        rest_url=entrance["rest"],
        ws_url=entrance["ws"],
        request_timeout_s=2,
        silence_timeout_s=5,
        reply_timeout_s=1,
        **given,
    )
    numbers = entrance["clock"]
    clock = Clock(origin_ms=numbers["origin_ms"], wall_origin_ms=numbers["wall_ms"], speed=numbers["speed"])
    recorder, metrics = Recorder(recording, TapeSettings()), Metrics()
    async with tapped_session(recorder, venue=settings.venue) as http:
        prices = FeedTable(clock=clock, metrics=metrics)
        paths = Paths(prices=prices, listener=PathRecorder(recorder), standing=lambda market: source.standing(market))
        source = KalshiSource(settings=settings, session=http, clock=clock, listener=paths, metrics=metrics)
        backfill = Backfill(paths=paths, client=source.client, clock=clock, metrics=metrics)
        markets = [MarketId(settings.venue, ticker) for ticker in tickers_of(tape)]
        await clock.sleep_until(tape.header.from_ms)
        from_ms = clock.now_ms()
        day = Day(markets, from_ms, Millis(int(min(from_ms + hours * HOUR_MS, tape.header.to_ms - HOUR_MS // 2))))
        source.watch_twice(markets)
        for market in markets:
            paths.need(market, from_ms, Remembered())
        with mock.patch.object(path, "_PATIENCE_MS", GIVEN_UP_S * 1000 * SPEED):
            loops = supervise({"source": source.run(), "backfill": backfill.run(), "tape": recorder.run()})
            await _until_filled(day, loops, paths, clock)
    await recorder.aclose()
    day.entries, day.counts = recorder.head.entry, _counts(metrics)
    return day


async def _until_filled(day: Day, loops: Coroutine[Any, Any, None], paths: Paths, clock: Clock) -> None:
    """Sample until nothing is left to be filled, or for too long; `lost`: what ended the loops before."""
    began, running = time.monotonic(), asyncio.create_task(loops)
    late_ms = day.to_ms + PATIENCE_S * 1000 * SPEED
    while not running.done() and clock.now_ms() < late_ms:
        if clock.now_ms() < day.to_ms:
            day.megabytes.append(_resident_mb())
            day.tasks.append(len(asyncio.all_tasks()))
        await asyncio.sleep(1)
        day.unfilled = _unfilled(paths, day)
        if clock.now_ms() >= day.to_ms and not day.unfilled:
            break
    day.seconds = time.monotonic() - began
    if running.done():
        day.lost = str(running.exception())
    running.cancel()
    await asyncio.wait([running])


def _unfilled(paths: Paths, day: Day) -> list[str]:
    return [str(market) for market in day.markets if paths.remembered(market).trades_ms < day.to_ms]


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def _counts(metrics: Metrics) -> dict[str, float]:
    """What struck, and what was done about it."""
    wanted = ("relayer_disconnections", "relayer_fillings", "relayer_cross_checks", "relayer_errors", "relayer_gaps")
    return {
        " ".join([sample.name.removeprefix("relayer_"), *sample.labels.values()]): sample.value
        for family in metrics.registry.collect()
        if family.name.startswith(wanted)
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def main() -> int:
    """Both days."""
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 24.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    logging.disable()
    failures: list[str] = []
    for lies in (False, True):
        with TemporaryDirectory() as folder:
            day = asyncio.run(live(Path(folder), hours=hours, seed=seed, faults=chosen(lies=lies)))
        found = list(day.failures(lies=lies))
        failures += found
        print(
            f"-- {hours:g} hours, {'all faults' if lies else 'faults that can be noticed'}, seed {seed}: {day}",
            flush=True,
        )
        print("\n".join(found[:20]) or "as it should be", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
