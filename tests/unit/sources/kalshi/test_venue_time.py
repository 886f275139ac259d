"""The clock offset is an interval that always holds the truth."""

from __future__ import annotations

from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from relayer.sources.kalshi.venue_time import VenueTime

LOCAL_MS = 1_790_000_000_000


def date(venue_ms: float) -> str:
    return formatdate(venue_ms // 1000, usegmt=True)


answers = st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 400), st.integers(0, 400)), max_size=50)


@given(st.integers(-5_000, 5_000), answers)
def test_the_true_offset_stays_inside(offset_ms: int, answers: list[tuple[int, int, int]]) -> None:
    venue_time = VenueTime()
    for after_ms, there_ms, back_ms in answers:
        sent = LOCAL_MS + after_ms
        stamped = date(sent + there_ms + offset_ms)
        venue_time.observe(stamped, sent_ms=sent, received_ms=sent + there_ms + back_ms)
        assert venue_time.earliest(LOCAL_MS) <= LOCAL_MS + offset_ms <= venue_time.latest(LOCAL_MS)


def test_a_clock_that_was_set_starts_over() -> None:
    venue_time = VenueTime()
    venue_time.observe(date(LOCAL_MS), sent_ms=LOCAL_MS, received_ms=LOCAL_MS)
    venue_time.observe(date(LOCAL_MS + 60_000), sent_ms=LOCAL_MS, received_ms=LOCAL_MS)
    assert venue_time.earliest(LOCAL_MS) == LOCAL_MS + 60_000


def test_without_any_answer_our_clock_is_taken() -> None:
    venue_time = VenueTime()
    venue_time.observe("soon", sent_ms=0, received_ms=0)
    assert (venue_time.earliest(LOCAL_MS), venue_time.latest(LOCAL_MS)) == (LOCAL_MS, LOCAL_MS + 1)
