"""`relayer demo --json` as a user runs it: a process of its own, watched from outside while it works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest


@dataclass
class DemoRun:
    status: int
    output: str
    progress: str
    metrics: list[str]
    """What `/metrics` answered, early and late in the replay."""


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoRun]:
    process = subprocess.Popen(
        [sys.executable, "-m", "relayer", "demo", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    try:
        progress, url = read_until_address(process)
        metrics = []
        for _ in range(2):
            time.sleep(15)
            with urllib.request.urlopen(url, timeout=10) as answer:
                metrics.append(answer.read().decode())
        output, rest = process.communicate(timeout=280)
        yield DemoRun(process.returncode, output, progress + rest, metrics)
    finally:
        process.kill()
        process.wait()


def read_until_address(process: subprocess.Popen[str]) -> tuple[str, str]:
    seen = ""
    assert process.stderr
    for line in process.stderr:
        seen += line
        if found := re.search(r"metrics at (\S+/metrics)", line):
            return seen, found[1]
    raise AssertionError(f"the demo ended without telling its metrics' address:\n{seen}")


def test_every_market_is_settled_as_the_tape_says(demo: DemoRun) -> None:
    assert demo.status == 0, demo.progress
    report = json.loads(demo.output.splitlines()[-1])
    kinds = {(m["kind"], m["pnp"], m["verdict"]) for m in report["markets"]}
    assert kinds == {
        ("momentum", "v2", "yes"),
        ("momentum", "v3", "no"),
        ("outcome", "v2", "yes"),
        ("outcome", "v3", "no"),
    }
    for market in report["markets"]:
        assert market["settled"]
        assert market["verdict"] == market["expected"]
        assert market["mode"] == "direct"
        assert market["evidence_verified"] is None
    assert report["frames"] > 96_000
    assert report["updates_on_chain"] > 0
    assert report["transactions"] > 0
    assert report["updates_published"] > 0


@pytest.mark.prometheus
def test_promtool_accepts_the_metrics_of_the_running_demo(demo: DemoRun) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "group prometheus needs promtool on the PATH"
    for text in demo.metrics:
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
        assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_metrics_move_while_it_runs(demo: DemoRun) -> None:
    early, late = (frames_counted(text) for text in demo.metrics)
    assert 0 < early < late


def frames_counted(metrics: str) -> float:
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith("relayer_frames_total{")
    )
