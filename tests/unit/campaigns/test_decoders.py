"""A seeded share of the campaign over all decoders, and that it would notice one that lets something out."""

from __future__ import annotations

from random import Random

import pytest

from tests.campaigns.decoders.__main__ import TARGETS, Tally, feed
from tests.campaigns.decoders.target import Defect, Target

INPUTS = 1_500


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_decoder_answers_rightly_or_with_its_own_error(target: Target) -> None:
    tally = Tally()
    feed(target, Random(20_261_124), INPUTS, tally)
    assert tally.failures == []
    assert tally.taken[target.name] > 0
    assert tally.refused[target.name] > 0


def test_a_foreign_error_and_a_wrong_answer_are_findings() -> None:
    def check(text: bytes) -> bool:
        if text == b"odd":
            raise KeyError("type")
        if text == b"wrong":
            raise Defect("price 1 was told where the reference has 2")
        return text == b"good"

    inputs = iter([b"good", b"bad", b"odd", b"wrong"])
    tally = Tally()
    feed(Target("it", lambda rng: next(inputs), check), Random(1), 4, tally)
    assert (tally.taken["it"], tally.refused["it"]) == (1, 1)
    assert tally.failures == [
        "it: KeyError: 'type'\n  b'odd'",
        "it: Defect: price 1 was told where the reference has 2\n  b'wrong'",
    ]
