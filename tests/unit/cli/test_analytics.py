"""Formulas of beliefs against simulation (seeded), and the command that prints them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from statistics import NormalDist, fmean

import pytest
import typer
from typer.testing import CliRunner

from relayer.cli import beliefs
from relayer.cli.analytics import analytics, mids_of
from relayer.conditions.path import read_path
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId
from tests.unit.conditions.build import START, candle, gap, quote, status, watermark

app = typer.Typer()
app.command()(analytics)
PHI = NormalDist().cdf
STEPS, WALKS = 500, 2000


def _walks(price: float) -> list[list[float]]:
    """Beliefs `Phi(w / sqrt(1 - t))` of simulated Brownian motions, ending at 0 or 1."""
    rng, start = Random(5), NormalDist().inv_cdf(price)
    walks = []
    for _ in range(WALKS):
        w, belief = start, [price]
        for step in range(1, STEPS + 1):
            w += rng.gauss(0, math.sqrt(1 / STEPS))
            left = 1 - step / STEPS
            belief.append(PHI(w / math.sqrt(left)) if left > 0 else float(w > 0))
        walks.append(belief)
    return walks


@pytest.fixture(scope="module")
def walks() -> list[list[float]]:
    return _walks(0.4)


def test_the_bound_on_touches_holds_and_is_nearly_reached(walks: list[list[float]]) -> None:
    touched = fmean(max(belief[:-1]) >= 0.7 for belief in walks)
    assert touched <= beliefs.touch_bound(0.4, 0.7) + 0.03
    assert touched >= beliefs.touch_bound(0.4, 0.7) - 0.06
    assert beliefs.touch_bound(0.8, 0.7) == 1


def test_squared_moves_add_up_to_the_variance(walks: list[list[float]]) -> None:
    assert fmean(beliefs.movement(belief) for belief in walks) == pytest.approx(
        beliefs.expected_movement(0.4), abs=0.01
    )


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_chances_by_a_deadline(walks: list[list[float]], share: float) -> None:
    part = [belief[: int(share * STEPS) + 1] for belief in walks]
    touched = fmean(max(belief) >= 0.7 for belief in part)
    assert beliefs.touch_chance(0.4, 0.7, share) == pytest.approx(touched, abs=0.04)
    convinced = fmean(max(belief) >= 0.8 or min(belief) <= 0.2 for belief in part)
    assert beliefs.conviction_chance(0.4, 0.8, share) == pytest.approx(convinced, abs=0.05)


def test_without_a_deadline_the_chance_is_the_bound() -> None:
    assert beliefs.touch_chance(0.4, 0.7, 1.0) == pytest.approx(0.4 / 0.7, abs=0.02)
    assert beliefs.touch_chance(0.7, 0.7, 0.1) == 1
    assert beliefs.touch_chance(0.4, 0.7, 0.0) == 0
    assert beliefs.conviction_chance(0.1, 0.9, 0.1) == 1
    assert beliefs.conviction_time(0.1, 0.9) == 0


def test_median_time_to_conviction(walks: list[list[float]]) -> None:
    share = beliefs.conviction_time(0.4, 0.8)
    part = [belief[: int(share * STEPS) + 1] for belief in walks]
    assert fmean(max(belief) >= 0.8 or min(belief) <= 0.2 for belief in part) == pytest.approx(0.5, abs=0.06)


def test_volatility_left_spends_the_variance() -> None:
    assert beliefs.volatility_left(0.4, 3600) ** 2 * 3600 == pytest.approx(0.24)


def _run(folder: Path, *args: str) -> str:
    lines = [quote(0, "0.39", "0.41"), quote(1000, "0.19", "0.21"), quote(3000, "0.49", "0.51"), quote(4000, "0.5")]
    (folder / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*lines, watermark(5000)]))
    ended = CliRunner().invoke(app, ["kalshi:KXA", "--path", str(folder / "p.jsonl"), *args])
    if ended.exception is not None:
        raise ended.exception
    return ended.stdout


def test_the_command(tmp_path: Path) -> None:
    printed = json.loads(_run(tmp_path, "--level", "0.8", "--outcome", "2026-01-01T01:00:03Z", "--json"))
    assert (printed["first"], printed["last"], printed["seconds_to_conviction"]) == (0.4, 0.5, 1.0)
    assert printed["touch_bound"] == pytest.approx(0.5 / 0.8)
    assert printed["touch_by_deadline"] == pytest.approx(0.5 / 0.8, abs=0.02)
    assert printed["movement_realised"] == pytest.approx(0.2**2 + 0.3**2)
    assert "touch bound" in _run(tmp_path)


def test_only_trading_prices_are_beliefs() -> None:
    """Not what a gap hides or a candle shows beside the book, no empty side, and nothing after the close."""
    sides = {"bid": "0.2 0.3", "ask": "0.4 0.5"}
    lines = [
        quote(0, "0.1", "0.2"),
        quote(0, "0.39", "0.41"),
        candle(0, 500, **sides),
        gap(1000, 3000),
        candle(1000, 2000, **sides),
        quote(1500, "0.9", "0.92"),
        candle(2000, 3000, bid="0.2 0.3", ask="0.4 1.00"),
        quote(3000, "0.5"),
        quote(3500, "0.5", "0.52"),
        quote(3600, "0.5", "0.52"),
        quote(3600, "0.5"),
        status(4000, "closed"),
        quote(4500, "0.97", "0.99"),
        watermark(5000),
    ]
    parent = MarketId.parse("kalshi:KXA")
    path = read_path([json.dumps(line).encode() for line in lines], [parent])[parent]
    assert [(at - START, mid) for at, mid in mids_of(path)] == [(0, 0.4), (2000, 0.4), (3500, 0.51)]


@pytest.mark.parametrize(
    ("args", "message"),
    [(["--level", "0.5"], "between 0.5 and 1"), (["--outcome", "soon"], "soon"),
     (["--outcome", "2026-01-01T00:00:00Z"], "after the last quote")],
)  # fmt: skip
def test_wrong_use_is_named(tmp_path: Path, args: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _run(tmp_path, *args)


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_a_plot(tmp_path: Path, suffix: str, magic: bytes) -> None:
    picture = tmp_path / f"picture{suffix}"
    _run(tmp_path, "--level", "0.8", "--plot", str(picture))
    assert picture.read_bytes().startswith(magic)
    if suffix == ".svg":
        for text in ("kalshi:KXA", "first conviction", "realised movement", "expected: uncertainty gone"):
            assert f"<!-- {text} -->" in picture.read_text()


def test_a_plot_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name a file that ends in \.png or \.svg"):
        _run(tmp_path, "--plot", "picture.gif")
