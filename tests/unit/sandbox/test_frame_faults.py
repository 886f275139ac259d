"""Frame faults one by one: what they do to a message, and that chance follows from the seed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from relayer.domain.errors import UsageError
from relayer.sandbox.faults.frames import Sent
from relayer.sandbox.faults.kit import ALL, LIES, FaultKit, Group
from relayer.sandbox.faults.links import LinkAction
from relayer.sandbox.state import VenueState

DELTA = {"market_ticker": "A", "price_dollars": "0.4200", "delta_fp": "1.00", "side": "no", "ts_ms": 50_000}
SNAPSHOT = {"market_ticker": "A", "no_dollars_fp": [["0.4000", "5.00"]]}


def state() -> VenueState:
    venue = VenueState()
    venue.book("A").replace("no", [["0.4200", "3.00"]])
    return venue


def content(fault: str, *messages: tuple[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    link = FaultKit([f"{fault}=1"]).connection(1, state())
    made = [out for kind, msg in messages for out in link.content(kind, msgspec.json.encode(msg))]
    return [(kind, msgspec.json.decode(msg)) for kind, msg in made]


def transport(fault: str, *texts: bytes) -> list[Sent]:
    link = FaultKit([f"{fault}=1"]).connection(1, state())
    return [out for number, text in enumerate(texts, 1) for out in link.transport(Sent(text, number))]


FRAMES = [b'{"type":"orderbook_delta","sid":1,"seq":%d,"msg":{}}' % number for number in (1, 2, 3)]


def test_transport_faults() -> None:
    assert transport("sequence-hole", *FRAMES) == []
    assert [sent.seq for sent in transport("duplicate", *FRAMES)] == [1, 1, 2, 2, 3, 3]
    assert [sent.seq for sent in transport("reorder", *FRAMES)] == [2, 1], "the third waits for its neighbour"
    assert all(0.05 <= sent.delay_s <= 0.5 for sent in transport("delay", *FRAMES))
    for sent, whole in zip(transport("truncated-frame", *FRAMES), FRAMES, strict=True):
        assert whole.startswith(sent.text)
        assert len(sent.text) < len(whole)
    assert [sent.text for sent in transport("blank-line", FRAMES[0])] == [b"\n", FRAMES[0] + b"\n"]
    assert transport("lost-reply", b'{"type":"ok","id":3,"sid":1,"seq":1}') == []
    assert [sent.text for sent in transport("lost-reply", FRAMES[0])] == [FRAMES[0]]


@pytest.mark.parametrize("fault", ["unknown-type", "look-alike"])
def test_strangers_come_beside_the_real_frame(fault: str) -> None:
    stranger, real = (msgspec.json.decode(sent.text) for sent in transport(fault, FRAMES[0]))
    assert stranger["sid"] > 90
    assert real.items() >= {"type": "orderbook_delta", "sid": 1, "seq": 1}.items()


def test_frames_without_a_number_are_neither_lost_nor_doubled() -> None:
    for fault in ("sequence-hole", "duplicate", "reorder"):
        link = FaultKit([f"{fault}=1"]).connection(1, state())
        assert link.transport(Sent(b'{"type":"ticker"}', None)) == [Sent(b'{"type":"ticker"}', None)]


def test_content_faults() -> None:
    assert content("wrong-side", ("orderbook_delta", DELTA))[0][1]["price_dollars"] == "0.5800"
    assert content("wrong-side", ("orderbook_snapshot", SNAPSHOT))[0][1]["no_dollars_fp"] == [["0.6000", "5.00"]]
    crossed = content("crossed-book", ("orderbook_delta", DELTA))
    assert crossed[0][1] == DELTA
    assert (crossed[1][1]["side"], crossed[1][1]["price_dollars"]) == ("yes", "0.9999")
    phantom = content("phantom-level", ("orderbook_delta", DELTA))[1][1]
    assert phantom["delta_fp"].startswith("-")
    zombie = content("zombie-snapshot", ("orderbook_snapshot", SNAPSHOT), ("orderbook_delta", DELTA))
    assert [kind for kind, _ in zombie] == ["orderbook_snapshot", "orderbook_delta", "orderbook_snapshot"]
    assert zombie[0] == zombie[2]
    assert "ts_ms" not in content("missing-time", ("orderbook_delta", DELTA))[0][1]
    assert content("stale-time", ("orderbook_delta", DELTA))[0][1]["ts_ms"] == 40_000
    assert content("future-time", ("orderbook_delta", DELTA))[0][1]["ts_ms"] == 3_650_000


def test_a_cross_needs_something_to_cross() -> None:
    link = FaultKit(["crossed-book=1"]).connection(1, VenueState())
    assert len(link.content("orderbook_delta", msgspec.json.encode(DELTA))) == 1


@pytest.mark.parametrize("fault", [name for name, known in ALL.items() if known.group is Group.FRAME])
def test_at_rate_zero_nothing_happens(fault: str) -> None:
    link = FaultKit([f"{fault}=0"]).connection(1, state())
    for kind, msg in (("orderbook_snapshot", SNAPSHOT), ("orderbook_delta", DELTA), ("trade", {"market_ticker": "A"})):
        text = msgspec.json.encode(msg)
        assert link.content(kind, text) == [(kind, text)]
        assert link.transport(Sent(text, 1)) == [Sent(text, 1)]


def test_faults_combine_and_missing_times_are_left_alone() -> None:
    link = FaultKit(["missing-time=1", "stale-time=1", "future-time=1"]).connection(1, state())
    ((_, msg),) = link.content("orderbook_delta", msgspec.json.encode(DELTA))
    assert "ts_ms" not in msgspec.json.decode(msg)


def dropped(seed: int, *faults: str, number: int = 1) -> list[int]:
    link = FaultKit(faults, seed=seed).connection(number, state())
    return [seq for seq in range(500) if not link.transport(Sent(b"{}", seq))]


def test_chance_follows_from_seed_connection_and_name_alone() -> None:
    assert dropped(1, "sequence-hole=0.1") == dropped(1, "sequence-hole=0.1")
    assert dropped(1, "sequence-hole=0.1") == dropped(1, "missing-time", "sequence-hole=0.1", "half-open")
    assert dropped(1, "sequence-hole=0.1") != dropped(2, "sequence-hole=0.1")
    assert dropped(1, "sequence-hole=0.1") != dropped(1, "sequence-hole=0.1", number=2)
    assert 20 < len(dropped(1, "sequence-hole=0.1")) < 90


def test_a_fault_can_befall_one_connection_alone() -> None:
    assert dropped(1, "sequence-hole@2=1") == []
    assert len(dropped(1, "sequence-hole@2=1", number=2)) == 500
    assert dropped(1, "sequence-hole=0.1", "sequence-hole@2=1") == dropped(1, "sequence-hole=0.1")
    kit = FaultKit(["reset@3=1", "silent-socket"])
    assert kit.connection(1, state()).action() is None
    assert kit.connection(3, state()).action() is LinkAction.ABORT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gremlins", "There is no fault 'gremlins': `relayer sandbox --faults` lists them."),
        ("delay=often", "The rate of fault delay must be from 0 to 1, not 'often'."),
        ("delay=1.5", "must be from 0 to 1"),
        ("delay=nan", "must be from 0 to 1"),
        ("delay=", "must be from 0 to 1"),
        (
            "delay@two",
            "Fault delay@two cannot be: @ and a connection's number follow faults of frames and links alone.",
        ),
        ("pause@1", "Fault pause@1 cannot be"),
    ],
)
def test_what_is_no_fault_is_named(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        FaultKit([text])
    assert words in str(caught.value)


def test_there_are_enough_faults_and_each_says_what_it_does() -> None:
    assert len(ALL) >= 20
    assert all(len(known.about) > 10 and 0 < known.rate <= 1 for known in ALL.values())
    assert {name for name, known in ALL.items() if known.about.startswith("a lie")} == set(LIES)
