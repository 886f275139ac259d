"""What the campaign of Rust mutants makes of a test run's output, and its table."""

from __future__ import annotations

import pytest

from tests.campaigns.mutation.rust import BROKEN, first_failure, table, unnoticed
from tests.campaigns.mutation.rust_mutants import Mutant


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("F\nFAILED tests/svm/test_boards.py::test_it[9] - AssertionError\n1 failed\n", "test_boards.py::test_it[9]"),
        ("test a_feed ... ok\ntest prices ... FAILED\n\nfailures:\n", "prices"),
        ("starting\nno end within 300 s", "no end within 300 s"),
        (None, None),
    ],
)
def test_the_firstfirst_failure_test_is_named(output: str | None, told: str | None) -> None:
    assert first_failure(output) == told


def test_the_table_ends_with_what_nothing_noticed() -> None:
    alive, dead, broken = (
        Mutant("src/a.rs", "x\n  &&  y", ""),
        Mutant("src/b.rs", "1", "2"),
        Mutant("src/c.rs", "", "}"),
    )
    noticed = {alive: None, dead: "test_boards.py::test_it", broken: BROKEN}
    _, last, _, count = table(noticed).splitlines()
    assert " ".join(last.split()) == "SURVIVED src/a.rs: x && y -> (nothing)"
    assert count == "2 of 3 mutants not noticed"
    assert unnoticed(noticed) == [alive, broken]
