"""The Python example of `docs/reading-prices.md` against a cluster."""

from __future__ import annotations

import runpy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from relayer.chain.programs import board as boards
from relayer.chain.programs.reader import Refusal, Refused
from relayer.localnet import serve
from tests.readable import Readable
from tests.svm.rig import NOW_MS

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "reading_prices.py"
run = cast(Callable[..., Awaitable[str]], runpy.run_path(str(EXAMPLE))["run"])


async def test_the_example_reads_the_median() -> None:
    given = Readable(7000, 6000, 9000)
    async with serve(given.node) as urls:
        assert await run(urls.rpc, *given.asked) == "71.000 cents, by 3 of 3"
        given.wait(NOW_MS + 30_000)
        assert await run(urls.rpc, *given.asked) == "71.000 cents, by 3 of 3"


async def test_the_example_refuses_what_has_no_price() -> None:
    given = Readable(7000, 6000)
    async with serve(given.node) as urls:
        given.wait(NOW_MS + 31_000)
        with pytest.raises(Refused) as stale:
            await run(urls.rpc, *given.asked)
        stranger = str(given.chain.payer.pubkey())
        with pytest.raises(Refused) as nothing:
            await run(urls.rpc, *given.asked[:2], stranger)
        rig = given.rigs[0]
        given.chain.ok(boards.retire_feeds(given.chain.oracle, rig.authority.pubkey(), rig.board, [1]), rig.authority)
        given.show()
        with pytest.raises(Refused) as retired:
            await run(urls.rpc, *given.asked)
    assert stale.value.reason is Refusal.NO_QUORUM
    assert nothing.value.reason is Refusal.WRONG_OWNER
    assert retired.value.reason is Refusal.UNLISTED
