"""Build each mutant of the on-chain program and run the SVM tests on it.

`python -m tests.campaign.mutation [SHARE SEED]`: all mutants, or SHARE of them, drawn with SEED.
Status 1 if one survives.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.campaign.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("committee_attacks", "committee", "publish", "boards", "stateful")


class Workshop:
    """A copy of the source where mutants are built, and put right again."""

    def __init__(self, folder: Path) -> None:
        self._source, self._out = folder / "deploy", folder / "oracle.so"
        shutil.copytree(ROOT / "deploy", self._source, ignore=shutil.ignore_patterns("target"))
        self._environment = {"SBPF_TARGET_DIR": str(folder / "target"), **os.environ}

    def is_noticed(self, mutant: Mutant) -> bool:
        """Whether the compiler or a test refuses it."""
        file = self._source / "program" / "src" / mutant.file
        text = file.read_text()
        if text.count(mutant.old) != 1:
            raise ValueError(f"{mutant.file} does not hold {mutant.old!r} once")
        file.write_text(text.replace(mutant.old, mutant.new))
        try:
            return not (self._builds() and self._passes())
        finally:
            file.write_text(text)

    def _builds(self) -> bool:
        command = [str(self._source / "build.sh"), "one", "oracle", str(self._out)]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the mutant does not compile: {done.stderr}")
        return True

    def _passes(self) -> bool:
        environment = {**os.environ, "RELAYER_TEST_ORACLE": str(self._out), "RELAYER_STATEFUL_EPISODES": "10"}
        tests = [f"tests/svm/test_{name}.py" for name in TESTS]
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
        return done.returncode == 0


def survivors(mutants: Sequence[Mutant], folder: Path) -> list[Mutant]:
    """Those that no test noticed."""
    workshop = Workshop(folder)
    left = []
    for number, mutant in enumerate(mutants, 1):
        noticed = workshop.is_noticed(mutant)
        print(
            f"{number}/{len(mutants)} {'noticed' if noticed else 'SURVIVED'}: {mutant.file}: {mutant.old}", flush=True
        )
        if not noticed:
            left.append(mutant)
    return left


def main() -> int:
    chosen: Sequence[Mutant] = MUTANTS
    if len(sys.argv) > 1:
        chosen = random.Random(int(sys.argv[2])).sample(MUTANTS, int(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        return 1 if survivors(chosen, Path(folder)) else 0


if __name__ == "__main__":
    sys.exit(main())
