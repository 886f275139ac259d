"""A verdict as a picture: what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from relayer.cli.plotting import draw
from relayer.conditions.parse import spec_of
from relayer.conditions.path import read_path
from relayer.conditions.replay import judge
from tests.unit.conditions.build import (
    LONG,
    SHORT,
    average,
    candle,
    document,
    executable,
    gap,
    mid,
    of,
    quote,
    reach,
    status,
    trade,
    watermark,
)
from tests.unit.conditions.build import file as encoded

BROKEN = [
    trade(0, "0.55"),
    quote(0, "0.5", "0.6"),
    gap(1000, 2000),
    candle(1000, 2000, bid="0.5 0.6"),
    quote(3000, "0.5", "0.6"),
    status(4000, "paused"),
    status(5000, "active"),
]


def _drawn(file: Path, wanted: dict[str, Any], *lines: dict[str, Any]) -> bytes:
    asked = spec_of(wanted)
    paths = read_path(encoded(list(lines)), asked.legs)
    draw(asked, paths, judge(asked, paths), file)
    return file.read_bytes()


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_both_kinds_of_picture(tmp_path: Path, suffix: str, magic: bytes) -> None:
    wanted = document(reach("0.6000"), executable())
    assert _drawn(tmp_path / f"picture{suffix}", wanted, *BROKEN, watermark(10_000)).startswith(magic)


def test_everything_has_its_name(tmp_path: Path) -> None:
    """Texts stand in an SVG as comments."""
    wanted = document(reach("0.6000", "either"), executable())
    drawn = _drawn(tmp_path / "x.svg", wanted, *BROKEN, watermark(10_000)).decode()
    names = [f"{LONG} bid", f"{LONG} ask", f"{LONG} trades", "gap", "not trading", "level 0.6000", "level 0.4000"]
    assert [name for name in [*names, "yes, decided", "witness"] if f"<!-- {name} -->" not in drawn] == []


def test_what_was_never_decided_is_over(tmp_path: Path) -> None:
    drawn = _drawn(tmp_path / "x.svg", document(average(), mid()), gap(0, 5000), watermark(10_000)).decode()
    assert "<!-- unknown, over -->" in drawn
    assert "<!-- witness -->" not in drawn


def test_a_spread_has_its_difference_below(tmp_path: Path) -> None:
    wanted = document(reach("0.0500", "either"), executable(), spread=True)
    lines = [*of(LONG, *BROKEN, watermark(10_000)), *of(SHORT, quote(0, "0.7", "0.8"), watermark(10_000))]
    drawn = _drawn(tmp_path / "x.svg", wanted, *lines).decode()
    names = [f"{SHORT} less {LONG}", f"{LONG} less {SHORT}", "difference, dollars", "level 0.0500"]
    assert [name for name in names if f"<!-- {name} -->" not in drawn] == []


def test_no_line_is_drawn_where_no_book_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    told: list[list[float | None]] = []

    def step(_axes: Axes, _times: Any, prices: list[float], **_look: Any) -> None:
        told.append([None if price != price else price for price in prices])

    monkeypatch.setattr(Axes, "step", step)
    _drawn(tmp_path / "x.svg", document(reach("0.6000"), executable()), *BROKEN, watermark(10_000))
    assert told == [[0.5, None, 0.5, None, None], [0.6, None, 0.6, None, None]]
