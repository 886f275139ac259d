"""The vectors that all readers share are what the program makes."""

from __future__ import annotations

import json

from tests.svm.reader_vectors import FILE, build


def test_the_vectors_are_the_programs_own_accounts() -> None:
    assert json.loads(FILE.read_text()) == build(), "run python -m tests.svm.reader_vectors and look at the difference"
