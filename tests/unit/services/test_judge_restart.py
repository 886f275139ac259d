"""Kill and restart at any event: with the newest checkpoint and the rest of the tape, or with the tape alone, as if
nothing had happened."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection
from random import Random
from typing import Any

import msgspec
import pytest

from relayer.conditions.condition import Condition
from relayer.conditions.parse import spec_of
from relayer.conditions.spec import Spec
from relayer.domain.clock import Clock
from relayer.domain.errors import TransientError
from relayer.domain.markets import MarketId
from relayer.domain.verdicts import Answer, Verdict
from relayer.services.feeds import FeedTable
from relayer.services.judge import Judge
from relayer.tape.memory import Told
from relayer.telemetry.metrics import Metrics
from tests.fakes.paths import FakePaths
from tests.fakes.specs import END, START
from tests.fakes.specs import spec as momentum
from tests.unit.conditions.agreement import filled_late, tell_line
from tests.unit.conditions.engine_agreement import other_spec
from tests.unit.conditions.generate import random_case

Line = dict[str, Any]
SPECS = 5


class Disk:
    """What outlives a process: a store, and a tape of path lines. The tape can be told to fail."""

    def __init__(self) -> None:
        self.latches: dict[str, Verdict] = {}
        self.checkpoints: dict[str, bytes] = {}
        self.lines: list[Told] = []
        self.asked: list[int] = []
        self.full = False

    async def latch(self, spec_hash: str, verdict: Verdict) -> Verdict:
        return self.latches.setdefault(spec_hash, verdict)

    async def latched(self, spec_hash: str) -> Verdict | None:
        return self.latches.get(spec_hash)

    async def put_checkpoint(self, name: str, body: bytes) -> None:
        self.checkpoints[name] = body

    async def checkpoint(self, name: str) -> bytes | None:
        return self.checkpoints.get(name)

    async def sync(self) -> None:
        if self.full:
            raise TransientError("No space left on the tape's disk.")

    def place(self) -> int:
        return len(self.lines)

    async def told(self, markets: Collection[str], *, after: int = 0) -> list[Told]:
        self.asked.append(after)
        return [told for told in self.lines[after:] if told.market in markets or not told.market]


class Life:
    """One process, told lines as a source tells them."""

    def __init__(self, disk: Disk, specs: list[Spec]) -> None:
        self.disk, self.specs = disk, specs
        self.feeds = FeedTable(clock=Clock(), metrics=Metrics())
        self.paths = FakePaths(self.feeds)
        self.judge = Judge(feeds=self.feeds, store=disk, clock=Clock(), paths=self.paths, memory=disk)

    async def begin(self) -> Life:
        await self.judge.__aenter__()
        self.armed = [await self.judge.arm(spec) for spec in self.specs]
        return self

    def tell(self, line: Line) -> None:
        market = line.get("market", str(self.specs[0].legs[0]))
        self.disk.lines.append(Told(market, json.dumps(line).encode()))
        tell_line(self.judge.hearing.engine, self.specs[0], line)
        if line["type"] == "watermark":
            self.feeds.on_watermark(MarketId.parse(market), line["t"])

    def verdicts(self) -> list[Verdict]:
        return [armed.verdict() for armed in self.armed]


@pytest.mark.parametrize("saves", [0.0, 0.1, 1.0])
async def test_a_restart_after_any_event_changes_nothing(saves: float) -> None:
    for seed in range(150):
        rng = Random(seed)
        case = random_case(rng, complete=True)
        specs = list({one.hash: one for one in (spec_of(case.spec), *_others(rng, case.spec))}.values())
        lines = filled_late(rng, case.lines)
        life = await Life(disk := Disk(), specs).begin()
        for line in lines:
            life.tell(line)
            if rng.random() < saves:
                await life.judge.save()
            if rng.random() < 0.3:
                life = await Life(disk, specs).begin()
        assert life.verdicts() == _alone(specs, lines), f"seed {seed}"


def _others(rng: Random, document: Line) -> list[Spec]:
    return [other_spec(rng, document) for _ in range(SPECS - 1)]


def _alone(specs: list[Spec], lines: list[Line]) -> list[Verdict]:
    conditions = [Condition(spec, candles_follow=True) for spec in specs]
    for spec, condition in zip(specs, conditions, strict=True):
        for line in lines:
            if "market" not in line or MarketId.parse(line["market"]) in spec.legs:
                tell_line(condition, spec, line)
    return [condition.verdict() for condition in conditions]


def _quote(at_ms: int, bid: str) -> Line:
    return {"type": "quote", "t": at_ms, "bids": [[bid, "100.00"]], "asks": [["0.99", "100.00"]]}


def _watermark(at_ms: int) -> Line:
    return {"type": "watermark", "t": at_ms}


async def test_only_the_tail_of_the_tape_is_read_again() -> None:
    life = await Life(disk := Disk(), [momentum()]).begin()
    for line in (_quote(START - 10_000, "0.50"), _quote(START + 10_000, "0.71"), _watermark(START + 20_000)):
        life.tell(line)
    await life.judge.save()
    life.tell(_watermark(START + 70_000))
    disk.asked.clear()
    again = await Life(disk, [momentum()]).begin()
    assert disk.asked == [3]
    assert again.verdicts() == life.verdicts()
    assert again.verdicts()[0].decided_at == START + 70_000
    await again.judge.sweep()
    assert disk.latches[momentum().hash].answer is Answer.YES


async def test_the_source_is_told_what_stands_and_which_gaps_may_still_be_filled() -> None:
    life = await Life(disk := Disk(), [momentum()]).begin()
    life.tell(_quote(START, "0.50"))
    life.tell(_watermark(START + 1_000))
    await life.judge.save()
    life.tell({"type": "gap", "from": START + 2_000, "to": START + 5_000, "trades": True})
    life.tell(_quote(START + 5_000, "0.55"))
    again = await Life(disk, [momentum()]).begin()
    ((market, from_ms, remembered),) = again.paths.needed
    assert (market, from_ms) == (momentum().legs[0], START - 1)
    assert (remembered.book_ms, remembered.trades_ms) == (START + 5_001, START + 1_000)
    assert [(gap.from_ms, gap.to_ms, gap.trades) for gap in remembered.gaps] == [(START + 2_000, START + 5_000, True)]


async def test_what_a_tape_lost_is_a_gap_of_every_parent() -> None:
    life = await Life(disk := Disk(), [momentum()]).begin()
    life.tell(_quote(START - 1_000, "0.50"))
    life.tell(_watermark(START + 10_000))
    await life.judge.save()
    disk.lines.append(Told("", b""))
    life.tell(_quote(START + 25_000, "0.50"))
    life.tell(_watermark(START + 30_000))
    (verdict,) = (await Life(disk, [momentum()]).begin()).verdicts()
    assert (verdict.coverage.observed_ms, verdict.coverage.unknown_ms) == (15_000, 15_000)


async def test_what_a_tape_lost_and_then_filled_is_no_gap_of_trades() -> None:
    life = await Life(disk := Disk(), [momentum()]).begin()
    life.tell(_quote(START - 1_000, "0.50"))
    life.tell(_watermark(START + 10_000))
    await life.judge.save()
    disk.lines.append(Told("", b""))
    life.tell({"type": "gap", "from": START + 10_000, "to": START + 25_000, "trades": True})
    life.tell(_quote(START + 25_000, "0.50"))
    again = await Life(disk, [momentum()]).begin()
    ((_, _, remembered),) = again.paths.needed
    assert [(gap.from_ms, gap.to_ms, gap.trades) for gap in remembered.gaps] == [(START + 10_000, START + 25_000, True)]


@pytest.mark.parametrize("harm", ["damage", "shorter", "version", "spec"])
async def test_a_checkpoint_of_no_use_is_said_and_the_whole_tape_read(
    harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    life = await Life(disk := Disk(), [momentum()]).begin()
    for line in (_quote(START - 10_000, "0.50"), _quote(START + 10_000, "0.71"), _watermark(START + 20_000)):
        life.tell(line)
    await life.judge.save()
    saved = disk.checkpoints["judge"]
    disk.checkpoints["judge"] = _harmed(saved, harm)
    disk.asked.clear()
    with caplog.at_level(logging.ERROR):
        again = await Life(disk, [momentum()]).begin()
    assert "checkpoint not used: specs are judged from the whole tape" in caplog.messages
    assert disk.asked == [0]
    assert again.verdicts() == life.verdicts()


async def test_a_tape_that_cannot_be_read_on_leaves_its_time_unproven(caplog: pytest.LogCaptureFixture) -> None:
    life = await Life(disk := Disk(), [momentum()]).begin()
    life.tell(_quote(START - 10_000, "0.50"))
    await life.judge.save()
    disk.lines.append(Told(str(momentum().legs[0]), b"{}"))
    with caplog.at_level(logging.ERROR):
        again = await Life(disk, [momentum()]).begin()
    assert caplog.messages == ["checkpoint not used: specs are judged from the whole tape", "tape not used"]
    again.tell(_watermark(START + 10_000))
    assert again.verdicts()[0].coverage.unknown_ms == 10_000


def _harmed(saved: bytes, harm: str) -> bytes:
    if harm == "damage":
        return saved[:100] + bytes([saved[100] ^ 1]) + saved[101:]
    if harm == "shorter":
        return saved[:-10]
    document = msgspec.msgpack.decode(saved[32:])
    if harm == "version":
        document["relayer"] = "0.0.0"
    elif harm == "spec":
        document["specs"][0][1] = b"{}"
    body = msgspec.msgpack.encode(document)
    return hashlib.sha256(body).digest() + body


async def test_a_verdict_latched_after_the_checkpoint_is_never_opened_again() -> None:
    life = await Life(disk := Disk(), [momentum()]).begin()
    await life.judge.save()
    for line in (_quote(START, "0.71"), _watermark(START + 60_000)):
        life.tell(line)
    await life.judge.sweep()
    del disk.lines[:]
    again = await Life(disk, [momentum()]).begin()
    assert again.armed[0].latched == disk.latches[momentum().hash]
    assert not again.judge.hearing.engine.groups
    await again.judge.sweep()


async def test_what_was_decided_and_not_latched_is_latched_after_a_restart() -> None:
    life = await Life(disk := Disk(), [momentum()]).begin()
    for line in (_quote(START, "0.71"), _watermark(START + 60_000)):
        life.tell(line)
    disk.full = True
    with pytest.raises(TransientError):
        await life.judge.sweep()
    disk.full = False
    await life.judge.save()
    again = await Life(disk, [momentum()]).begin()
    await again.judge.sweep()
    assert again.armed[0].latched


async def test_a_clean_end_saves_and_a_defect_does_not() -> None:
    for ending, saves in ((None, True), (KeyError, False)):
        life = Life(disk := Disk(), [momentum()])
        await life.begin()
        await life.judge.__aexit__(ending, None, None)
        assert bool(disk.checkpoints) is saves


async def test_a_full_disk_at_the_end_is_said(caplog: pytest.LogCaptureFixture) -> None:
    disk = Disk()
    disk.full = True
    async with Judge(feeds=FeedTable(clock=Clock(), metrics=Metrics()), store=disk, clock=Clock(),
                     paths=FakePaths(FeedTable(clock=Clock(), metrics=Metrics())), memory=disk):  # fmt: skip
        pass
    assert "checkpoint not written" in caplog.messages


async def test_decided_specs_leave_the_engine() -> None:
    life = await Life(Disk(), [momentum()]).begin()
    assert life.judge.hearing.engine.groups
    for line in (_quote(START, "0.71"), _watermark(START + 60_000)):
        life.tell(line)
    await life.judge.sweep()
    assert not life.judge.hearing.engine.groups
    assert life.verdicts()[0].answer is Answer.YES
    life.tell(_watermark(END))
    await life.judge.sweep()
