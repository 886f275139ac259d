"""What the research commands share: spec files in, verdicts out. Judging itself is `relayer.conditions`."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

from rich.console import Console
from rich.table import Table

from relayer.conditions.parse import parse_spec
from relayer.conditions.question import question
from relayer.conditions.spec import Spec
from relayer.domain.errors import UsageError
from relayer.domain.units import rfc3339
from relayer.domain.verdicts import Verdict


def load_spec(file: FilePath) -> Spec:
    """The spec in a JSON file. Raises UsageError naming the file and the key."""
    try:
        return parse_spec(file.read_bytes())
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error
    except OSError as error:
        raise UsageError(f"the spec {file} cannot be read: {error.strerror}") from error


def as_document(spec: Spec, verdict: Verdict) -> dict[str, Any]:
    """The verdict in the keys of `conditions.md` section 7."""
    witness, coverage = verdict.witness, verdict.coverage
    return {
        "spec_hash": spec.hash,
        "question": question(spec),
        "verdict": str(verdict.answer),
        "decided_at": verdict.decided_at,
        "reason": verdict.reason,
        "witness": None if witness is None else {"t": witness.at_ms, "price": witness.price},
        "coverage": {
            "window_ms": coverage.window_ms,
            "observed_ms": coverage.observed_ms,
            "bounded_ms": coverage.bounded_ms,
            "unknown_ms": coverage.unknown_ms,
            "not_trading_ms": coverage.not_trading_ms,
        },
    }


def moment(at_ms: int | None) -> str:
    """A time for human eyes; milliseconds where no calendar goes that far."""
    try:
        return "-" if at_ms is None else rfc3339(at_ms)
    except (ValueError, OverflowError):
        return f"{at_ms} ms"


def print_table(spec: Spec, verdict: Verdict) -> None:
    """The verdict for human eyes."""
    table = Table(show_header=False, title=question(spec), title_justify="left")
    table.add_row("verdict", f"[bold]{verdict.answer}[/bold]")
    table.add_row("decided at", moment(verdict.decided_at))
    table.add_row("reason", verdict.reason)
    if verdict.witness:
        price = "absent" if verdict.witness.price is None else verdict.witness.price
        table.add_row("witness", f"{price} at {rfc3339(verdict.witness.at_ms)}")
    for name, spent_ms in as_document(spec, verdict)["coverage"].items():
        table.add_row(name.removesuffix("_ms").replace("_", " "), f"{spent_ms / 1000:,.3f} s")
    Console().print(table)
