"""getAccountInfo and its kin: encodings, slices, filters, levels, errors."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from solders.account import Account
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState

from relayer.localnet import Localnet, base58
from relayer.localnet.errors import RpcError
from tests.transactions import pay, text, v0
from tests.unit.localnet.conftest import Call, newest

OWNER = Pubkey.from_string("Stake11111111111111111111111111111111111111")
TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
DATA = bytes(range(100))


@pytest.fixture
def stored(node: Localnet) -> str:
    key = Pubkey.new_unique()
    node.set_account(key, Account(2_000_000, DATA, OWNER))
    return str(key)


def fails(call: Call, *request: Any) -> RpcError:
    with pytest.raises(RpcError) as caught:
        call(*request)
    return caught.value


def test_an_account_has_all_the_fields_clients_insist_on(call: Call, stored: str) -> None:
    answer = call("getAccountInfo", stored, {"encoding": "base64"})
    assert answer["context"] == {"slot": 0, "apiVersion": "4.2.0"}
    assert answer["value"] == {
        "lamports": 2_000_000,
        "data": [base64.b64encode(DATA).decode(), "base64"],
        "owner": str(OWNER),
        "executable": False,
        "rentEpoch": 18_446_744_073_709_551_615,
        "space": 100,
    }


@pytest.mark.parametrize(
    ("config", "data"),
    [
        (None, base58.encode(DATA)),
        ({"encoding": None}, base58.encode(DATA)),
        ({"encoding": "base58"}, [base58.encode(DATA), "base58"]),
        ({"encoding": "jsonParsed"}, [base64.b64encode(DATA).decode(), "base64"]),
        ({"encoding": "base64", "dataSlice": {"offset": 98, "length": 10}}, ["YmM=", "base64"]),
        ({"encoding": "base64", "dataSlice": {"offset": 200, "length": 10}}, ["", "base64"]),
        ({"encoding": "base64", "dataSlice": {"offset": 0, "length": 0}}, ["", "base64"]),
    ],
)
def test_encodings_and_slices(call: Call, stored: str, config: Any, data: Any) -> None:
    value = call("getAccountInfo", stored, config)["value"]
    assert (value["data"], value["space"]) == (data, 100)


def test_base58_is_given_for_128_bytes_and_refused_for_more(call: Call, node: Localnet) -> None:
    key = Pubkey.new_unique()
    node.set_account(key, Account(2_000_000, bytes(128), OWNER))
    assert call("getAccountInfo", str(key))["value"]["data"] == "1" * 128
    node.set_account(key, Account(2_000_000, bytes(129), OWNER))
    error = fails(call, "getAccountInfo", str(key))
    assert error.code == -32600
    assert error.message == ("Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding.")
    sliced = {"encoding": "base58", "dataSlice": {"offset": 0, "length": 3}}
    assert call("getAccountInfo", str(key), sliced)["value"]["data"] == ["111", "base58"]


def test_zstd_is_refused_clearly(call: Call, stored: str) -> None:
    error = fails(call, "getAccountInfo", stored, {"encoding": "base64+zstd"})
    assert (error.code, error.message) == (
        -32602,
        "base64+zstd encoding is not supported by this node: ask for base64.",
    )


def test_what_is_not_there_is_null_and_has_no_balance(call: Call) -> None:
    nobody = str(Pubkey.new_unique())
    assert call("getAccountInfo", nobody)["value"] is None
    assert call("getBalance", nobody)["value"] == 0
    assert call("getMultipleAccounts", [nobody])["value"] == [None]


def test_several_accounts_come_in_base64_by_default(call: Call, stored: str) -> None:
    nobody = str(Pubkey.new_unique())
    values = call("getMultipleAccounts", [nobody, stored])["value"]
    assert [value and value["data"][1] for value in values] == [None, "base64"]


def test_a_hundred_accounts_are_the_most(call: Call, stored: str) -> None:
    assert len(call("getMultipleAccounts", [stored] * 100)["value"]) == 100
    error = fails(call, "getMultipleAccounts", [stored] * 101)
    assert (error.code, error.message) == (-32602, "Too many inputs provided; max 100")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (["abc"], "Invalid param: WrongSize"),
        (["0OIl"], "Invalid param: Invalid"),
        ([5], "Invalid params: invalid type: integer `5`, expected a string."),
        ([None], "Invalid params: invalid type: null, expected a string."),
        ([], "`params` should have at least 1 argument(s)"),
        ([str(OWNER), None, 1], "Invalid parameters: Expected from 1 to 2 parameters."),
        ([str(OWNER), "base64"], 'Invalid params: invalid type: string "base64", expected a map.'),
        (
            [str(OWNER), {"encoding": "hex"}],
            "Invalid params: unknown variant `hex`, expected one of `binary`, `base58`, `base64`, `jsonParsed`, "
            "`base64+zstd`.",
        ),
        (
            [str(OWNER), {"minContextSlot": -1}],
            "Invalid params: invalid value: integer `-1`, expected u64.",
        ),
        (
            [str(OWNER), {"dataSlice": {"offset": 1}}],
            "Invalid params: missing field `length`.",
        ),
        (
            [str(OWNER), {"minContextSlot": True}],
            "Invalid params: invalid type: boolean `true`, expected u64.",
        ),
    ],
)
def test_wrong_parameters_are_named(call: Call, params: list[Any], message: str) -> None:
    error = fails(call, "getAccountInfo", *params)
    assert (error.code, error.message) == (-32602, message)


def test_a_slot_that_is_not_reached_is_an_error_with_the_slot(call: Call, node: Localnet, stored: str) -> None:
    node.advance(3)
    assert call("getBalance", stored, {"commitment": "processed", "minContextSlot": 3})["context"]["slot"] == 3
    error = fails(call, "getBalance", stored, {"commitment": "confirmed", "minContextSlot": 3})
    assert (error.code, error.message, error.data) == (
        -32016,
        "Minimum context slot has not been reached",
        {"contextSlot": 2},
    )


def test_state_is_that_of_the_commitment_asked_for(call: Call, node: Localnet, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    call("sendTransaction", text(v0(payer, [pay(payer, to)], newest(node))), {"encoding": "base64"})
    node.advance()
    levels: tuple[Any, ...] = (
        {"commitment": "processed"},
        {"commitment": "confirmed"},
        {"commitment": "finalized"},
        {},
        None,
    )
    assert [call("getBalance", str(to), level)["value"] for level in levels] == [1_000_000, 0, 0, 0, 0]
    node.advance()
    assert [call("getBalance", str(to), level)["value"] for level in levels] == [1_000_000, 1_000_000, 0, 0, 0]
    node.advance(30)
    assert [call("getBalance", str(to), level)["value"] for level in levels] == [1_000_000] * 5


class TestProgramAccounts:
    @pytest.fixture
    def keys(self, node: Localnet) -> list[str]:
        keys = sorted((Pubkey.new_unique() for _ in range(3)), key=bytes)
        for index, key in enumerate(keys):
            node.set_account(key, Account(2_000_000, bytes([index, 7, 9]) + bytes(index), OWNER))
        return [str(key) for key in keys]

    def found(self, call: Call, *filters: Any) -> list[str]:
        answer = call("getProgramAccounts", str(OWNER), {"encoding": "base64", "filters": list(filters)})
        return [one["pubkey"] for one in answer]

    def test_all_come_bare_or_with_context(self, call: Call, keys: list[str]) -> None:
        bare = call("getProgramAccounts", str(OWNER))
        assert [one["pubkey"] for one in bare] == keys
        wrapped = call("getProgramAccounts", str(OWNER), {"withContext": True})
        assert wrapped["value"] == bare
        assert wrapped["context"]["slot"] == 0

    def test_filters_must_all_hold(self, call: Call, keys: list[str]) -> None:
        assert self.found(call, {"dataSize": 4}) == [keys[1]]
        assert self.found(call, {"memcmp": {"offset": 1, "bytes": base58.encode(b"\x07\x09")}}) == keys
        second = {"memcmp": {"offset": 0, "bytes": "AQc=", "encoding": "base64"}}
        assert self.found(call, second) == [keys[1]]
        assert self.found(call, {"dataSize": 3}, second) == []
        assert self.found(call, {"memcmp": {"offset": 4, "bytes": "1"}}) == [keys[2]]

    @pytest.mark.parametrize(
        ("filters", "message"),
        [
            ([{"dataSize": 1}] * 5, "Too many filters provided; max 4"),
            ([{"owner": "x"}], "Invalid params: unknown filter, expected `dataSize` or `memcmp`."),
            ([{"memcmp": {"offset": 0, "bytes": "0"}}], "Invalid param: memcmp bytes are not base58: '0' is not"),
            ([{"memcmp": {"offset": 0, "bytes": "1" * 129}}], "Invalid param: DataTooLarge"),
            ({"dataSize": 1}, "Invalid params: invalid type: map, expected a sequence."),
            ([{"memcmp": {"offset": 0}}], "Invalid params: missing field `bytes`."),
            ([{"memcmp": {"bytes": "1"}}], "Invalid params: missing field `offset`."),
        ],
    )
    def test_filters_that_make_no_sense_are_refused(self, call: Call, filters: Any, message: str) -> None:
        error = fails(call, "getProgramAccounts", str(OWNER), {"filters": filters})
        assert error.code == -32602
        assert error.message.startswith(message)


class TestTokens:
    @pytest.fixture
    def mint(self, node: Localnet) -> Pubkey:
        key = Pubkey.new_unique()
        node.set_account(key, Account(2_000_000, bytes(Mint(None, 5_000_000, 6, True)), TOKEN_PROGRAM))
        return key

    def test_a_balance_in_three_forms(self, call: Call, node: Localnet, mint: Pubkey) -> None:
        key = Pubkey.new_unique()
        state = TokenAccount(mint, OWNER, 1_250_000, None, TokenAccountState.Initialized, None, 0, None)
        node.set_account(key, Account(2_100_000, bytes(state), TOKEN_PROGRAM))
        assert call("getTokenAccountBalance", str(key))["value"] == {
            "amount": "1250000",
            "decimals": 6,
            "uiAmount": 1.25,
            "uiAmountString": "1.25",
        }

    def test_the_token_accounts_of_an_owner(self, call: Call, node: Localnet, mint: Pubkey) -> None:
        keys = [Pubkey.new_unique() for _ in range(3)]
        for key, of_mint, owner in zip(keys, (mint, mint, Pubkey.new_unique()), (OWNER, mint, OWNER), strict=True):
            state = TokenAccount(of_mint, owner, 5, None, TokenAccountState.Initialized, None, 0, None)
            node.set_account(key, Account(2_100_000, bytes(state), TOKEN_PROGRAM))

        def found(which: Any) -> set[str]:
            answer = call("getTokenAccountsByOwner", str(OWNER), which, {"encoding": "base64"})
            return {one["pubkey"] for one in answer["value"]}

        assert found({"mint": str(mint)}) == {str(keys[0])}
        assert found({"programId": str(TOKEN_PROGRAM)}) == {str(keys[0]), str(keys[2])}
        error = fails(call, "getTokenAccountsByOwner", str(OWNER), {})
        assert (error.code, error.message) == (-32602, "Invalid params: invalid type: null, expected a string.")

    def test_a_transaction_tells_token_balances(self, call: Call, node: Localnet, payer: Keypair, mint: Pubkey) -> None:
        keys = [Pubkey.new_unique(), Pubkey.new_unique()]
        for key, amount in zip(keys, (9_000_000, 0), strict=True):
            state = TokenAccount(mint, payer.pubkey(), amount, None, TokenAccountState.Initialized, None, 0, None)
            node.set_account(key, Account(2_100_000, bytes(state), TOKEN_PROGRAM))
        move = Instruction(
            TOKEN_PROGRAM,
            b"\x03" + (2_500_000).to_bytes(8, "little"),
            [*(AccountMeta(key, False, True) for key in keys), AccountMeta(payer.pubkey(), True, False)],
        )
        wire = text(v0(payer, [move], newest(node)))
        signature = call("sendTransaction", wire, {"encoding": "base64", "skipPreflight": True})
        node.advance(2)
        config = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        found = call("getTransaction", signature, config)
        order = found["transaction"]["message"]["accountKeys"]
        for when, amounts in (("pre", ["9", "0"]), ("post", ["6.5", "2.5"])):
            balances = {order[one["accountIndex"]]: one for one in found["meta"][f"{when}TokenBalances"]}
            assert [balances[str(key)]["uiTokenAmount"]["uiAmountString"] for key in keys] == amounts
            assert {one["owner"] for one in balances.values()} == {str(payer.pubkey())}

    def test_the_supply_of_a_mint(self, call: Call, mint: Pubkey) -> None:
        value = call("getTokenSupply", str(mint))["value"]
        assert (value["amount"], value["uiAmountString"]) == ("5000000", "5")

    def test_what_is_no_token_account_is_refused(self, call: Call, mint: Pubkey, stored: str) -> None:
        assert fails(call, "getTokenAccountBalance", stored).message == "Invalid param: not a Token account"
        missing = fails(call, "getTokenAccountBalance", str(Pubkey.new_unique()))
        assert (missing.code, missing.message) == (-32602, "Invalid param: could not find account")
        assert fails(call, "getTokenSupply", stored).message == "Invalid param: mint could not be unpacked"


def test_rent_is_what_the_runtime_asks(call: Call) -> None:
    assert [call("getMinimumBalanceForRentExemption", size) for size in (0, 165)] == [890_880, 2_039_280]
