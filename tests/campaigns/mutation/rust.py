"""Build each mutant of the on-chain program and of its reader crate, and put it to the tests.

`python -m tests.campaigns.mutation.rust [SHARE SEED]`: all mutants, or SHARE of them, drawn with SEED. Works on a copy
of the checkout. Every mutant is tried, whatever becomes of the others; a table at the end tells what noticed each.
Status 1 if one survives or does not compile.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.campaigns.mutation.rust_mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[3]
SVM_TESTS = (
    "activation",
    "closing",
    "committee_attacks",
    "committee",
    "publish",
    "board_growth",
    "boards",
    "unlikely",
    "stateful",
)
"""Quickest first."""
BROKEN = "BROKEN: does not compile"
_TIMEOUT_S = 300
_FAILED = re.compile(r"^FAILED \S*/(test_\w+\.py::\S+)|^test (\S+) .*FAILED$", re.MULTILINE)


class Workshop:
    """A copy of the checkout in which mutants are written, tried, and put right again."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._oracle = folder, folder / "oracle.so"
        leave = shutil.ignore_patterns("target", "node_modules", "__pycache__")
        for name in ("deploy", "relayer", "tests"):
            shutil.copytree(ROOT / name, folder / name, ignore=leave)
        shutil.copy(ROOT / "pyproject.toml", folder)
        self._environment = {
            **os.environ,
            "CARGO_TARGET_DIR": str(folder / "host"),
            "SBPF_TARGET_DIR": str(folder / "target"),
            "RELAYER_TEST_ORACLE": str(self._oracle),
            "RELAYER_STATEFUL_EPISODES": "10",
            "PYTHONPATH": str(folder),
        }

    def noticed_by(self, mutant: Mutant) -> str | None:
        """The first test that fails on it; None if it survives, `BROKEN` if there is nothing to test."""
        file = self._folder / "deploy" / "program" / mutant.file
        text = file.read_text()
        file.write_text(text.replace(mutant.old, mutant.new))
        try:
            return self.fails(mutant)
        finally:
            file.write_text(text)

    def fails(self, mutant: Mutant) -> str | None:
        """What says that the code is not as it should be where the mutant lives."""
        return self._crate_fails("oracle-reader") if mutant.of_reader else self._program_fails()

    def _program_fails(self) -> str | None:
        """On the SVM or, where that notices nothing, in the crate's own tests and fuzzing on the host."""
        if self._run([str(self._folder / "deploy" / "build.sh"), "one", "oracle", str(self._oracle)]) is not None:
            return BROKEN
        tests = [f"tests/svm/test_{name}.py" for name in SVM_TESTS]
        pytest = [sys.executable, "-m", "pytest", "-qx", "--tb=no", "-p", "no:cacheprovider"]
        return first_failure(self._run([*pytest, *tests])) or self._crate_fails("oracle")

    def _crate_fails(self, package: str) -> str | None:
        manifest = str(self._folder / "deploy" / "Cargo.toml")
        cargo = ["cargo", "test", "--locked", "--manifest-path", manifest, "--package", package]
        if self._run([*cargo, "--no-run"]) is not None:
            return BROKEN
        return first_failure(self._run(cargo))

    def _run(self, command: Sequence[str]) -> str | None:
        """Its output if it fails."""
        try:
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=_TIMEOUT_S,
            )
        except subprocess.TimeoutExpired:
            return f"no end within {_TIMEOUT_S} s"
        return done.stdout if done.returncode else None


def first_failure(output: str | None) -> str | None:
    """The first failed test that the output names, or its last line."""
    if output is None:
        return None
    found = _FAILED.search(output)
    return (found[1] or found[2]) if found else output.strip().rpartition("\n")[2]


def try_all(mutants: Sequence[Mutant], folder: Path) -> dict[Mutant, str | None]:
    """What noticed each. Raises RuntimeError if the tests fail without a mutant already."""
    workshop = Workshop(folder)
    for mutant in {mutant.of_reader: mutant for mutant in mutants}.values():
        if failed := workshop.fails(mutant):
            raise RuntimeError(f"The tests fail without a mutant already: {failed}.")
    noticed: dict[Mutant, str | None] = {}
    for number, mutant in enumerate(mutants, 1):
        noticed[mutant] = workshop.noticed_by(mutant)
        print(f"{number}/{len(mutants)} {_row(mutant, noticed[mutant])}", flush=True)
    return noticed


def unnoticed(noticed: Mapping[Mutant, str | None]) -> list[Mutant]:
    """Survivors, and mutants that tested nothing."""
    return [mutant for mutant, test in noticed.items() if test in (None, BROKEN)]


def table(noticed: Mapping[Mutant, str | None]) -> str:
    """Those that nothing noticed last, where they are seen."""
    left = unnoticed(noticed)
    rows = sorted(noticed.items(), key=lambda row: (row[0] in left, row[0].file))
    return "\n".join([*(_row(*row) for row in rows), f"{len(left)} of {len(noticed)} mutants not noticed"])


def _row(mutant: Mutant, test: str | None) -> str:
    return f"{test or 'SURVIVED':<75} {mutant}"


def main() -> int:
    chosen: Sequence[Mutant] = MUTANTS
    if len(sys.argv) > 1:
        chosen = random.Random(int(sys.argv[2])).sample(MUTANTS, int(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        noticed = try_all(chosen, Path(folder))
    print(f"\n{table(noticed)}")
    return 1 if unnoticed(noticed) else 0


if __name__ == "__main__":
    sys.exit(main())
