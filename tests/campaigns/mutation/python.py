"""Mutants of `relayer/conditions`, each put to the tests: `python -m tests.campaigns.mutation.python [SHARE SEED]`.

All of them, or SHARE drawn with SEED. Works on a copy of the checkout, one mutant and one process at a time. Status 1
if 5 % or more survive. What was found, and which mutants change nothing, is in `docs/campaigns.md`.
"""

from __future__ import annotations

import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
ROOM = Path("relayer", "conditions")
_PYTEST = ("pytest", "-q", "-x", "-p", "no:cacheprovider")
_FOLDER = "tests/unit/conditions"
CHECKS: tuple[tuple[str, ...], ...] = (
    (*_PYTEST, _FOLDER, "--ignore", f"{_FOLDER}/test_agreement.py", "--ignore", f"{_FOLDER}/test_checkpoint.py"),
    ("tests.campaigns.conditions", "300"),
    (*_PYTEST, f"{_FOLDER}/test_checkpoint.py"),
    ("tests.campaigns.conditions", "2500", "300"),
)
"""Modules to run, quickest first; together they are about what the unit tests of the room are."""
_TIMEOUT_S = 120
ALLOWED = 0.05

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One place of one file, and what stands there instead."""

    file: Path
    line: int
    start: int
    end: int
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {' '.join(self.old.split())}  ->  {self.new}"


def mutants() -> list[Mutant]:
    """All mutants of the room, in order of file and place."""
    return [mutant for file in sorted((ROOT / ROOM).rglob("*.py")) for mutant in _mutants_of(file)]


def _mutants_of(file: Path) -> Iterator[Mutant]:
    source = file.read_bytes()
    offsets = [0]
    for line in source.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    for node in _running(ast.parse(source)):
        start = offsets[node.lineno - 1] + node.col_offset
        end = offsets[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        for new in _changes(node):
            yield Mutant(file.relative_to(ROOT), node.lineno, start, end, source[start:end].decode(), new)


def _running(tree: ast.Module) -> Iterator[ast.expr | ast.stmt]:
    """Statements and expressions of function bodies: no annotations, docstrings, imports or texts of errors."""
    waiting: list[ast.AST] = [
        statement for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for statement in node.body
    ]
    seen: set[ast.AST] = set()
    while waiting:
        node = waiting.pop()
        if node in seen or isinstance(node, ast.Raise | ast.JoinedStr | ast.FunctionDef | ast.ImportFrom):
            continue
        seen.add(node)
        if isinstance(node, ast.expr | ast.stmt):
            yield node
        waiting += [child for name, child in _children(node) if name != "annotation"]


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield name, child


def _changes(node: ast.expr | ast.stmt) -> Iterator[str]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield _text(ast.Compare(left, [_swapped(op)], [right]))
        case ast.BoolOp(op=op, values=values):
            yield _text(ast.BoolOp(_swapped(op), values))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _SWAPS:
            yield _text(ast.BinOp(left, _swapped(op), right))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield _text(operand)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield _text(ast.IfExp(test, orelse, body))
        case ast.Constant(value=bool(value)):
            yield str(not value)
        case ast.Constant(value=int(value)):
            yield str(value + 1)
        case ast.Name(id=name) if name in _NAMES:
            yield _NAMES[name]
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in _SWAPS:
            yield ast.unparse(ast.AugAssign(target, _swapped(op), value))
        case ast.Expr(value=ast.Call()) | ast.Break() | ast.Continue():
            yield "pass"


def _swapped(op: ast.AST) -> Any:
    return _SWAPS[type(op)]()


def _text(node: ast.expr) -> str:
    return f"({ast.unparse(node)})"


class Workshop:
    """A copy of the checkout in which mutants are written, tried, and put right again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("relayer", "tests", "pyproject.toml"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        self._environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}

    def passes(self) -> bool:
        """Whether every check passes, in time."""
        return all(self._passes(check) for check in CHECKS)

    def survives(self, mutant: Mutant) -> bool:
        """Whether no check notices it."""
        file = self._folder / mutant.file
        source = file.read_bytes()
        file.write_bytes(source[: mutant.start] + mutant.new.encode() + source[mutant.end :])
        try:
            return self.passes()
        finally:
            file.write_bytes(source)

    def _passes(self, check: Sequence[str]) -> bool:
        command = [sys.executable, "-m", *check]
        try:
            done = subprocess.run(
                command, cwd=self._folder, env=self._environment, capture_output=True, check=False, timeout=_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def main() -> int:
    """Try the mutants asked for."""
    chosen = mutants()
    print(f"{len(chosen)} mutants of {ROOM}", flush=True)
    if len(sys.argv) > 1:
        chosen = random.Random(int(sys.argv[2])).sample(chosen, int(sys.argv[1]))
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder))
        if not workshop.passes():
            raise SystemExit("The tests fail without a mutant already.")
        for number, mutant in enumerate(chosen, 1):
            survived = workshop.survives(mutant)
            survivors += survived
            print(f"{number}/{len(chosen)} {'SURVIVED' if survived else 'noticed'} {mutant}", flush=True)
    print(f"{survivors} of {len(chosen)} survived")
    return 1 if survivors >= ALLOWED * len(chosen) else 0


if __name__ == "__main__":
    sys.exit(main())
