"""Paths out of a recording: JSON Lines for `relayer backtest`, Parquet for analysis."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from relayer.domain.errors import UsageError
from relayer.tape.paths import Converter, PathLine, recorded_paths
from relayer.tape.segments import read

_BATCH = 20_000


def export_paths(directory: Path, markets: frozenset[str], convert: Converter = recorded_paths) -> Iterator[PathLine]:
    """The paths of these markets (`venue:ticker`), of all it knows for several; a single one's lines name no market.

    Raises UsageError if there is no recording.
    """
    for line in convert(read(directory), markets):
        yield line if len(markets) > 1 else {key: value for key, value in line.items() if key != "market"}


def write_jsonl(lines: Iterable[PathLine], out: Path) -> int:
    """Write path lines, gzip if the name ends in `.gz`; returns how many."""
    with _opened(out) as file:
        return sum(file.write(msgspec.json.encode(line) + b"\n") > 0 for line in lines)


def _opened(out: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(out, "wb")) if out.suffix == ".gz" else out.open("wb")


def write_parquet(lines: Iterable[PathLine], out: Path) -> int:
    """Write path lines as columns: prices in centi-cents, sizes in centi-contracts, times in milliseconds.

    Of a book only the best levels; `line` holds all of it. Returns the rows. Raises UsageError without pyarrow.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow: install it with `pip install pnp-relayer[parquet]`.") from error
    columns = {name: getattr(pa, kind)() for name, kind in _COLUMNS.items()}
    schema = pa.schema(list(columns.items()))
    count = 0
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for rows in _batches(map(_row, lines)):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


_COLUMNS = {
    "market": "string",
    "type": "string",
    "t": "int64",
    "to": "int64",
    "bid": "int32",
    "bid_size": "int64",
    "ask": "int32",
    "ask_size": "int64",
    "price": "int32",
    "size": "int64",
    "id": "string",
    "block": "bool_",
    "status": "string",
    "since": "int64",
    "result": "string",
    "final": "bool_",
    "reason": "string",
    "line": "string",
}
"""Parquet columns and their Arrow types; `t` of a gap or candle is its `from`."""


def _row(line: PathLine) -> dict[str, Any]:
    row = {key: line.get(key) for key in _COLUMNS}
    row["t"] = line.get("t", line.get("from"))
    row["bid"], row["bid_size"] = _best(line.get("bids"))
    row["ask"], row["ask_size"] = _best(line.get("asks"))
    row["price"], row["size"] = _scaled(line.get("price"), 10_000), _scaled(line.get("size"), 100)
    row["line"] = msgspec.json.encode(line).decode()
    return row


def _best(levels: list[list[str]] | None) -> tuple[int | None, int | None]:
    return (_scaled(levels[0][0], 10_000), _scaled(levels[0][1], 100)) if levels else (None, None)


def _scaled(text: str | None, scale: int) -> int | None:
    return None if text is None else int(Decimal(text) * scale)


def _batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
