"""solana-py, unmodified, against the served cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.models import TxOpts
from solana.rpc.websocket_api import SolanaWsClient
from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.rpc.errors import SendTransactionPreflightFailureMessage

from relayer.localnet import Localnet, Urls
from tests.transactions import pay, v0

OPTIONS = TxOpts(preflight_commitment=Confirmed)
OWNER = Pubkey.from_string("Stake11111111111111111111111111111111111111")


@pytest.fixture
async def client(urls: Urls) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(urls.rpc, Confirmed) as client:
        yield client


async def blockhash(client: AsyncClient) -> Hash:
    return (await client.get_latest_blockhash()).value.blockhash


async def test_it_reads_an_account(client: AsyncClient, node: Localnet) -> None:
    key = Pubkey.new_unique()
    node.set_account(key, Account(5_000_000, bytes(range(200)), OWNER))
    account = (await client.get_account_info(key)).value
    assert account is not None
    assert (account.lamports, account.data, account.owner) == (5_000_000, bytes(range(200)), OWNER)
    found = (await client.get_program_accounts(OWNER, encoding="base64", filters=[200])).value
    assert [one.pubkey for one in found] == [key]
    assert [one is None for one in (await client.get_multiple_accounts([key, Pubkey.new_unique()])).value] == [
        False,
        True,
    ]


async def test_it_sends_a_transfer_and_confirms_it(client: AsyncClient, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    latest = (await client.get_latest_blockhash()).value
    transaction = v0(payer, [pay(payer, to)], latest.blockhash)
    signature = (await client.send_transaction(transaction, OPTIONS)).value
    confirmed = await client.confirm_transaction(
        signature, Confirmed, sleep_seconds=0.02, last_valid_block_height=latest.last_valid_block_height
    )
    (status,) = confirmed.value
    assert status is not None
    assert status.err is None
    assert (await client.get_balance(to)).value == 1_000_000
    found = (await client.get_transaction(signature, commitment=Confirmed, max_supported_transaction_version=1)).value
    assert found is not None
    assert found.slot == status.slot
    assert found.transaction.meta is not None
    assert found.transaction.meta.fee == 5_000
    history = (await client.get_signatures_for_address(to, commitment=Confirmed)).value
    assert [one.signature for one in history] == [signature]


async def test_the_state_becomes_final_later(client: AsyncClient, payer: Keypair) -> None:
    to = Pubkey.new_unique()
    transaction = v0(payer, [pay(payer, to)], await blockhash(client))
    signature = (await client.send_transaction(transaction, OPTIONS)).value
    await client.confirm_transaction(signature, Confirmed, sleep_seconds=0.02)
    assert (await client.get_balance(to, Processed)).value == 1_000_000
    assert (await client.get_balance(to, Finalized)).value == 0
    await client.confirm_transaction(signature, Finalized, sleep_seconds=0.05)
    assert (await client.get_balance(to, Finalized)).value == 1_000_000


async def test_a_failing_transaction_is_refused_by_preflight(client: AsyncClient, payer: Keypair) -> None:
    transaction = v0(payer, [pay(payer, Pubkey.new_unique(), 10**18)], await blockhash(client))
    with pytest.raises(RPCException) as caught:
        await client.send_transaction(transaction, OPTIONS)
    failure = caught.value.args[0]
    assert isinstance(failure, SendTransactionPreflightFailureMessage)
    assert "custom program error: 0x1" in failure.message


async def test_it_simulates(client: AsyncClient, payer: Keypair) -> None:
    transaction = v0(payer, [pay(payer, Pubkey.new_unique())], await blockhash(client))
    value = (await client.simulate_transaction(transaction, sig_verify=True)).value
    assert (value.err, value.units_consumed) == (None, 150)


async def test_it_gets_an_airdrop_and_the_small_facts(client: AsyncClient) -> None:
    to = Pubkey.new_unique()
    signature = (await client.request_airdrop(to, 10**9)).value
    await client.confirm_transaction(signature, Confirmed, sleep_seconds=0.02)
    assert (await client.get_balance(to)).value == 10**9
    assert await client.is_connected()
    assert str((await client.get_version()).value) != ""
    height = (await client.get_block_height()).value
    assert (await client.get_slot()).value >= height > 0
    assert (await client.get_epoch_info()).value.epoch == 0
    assert (await client.get_minimum_balance_for_rent_exemption(0)).value == 890_880
    assert (await client.get_genesis_hash()).value != Hash.default()
    message = MessageV0.try_compile(to, [], [], await blockhash(client))
    assert (await client.get_fee_for_message(message)).value == 5_000
    assert len((await client.get_recent_prioritization_fees([to])).value) > 0


async def test_its_websocket_client_hears_of_everything(
    client: AsyncClient, urls: Urls, payer: Keypair, node: Localnet
) -> None:
    to = Pubkey.new_unique()
    transaction = v0(payer, [pay(payer, to)], await blockhash(client))
    signature = transaction.signatures[0]
    async with SolanaWsClient(urls.ws) as socket:
        account = await socket.account_subscribe(pubkey=to, commitment=Confirmed)
        await socket.signature_subscribe(signature=signature, commitment=Confirmed)
        await socket.logs_subscribe(commitment=Processed)
        slots = await socket.slot_subscribe()
        await client.send_transaction(transaction, OPTIONS)
        wanted = {"AccountNotification", "SignatureNotification", "LogsNotification", "SlotNotification"}
        while wanted:
            wanted.discard(type(await socket.recv()).__name__)
        for subscription in (account, slots):
            await socket.unsubscribe(subscription)
