"""What is claimed, found and lost of price transactions, over a node whose blocks a test makes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import pytest
from solders.hash import Hash
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.fees import TRIAL
from relayer.chain.flights import Flight, Flights, found
from relayer.chain.programs.board import Board, BoardHeader, BoardSlot
from relayer.chain.rpc import Rpc
from relayer.chain.settings import ClusterSettings
from relayer.chain.signer import Signer
from relayer.chain.transaction import V0
from relayer.domain.board import FeedState
from relayer.domain.errors import TransientError
from relayer.domain.units import BlockHeight, Millis
from relayer.telemetry.metrics import Metrics
from tests.fakes.node import FakeNode, FakeTime, session

ORACLE, BOARD = Pubkey.from_bytes(bytes([7] * 32)), Pubkey.from_bytes(bytes([8] * 32))
CLOCK_MS = 1_000_000


def flight(shown: dict[int, int], *, at: float = 0, last_valid: int = 1_150) -> Flight:
    signed = V0.sign(TRIAL, [Instruction(ORACLE, os.urandom(8), [])], [Signer(os.urandom(32))], Hash.default())
    return Flight(
        signature=signed.signature,
        wire=signed.wire,
        last_valid_block_height=BlockHeight(last_valid),
        shown={index: Millis(as_of) for index, as_of in shown.items()},
        clock_ms=Millis(CLOCK_MS),
        signed_at=at,
        sent_at=at,
    )


@dataclass
class Scene:
    node: FakeNode = field(default_factory=lambda: FakeNode(takes=False))

    def __post_init__(self) -> None:
        self.time = FakeTime()
        self.metrics = Metrics()
        settings = ClusterSettings.model_validate(
            {"rpc_urls": ["http://node"], "oracle_program": str(ORACLE), "resend_s": 1.5, "read_attempts": 1}
        )
        self.flights = Flights(
            rpc=Rpc(settings=settings, session=session({"http://node": self.node}), sleep=self.time.sleep),
            board=BOARD,
            metrics=self.metrics,
            settings=settings,
            monotonic=self.time.monotonic,
        )

    def land(self, one: Flight, *, err: object = None) -> None:
        self.node.landed[one.signature] = (self.node.height, err)

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"relayer_{name}", labels) or 0


def board(*times: int | None) -> Board:
    header = BoardHeader(BOARD, None, BOARD, 0, 0, 0, Millis(0), 9, len(times), b"", "")
    slots = (BoardSlot(None if at is None else FeedState(as_of_ms=Millis(at)), 0, 0) for at in times)
    return Board(header, tuple(slots))


@pytest.mark.parametrize(
    ("shown", "slots", "count"),
    [
        ({0: 500, 1: 600}, (500, 600), 2),
        ({0: 500, 1: 600}, (501, 599), 1),
        ({0: 500}, (None,), 0),
        ({1: 500}, (500,), 0),
        ({0: CLOCK_MS + 9_000}, (CLOCK_MS + 5_000,), 1),
        ({0: CLOCK_MS + 9_000}, (CLOCK_MS + 4_999,), 0),
        ({0: CLOCK_MS + 5_000}, (CLOCK_MS + 4_999,), 0),
    ],
)
def test_an_update_is_found_where_its_slot_shows_its_time_or_the_clamped_one(
    shown: dict[int, int], slots: tuple[int | None, ...], count: int
) -> None:
    assert found(flight(shown), board(*slots)) == count


async def test_nothing_is_asked_while_nothing_flies() -> None:
    scene = Scene()
    assert await scene.flights.check() == 0
    assert scene.node.asked == []


async def test_a_transaction_with_an_error_claims_nothing_and_its_slots_are_lost() -> None:
    scene, one = Scene(), flight({0: 500, 1: 600})
    scene.flights.add(one)
    scene.land(one, err={"InstructionError": [3, {"Custom": 6010}]})
    assert await scene.flights.check() == 0, "processed is not sure enough"
    scene.node.height += 1
    assert await scene.flights.check() == 1
    assert scene.value("updates_claimed_total", board=str(BOARD)) == 0
    assert scene.flights.take_lost() == {0, 1}
    assert scene.flights.shown == {}
    assert scene.value("transactions_total", purpose="publish", outcome="failed") == 1


async def test_a_price_may_go_out_while_the_node_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, late = Scene(), flight({1: 600})
    scene.flights.add(flight({0: 500}))
    ask = Rpc.signature_statuses

    async def ask_slowly(rpc: Rpc, *arguments: Any, **options: Any) -> Any:
        scene.flights.add(late)
        return await ask(rpc, *arguments, **options)

    monkeypatch.setattr(Rpc, "signature_statuses", ask_slowly)
    assert await scene.flights.check() == 0
    assert scene.flights.shown == {0: 500, 1: 600}


async def test_a_transaction_of_a_dropped_block_is_sent_again() -> None:
    scene, one = Scene(), flight({0: 500})
    scene.flights.add(one)
    scene.land(one)
    scene.time.seconds = 2
    await scene.flights.check()
    assert scene.node.sent == []
    scene.node.landed.clear()
    await scene.flights.check()
    await scene.flights.check()
    assert scene.node.sent == [one.wire], "once for each resend_s"


async def test_a_superseded_price_is_neither_sent_again_nor_lost() -> None:
    scene, old, new = Scene(), flight({0: 500, 1: 500}), flight({0: 600, 1: 600})
    scene.flights.add(old)
    scene.flights.add(new)
    scene.time.seconds = 2
    await scene.flights.check()
    assert scene.node.sent == [new.wire]
    scene.node.height = 1_151
    await scene.flights.check()
    assert scene.value("transactions_total", purpose="publish", outcome="expired") == 2
    assert scene.flights.take_lost() == {0, 1}, "by the newer one alone"


async def test_a_partly_superseded_price_is_sent_again_and_lost_in_part() -> None:
    scene, old, new = Scene(), flight({0: 500, 1: 500}), flight({1: 600}, last_valid=9_999)
    scene.flights.add(old)
    scene.flights.add(new)
    scene.time.seconds = 2
    await scene.flights.check()
    assert set(scene.node.sent) == {old.wire, new.wire}
    scene.node.height = 1_151
    await scene.flights.check()
    assert scene.flights.take_lost() == {0}
    assert scene.flights.shown == {1: 600}


async def test_what_was_claimed_is_looked_for_until_the_board_can_be_read() -> None:
    scene, one = Scene(), flight({0: 500})
    scene.node.down = {"getAccountInfo"}
    scene.flights.add(one)
    scene.land(one)
    scene.node.height += 1
    with pytest.raises(TransientError):
        await scene.flights.check()
    assert scene.value("updates_claimed_total", board=str(BOARD)) == 1
    with pytest.raises(TransientError):
        await scene.flights.check()
    assert scene.value("updates_claimed_total", board=str(BOARD)) == 1
