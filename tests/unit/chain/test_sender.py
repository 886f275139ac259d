"""The sender's states: success only without an error, expiry only beyond doubt, and always the same bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from relayer.chain.rpc import Rpc
from relayer.chain.sender import Sender
from relayer.chain.settings import ClusterSettings
from relayer.chain.signer import Signer
from relayer.domain.errors import PermanentError, TransientError
from relayer.domain.intents import Submission, SubmissionState
from relayer.telemetry.metrics import Metrics
from tests.fakes.node import FINALITY, FakeNode, FakeTime, session

ORACLE = Pubkey.from_bytes(bytes([7] * 32))
NOOP = Instruction(ORACLE, b"", [])


@dataclass
class Scene:
    """One sender over one or two nodes; a block is made with every sleep."""

    nodes: list[FakeNode] = field(default_factory=lambda: [FakeNode()])
    each_block: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.time = FakeTime(passing=self._pass)
        self.metrics = Metrics()
        urls = {f"http://node{number}": node for number, node in enumerate(self.nodes)}
        config = ClusterSettings.model_validate(
            {"rpc_urls": list(urls), "oracle_program": str(ORACLE), "poll_s": 0.5, "resend_s": 1.5, "read_attempts": 1}
        )
        self.sender = Sender(
            rpc=Rpc(settings=config, session=session(urls), sleep=self.time.sleep),
            payer=Signer(os.urandom(32)),
            metrics=self.metrics,
            settings=config,
            sleep=self.time.sleep,
            monotonic=self.time.monotonic,
        )

    def _pass(self) -> None:
        self.each_block()
        for node in self.nodes:
            node.height += 1

    async def built(self) -> Submission:
        return await self.sender.build([NOOP], [], purpose="settle", intent_key="settle:m")

    def count(self, outcome: str) -> float:
        labels = {"purpose": "settle", "outcome": outcome}
        return self.metrics.registry.get_sample_value("relayer_transactions_total", labels) or 0


async def test_built_with_the_simulated_limits_and_a_fair_price() -> None:
    node = FakeNode(units=10_000, fee=5_000, simulated={"loadedAccountsDataSize": 40_000})
    submission = await Scene([node]).built()
    message = VersionedTransaction.from_bytes(submission.wire).message
    limits = [bytes(instruction.data) for instruction in message.instructions[:3]]
    assert limits == [
        b"\x02" + (12_000).to_bytes(4, "little"),
        b"\x03" + (5_000).to_bytes(8, "little"),
        b"\x04" + (65_536).to_bytes(4, "little"),
    ]
    assert submission.state is SubmissionState.SENT
    assert (submission.last_valid_block_height, submission.blockhash_slot) == (1_150, 1_000)
    assert node.sent == []


async def test_a_program_s_refusal_is_permanent_and_named() -> None:
    node = FakeNode(simulated={"err": {"InstructionError": [3, {"Custom": 6006}]}})
    scene = Scene([node])
    with pytest.raises(PermanentError, match=r"refuses the settle transaction: instruction 4 .*WrongAddress \(6006\)"):
        await scene.built()
    assert scene.count("refused") == 1


@pytest.mark.parametrize(
    "err", ["AccountNotFound", "InsufficientFundsForFee", {"InsufficientFundsForRent": {"account_index": 0}}]
)
async def test_lack_of_money_is_transient(err: object) -> None:
    with pytest.raises(TransientError, match="fund"):
        await Scene([FakeNode(simulated={"err": err})]).built()


async def test_a_node_that_cannot_say_is_transient() -> None:
    with pytest.raises(TransientError, match="node0 answered simulateTransaction with HTTP 503"):
        await Scene([FakeNode(down={"simulateTransaction"})]).built()


async def test_followed_to_finalized() -> None:
    scene = Scene()
    submission = await scene.built()
    await scene.sender.send(submission)
    assert (await scene.sender.follow(submission)).state is SubmissionState.FINALIZED
    assert scene.nodes[0].landed[submission.signature][0] <= scene.nodes[0].height - FINALITY
    assert (scene.count("sent"), scene.count("finalized"), scene.count("confirmed")) == (1, 1, 0)


async def test_an_error_on_chain_is_a_failure_with_its_reason() -> None:
    scene = Scene([FakeNode(err={"InstructionError": [2, "InvalidArgument"]})])
    ended = await scene.sender.follow(await scene.built())
    assert ended.state is SubmissionState.FAILED
    assert ended.error == f"instruction 3 (program {ORACLE}): InvalidArgument"


async def test_the_same_bytes_are_sent_again_at_the_set_pace_while_nothing_shows_them() -> None:
    node = FakeNode(takes=False)
    scene = Scene([node])
    submission = await scene.built()
    scene.each_block = lambda: setattr(node, "takes", node.height > 1_010)
    assert (await scene.sender.follow(submission)).state is SubmissionState.FINALIZED
    assert set(node.sent) == {submission.wire}
    assert len(node.sent) == 5, "every third poll, until it was taken"


async def test_expired_once_the_last_block_is_finalized_and_no_history_shows_it() -> None:
    node = FakeNode(takes=False)
    scene = Scene([node])
    submission = await scene.built()
    ended = await scene.sender.follow(submission)
    assert ended == replace(submission, state=SubmissionState.EXPIRED, error="its blockhash expired unused")
    assert node.height == submission.last_valid_block_height + FINALITY + 1


async def test_a_dead_node_of_two_keeps_it_from_expiring() -> None:
    good, dead = FakeNode(takes=False), FakeNode(takes=False, down={"getBlockHeight"})
    scene = Scene([good, dead])
    submission = await scene.built()
    scene.each_block = lambda: dead.down.clear() if good.height > 2_000 else None
    assert (await scene.sender.follow(submission)).state is SubmissionState.EXPIRED
    assert good.height > 2_000


async def test_an_outage_is_waited_out() -> None:
    node = FakeNode(down={"getSignatureStatuses", "sendTransaction"})
    scene = Scene([node])
    submission = await scene.built()
    scene.each_block = lambda: node.down.clear() if node.height > 1_050 else None
    assert (await scene.sender.follow(submission)).state is SubmissionState.FINALIZED


async def test_run_raises_the_reason() -> None:
    scene = Scene([FakeNode(err="AccountInUse")])
    with pytest.raises(PermanentError, match=r"The board transaction .* failed: AccountInUse"):
        await scene.sender.run([NOOP], [], purpose="board")
    with pytest.raises(PermanentError, match="expired: its blockhash expired unused"):
        await Scene([FakeNode(takes=False)]).sender.run([NOOP], [], purpose="board")


@given(
    events=st.lists(st.sampled_from(["pass", "take", "drop", "fork", "hide", "show", "fail", "heal"]), max_size=60),
    err=st.sampled_from([None, {"InstructionError": [3, {"Custom": 1}]}]),
    two=st.booleans(),
)
@settings(max_examples=150, deadline=None)
async def test_whatever_happens_the_end_is_true(events: list[str], err: object, two: bool) -> None:
    """The first node misbehaves by the script; the second, where there is one, only follows the chain."""
    node = FakeNode(takes=False, err=err)
    honest = FakeNode(takes=False, landed=node.landed)
    scene = Scene([node, honest] if two else [node])
    script = iter(events)

    def happen() -> None:
        match next(script, "heal"):
            case "take" | "drop" as event:
                node.takes = event == "take"
            case "fork":
                young = [key for key, (height, _) in node.landed.items() if height > node.height - 1]
                for key in young:
                    del node.landed[key]
            case "hide":
                node.hidden = two  # alone, a node that hides for ever cannot be found out
            case "fail":
                node.down = {"getSignatureStatuses", "sendTransaction", "getBlockHeight"}
            case "show" | "heal":
                node.hidden, node.down = False, set()

    scene.each_block = happen
    submission = await scene.built()
    ended = await scene.sender.follow(submission)
    landed = node.landed.get(submission.signature)
    if ended.state is SubmissionState.EXPIRED:
        assert landed is None
    else:
        assert landed
        assert landed[0] <= node.height - FINALITY
        assert ended.state is (SubmissionState.FAILED if err else SubmissionState.FINALIZED)
    assert set(node.sent + honest.sent) <= {submission.wire}
    assert replace(ended, state=submission.state, error="") == submission
