from __future__ import annotations

from solders.pubkey import Pubkey

from relayer.chain.programs.errors import Fault, anchor_fault, explain, oracle_fault

ORACLE = Pubkey(bytes([5]) * 32)
PNP = Pubkey(bytes([6]) * 32)
ANCHOR_LINE = (
    "Program log: AnchorError thrown in programs/x/src/lib.rs:9. Error Code: MarketNotEnded. "
    "Error Number: 6003. Error Message: Market not ended."
)


def test_our_own_numbers_have_a_name_and_a_sentence() -> None:
    assert str(oracle_fault(6011)) == (
        "StaleEpoch (6011): The epoch is below the board's: another publisher has taken over."
    )
    assert oracle_fault(7).name == "Unknown"


def test_anchor_errors_are_named_by_their_log_line() -> None:
    assert anchor_fault(6003, ["something", ANCHOR_LINE]) == Fault(6003, "MarketNotEnded", "Market not ended.")
    assert anchor_fault(6004, [ANCHOR_LINE]).name == "Unknown"
    assert anchor_fault(2006, []).name == "ConstraintSeeds"


def test_the_program_that_failed_first_decides_whose_number_it_is() -> None:
    inner = [ANCHOR_LINE, f"Program {PNP} failed: custom program error: 0x1773"]
    outer = [f"Program {ORACLE} failed: custom program error: 0x1773"]
    assert explain(6003, [*inner, *outer], ORACLE).name == "MarketNotEnded"
    assert explain(6003, outer, ORACLE).name == "NotWritable"
