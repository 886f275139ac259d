"""A transaction error as a sentence: which instruction, which program, what the program says about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from solders.transaction import VersionedTransaction

ErrorNames = Mapping[str, Mapping[int, str]]
"""Program id -> error number -> sentence."""

_ANCHOR = re.compile(r"Error Code: (?P<name>\w+)\. Error Number: (?P<number>\d+)\. Error Message: (?P<text>.*)")
_FUNDS = "insufficient lamports"
# The cluster's state, not the transaction, stands against it: money or a moment later help.
_PASSING = {
    "AccountNotFound": "the payer has no lamports: fund it",
    "InsufficientFundsForFee": "the payer cannot pay the fee: fund it",
    "InsufficientFundsForRent": "an account would fall below its rent minimum: fund the payer",
    "BlockhashNotFound": "the node does not know the blockhash yet",
    "ClusterMaintenance": "the cluster is under maintenance",
    "AccountInUse": "an account is in use",
}


def passing(err: Any, logs: Sequence[str]) -> str | None:
    """The reason, with its remedy, if the same instructions may succeed later; None if they are wrong in themselves."""
    name = err if isinstance(err, str) else next(iter(err), "") if isinstance(err, dict) else ""
    if name in _PASSING:
        return _PASSING[name]
    return "an account lacks lamports: fund the payer and the signers" if any(_FUNDS in line for line in logs) else None


def described(err: Any, *, wire: bytes, logs: Sequence[str] = (), names: ErrorNames) -> str:
    """`instruction 2 (program 8PyE…): error 6001, MarketResolved: …`, or the cluster's own word for it."""
    match err:
        case {"InstructionError": [int(index), reason]}:
            program = _program(wire, index)
            return f"instruction {index + 1} (program {program}): {_reason(reason, program, logs, names)}"
        case {**only} if len(only) == 1:
            name, value = next(iter(only.items()))
            return f"{name} {value}"
        case _:
            return str(err)


def _program(wire: bytes, index: int) -> str:
    message = VersionedTransaction.from_bytes(wire).message
    if not 0 <= index < len(message.instructions):
        return "unknown"
    return str(message.account_keys[message.instructions[index].program_id_index])


def _reason(reason: Any, program: str, logs: Sequence[str], names: ErrorNames) -> str:
    if anchor := next(filter(None, map(_ANCHOR.search, reversed(logs))), None):
        return f"error {anchor['number']}, {anchor['name']}: {anchor['text']}"
    match reason:
        case {"Custom": int(number)}:
            name = names.get(program, {}).get(number)
            return f"error {number}, {name}" if name else f"error {number}"
        case _:
            return str(reason)
