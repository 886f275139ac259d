"""sendTransaction, simulateTransaction, statuses and history."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from relayer.domain.clock import Clock
from relayer.localnet import Localnet, base58, methods
from relayer.localnet.bank import V1_FEATURE
from relayer.localnet.chain import BLOCKHASH_AGE, Commitment
from tests.transactions import legacy, pay, text, v0, v1
from tests.unit.localnet.conftest import Call, newest
from tests.unit.localnet.test_accounts_methods import fails

BASE64 = {"encoding": "base64"}
PROCESSED = {"encoding": "base64", "preflightCommitment": "processed"}
SKIP = {"encoding": "base64", "skipPreflight": True}
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")


def send(call: Call, transaction: VersionedTransaction, config: Any = None) -> str:
    return str(call("sendTransaction", text(transaction), config or PROCESSED))


def status(call: Call, signature: object, **config: Any) -> Any:
    return call("getSignatureStatuses", [str(signature)], config)["value"][0]


def padded(size: int) -> Instruction:
    """A memo that makes a transaction of one signer about so many bytes long."""
    return Instruction(MEMO, b"x" * size, [])


class TestSending:
    def test_the_first_signature_is_the_answer(self, call: Call, node: Localnet, payer: Keypair) -> None:
        transaction = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        assert send(call, transaction) == str(transaction.signatures[0])

    def test_base58_is_the_default_encoding(self, call: Call, node: Localnet, payer: Keypair) -> None:
        transaction = legacy(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        answer = call("sendTransaction", base58.encode(bytes(transaction)))
        assert answer == str(transaction.signatures[0])

    def test_a_preflight_failure_carries_the_simulation(self, call: Call, node: Localnet, payer: Keypair) -> None:
        poor = v0(payer, [pay(payer, Pubkey.new_unique(), 10**18)], newest(node))
        error = fails(call, "sendTransaction", text(poor), PROCESSED)
        assert error.code == -32002
        assert error.message == (
            "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
        )
        assert error.data["err"] == {"InstructionError": [0, {"Custom": 1}]}
        assert error.data["logs"][0] == "Program 11111111111111111111111111111111 invoke [1]"
        assert error.data["unitsConsumed"] == 150
        assert error.data["accounts"] is None
        node.advance()
        assert status(call, poor.signatures[0]) is None

    def test_without_preflight_it_lands_fails_and_pays(self, call: Call, node: Localnet, payer: Keypair) -> None:
        poor = v0(payer, [pay(payer, Pubkey.new_unique(), 10**18)], newest(node))
        send(call, poor, SKIP)
        node.advance()
        found = status(call, poor.signatures[0])
        assert found["err"] == {"InstructionError": [0, {"Custom": 1}]}
        assert found["status"] == {"Err": {"InstructionError": [0, {"Custom": 1}]}}
        assert call("getBalance", str(payer.pubkey()), {"commitment": "processed"})["value"] == 10**10 - 5_000

    def test_an_unknown_blockhash(self, call: Call, payer: Keypair) -> None:
        stray = v0(payer, [pay(payer, Pubkey.new_unique())], Hash.new_unique())
        error = fails(call, "sendTransaction", text(stray), PROCESSED)
        assert (error.code, error.message) == (-32002, "Transaction simulation failed: Blockhash not found")
        assert (error.data["err"], error.data["logs"]) == ("BlockhashNotFound", [])
        assert send(call, stray, SKIP) == str(stray.signatures[0])

    def test_a_hash_newer_than_the_preflight_bank(self, call: Call, node: Localnet, payer: Keypair) -> None:
        node.advance(5)
        fresh = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        assert fails(call, "sendTransaction", text(fresh), BASE64).data["err"] == "BlockhashNotFound"
        assert send(call, fresh, PROCESSED) == str(fresh.signatures[0])

    def test_money_that_the_preflight_bank_has_not_seen(self, call: Call, node: Localnet, payer: Keypair) -> None:
        second = Keypair()
        send(call, v0(payer, [pay(payer, second.pubkey(), 10**9)], newest(node)))
        node.advance()
        spend = v0(second, [pay(second, Pubkey.new_unique())], node.chain.at(Commitment.FINALIZED).blockhash)
        error = fails(call, "sendTransaction", text(spend), BASE64)
        assert error.data["err"] == "AccountNotFound"
        assert send(call, spend, PROCESSED) == str(spend.signatures[0])

    def test_a_duplicate_is_told_by_preflight_and_swallowed_without(
        self, call: Call, node: Localnet, payer: Keypair
    ) -> None:
        to = Pubkey.new_unique()
        transaction = v0(payer, [pay(payer, to)], newest(node))
        send(call, transaction)
        assert send(call, transaction) == str(transaction.signatures[0])
        node.advance()
        error = fails(call, "sendTransaction", text(transaction), PROCESSED)
        assert error.code == -32002
        assert error.message == "Transaction simulation failed: This transaction has already been processed"
        assert error.data["err"] == "AlreadyProcessed"
        assert send(call, transaction, SKIP) == str(transaction.signatures[0])
        node.advance()
        assert call("getBalance", str(to), {"commitment": "processed"})["value"] == 1_000_000

    def test_a_bad_signature(self, call: Call, node: Localnet, payer: Keypair) -> None:
        good = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        forged = VersionedTransaction.populate(good.message, [payer.sign_message(b"else")])
        error = fails(call, "sendTransaction", text(forged), PROCESSED)
        assert (error.code, error.message) == (-32003, "Transaction signature verification failure")
        assert send(call, forged, SKIP) == str(forged.signatures[0])
        node.advance()
        assert status(call, forged.signatures[0]) is None

    def test_a_lagging_node_says_so_unless_preflight_is_skipped(
        self, call: Call, node: Localnet, payer: Keypair
    ) -> None:
        node.slots_behind = 42
        transaction = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        for request in (("getHealth",), ("sendTransaction", text(transaction), PROCESSED)):
            error = fails(call, *request)
            assert (error.code, error.message, error.data) == (
                -32005,
                "Node is behind by 42 slots",
                {"numSlotsBehind": 42},
            )
        assert send(call, transaction, SKIP) == str(transaction.signatures[0])

    def test_the_preflight_commitment_must_be_one(self, call: Call, node: Localnet, payer: Keypair) -> None:
        transaction = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        error = fails(call, "sendTransaction", text(transaction), BASE64 | {"preflightCommitment": "max"})
        assert error.message == (
            "Invalid params: unknown variant `max`, expected one of `processed`, `confirmed`, `finalized`."
        )


class TestSizes:
    def test_1232_bytes_are_the_most_for_legacy_and_v0(self, call: Call, node: Localnet, payer: Keypair) -> None:
        for build in (legacy, v0):
            room = 1_232 - len(bytes(build(payer, [padded(200)], newest(node)))) + 200
            for size, fits in ((room, True), (room + 1, False)):
                transaction = build(payer, [padded(size)], newest(node))
                assert len(bytes(transaction)) == (1_232 if fits else 1_233)
                if fits:
                    assert send(call, transaction, SKIP)
                else:
                    error = fails(call, "sendTransaction", text(transaction), SKIP)
                    assert error.code == -32602
                    assert error.message.endswith("VersionedTransaction too large: 1233 bytes (max: 1232 bytes)")

    def test_4096_bytes_are_the_most_for_v1(self, call: Call, node: Localnet, payer: Keypair) -> None:
        room = 4_096 - len(bytes(v1(payer, [padded(1_000)], newest(node)))) + 1_000
        assert send(call, v1(payer, [padded(room)], newest(node)), SKIP)
        error = fails(call, "sendTransaction", text(v1(payer, [padded(room + 1)], newest(node))), SKIP)
        assert error.message.endswith("VersionedTransaction too large: 4097 bytes (max: 4096 bytes)")

    def test_longer_texts_are_not_even_decoded(self, call: Call) -> None:
        for encoding, length, longest in (("base64", 5_468, 5_464), ("base58", 5_595, 5_595)):
            error = fails(call, "sendTransaction", "1" * (length + 1), {"encoding": encoding})
            assert f"too large: {length + 1} bytes (max: encoded/raw {longest}/4096)" in error.message

    def test_v1_is_refused_where_it_is_not_active(self, payer: Keypair) -> None:
        node = Localnet(clock=Clock(), v1=False)
        assert node.accounts.newest(V1_FEATURE) is None

        def call(method: str, *params: Any) -> Any:
            return methods.call(node, method, list(params))

        small = fails(call, "sendTransaction", text(v1(payer, [padded(10)], newest(node))), SKIP)
        assert small.message == "invalid transaction: Transaction version is unsupported"
        large = fails(call, "sendTransaction", text(v1(payer, [padded(1_500)], newest(node))), SKIP)
        assert "too large" in large.message

    @pytest.mark.parametrize(
        ("wire", "config", "message"),
        [
            ("!!!", BASE64, "invalid base64 encoding: "),
            ("0", None, "invalid base58 encoding: '0' is not a base58 character"),
            ("AAAA", BASE64, "failed to deserialize solana_transaction::versioned::VersionedTransaction: "),
            ("AAAA", {"encoding": "hex"}, "unsupported encoding: hex. Supported encodings: base58, base64"),
            (5, None, "Invalid params: invalid type: integer `5`, expected a string."),
        ],
    )
    def test_what_is_no_transaction(self, call: Call, wire: Any, config: Any, message: str) -> None:
        error = fails(call, "sendTransaction", wire, config)
        assert error.code == -32602
        assert error.message.startswith(message)

    def test_a_message_that_is_not_sane(self, call: Call, node: Localnet, payer: Keypair) -> None:
        good = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        unsigned = VersionedTransaction.populate(good.message, [])
        error = fails(call, "sendTransaction", text(unsigned), SKIP)
        assert error.message == "invalid transaction: Transaction failed to sanitize accounts offsets correctly"


class TestSimulating:
    def test_it_changes_nothing_and_shows_the_accounts_after(self, call: Call, node: Localnet, payer: Keypair) -> None:
        to, stranger = Pubkey.new_unique(), Pubkey.new_unique()
        wire = text(v0(payer, [pay(payer, to)], newest(node)))
        wanted = {"encoding": "base64", "addresses": [str(to), str(payer.pubkey()), str(stranger)]}
        answer = call("simulateTransaction", wire, BASE64 | {"accounts": wanted, "commitment": "processed"})
        value = answer["value"]
        assert (value["err"], value["unitsConsumed"], value["fee"]) == (None, 150, 5_000)
        after, payer_after, unknown = value["accounts"]
        assert (after["lamports"], payer_after["lamports"]) == (1_000_000, 10**10 - 1_000_000 - 5_000)
        assert unknown is None
        node.advance()
        assert call("getBalance", str(to), {"commitment": "processed"})["value"] == 0

    def test_a_failure_is_a_value(self, call: Call, node: Localnet, payer: Keypair) -> None:
        wire = text(v0(payer, [pay(payer, Pubkey.new_unique(), 10**18)], newest(node)))
        wanted = {"encoding": "base64", "addresses": [str(payer.pubkey())]}
        value = call("simulateTransaction", wire, BASE64 | {"accounts": wanted})["value"]
        assert value["err"] == {"InstructionError": [0, {"Custom": 1}]}
        assert value["accounts"] == [None]

    def test_unsigned_and_expired_is_fine_if_asked_for(self, call: Call, payer: Keypair) -> None:
        message = v0(payer, [pay(payer, Pubkey.new_unique())], Hash.new_unique()).message
        wire = text(VersionedTransaction.populate(message, [Signature.default()]))
        assert call("simulateTransaction", wire, BASE64)["value"]["err"] == "BlockhashNotFound"
        value = call("simulateTransaction", wire, BASE64 | {"replaceRecentBlockhash": True})["value"]
        assert value["err"] is None
        assert value["replacementBlockhash"]["lastValidBlockHeight"] == BLOCKHASH_AGE

    def test_signatures_are_checked_if_asked_for(self, call: Call, node: Localnet, payer: Keypair) -> None:
        message = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node)).message
        wire = text(VersionedTransaction.populate(message, [Signature.default()]))
        assert fails(call, "simulateTransaction", wire, BASE64 | {"sigVerify": True}).code == -32003
        both = fails(call, "simulateTransaction", wire, BASE64 | {"sigVerify": True, "replaceRecentBlockhash": True})
        assert (both.code, both.message) == (-32602, "sigVerify may not be used with replaceRecentBlockhash")

    def test_accounts_are_not_given_in_base58_nor_more_than_the_message_has(
        self, call: Call, node: Localnet, payer: Keypair
    ) -> None:
        wire = text(v0(payer, [pay(payer, Pubkey.new_unique())], newest(node)))
        base58_ = {"encoding": "base58", "addresses": [str(payer.pubkey())]}
        assert (
            "base58 encoding not supported"
            in fails(call, "simulateTransaction", wire, BASE64 | {"accounts": base58_}).message
        )
        many = {"encoding": "base64", "addresses": [str(payer.pubkey())] * 4}
        error = fails(call, "simulateTransaction", wire, BASE64 | {"accounts": many})
        assert error.message == "Too many accounts provided; max 3"

    def test_inner_instructions_on_request(self, call: Call, node: Localnet, payer: Keypair) -> None:
        associated = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
        create = Instruction(associated, b"\x00", _associated_accounts(node, payer))
        wire = text(v0(payer, [create], newest(node)))
        plain = call("simulateTransaction", wire, BASE64)["value"]
        assert (plain["err"], plain["innerInstructions"]) == (None, None)
        (inner,) = call("simulateTransaction", wire, BASE64 | {"innerInstructions": True})["value"]["innerInstructions"]
        assert inner["index"] == 0
        assert {one["stackHeight"] for one in inner["instructions"]} == {2}
        assert "11111111111111111111111111111111" in {one["programId"] for one in inner["instructions"]}


def _associated_accounts(node: Localnet, payer: Keypair) -> list[AccountMeta]:
    from solders.account import Account
    from solders.token.state import Mint

    program = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
    associated = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
    mint = Pubkey.new_unique()
    node.set_account(mint, Account(2_000_000, bytes(Mint(None, 0, 6, True)), program))
    seeds = [bytes(payer.pubkey()), bytes(program), bytes(mint)]
    account, _ = Pubkey.find_program_address(seeds, associated)
    return [
        AccountMeta(payer.pubkey(), True, True),
        AccountMeta(account, False, True),
        AccountMeta(payer.pubkey(), False, False),
        AccountMeta(mint, False, False),
        AccountMeta(Pubkey.default(), False, False),
        AccountMeta(program, False, False),
    ]


class TestStatuses:
    def test_null_processed_confirmed_finalized(self, call: Call, node: Localnet, payer: Keypair) -> None:
        signature = send(call, v0(payer, [pay(payer, Pubkey.new_unique())], newest(node)))
        seen = [status(call, signature)]
        for _ in range(32):
            node.advance()
            seen.append(status(call, signature))
        assert seen[0] is None
        assert [one["confirmationStatus"] for one in seen[1:]] == ["processed"] + ["confirmed"] * 30 + ["finalized"]
        assert [one["confirmations"] for one in seen[1:]] == [*range(31), None]
        assert seen[1] == {
            "slot": 1,
            "confirmations": 0,
            "err": None,
            "status": {"Ok": None},
            "confirmationStatus": "processed",
        }

    def test_the_cache_forgets_and_the_history_does_not(self, call: Call, node: Localnet, payer: Keypair) -> None:
        signature = send(call, v0(payer, [pay(payer, Pubkey.new_unique())], newest(node)))
        node.advance(1 + 31 + 300)
        assert status(call, signature)["confirmationStatus"] == "finalized"
        node.advance()
        assert status(call, signature) is None
        assert status(call, signature, searchTransactionHistory=True)["slot"] == 1

    def test_256_signatures_are_the_most(self, call: Call) -> None:
        unknown = str(Signature.default())
        assert call("getSignatureStatuses", [unknown] * 256)["value"] == [None] * 256
        error = fails(call, "getSignatureStatuses", [unknown] * 257)
        assert (error.code, error.message) == (-32602, "Too many inputs provided; max 256")

    def test_what_is_no_signature(self, call: Call) -> None:
        assert fails(call, "getSignatureStatuses", ["abc"]).message == "Invalid param: WrongSize"


class TestHistory:
    def confirmed(self, call: Call, node: Localnet, transaction: VersionedTransaction) -> str:
        signature = send(call, transaction)
        node.advance(2)
        return signature

    def test_a_transaction_in_json(self, call: Call, node: Localnet, payer: Keypair) -> None:
        to = Pubkey.new_unique()
        signature = self.confirmed(call, node, legacy(payer, [pay(payer, to)], newest(node)))
        found = call("getTransaction", signature, {"commitment": "confirmed"})
        assert (found["slot"], "version" in found) == (1, False)
        message = found["transaction"]["message"]
        assert found["transaction"]["signatures"] == [signature]
        assert message["header"] == {
            "numRequiredSignatures": 1,
            "numReadonlySignedAccounts": 0,
            "numReadonlyUnsignedAccounts": 1,
        }
        assert message["accountKeys"][:2] == [str(payer.pubkey()), str(to)]
        (instruction,) = message["instructions"]
        assert (instruction["programIdIndex"], instruction["accounts"]) == (2, [0, 1])
        assert base58.decode(instruction["data"]) == (2).to_bytes(4, "little") + (1_000_000).to_bytes(8, "little")
        meta = found["meta"]
        assert (meta["err"], meta["fee"], meta["status"]) == (None, 5_000, {"Ok": None})
        assert meta["preBalances"] == [10**10, 0, 1]
        assert meta["postBalances"] == [10**10 - 1_005_000, 1_000_000, 1]
        assert meta["computeUnitsConsumed"] == 150

    @pytest.mark.parametrize(("encoding", "decode"), [("base64", base64.b64decode), ("base58", base58.decode)])
    def test_a_transaction_in_bytes(
        self, call: Call, node: Localnet, payer: Keypair, encoding: str, decode: Any
    ) -> None:
        transaction = v0(payer, [pay(payer, Pubkey.new_unique())], newest(node))
        signature = self.confirmed(call, node, transaction)
        config = {"encoding": encoding, "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        found = call("getTransaction", signature, config)
        assert decode(found["transaction"][0]) == bytes(transaction)
        assert (found["transaction"][1], found["version"]) == (encoding, 0)

    def test_json_parsed_names_signers_and_sources(self, call: Call, node: Localnet, payer: Keypair) -> None:
        signature = self.confirmed(call, node, v0(payer, [pay(payer, Pubkey.new_unique())], newest(node)))
        config = {"encoding": "jsonParsed", "commitment": "confirmed", "maxSupportedTransactionVersion": 0}
        message = call("getTransaction", signature, config)["transaction"]["message"]
        assert message["accountKeys"][0] == {
            "pubkey": str(payer.pubkey()),
            "signer": True,
            "writable": True,
            "source": "transaction",
        }
        assert message["instructions"][0]["programId"] == "11111111111111111111111111111111"

    def test_versions_must_be_asked_for(self, call: Call, node: Localnet, payer: Keypair) -> None:
        blockhash = newest(node)
        zero = send(call, v0(payer, [pay(payer, Pubkey.new_unique())], blockhash))
        one = send(call, v1(payer, [pay(payer, Pubkey.new_unique())], blockhash))
        node.advance(2)
        confirmed = {"commitment": "confirmed"}
        error = fails(call, "getTransaction", zero, confirmed)
        assert (error.code, error.message) == (
            -32015,
            "Transaction version (0) is not supported by the requesting client. Please try the request again with the "
            'following configuration parameter: "maxSupportedTransactionVersion": 0',
        )
        assert fails(call, "getTransaction", one, confirmed | {"maxSupportedTransactionVersion": 0}).code == -32015
        found = call("getTransaction", one, confirmed | {"maxSupportedTransactionVersion": 1})
        assert found["version"] == 1
        assert found["transaction"]["message"]["transactionConfig"]["computeUnitLimit"] == 200_000

    def test_history_begins_at_confirmed(self, call: Call, node: Localnet, payer: Keypair) -> None:
        signature = send(call, legacy(payer, [pay(payer, Pubkey.new_unique())], newest(node)))
        node.advance()
        assert call("getTransaction", signature, {"commitment": "confirmed"}) is None
        node.advance()
        assert call("getTransaction", signature, {"commitment": "confirmed"})["slot"] == 1
        assert call("getTransaction", signature) is None
        for method, argument in (
            ("getTransaction", signature),
            ("getSignaturesForAddress", str(payer.pubkey())),
            ("getBlock", 1),
        ):
            error = fails(call, method, argument, {"commitment": "processed"})
            assert (error.code, error.message) == (-32602, "Method does not support commitment below `confirmed`")

    def test_signatures_of_an_address_newest_first(self, call: Call, node: Localnet, payer: Keypair) -> None:
        to, blockhash = Pubkey.new_unique(), newest(node)
        signatures = [
            send(call, v0(payer, [pay(payer, to), Instruction(MEMO, b"hi %d" % index, [])], blockhash))
            for index in range(4)
        ]
        node.advance(2)

        def found(**config: Any) -> list[str]:
            config["commitment"] = "confirmed"
            return [one["signature"] for one in call("getSignaturesForAddress", str(to), config)]

        assert found() == signatures[::-1]
        assert found(limit=2) == [signatures[3], signatures[2]]
        assert found(before=signatures[2]) == [signatures[1], signatures[0]]
        assert found(until=signatures[1]) == [signatures[3], signatures[2]]
        (entry,) = call("getSignaturesForAddress", str(to), {"commitment": "confirmed", "limit": 1})
        assert (entry["memo"], entry["slot"], entry["err"], entry["confirmationStatus"]) == (
            "[4] hi 3",
            1,
            None,
            "confirmed",
        )
        assert call("getSignaturesForAddress", str(to)) == []

    @pytest.mark.parametrize("limit", [0, 1_001])
    def test_a_limit_out_of_bounds(self, call: Call, payer: Keypair, limit: int) -> None:
        error = fails(call, "getSignaturesForAddress", str(payer.pubkey()), {"limit": limit})
        assert (error.code, error.message) == (-32602, "Invalid limit; max 1000")


def test_an_airdrop_is_a_transaction_that_must_confirm(call: Call, node: Localnet) -> None:
    to = Pubkey.new_unique()
    signature = call("requestAirdrop", str(to), 10**9)
    assert status(call, signature) is None
    node.advance()
    assert status(call, signature)["confirmationStatus"] == "processed"
    assert call("getBalance", str(to), {"commitment": "processed"})["value"] == 10**9
