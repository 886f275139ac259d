"""The studies over their excerpts: verdicts equal the direct counts, and a difference would be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.campaigns import highs, mentions
from tests.campaigns.study import Question

EXCERPTS = Path(__file__).resolve().parents[2] / "payloads" / "kalshi" / "studies"

MENTIONS = {
    ("70 % reached", "trades"): {"no": 25, "yes": 13},
    ("70 % reached", "executable"): {"no": 27, "yes": 11},
    ("swing over 20 points", "trades"): {"no": 29, "yes": 9},
    ("swing over 20 points", "executable"): {"no": 32, "yes": 6},
    ("90 % either way", "trades"): {"no": 23, "yes": 15},
    ("90 % either way", "executable"): {"no": 7, "yes": 31},
    ("outcome yes", "-"): {"no": 27, "pending": 2, "yes": 9},
}

HIGHS = {
    ("70 % reached", "held 0 s"): {"unknown": 2, "yes": 4},
    ("70 % reached", "held 30 s"): {"no": 2, "unknown": 1, "yes": 3},
    ("70 % reached", "held 60 s"): {"no": 2, "unknown": 1, "yes": 3},
    ("90 % reached", "held 0 s"): {"no": 2, "unknown": 2, "yes": 2},
    ("90 % reached", "held 30 s"): {"no": 4, "unknown": 1, "yes": 1},
    ("90 % reached", "held 60 s"): {"no": 4, "unknown": 1, "yes": 1},
    ("90 % either way", "held 0 s"): {"no": 1, "unknown": 1, "yes": 4},
    ("90 % either way", "held 30 s"): {"no": 4, "yes": 2},
    ("90 % either way", "held 60 s"): {"no": 4, "yes": 2},
}


def test_mentions_equal_the_count(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = mentions.questions()
    monkeypatch.setattr(mentions, "questions", lambda: asked)
    assert mentions.main(EXCERPTS) == 0
    assert "38 markets" in capsys.readouterr().out
    assert _answers(asked) == MENTIONS


def test_highs_equal_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = highs.questions()
    monkeypatch.setattr(highs, "questions", lambda: asked)
    assert highs.main(EXCERPTS) == 0
    assert _answers(asked) == HIGHS


def test_a_difference_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    counts = mentions.count(mentions.markets(EXCERPTS))
    (ticker, *_) = counts
    counts[ticker]["70 % reached", "trades"] = "pending"
    monkeypatch.setattr(mentions, "count", lambda found: counts)
    assert mentions.main(EXCERPTS) == 1
    assert f"kalshi:{ticker} 70 % reached, trades: judged " in capsys.readouterr().out


def test_no_recording_is_named(tmp_path: Path) -> None:
    for study in (mentions, highs):
        with pytest.raises(SystemExit, match="holds no "):
            study.main(tmp_path)


def _answers(asked: list[Question]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(question.name, question.rule): dict(question.answers) for question in asked}
