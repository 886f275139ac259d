"""`relayer specs`: new, validate, hash, question, show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from relayer.cli.specs import specs
from relayer.conditions.parse import spec_of
from relayer.domain.errors import UsageError
from tests.unit.conditions.build import document, executable, reach
from tests.unit.conditions.test_parse import EXAMPLE, EXAMPLE_HASH, VECTORS

runner = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.json").write_text(EXAMPLE)
    (tmp_path / "other.json").write_text(json.dumps(document(reach(), executable())))
    (tmp_path / "bad.json").write_text('{"version": 3}')
    return tmp_path


def _flat(table: dict[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return flat


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_new_from_flags_writes_the_spec(vector: dict[str, Any], tmp_path: Path) -> None:
    pairs = [f"{key}={value}" for key, value in _flat(vector["spec"]).items() if key != "version"]
    ended = runner.invoke(specs, ["new", "--offline", *pairs, "--out", str(tmp_path / "new.json")])
    assert ended.exit_code == 0, ended.output
    assert spec_of(json.loads((tmp_path / "new.json").read_text())).hash == vector["hash"]
    assert vector["question"] in ended.stderr


def _written(stdout: str) -> Any:
    """What the runner was given as input stands before it."""
    return json.loads(stdout[stdout.index("{") :])


def test_new_asks_for_what_is_missing() -> None:
    given = ["kind=momentum", "parent.venue=kalshi", "window.start=2026-01-01T00:00:00Z", "price.source=executable"]
    answers = ["KXFEDDECISION-26JAN-H0", "2026-01-28T19:00:00Z", "either", "up", "0.7", "100", "60", "no", "14"]
    ended = runner.invoke(specs, ["new", "--offline", *given], input="\n".join(answers) + "\n")
    assert ended.exit_code == 0, ended.output
    assert EXAMPLE_HASH in ended.stderr
    assert ended.stderr.count("test.direction (up, down):") == 2  # asked again: momentum does not take `either`
    assert spec_of(_written(ended.stdout)).hash == EXAMPLE_HASH


def test_new_refuses_keys_that_do_not_apply() -> None:
    pairs = [f"{key}={value}" for key, value in _flat(json.loads(EXAMPLE)).items() if key != "version"]
    ended = runner.invoke(specs, ["new", "--offline", *pairs, "price.within_s=3"])
    assert isinstance(ended.exception, UsageError)
    assert "'price.within_s' does not apply" in str(ended.exception)
    refused = runner.invoke(specs, ["new", "--offline", *pairs, "test.level=0.70001"])
    assert "'test.level'" in str(refused.exception)
    assert "not written KEY=VALUE" in str(runner.invoke(specs, ["new", "kind"]).exception)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["kind=foo"], "key 'kind' is 'foo', which is none of momentum, timing"),
        (["kind=momentum", "parent.venue=pnp"], "key 'parent.venue' is 'pnp', which is none of kalshi"),
        (["test.type=swing"], "key 'test.type' is 'swing', which is none of reach"),
        (["kind=volatility", "test.type=swing"], "key 'test.type' is 'swing', which is none of range, realized"),
        (["test.direction=either"], "key 'test.direction' is 'either', which is none of up, down"),
        (["price.source=last"], "key 'price.source' is 'last', which is none of trades, executable, mid"),
        (["--out", "nowhere/new.json"], "--out nowhere/new.json cannot be written: No such file or directory"),
    ],
)
def test_new_names_what_is_wrong(pairs: list[str], message: str) -> None:
    usual = {key: f"{key}={value}" for key, value in _flat(json.loads(EXAMPLE)).items() if key != "version"}
    given = usual | {pair.partition("=")[0]: pair for pair in pairs if "=" in pair}
    options = [pair for pair in pairs if "=" not in pair]
    ended = runner.invoke(specs, ["new", "--offline", *given.values(), *options])
    assert isinstance(ended.exception, UsageError), ended.output
    assert message in str(ended.exception)


def test_new_asks_nothing_that_has_one_answer() -> None:
    """An average takes the mid as it is."""
    window = ["window.start=2026-01-01T00:00:00Z", "window.end=2026-01-02T00:00:00Z"]
    answer = ["otherwise.answer=no", "otherwise.after_days=14"]
    given = ["kind=trajectory", "parent.venue=kalshi", "parent.market=A", "test.type=average", "test.direction=up"]
    ended = runner.invoke(specs, ["new", "--offline", *given, *window, *answer], input="0.5\n0.05\n")
    assert ended.exit_code == 0, ended.output
    assert _written(ended.stdout)["price"] == {"source": "mid", "max_spread": "0.0500", "held_s": 0}


def test_validate_names_each_refusal(folder: Path) -> None:
    files = [str(folder / name) for name in ("good.json", "bad.json")]
    ended = runner.invoke(specs, ["validate", *files])
    assert ended.exit_code == 2
    assert f"{files[0]}: a valid spec" in ended.output
    assert "bad.json: spec key 'version' must be 1" in ended.output
    listed = json.loads(runner.invoke(specs, ["validate", "--json", *files]).output)
    assert [entry["refusal"] is None for entry in listed] == [True, False]
    assert runner.invoke(specs, ["validate", files[0]]).exit_code == 0


def test_hash_and_question(folder: Path) -> None:
    assert runner.invoke(specs, ["hash", str(folder / "good.json")]).output.startswith(EXAMPLE_HASH)
    question = runner.invoke(specs, ["question", str(folder / "good.json")]).output
    assert question.startswith("Will kalshi:KXFEDDECISION-26JAN-H0 reach 0.7000 or more")


def test_show_finds_the_spec_of_a_hash_or_a_question(folder: Path) -> None:
    question = runner.invoke(specs, ["question", str(folder / "good.json")]).output.strip()
    for wanted in (EXAMPLE_HASH, question):
        ended = runner.invoke(specs, ["show", wanted, "--dir", str(folder)])
        assert json.loads(ended.stdout) == json.loads(EXAMPLE)
    other = question.replace("0.7000", "0.8000")
    assert "asks something else" in str(runner.invoke(specs, ["show", other, "--dir", str(folder)]).exception)
    assert "No spec" in str(runner.invoke(specs, ["show", "0" * 64, "--dir", str(folder)]).exception)
