"""The published JSON Schema takes what the parser takes, and refuses what is wrong in itself."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from random import Random
from typing import Any

import jsonschema
import pytest

from relayer.conditions.parse import spec_of
from tests.unit.conditions.generate import random_spec
from tests.unit.conditions.test_parse import VECTORS

SCHEMA = json.loads(files("relayer").joinpath("data/schema/spec.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_it_takes_the_vectors(vector: dict[str, Any]) -> None:
    VALIDATOR.validate(vector["spec"])


def test_it_takes_what_the_parser_takes() -> None:
    for seed in range(300):
        document = random_spec(Random(seed))
        spec_of(document)
        VALIDATOR.validate(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 2),
        ("kind", "cascade"),
        ("surplus", 1),
        ("parent.venue", "pnp"),
        ("parent.market", "kx"),
        ("window.start", "2026-01-01"),
        ("price.min_size", "0.00"),
        ("price.min_size", "1.000"),
        ("price.held_s", -1),
        ("test.direction", "either"),
        ("test.level", "0.0000"),
        ("test.level", "1.0000"),
        ("otherwise.after_days", 366),
    ],
)
def test_it_refuses(path: str, value: Any) -> None:
    document = copy.deepcopy(VECTORS[0]["spec"])
    table = document
    *parents, name = path.split(".")
    for parent in parents:
        table = table[parent]
    table[name] = value
    assert not VALIDATOR.is_valid(document)
