from __future__ import annotations

import os
from typing import Any

import pytest
from solders.hash import Hash
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from relayer.chain.fees import TRIAL
from relayer.chain.refusals import described, refusal
from relayer.chain.rpc import Simulation
from relayer.chain.signer import Signer
from relayer.chain.transaction import V0
from relayer.domain.errors import PermanentError, TransientError

ORACLE, PNP = Pubkey.from_bytes(bytes([7] * 32)), Pubkey.from_bytes(bytes([8] * 32))
# three instructions for the limits come first
WIRE = V0.sign(
    TRIAL, [Instruction(ORACLE, b"", []), Instruction(PNP, b"", [])], [Signer(os.urandom(32))], Hash.default()
).wire
ANCHOR = (
    f"Program {PNP} invoke [1]",
    "Program log: AnchorError occurred. Error Code: MarketNotEnded. Error Number: 6004. Error Message: Not ended.",
    f"Program {PNP} failed: custom program error: 0x1774",
)


def text(err: Any, *logs: str) -> str:
    return described(err, wire=WIRE, logs=logs, oracle_program=ORACLE)


def test_our_program_s_errors_have_names_even_without_logs() -> None:
    assert text({"InstructionError": [3, {"Custom": 6006}]}).startswith(
        f"instruction 4 (program {ORACLE}): WrongAddress (6006): "
    )


def test_an_anchor_program_s_error_is_what_its_log_says() -> None:
    err = {"InstructionError": [4, {"Custom": 6004}]}
    assert text(err, *ANCHOR) == f"instruction 5 (program {PNP}): MarketNotEnded (6004): Not ended."
    assert "Unknown (6004)" in text(err), "6004 of another program is not ours"


@pytest.mark.parametrize(
    ("err", "words"),
    [
        ({"InstructionError": [4, "InvalidArgument"]}, f"instruction 5 (program {PNP}): InvalidArgument"),
        ({"InstructionError": [4, {"BorshIoError": "x"}]}, "BorshIoError"),
        ({"InstructionError": [9, {"Custom": 1}]}, "instruction 10 (program None): Unknown (1)"),
        ({"InsufficientFundsForRent": {"account_index": 1}}, "InsufficientFundsForRent {'account_index': 1}"),
        ("AccountInUse", "AccountInUse"),
        ({"InstructionError": "odd"}, "InstructionError odd"),
        (None, "None"),
        (["what"], "['what']"),
    ],
)
def test_every_shape_of_error_has_words(err: Any, words: str) -> None:
    assert words in text(err)


@pytest.mark.parametrize(
    ("err", "logs", "kind"),
    [
        ("AccountNotFound", (), TransientError),
        ("BlockhashNotFound", (), TransientError),
        ({"InsufficientFundsForRent": {"account_index": 0}}, (), TransientError),
        ({"InstructionError": [4, {"Custom": 1}]}, ("Transfer: insufficient lamports 5, need 9",), TransientError),
        ({"InstructionError": [4, {"Custom": 1}]}, (), PermanentError),
        ("SanitizeFailure", (), PermanentError),
    ],
)
def test_what_money_or_a_moment_heals_is_transient(err: Any, logs: tuple[str, ...], kind: type[Exception]) -> None:
    error = refusal(Simulation(err, logs, 0, None), wire=WIRE, purpose="settle", oracle_program=ORACLE)
    assert type(error) is kind
    assert str(error).startswith(("The settle transaction cannot be sent now: ", "The cluster refuses the settle"))
