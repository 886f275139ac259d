"""The operator's spec files, and the binding of a PNP market to one of them by its question's last words.

A market is served only if its question is, to the byte, the text of a spec in `specs_dir`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from relayer.conditions.parse import parse_spec
from relayer.conditions.question import question as question_of
from relayer.conditions.question import spec_hash_of
from relayer.conditions.spec import Spec
from relayer.domain.errors import UsageError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unbound:
    """Why a market cannot be served, and what would help."""

    reason: str


class SpecFolder:
    """`*.json` in one folder, read again when a file is new or has changed; a bad file is reported and left out."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(f"specs_dir {folder} is not a folder: create it, or set [resolver] specs_dir.")
        self._folder = folder
        self._seen: dict[Path, tuple[int, int]] = {}
        self._by_file: dict[Path, Spec] = {}
        self._told: dict[Path, str] = {}

    def by_hash(self) -> dict[str, Spec]:
        """The specs by their hash (64 hex digits), as the folder stands now."""
        files = sorted(self._folder.glob("*.json"))
        for gone in self._by_file.keys() - set(files):
            del self._by_file[gone]
        for file in files:
            self._read_if_changed(file)
        return {spec.hash: spec for spec in self._by_file.values()}

    def _read_if_changed(self, file: Path) -> None:
        try:
            stat = file.stat()
            if self._seen.get(file) == (stat.st_mtime_ns, stat.st_size):
                return
            content = file.read_bytes()
            self._seen[file] = (stat.st_mtime_ns, stat.st_size)
            self._by_file[file] = parse_spec(content)
        except OSError as error:
            self._leave_out(file, f"it cannot be read ({error.strerror}); it is tried again")
        except UsageError as error:
            self._leave_out(file, str(error))

    def _leave_out(self, file: Path, reason: str) -> None:
        self._by_file.pop(file, None)
        if self._told.get(file) != reason:
            self._told[file] = reason
            log.error("spec file left out", extra={"file": str(file), "reason": reason})


def bind(question: str, specs: dict[str, Spec]) -> Spec | Unbound:
    """The spec that this question states, or what is missing."""
    spec_hash = spec_hash_of(question)
    if spec_hash is None:
        return Unbound("its question does not end in ' spec:' and 64 hex digits, so it names no spec")
    spec = specs.get(spec_hash)
    if spec is None:
        return Unbound(f"no file in specs_dir has the hash {spec_hash}: put the spec there")
    if question_of(spec) != question:
        return Unbound(f"its question differs from the text of spec {spec_hash}, so it asks something else")
    return spec
