"""Deploying with the upgradeable loader: what is callable, and when."""

from __future__ import annotations

from importlib.resources import files

import pytest
from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.chain.programs import loader
from relayer.localnet import Localnet
from relayer.localnet.machine import Outcome
from relayer.localnet.wire import Signed
from tests.transactions import v0
from tests.unit.localnet.conftest import newest

ELF = (files("relayer") / "data" / "programs" / "metadata_standin.so").read_bytes()
NOT_YET = {"InstructionError": [0, "UnsupportedProgramId"]}


def run(node: Localnet, payer: Keypair, instructions: list[Instruction], *others: Keypair) -> Outcome:
    transaction = v0(payer, instructions, newest(node), *others)
    return node.submit(Signed(bytes(transaction), transaction))


def call(program: Pubkey) -> list[Instruction]:
    return [Instruction(program, b"\xff", [])]


def filled_buffer(node: Localnet, authority: Pubkey) -> Pubkey:
    buffer = Pubkey.new_unique()
    header = (1).to_bytes(4, "little") + b"\x01" + bytes(authority)
    node.set_account(buffer, Account(10**9, header + ELF, loader.LOADER))
    return buffer


@pytest.fixture
def program(node: Localnet, payer: Keypair) -> Pubkey:
    """Deployed in the open block."""
    key, authority = Keypair(), payer.pubkey()
    instructions = loader.deploy(
        authority,
        key.pubkey(),
        filled_buffer(node, authority),
        authority=authority,
        max_len=len(ELF),
        lamports=node.rent_exempt(loader.PROGRAM_LEN),
    )
    assert run(node, payer, instructions, key).err is None
    return key.pubkey()


def test_a_program_is_callable_from_the_next_slot_on(node: Localnet, payer: Keypair, program: Pubkey) -> None:
    early = run(node, payer, call(program))
    assert (early.err, early.landed) == (NOT_YET, True)
    node.advance()
    assert run(node, payer, call(program)).err == {"InstructionError": [0, "NotEnoughAccountKeys"]}


def test_nor_is_it_upgraded_in_the_slot_of_its_deployment(node: Localnet, payer: Keypair, program: Pubkey) -> None:
    authority = payer.pubkey()
    swap = loader.upgrade(program, filled_buffer(node, authority), authority=authority, spill=authority)
    refused = run(node, payer, [swap])
    assert refused.err == {"InstructionError": [0, "InvalidArgument"]}
    assert any("deployed in this block already" in line for line in refused.logs)
    node.advance()
    assert run(node, payer, [swap]).err is None
    assert run(node, payer, call(program)).err == NOT_YET


def test_a_program_by_decree_is_callable_at_once(node: Localnet, payer: Keypair) -> None:
    program = Pubkey.new_unique()
    node.add_program(program, ELF)
    missing = {"InstructionError": [0, "NotEnoughAccountKeys"]}
    assert run(node, payer, call(program)).err == missing
    transaction = v0(payer, call(program), newest(node))
    assert node.simulate(Signed(bytes(transaction), transaction), at=node.chain.first).outcome.err == missing


def test_the_size_of_the_code_counts_as_loaded(node: Localnet, payer: Keypair) -> None:
    program = Pubkey.new_unique()
    node.add_program(program, ELF)
    assert run(node, payer, call(program)).loaded_size > len(ELF)
