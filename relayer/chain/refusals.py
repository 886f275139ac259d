"""A transaction's error as ours: which instruction, which program, what the program says; again later or never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from relayer.chain.programs.errors import anchor_fault, explain, oracle_fault
from relayer.chain.rpc import Simulation
from relayer.domain.errors import PermanentError, TransientError

# The cluster's state, not the transaction, stands against it: money or a moment later help.
_PASSING = {
    "AccountNotFound": "the payer has no lamports: fund it",
    "InsufficientFundsForFee": "the payer cannot pay the fee: fund it",
    "InsufficientFundsForRent": "an account would fall below its rent minimum: fund the payer",
    "BlockhashNotFound": "the node does not know the blockhash yet",
    "ClusterMaintenance": "the cluster is under maintenance",
    "AccountInUse": "an account is in use",
}
_NO_FUNDS = "insufficient lamports"


def refusal(
    simulation: Simulation, *, wire: bytes, purpose: str, oracle_program: Pubkey
) -> TransientError | PermanentError:
    """The error of a simulation that failed: transient if the same instructions may succeed later."""
    if remedy := _passing(simulation.err, simulation.logs):
        return TransientError(f"The {purpose} transaction cannot be sent now: {remedy}.")
    what = described(simulation.err, wire=wire, logs=simulation.logs, oracle_program=oracle_program)
    return PermanentError(f"The cluster refuses the {purpose} transaction: {what}")


def described(err: Any, *, wire: bytes, logs: Sequence[str], oracle_program: Pubkey) -> str:
    """`instruction 2 (program Orc1…): StaleEpoch (6012): …`, or the cluster's own word for the error."""
    match err:
        case {"InstructionError": [int(index), reason]}:
            program = _program(wire, index)
            return f"instruction {index + 1} (program {program}): {_reason(reason, program, logs, oracle_program)}"
        case {**only} if len(only) == 1:
            name, value = next(iter(only.items()))
            return f"{name} {value}"
        case "ProgramAccountNotFound" | "InvalidProgramForExecution":
            return f"{err}: a program it calls is not on this cluster: check cluster.oracle_program and pnp_program"
        case _:
            return str(err)


def _passing(err: Any, logs: Sequence[str]) -> str | None:
    name = err if isinstance(err, str) else next(iter(err), "") if isinstance(err, dict) else ""
    if name not in _PASSING and any(_NO_FUNDS in line for line in logs):
        return "an account lacks lamports: fund the payer and the signers"
    return _PASSING.get(name)


def _program(wire: bytes, index: int) -> Pubkey | None:
    message = VersionedTransaction.from_bytes(wire).message
    if not 0 <= index < len(message.instructions):
        return None
    return message.account_keys[message.instructions[index].program_id_index]


def _reason(reason: Any, program: Pubkey | None, logs: Sequence[str], oracle_program: Pubkey) -> str:
    match reason:
        case {"Custom": int(number)} if logs:
            return str(explain(number, logs, oracle_program))
        case {"Custom": int(number)}:
            return str(oracle_fault(number) if program == oracle_program else anchor_fault(number, ()))
        case _:
            return str(reason)
