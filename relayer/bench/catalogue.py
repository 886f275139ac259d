"""All rows, in the order of the table; a new row is one module in `rows/` and one line here."""

from __future__ import annotations

from relayer.bench.row import Row
from relayer.bench.rows import backtest, build_sign, deciding, memory, publishing, wire_to_book

ROWS: tuple[Row, ...] = (wire_to_book.ROW, *deciding.ROWS, memory.ROW, *publishing.ROWS, build_sign.ROW, backtest.ROW)
