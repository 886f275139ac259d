from __future__ import annotations

import pytest

from tests.svm.case import Case
from tests.svm.chain import Chain


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def case(chain: Chain) -> Case:
    return Case(chain)
