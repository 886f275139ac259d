"""What publishing takes on chain: compute units an entry, and entries a transaction.

Counted on the SVM with the committed program; nothing is timed, and no other program stands beside ours.
"""

from __future__ import annotations

from functools import partial

from relayer.bench.row import Effort, Measured, Row
from relayer.bench.svm import PublishedBoard
from relayer.chain.programs.board import ENTRY_LEN
from relayer.chain.transaction import V0, V1, Format
from relayer.domain.errors import PermanentError

_BATCH = 60


def _compute_units(effort: Effort) -> Measured:
    del effort  # a count does not get better by counting again
    board = PublishedBoard(_BATCH)
    units = board.send(board.transaction(V0, _BATCH))
    assert board.shown() == _BATCH
    return Measured(units / _BATCH, note=f"{units} for {_BATCH} entries")


def _updates(version: Format, effort: Effort) -> Measured:
    del effort
    board = PublishedBoard(version.max_bytes // ENTRY_LEN)
    count = 1
    while _fits(board, version, count + 1):
        count += 1
    signed = board.transaction(version, count)
    board.send(signed)
    assert board.shown() == count
    return Measured(count, note=f"{len(signed.wire)} of {version.max_bytes} bytes")


def _fits(board: PublishedBoard, version: Format, count: int) -> bool:
    try:
        board.transaction(version, count)
    except PermanentError:
        return False
    return True


ROWS = (
    Row(
        id="publish_cu",
        what="compute units of the whole instruction over its entries, batch of 60, all checks",
        goal=45,
        unit="CU/entry",
        measure=_compute_units,
    ),
    Row(
        id="updates_per_v0_tx",
        what="entries in one v0 transaction with separate payer",
        goal=70,
        unit="entries",
        measure=partial(_updates, V0),
        at_most=False,
    ),
    Row(
        id="updates_per_v1_tx",
        what="entries in one v1 transaction with separate payer",
        goal=300,
        unit="entries",
        measure=partial(_updates, V1),
        at_most=False,
    ),
)
