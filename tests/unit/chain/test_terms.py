from __future__ import annotations

import base64

import pytest
from solders.pubkey import Pubkey

from relayer.chain.rpc import Rpc
from relayer.chain.settings import ClusterSettings
from relayer.chain.terms import Terms
from relayer.domain.errors import TransientError
from tests.fakes.node import FakeNode, FakeTime, session


class Scene:
    def __init__(self) -> None:
        self.node = FakeNode(fee=70)
        self.node.answers["getAccountInfo"] = self._clock
        self.time = FakeTime(seconds=1_000)
        settings = ClusterSettings.model_validate(
            {
                "rpc_urls": ["http://node"],
                "oracle_program": str(Pubkey.default()),
                "blockhash_refresh_s": 2,
                "read_attempts": 1,
                "compute_price_floor_micro_lamports": 50,
            }
        )
        rpc = Rpc(settings=settings, session=session({"http://node": self.node}), sleep=self.time.sleep)
        self.terms = Terms(rpc=rpc, accounts=["board"], settings=settings, monotonic=self.time.monotonic)

    def _clock(self, params: list[object]) -> object:
        data = bytes(32) + (1_770_000_000).to_bytes(8, "little")
        value = {"lamports": 1, "data": [base64.b64encode(data).decode(), "base64"], "owner": "Sysvar"}
        return {"context": {"slot": 1}, "value": value}


async def test_before_the_first_answer_prices_wait() -> None:
    with pytest.raises(TransientError, match="No fresh blockhash is known, so prices wait"):
        Scene().terms.now()


async def test_the_terms_of_now() -> None:
    scene = Scene()
    await scene.terms.refresh()
    moment = scene.terms.now()
    assert (moment.clock_ms, moment.micro_lamports, moment.blockhash.slot) == (1_770_000_000_000, 70, 1_000)


async def test_asked_again_only_when_old() -> None:
    scene = Scene()
    await scene.terms.refresh()
    scene.time.seconds += 1.9
    scene.node.height += 5
    await scene.terms.refresh()
    assert scene.terms.now().blockhash.slot == 1_000
    scene.time.seconds += 0.1
    await scene.terms.refresh()
    assert scene.terms.now().blockhash.slot == 1_005
    assert scene.node.asked.count("getRecentPrioritizationFees") == 1
    scene.time.seconds += 8
    await scene.terms.refresh()
    assert scene.node.asked.count("getRecentPrioritizationFees") == 2


async def test_an_outage_leaves_the_last_blockhash_until_it_is_too_old() -> None:
    scene = Scene()
    await scene.terms.refresh()
    scene.node.down = {"getLatestBlockhash"}
    scene.time.seconds += 25
    with pytest.raises(TransientError):
        await scene.terms.refresh()
    assert scene.terms.now().blockhash.slot == 1_000
    scene.time.seconds += 0.1
    with pytest.raises(TransientError, match="prices wait"):
        scene.terms.now()
