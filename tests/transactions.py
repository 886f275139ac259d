"""Signed transactions for tests that talk to a cluster, in process or over sockets."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, MessageV1, TransactionConfig
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction

V1_LIMITS = TransactionConfig(compute_unit_limit=200_000, loaded_accounts_data_size_limit=100_000)


def pay(payer: Keypair, to: Pubkey, lamports: int = 1_000_000) -> Instruction:
    return transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=lamports))


def v0(payer: Keypair, instructions: Sequence[Instruction], blockhash: Hash, *others: Keypair) -> VersionedTransaction:
    return VersionedTransaction(MessageV0.try_compile(payer.pubkey(), instructions, [], blockhash), [payer, *others])


def legacy(payer: Keypair, instructions: Sequence[Instruction], blockhash: Hash) -> VersionedTransaction:
    return VersionedTransaction(Message.new_with_blockhash(instructions, payer.pubkey(), blockhash), [payer])


def v1(
    payer: Keypair, instructions: Sequence[Instruction], blockhash: Hash, config: TransactionConfig | None = V1_LIMITS
) -> VersionedTransaction:
    return VersionedTransaction(MessageV1.try_compile(payer.pubkey(), instructions, blockhash, config), [payer])


def text(transaction: VersionedTransaction) -> str:
    return base64.b64encode(bytes(transaction)).decode()
