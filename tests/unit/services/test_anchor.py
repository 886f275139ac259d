"""Anchoring: when it is done, when not, and what a cluster in trouble does to it."""

from __future__ import annotations

import asyncio

import pytest

from relayer.domain.errors import PermanentError, RelayerError, TransientError
from relayer.services.anchor import Anchor
from relayer.telemetry.metrics import Metrics


class Board:
    """Carries a hash; `failures` come first."""

    def __init__(self) -> None:
        self.carried = "00" * 32
        self.sent: list[str] = []
        self.failures: list[RelayerError] = []
        self.was_sent = asyncio.Event()

    async def anchored(self) -> str:
        if self.failures:
            raise self.failures.pop()
        return self.carried

    async def anchor(self, head: str) -> None:
        self.sent.append(head)
        self.carried = head
        self.was_sent.set()


def anchor_of(board: Board, heads: list[str], interval_s: float = 3600) -> Anchor:
    return Anchor(head=lambda: heads[0], board=board, interval_s=interval_s, metrics=Metrics())


async def test_an_unchanged_head_is_not_sent_again() -> None:
    board, heads = Board(), ["aa" * 32]
    anchor = anchor_of(board, heads)
    assert await anchor.anchor_or_say_why()
    assert await anchor.anchor_or_say_why()
    heads[0] = "bb" * 32
    assert await anchor.anchor_or_say_why()
    assert board.sent == ["aa" * 32, "bb" * 32]


async def test_a_restart_does_not_send_what_the_board_carries() -> None:
    board = Board()
    board.carried = "aa" * 32
    assert await anchor_of(board, ["aa" * 32]).anchor_or_say_why()
    assert board.sent == []


@pytest.mark.parametrize("error", [TransientError("No answer."), PermanentError("Another publisher.")])
async def test_trouble_is_said_counted_and_outlived(error: RelayerError, caplog: pytest.LogCaptureFixture) -> None:
    board = Board()
    board.failures = [error]
    anchor = anchor_of(board, ["aa" * 32])
    assert not await anchor.anchor_or_say_why()
    assert "tape not anchored" in caplog.text
    assert board.sent == []
    assert await anchor.anchor_or_say_why()
    assert board.sent == ["aa" * 32]


async def test_it_goes_on_after_trouble(caplog: pytest.LogCaptureFixture) -> None:
    board = Board()
    board.failures = [TransientError("No answer.")]
    running = asyncio.create_task(anchor_of(board, ["aa" * 32], interval_s=0.001).run())
    await board.was_sent.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert board.sent == ["aa" * 32]
