"""A seeded share of the mutation campaign; `make campaign ARGS=program-mutants` runs all of it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.campaigns.mutation.rust import ROOT, try_all, unnoticed
from tests.campaigns.mutation.rust_mutants import MUTANTS

SOURCE = ROOT / "deploy" / "program"
SHARE = 4


def test_at_least_forty_different_mutants_fit_the_source() -> None:
    assert len(set(MUTANTS)) == len(MUTANTS) >= 40
    assert [str(mutant) for mutant in MUTANTS if (SOURCE / mutant.file).read_text().count(mutant.old) != 1] == []


@pytest.mark.program
def test_no_mutant_of_a_drawn_share_survives(tmp_path: Path) -> None:
    seed = int(os.environ.get("RELAYER_MUTATION_SEED", "1"))
    noticed = try_all(random.Random(seed).sample(MUTANTS, SHARE), tmp_path)
    assert unnoticed(noticed) == []
