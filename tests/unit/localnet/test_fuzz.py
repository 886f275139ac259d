"""No bytes from outside may end in anything but a reply."""

from __future__ import annotations

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.domain.clock import Clock
from relayer.localnet import Localnet, methods, rpc
from tests.transactions import legacy, pay, v0, v1
from tests.unit.localnet.conftest import newest

NODE = Localnet(clock=Clock())
PAYER = Keypair()
NODE.airdrop(PAYER.pubkey(), 10**12)
INSTRUCTIONS = [pay(PAYER, Pubkey.new_unique())]
GOOD = [bytes(build(PAYER, INSTRUCTIONS, newest(NODE))) for build in (legacy, v0, v1)]
CODES = {-32600, -32601, -32602, -32700, -32002, -32003, -32004, -32007, -32015, -32016}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
CONFIG_KEYS = st.sampled_from(
    ["commitment", "encoding", "dataSlice", "filters", "minContextSlot", "limit", "accounts", "skipPreflight"]
)
CONFIG = st.dictionaries(CONFIG_KEYS, JSON, max_size=4)
PARAMS = st.lists(
    st.just(str(PAYER.pubkey())) | st.lists(st.just(str(PAYER.pubkey())), max_size=3) | JSON | CONFIG, max_size=3
)


def reply(body: bytes) -> object:
    return json.loads(rpc.answer(body, lambda name, params: methods.call(NODE, name, params)))


def assert_a_reply(answer: object) -> None:
    assert isinstance(answer, dict)
    assert "result" in answer or answer["error"]["code"] in CODES, answer


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes(body: bytes) -> None:
    if body.strip() not in (b"[]",):
        answer = reply(body)
        assert isinstance(answer, list | dict)


@settings(max_examples=1_000, deadline=None)
@given(st.sampled_from(sorted(methods.METHODS)), PARAMS)
def test_any_parameters_of_any_method(method: str, params: list[object]) -> None:
    assert_a_reply(reply(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()))


@settings(max_examples=1_000, deadline=None)
@given(
    st.sampled_from(GOOD),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=3),
    st.integers(0, 300),
    st.sampled_from(["sendTransaction", "simulateTransaction"]),
    st.fixed_dictionaries({}, optional={"skipPreflight": st.booleans(), "replaceRecentBlockhash": st.booleans()}),
)
def test_any_damaged_transaction(
    good: bytes, damage: list[tuple[int, int]], cut: int, method: str, config: dict[str, object]
) -> None:
    wire = bytearray(good)
    for at, value in damage:
        wire[at % len(wire)] = value
    text = base64.b64encode(bytes(wire[: cut or None])).decode()
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [text, {"encoding": "base64", **config}]}
    assert_a_reply(reply(json.dumps(request).encode()))
