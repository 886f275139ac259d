"""What each subscription is told, and when."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.localnet import Localnet, methods
from relayer.localnet.errors import RpcError
from relayer.localnet.pubsub import Subscriptions
from tests.transactions import pay, text, v0
from tests.unit.localnet.conftest import newest

LEVELS = ("processed", "confirmed", "finalized")
OWNER = Pubkey.from_string("Stake11111111111111111111111111111111111111")


class Listener:
    """A connection without a socket."""

    def __init__(self, node: Localnet) -> None:
        self._node, self._frames = node, list[bytes]()
        self._subscriptions = Subscriptions(node, self._frames.append, itertools.count(1).__next__)
        node.watchers.append(self._subscriptions.block_closed)

    def call(self, method: str, *params: Any) -> Any:
        return self._subscriptions.call(method, list(params))

    def heard(self) -> list[tuple[str, Any]]:
        """Method and result of each notification since the last look."""
        frames = [json.loads(frame) for frame in self._frames]
        self._frames.clear()
        return [(frame["method"], frame["params"]["result"]) for frame in frames]


@pytest.fixture
def listener(node: Localnet) -> Listener:
    return Listener(node)


def transfer(node: Localnet, payer: Keypair, to: Pubkey, lamports: int = 1_000_000) -> str:
    wire = text(v0(payer, [pay(payer, to, lamports)], newest(node)))
    return str(methods.call(node, "sendTransaction", [wire, {"encoding": "base64", "skipPreflight": True}]))


def test_each_level_hears_of_an_account_in_its_turn(node: Localnet, listener: Listener, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    for level in LEVELS:
        listener.call("accountSubscribe", str(to), {"encoding": "base64", "commitment": level})
    transfer(node, payer, to)
    transfer(node, payer, to, 1_000_001)
    assert listener.heard() == []
    heard = []
    for _ in range(35):
        node.advance()
        heard.append(listener.heard())
    assert [index for index, notices in enumerate(heard) if notices] == [0, 1, 31]
    for notices in (heard[0], heard[1], heard[31]):
        ((method, result),) = notices
        assert method == "accountNotification"
        assert (result["context"]["slot"], result["value"]["lamports"]) == (1, 2_000_001)


def test_a_finalized_notice_shows_the_state_of_its_own_block(
    node: Localnet, listener: Listener, payer: Keypair
) -> None:
    to = Pubkey.new_unique()
    listener.call("accountSubscribe", str(to), {"encoding": "base64"})
    for _ in range(3):
        transfer(node, payer, to)
        node.advance()
    node.advance(31)
    assert [result["value"]["lamports"] for _, result in listener.heard()] == [1_000_000, 2_000_000, 3_000_000]


def test_a_closed_account_is_told_as_empty(node: Localnet, listener: Listener, payer: Keypair) -> None:
    drained = Keypair()
    node.airdrop(drained.pubkey(), 1_000_000 + 5_000)
    listener.call("accountSubscribe", str(drained.pubkey()), {"encoding": "base64", "commitment": "processed"})
    transfer(node, drained, payer.pubkey())
    node.advance()
    ((_, result),) = listener.heard()
    assert (result["value"]["lamports"], result["value"]["data"]) == (0, ["", "base64"])


def test_too_much_for_base58_is_a_text_in_a_notification(node: Localnet, listener: Listener, payer: Keypair) -> None:
    key = Pubkey.new_unique()
    node.set_account(key, Account(5_000_000, bytes(129), Pubkey.default()))
    listener.call("accountSubscribe", str(key), {"commitment": "processed"})
    transfer(node, payer, key)
    node.advance()
    ((_, result),) = listener.heard()
    assert result["value"]["data"] == "error: data too large for bs58 encoding"


def test_program_accounts_are_told_by_owner_and_filter(node: Localnet, listener: Listener, payer: Keypair) -> None:
    wanted, other = Pubkey.new_unique(), Pubkey.new_unique()
    node.set_account(wanted, Account(5_000_000, b"\x01\x02", OWNER))
    node.set_account(other, Account(5_000_000, b"\x03\x02", OWNER))
    filters = [{"memcmp": {"offset": 0, "bytes": "2"}}]
    config = {"encoding": "base64", "commitment": "processed", "filters": filters}
    listener.call("programSubscribe", str(OWNER), config)
    for key in (wanted, other, Pubkey.new_unique()):
        transfer(node, payer, key)
    node.advance()
    ((method, result),) = listener.heard()
    assert (method, result["value"]["pubkey"]) == ("programNotification", str(wanted))
    assert result["value"]["account"]["lamports"] == 6_000_000


def test_a_signature_is_told_once_per_level_and_then_forgotten(
    node: Localnet, listener: Listener, payer: Keypair
) -> None:
    transaction = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
    signature = str(transaction.signatures[0])
    first = listener.call("signatureSubscribe", signature, {"commitment": "processed"})
    listener.call("signatureSubscribe", signature, {"commitment": "confirmed", "enableReceivedNotification": True})
    methods.call(node, "sendTransaction", [text(transaction), {"encoding": "base64", "skipPreflight": True}])
    node.advance(40)
    notice = ("signatureNotification", {"context": {"slot": 1, "apiVersion": "4.2.0"}, "value": {"err": None}})
    assert listener.heard() == [notice, notice]
    with pytest.raises(RpcError) as caught:
        listener.call("signatureUnsubscribe", first)
    assert (caught.value.code, caught.value.message) == (-32602, "Invalid subscription id.")


def test_a_failed_transaction_is_told_with_its_error(node: Localnet, listener: Listener, payer: Keypair) -> None:
    transaction = v0(payer, [pay(payer, Pubkey.new_unique(), 10**18)], newest(node))
    listener.call("signatureSubscribe", str(transaction.signatures[0]), {"commitment": "processed"})
    methods.call(node, "sendTransaction", [text(transaction), {"encoding": "base64", "skipPreflight": True}])
    node.advance()
    ((_, result),) = listener.heard()
    assert result["value"] == {"err": {"InstructionError": [0, {"Custom": 1}]}}


def test_what_has_reached_the_level_is_not_replayed(node: Localnet, listener: Listener, payer: Keypair) -> None:
    signature = transfer(node, payer, Pubkey.new_unique())
    node.advance(2)
    listener.call("signatureSubscribe", signature, {"commitment": "confirmed"})
    node.advance(40)
    assert listener.heard() == []


def test_logs_of_all_or_of_one_address(node: Localnet, listener: Listener, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    listener.call("logsSubscribe", "all", {"commitment": "processed"})
    listener.call("logsSubscribe", {"mentions": [str(to)]}, {"commitment": "processed"})
    signatures = [transfer(node, payer, to), transfer(node, payer, Pubkey.new_unique())]
    node.advance()
    heard = [result["value"] for _, result in listener.heard()]
    assert [one["signature"] for one in heard] == [*signatures, signatures[0]]
    assert heard[0]["err"] is None
    assert heard[0]["logs"][0].startswith("Program 1111")


def test_slots_and_roots(node: Localnet, listener: Listener) -> None:
    listener.call("slotSubscribe")
    listener.call("rootSubscribe")
    node.advance(33)
    heard = listener.heard()
    slots = [result for method, result in heard if method == "slotNotification"]
    assert slots[0] == {"parent": 0, "root": 0, "slot": 1}
    assert slots[-1] == {"parent": 32, "root": 2, "slot": 33}
    assert [result for method, result in heard if method == "rootNotification"] == [0, 1, 2]


def test_after_unsubscribing_nothing_is_heard(node: Localnet, listener: Listener) -> None:
    number = listener.call("slotSubscribe")
    assert listener.call("slotUnsubscribe", number) is True
    node.advance(3)
    assert listener.heard() == []


@pytest.mark.parametrize(
    ("method", "params", "code", "message"),
    [
        ("getSlot", [], -32601, "Method not found"),
        ("blockSubscribe", ["all"], -32601, "Method not found"),
        ("accountSubscribe", [], -32602, "`params` should have at least 1 argument(s)"),
        ("accountSubscribe", ["abc"], -32602, "Invalid param: WrongSize"),
        ("signatureSubscribe", ["abc"], -32602, "Invalid param: WrongSize"),
        ("logsSubscribe", [{"mentions": []}], -32602, "Invalid Request: Only 1 address supported"),
        (
            "logsSubscribe",
            ["some"],
            -32602,
            "Invalid params: expected `all`, `allWithVotes` or an object with `mentions`.",
        ),
        ("slotUnsubscribe", [99], -32602, "Invalid subscription id."),
        ("accountSubscribe", [str(OWNER), {"encoding": "base64+zstd"}], -32602, "base64+zstd encoding is not"),
    ],
)
def test_calls_that_cannot_be(listener: Listener, method: str, params: list[Any], code: int, message: str) -> None:
    with pytest.raises(RpcError) as caught:
        listener.call(method, *params)
    assert caught.value.code == code
    assert caught.value.message.startswith(message)
