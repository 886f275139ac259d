"""The HTTP methods by name: the function, and how many parameters it needs and takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from relayer.localnet.bank import Localnet
from relayer.localnet.errors import invalid_params, method_not_found
from relayer.localnet.methods import accounts, cluster, transactions


class Method(NamedTuple):
    call: Callable[..., Any]
    required: int
    total: int


def _method(call: Callable[..., Any]) -> Method:
    of_client = list(inspect.signature(call).parameters.values())[1:]
    return Method(call, sum(one.default is inspect.Parameter.empty for one in of_client), len(of_client))


_CALLS: dict[str, Callable[..., Any]] = {
    "getAccountInfo": accounts.get_account_info,
    "getBalance": accounts.get_balance,
    "getBlock": cluster.get_block,
    "getBlockHeight": cluster.get_block_height,
    "getBlockTime": cluster.get_block_time,
    "getBlocks": cluster.get_blocks,
    "getBlocksWithLimit": cluster.get_blocks_with_limit,
    "getClusterNodes": cluster.get_cluster_nodes,
    "getEpochInfo": cluster.get_epoch_info,
    "getEpochSchedule": cluster.get_epoch_schedule,
    "getFeeForMessage": cluster.get_fee_for_message,
    "getFirstAvailableBlock": cluster.get_first_available_block,
    "getGenesisHash": cluster.get_genesis_hash,
    "getHealth": cluster.get_health,
    "getIdentity": cluster.get_identity,
    "getLatestBlockhash": cluster.get_latest_blockhash,
    "getMinimumBalanceForRentExemption": accounts.get_minimum_balance_for_rent_exemption,
    "getMultipleAccounts": accounts.get_multiple_accounts,
    "getProgramAccounts": accounts.get_program_accounts,
    "getRecentPrioritizationFees": cluster.get_recent_prioritization_fees,
    "getSignatureStatuses": transactions.get_signature_statuses,
    "getSignaturesForAddress": transactions.get_signatures_for_address,
    "getSlot": cluster.get_slot,
    "getSlotLeader": cluster.get_slot_leader,
    "getTokenAccountBalance": accounts.get_token_account_balance,
    "getTokenAccountsByOwner": accounts.get_token_accounts_by_owner,
    "getTokenSupply": accounts.get_token_supply,
    "getTransaction": transactions.get_transaction,
    "getTransactionCount": cluster.get_transaction_count,
    "getVersion": cluster.get_version,
    "isBlockhashValid": cluster.is_blockhash_valid,
    "minimumLedgerSlot": cluster.get_first_available_block,
    "requestAirdrop": transactions.request_airdrop,
    "sendTransaction": transactions.send_transaction,
    "simulateTransaction": transactions.simulate_transaction,
}
METHODS = {name: _method(call) for name, call in _CALLS.items()}


def call(node: Localnet, name: str, params: Any) -> Any:
    """The result of one call. Raises RpcError."""
    method = METHODS.get(name)
    if method is None:
        raise method_not_found()
    return method.call(node, *arguments(params, method.required, method.total))


def arguments(params: Any, required: int, total: int) -> list[Any]:
    """The positional parameters, as many as a method takes. Raises RpcError (-32602)."""
    given = [] if params is None else params
    if not isinstance(given, list):
        raise invalid_params("`params` should be an array")
    if len(given) < required:
        raise invalid_params(f"`params` should have at least {required} argument(s)")
    if len(given) > total:
        expected = f"Expected from {required} to {total} parameters." if total else "No parameters were expected"
        raise invalid_params(f"Invalid parameters: {expected}", f"Got: {len(given)}")
    return given
