"""What a program's error number means.

Our program numbers its errors once, in its IDL. Anchor programs such as PNP number several enums from 6000 on, so the
number alone says little there: the log line that names the error decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec
from solders.pubkey import Pubkey

_ANCHOR_LINE = re.compile(r"AnchorError .*Error Code: (\w+)\. Error Number: (\d+)\. Error Message: (.*?)\.?$")
_FAILED_LINE = re.compile(r"^Program (\w{32,44}) failed: ")

# Anchor's framework errors as far as calls of ours can meet them (lang/src/error.rs of coral-xyz/anchor).
_FRAMEWORK = {
    100: ("InstructionMissing", "The instruction has no discriminator."),
    101: ("InstructionFallbackNotFound", "The program does not know the instruction: another version is deployed."),
    102: ("InstructionDidNotDeserialize", "The program could not read the instruction's arguments."),
    2000: ("ConstraintMut", "An account that must be writable is not."),
    2001: ("ConstraintHasOne", "An account does not name the account it belongs to."),
    2003: ("ConstraintRaw", "A condition on the accounts does not hold."),
    2006: ("ConstraintSeeds", "An account is not at the address its seeds give."),
    2012: ("ConstraintAddress", "An account is not the one that is needed."),
    3002: ("AccountDiscriminatorMismatch", "An account is of another kind."),
    3003: ("AccountDidNotDeserialize", "The program could not read an account."),
    3005: ("AccountNotEnoughKeys", "The instruction names too few accounts."),
    3007: ("AccountOwnedByWrongProgram", "An account belongs to another program."),
    3008: ("InvalidProgramId", "A program account is not the program that is needed."),
    3010: ("AccountNotSigner", "An account that must sign did not."),
    3012: ("AccountNotInitialized", "An account does not exist yet."),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a program refused."""

    number: int
    name: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.name} ({self.number}): {self.sentence}"


def explain(number: int, logs: Sequence[str], oracle_program: Pubkey) -> Fault:
    """The fault behind custom error `number` of a transaction with these logs, whichever program raised it."""
    refused = next((found[1] for line in logs if (found := _FAILED_LINE.match(line))), None)
    if refused == str(oracle_program):
        return oracle_fault(number)
    return anchor_fault(number, logs)


def oracle_fault(number: int) -> Fault:
    """The fault of that number in our program."""
    return oracle_faults().get(number) or Fault(number, "Unknown", "The oracle program does not document this error.")


def anchor_fault(number: int, logs: Sequence[str]) -> Fault:
    """The fault of that number in an Anchor program, by its log line where there is one."""
    for line in logs:
        if (found := _ANCHOR_LINE.search(line)) and int(found[2]) == number:
            return Fault(number, found[1], f"{found[3]}.")
    name, sentence = _FRAMEWORK.get(number, ("Unknown", "The program's logs do not name this error."))
    return Fault(number, name, sentence)


class _IdlError(msgspec.Struct):
    code: int
    name: str
    msg: str


class _Idl(msgspec.Struct):
    errors: list[_IdlError]


@cache
def oracle_faults() -> dict[int, Fault]:
    """All errors of our program by number."""
    text = (resources.files("relayer") / "data" / "programs" / "oracle.json").read_bytes()
    errors = msgspec.json.decode(text, type=_Idl).errors
    return {error.code: Fault(error.code, error.name, error.msg) for error in errors}
