"""Arguments of `relayer localnet`; the command itself runs in tests/integration/localnet."""

from __future__ import annotations

import pytest

from relayer.cli.localnet import joined
from relayer.domain.errors import UsageError


def test_pairs_are_joined_and_the_rest_is_left_alone() -> None:
    given = ["--port", "0", "--program", "A", "p.so", "--airdrop", "B", "5", "--account", "C=c.json", "--no-v1"]
    assert joined(given) == [
        "--port",
        "0",
        "--program",
        "A=p.so",
        "--airdrop",
        "B=5",
        "--account",
        "C=c.json",
        "--no-v1",
    ]


@pytest.mark.parametrize("given", [["--program"], ["--program", "A"], ["--account", "A", "--port", "1"]])
def test_a_missing_value_is_said(given: list[str]) -> None:
    with pytest.raises(UsageError, match=f"{given[0]} takes two values: see relayer localnet --help"):
        joined(given)
