"""`docs/on-chain-costs.md` tells what the committed program costs, and leaves nothing out."""

from __future__ import annotations

import pytest

from tests.svm.costs import FILE, IDL, account_rows, measure, parts, units

TOLD = units(parts(FILE.read_text())[1])
BUMPS = 30 * 1_500
"""What finding addresses may take more in one round than in the luckiest of ten; with more luck still it is less."""
WITH_ADDRESSES = {
    "init_board",
    "list_feeds",
    "close_board",
    "init_committee",
    "open",
    "activate",
    "settle",
    "close_resolution",
}
AGAIN = "run python -m tests.svm.costs and look at the difference"


def test_every_instruction_is_told() -> None:
    assert {name for name, _ in TOLD} == {one["name"] for one in IDL["instructions"]}, AGAIN


def test_the_figures_are_those_of_the_program() -> None:
    costs = measure()
    assert [(one.instruction, one.case) for one in costs] == list(TOLD), AGAIN
    for one in costs:
        told = TOLD[one.instruction, one.case]
        more, least = (BUMPS, 0.75) if one.instruction in WITH_ADDRESSES else (0, 0.95)
        assert least * told <= one.units <= 1.05 * told + more, f"{one.instruction} {one.case}: {AGAIN}"


def test_the_accounts_are_those_of_the_program() -> None:
    assert "\n".join(account_rows()) in FILE.read_text(), AGAIN


@pytest.mark.parametrize(
    "peer", ["switchboard-xyz", "docs.switchboard.xyz", "pyth-network", "redstone", "blueshift-gg"]
)
def test_what_others_publish_has_its_source(peer: str) -> None:
    (row,) = (
        line for line in FILE.read_text().splitlines() if f"](https://{peer}" in line or f"github.com/{peer}" in line
    )
    assert row.startswith("| ")
