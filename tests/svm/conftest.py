from __future__ import annotations

import pytest

from tests.svm.chain import Chain


@pytest.fixture
def chain() -> Chain:
    return Chain()
