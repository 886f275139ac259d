"""The engine of many specs: the same verdicts as one condition each."""

from __future__ import annotations

from tests.unit.conditions.engine_agreement import engine_disagreements

CASES = 600


def test_many_specs_on_one_stream() -> None:
    assert engine_disagreements(range(CASES)) == []
