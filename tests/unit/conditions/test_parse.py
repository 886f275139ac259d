"""Specs: golden vectors of every kind, and every refusal by name."""

from __future__ import annotations

import copy
import hashlib
import json
from importlib.resources import files
from typing import Any

import pytest

from relayer.conditions.parse import parse_spec, spec_of
from relayer.conditions.question import question, spec_hash_of
from relayer.domain.errors import UsageError
from tests.unit.conditions.build import (
    average,
    document,
    executable,
    hold,
    mid,
    reach,
    realized,
    stand,
    swing,
    trades,
)

EXAMPLE = """{"version": 1, "kind": "momentum",
 "parent": {"venue": "kalshi", "market": "KXFEDDECISION-26JAN-H0"},
 "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-28T19:00:00Z"},
 "price": {"source": "executable", "min_size": "100.00", "held_s": 60},
 "test": {"type": "reach", "direction": "up", "level": "0.7000"},
 "otherwise": {"answer": "no", "after_days": 14}}"""
EXAMPLE_HASH = "f06fa932906c99289e6101dfacdac45f5f4fd97097faebd1717818c6ce022694"

VECTORS = json.loads(files("relayer").joinpath("data/schema/vectors.json").read_text())


def test_the_example_of_the_contract() -> None:
    spec = parse_spec(EXAMPLE)
    assert spec.hash == EXAMPLE_HASH
    assert question(spec) == (
        "Will kalshi:KXFEDDECISION-26JAN-H0 reach 0.7000 or more by executable price (100.00 contracts, held 60 s), "
        "from 2026-01-01T00:00:00Z to 2026-01-28T19:00:00Z? If undecidable: no after 14 days. "
        f"spec:{EXAMPLE_HASH}"
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_vectors(vector: dict[str, Any]) -> None:
    spec = spec_of(vector["spec"])
    assert spec.canonical.decode() == vector["canonical"]
    assert spec.hash == vector["hash"] == hashlib.sha256(vector["canonical"].encode()).hexdigest()
    assert question(spec) == vector["question"]
    assert spec_hash_of(vector["question"]) == vector["hash"]


def test_the_vectors_cover_every_kind_and_test() -> None:
    assert {vector["spec"]["kind"] for vector in VECTORS} == {
        "momentum", "timing", "volatility", "outcome", "trajectory", "cascade", "arbitrage",
    }  # fmt: skip
    assert {vector["spec"]["test"]["type"] for vector in VECTORS} == {
        "reach", "hold", "range", "at", "average", "realized", "outcome",
    }  # fmt: skip


def test_order_and_space_do_not_change_the_hash() -> None:
    shuffled = json.dumps(dict(reversed(json.loads(EXAMPLE).items())), indent=3)
    assert parse_spec(shuffled).hash == EXAMPLE_HASH


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_key_is_required_and_no_other_taken(vector: dict[str, Any]) -> None:
    for path in _keys(vector["spec"]):
        document = copy.deepcopy(vector["spec"])
        del _table(document, path)[path[-1]]
        with pytest.raises(UsageError, match=rf"'{'.'.join(path)}' is missing"):
            spec_of(document)
    for path in _tables(vector["spec"]):
        document = copy.deepcopy(vector["spec"])
        _table(document, (*path, "x"))["surplus"] = 1
        with pytest.raises(UsageError, match=rf"'{'.'.join((*path, 'surplus'))}' is unknown"):
            spec_of(document)


def _keys(table: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    keys = [(*path, name) for name in table]
    return keys + [
        key for name, value in table.items() if isinstance(value, dict) for key in _keys(value, (*path, name))
    ]


def _tables(table: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(), *[key for key in _keys(table) if isinstance(_table(table, (*key, "x")), dict)]]


def _table(document: dict[str, Any], path: tuple[str, ...]) -> Any:
    for name in path[:-1]:
        document = document[name]
    return document


def _refused(document: dict[str, Any] | str, key: str, **changes: Any) -> None:
    """Changes name a key with `__` for the dot; the refusal must name `key`."""
    if isinstance(document, dict):
        document = copy.deepcopy(document)
        for name, value in changes.items():
            path = tuple(name.split("__"))
            _table(document, path)[path[-1]] = value
        document = json.dumps(document)
    with pytest.raises(UsageError) as refusal:
        parse_spec(document)
    assert f"'{key}'" in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2), ("version", True), ("version", 1.0), ("version", "1"),
        ("kind", "Momentum"), ("kind", 3), ("kind", None),
        ("parent", "kalshi:KXA"),
        ("parent.venue", "Kalshi"), ("parent.venue", "pnp"), ("parent.venue", "dflow"),
        ("parent.market", ""), ("parent.market", "kxa"), ("parent.market", "KX A"), ("parent.market", "KXA\n"),
        ("window.start", "2026-01-01"), ("window.start", "2026-01-01T00:00:00.000Z"),
        ("window.start", "2026-01-01T00:00:00+00:00"), ("window.start", "2026-02-30T00:00:00Z"),
        ("window.start", "2026-01-01 00:00:00Z"), ("window.start", 1767225600),
        ("window.end", "2026-01-01T00:00:00Z"), ("window.end", "2025-01-01T00:00:00Z"),
        ("window.end", "2026-01-28t19:00:00z"), ("window.end", "2026-01-28T24:00:00Z"),
        ("price.source", "ticker"), ("price.min_size", "100"), ("price.min_size", "0.00"), ("price.min_size", "01.00"),
        ("price.min_size", "1.000"), ("price.min_size", 100), ("price.min_size", "-1.00"), ("price.min_size", "1e2"),
        ("price.min_size", "1000000000.01"), ("price.min_size", "+1.00"), ("price.min_size", "1.0\u0660"),
        ("price.held_s", -1), ("price.held_s", 1.5), ("price.held_s", "60"), ("price.held_s", True),
        ("price.held_s", 10**9 + 1), ("price.held_s", 3600 * 24 * 30),
        ("test.type", "touch"), ("test.type", "hold"), ("test.direction", "either"), ("test.direction", "UP"),
        ("test.level", "0.70"), ("test.level", ".7000"), ("test.level", "0.0000"), ("test.level", "1.0000"),
        ("test.level", 0.7), ("test.level", "0.70000"), ("test.level", "00.7000"),
        ("otherwise", None), ("otherwise.answer", "void"), ("otherwise.after_days", 0), ("otherwise.after_days", 366),
    ],
)  # fmt: skip
def test_refusals_of_a_momentum_spec(key: str, value: Any) -> None:
    _refused(json.loads(EXAMPLE), key, **{key.replace(".", "__"): value})


TIMING = document(reach("0.9000", "either"), executable())


@pytest.mark.parametrize(
    ("base", "key", "changes"),
    [
        pytest.param(TIMING, "test.level", {"test__level": "0.5000"}, id="either needs more than a half"),
        pytest.param(document(hold(), trades()), "price.source", {}, id="hold takes no trades"),
        pytest.param(document(stand(5), trades()), "price.source", {}, id="at needs mid"),
        pytest.param(document(stand(5), executable()), "price.source", {}, id="at by executable"),
        pytest.param(document(stand(5), mid(1)), "price.held_s", {}, id="at is not held"),
        pytest.param(document(average(), mid(1)), "price.held_s", {}, id="average is not held"),
        pytest.param(document(average(direction="either"), mid()), "test.direction", {}, id="average either"),
        pytest.param(document(stand(5, direction="either"), mid()), "test.direction", {}, id="at either"),
        pytest.param(document(stand(11), mid()), "test.time", {}, id="after the window"),
        pytest.param(document(stand(-1), mid()), "test.time", {}, id="before the window"),
        pytest.param(document(realized(), mid(), seconds=59), "test.step_s", {}, id="one sample"),
        pytest.param(document(realized(step_s=61), mid(), seconds=600), "test.step_s", {}, id="not minutes"),
        pytest.param(document(realized("10.0000"), mid(), seconds=600), "test.amount", {}, id="realized too far"),
        pytest.param(
            document(realized(), mid(), seconds=600),
            "window.start",
            {"window__start": "2026-01-01T00:00:01Z"},
            id="not a full minute",
        ),
        pytest.param(document(realized(), executable(), seconds=600), "price.source", {}, id="realized needs mid"),
        pytest.param(document(swing(unit="percent"), mid()), "test.unit", {}, id="unit"),
        pytest.param(document(swing("1.0000"), mid()), "test.amount", {}, id="points below 1"),
        pytest.param(document(swing("10.0000", unit="relative"), mid()), "test.amount", {}, id="relative below 10"),
        pytest.param(document(swing("0.0000"), mid()), "test.amount", {}, id="no amount"),
        pytest.param(document(swing(horizon_s=11), mid()), "test.horizon_s", {}, id="longer than the window"),
        pytest.param(document(swing(horizon_s=1), mid(2)), "test.horizon_s", {}, id="shorter than held"),
        pytest.param(document(swing(horizon_s=2), trades(within_s=3)), "price.within_s", {}, id="within the horizon"),
        pytest.param(document(reach(), trades(min_trades=0)), "price.min_trades", {}, id="no trades"),
        pytest.param(document(reach(), trades(within_s=0)), "price.within_s", {}, id="no time"),
        pytest.param(document(reach(), trades(within_s=10**9 + 1)), "price.within_s", {}, id="integers to 10^9"),
        pytest.param(document(reach(), executable(11)), "price.held_s", {}, id="held longer than the window"),
        pytest.param(document(reach(), mid(max_spread="1.0000")), "price.max_spread", {}, id="max_spread"),
        pytest.param(document(reach(), trades(), spread=True), "price.source", {}, id="a spread takes no trades"),
        pytest.param(document(reach(direction="down"), mid(), spread=True), "test.direction", {}, id="spread down"),
        pytest.param(document(hold(), mid(), spread=True), "test.type", {}, id="spread hold"),
        pytest.param(document(swing(unit="relative"), mid(), spread=True), "test.unit", {}, id="spread relative"),
        pytest.param(
            document(reach(), mid(), spread=True),
            "parent.short",
            {"parent__short": {"venue": "kalshi", "market": "KXA"}},
            id="the legs differ",
        ),
        pytest.param(
            document(reach(), mid(), spread=True),
            "parent.long",
            {"parent": {"venue": "kalshi", "market": "KXA"}},
            id="arbitrage is a spread",
        ),
        pytest.param(
            TIMING, "parent.market", {"parent": {"venue": "polymarket", "market": "0123"}}, id="leading zeros"
        ),
        pytest.param(
            document({"type": "outcome", "result": "yes"}, None),
            "parent.market",
            {"parent": {"venue": "pnp", "market": "0OIl" * 10}},
            id="base58",
        ),
        pytest.param(document({"type": "outcome", "result": "void"}, None), "test.result", {}, id="result"),
        pytest.param(document({"type": "outcome", "result": "yes"}, executable()), "price", {}, id="no price"),
        pytest.param(TIMING, "test.type", {"kind": "volatility"}, id="kind and test"),
        pytest.param(TIMING, "price.min_trades", {"price__min_trades": 1}, id="a key of another source"),
    ],
)
def test_refusals_of_combinations(base: dict[str, Any], key: str, changes: dict[str, Any]) -> None:
    _refused(base, key, **changes)


@pytest.mark.parametrize("raw", ["", "[]", "{", "1", '{"version": 1, "version": 1}', "\xff", "[" * 100_000])
def test_what_is_no_spec_at_all(raw: str) -> None:
    with pytest.raises(UsageError, match="spec"):
        parse_spec(raw)


def test_edges_that_are_allowed() -> None:
    spec_of(document(reach(), executable(10)))
    spec_of(document(stand(0), mid()))
    spec_of(document(stand(10), mid()))
    spec_of(document(swing(horizon_s=10), trades(within_s=10)))
    spec_of(document(reach(), executable(min_size="1000000000.00")))
    spec_of(document(reach("0.5001", "either"), executable()))
    spec_of(document(reach("0.0500", "either"), executable(), spread=True))
    spec_of(document(reach(), trades(within_s=10**9, min_trades=10**9)))
    spec_of(document(realized("9.9999"), mid(), seconds=60))


def test_too_long_specs_and_questions() -> None:
    long = document(reach(), mid(), spread=True)
    long["parent"]["short"]["market"] = "9" * 78
    long["parent"]["long"] = {"venue": "polymarket", "market": "8" * 78}
    with pytest.raises(UsageError, match=r"question of this spec is .* bytes long: 400"):
        spec_of(long)
    long["parent"]["short"]["market"] = "9" * 500
    with pytest.raises(UsageError, match="640 is the most"):
        spec_of(long)


def test_the_hash_of_a_question_is_its_last() -> None:
    text = question(parse_spec(EXAMPLE))
    assert spec_hash_of(f"{text} spec:{'0' * 64}") == "0" * 64
    assert spec_hash_of(text.upper()) is None
    assert spec_hash_of("spec:" + "0" * 64) is None
    assert spec_hash_of(text[:-1]) is None
