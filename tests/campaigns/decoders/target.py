"""What the campaign feeds: one decoder, how its inputs are made, and what must hold of whatever it makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random


class Defect(AssertionError):
    """A decoder took something for what it is not."""


@dataclass(frozen=True)
class Target:
    """make: an input, good or odd. check: True if it was taken, False if refused as it should be; raises otherwise."""

    name: str
    make: Callable[[Random], bytes]
    check: Callable[[bytes], bool]
