"""Where `relayer backtest` and `relayer analytics` find path lines: files, tapes, Parquet, answers as fetched.

What the lines mean is `relayer.conditions.path`.
"""

from __future__ import annotations

import glob
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from relayer.cli.fetched import lines_of
from relayer.domain.errors import UsageError
from relayer.domain.markets import MarketId
from relayer.tape.export import export_paths
from relayer.tape.segments import segment_files

SUFFIXES = (".jsonl", ".jsonl.gz", ".json", ".parquet")


def expand(pattern: str, suffixes: tuple[str, ...]) -> list[Path]:
    """The files of a path, a directory or a glob. Raises UsageError where there is none."""
    if Path(pattern).is_dir():
        found = [file for file in Path(pattern).iterdir() if file.name.endswith(suffixes)]
    else:
        found = [Path(name) for name in glob.glob(pattern)] or [Path(pattern)]
    if not found:
        raise UsageError(f"{pattern} holds no file that ends in {' or '.join(suffixes)}.")
    return sorted(found)


def expand_paths(pattern: str) -> list[Path]:
    """As `expand`, for path files and tapes. A directory may be a tape itself, or hold some."""
    folder = Path(pattern)
    if is_tape(folder):
        return [folder]
    tapes = [inner for inner in folder.iterdir() if is_tape(inner)] if folder.is_dir() else []
    return sorted(tapes) or expand(pattern, SUFFIXES)


def is_tape(folder: Path) -> bool:
    """Whether it is a directory that `relayer tape record` or a running relayer has written."""
    return folder.is_dir() and bool(segment_files(folder))


def read_lines(source: Path, legs: Iterable[MarketId]) -> Iterator[bytes]:
    """The path lines of a file or tape, those of other markets than `legs` perhaps among them.

    `.gz` is unpacked; `.json` is an answer of Kalshi as fetched, or path lines after all; `.parquet` is what
    `relayer tape export` writes. Raises UsageError for what cannot be read.
    """
    if source.is_dir():
        return map(msgspec.json.encode, export_paths(source, frozenset(map(str, legs))))
    if source.suffix == ".parquet":
        return _parquet_lines(source)
    if ".json" not in source.suffixes:
        return _raw_lines(source)
    lines = list(_raw_lines(source))
    return iter(lines if _is_path(lines) else lines_of(b"".join(lines), name=str(source), legs=legs))


def _is_path(lines: Sequence[bytes]) -> bool:
    """Whether the first line is one of a path: answers as fetched have no type."""
    try:
        return "type" in json.loads(next(filter(bytes.strip, lines), b"{}"))
    except (ValueError, TypeError):
        return False


def _raw_lines(file: Path) -> Iterator[bytes]:
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            yield from lines
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UsageError(f"the path {file} cannot be read: {reason}") from error


def _parquet_lines(file: Path) -> Iterator[bytes]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow: install it with `pip install pnp-relayer[parquet]`.") from error
    try:
        with pq.ParquetFile(file) as table:
            if "line" not in table.schema_arrow.names:
                raise UsageError(
                    f"the path {file} has no column 'line': write it with `relayer tape export --format parquet`."
                )
            for batch in table.iter_batches(columns=["line"]):
                yield from (line.encode() for line in batch.column("line").to_pylist())
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"the path {file} cannot be read: {error}") from error
