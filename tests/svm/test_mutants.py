"""A seeded share of the mutation campaign; `make campaign` runs all of it."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.campaign.mutants import MUTANTS
from tests.campaign.mutation import survivors

SOURCE = Path(__file__).resolve().parents[2] / "deploy" / "program" / "src"
SHARE = 4


def test_at_least_forty_different_mutants_fit_the_source() -> None:
    assert len(set(MUTANTS)) == len(MUTANTS) >= 40
    for mutant in MUTANTS:
        assert (SOURCE / mutant.file).read_text().count(mutant.old) == 1, mutant


@pytest.mark.program
def test_no_mutant_of_a_drawn_share_survives(tmp_path: Path) -> None:
    seed = int(os.environ.get("RELAYER_MUTATION_SEED", "1"))
    assert survivors(random.Random(seed).sample(MUTANTS, SHARE), tmp_path) == []
