"""What a transaction may spend: compute, heap, loaded bytes, priority fee; asked for by compute-budget instructions
(legacy and v0) or in the message's own config (v1, where unset means zero)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from solders.instruction import CompiledInstruction
from solders.message import Message, MessageV0, MessageV1
from solders.pubkey import Pubkey

LAMPORTS_PER_SIGNATURE = 5_000
_MAX_UNITS = 1_400_000
_MAX_LOADED = 64 * 1024 * 1024
_HEAP = 32 * 1024
_UNITS_PER_BUILTIN = 3_000
_UNITS_PER_INSTRUCTION = 200_000
_MICRO = 1_000_000
_COMPUTE_BUDGET = Pubkey.from_string("ComputeBudget111111111111111111111111111111")
# Programs of SIMD-0170 that are still native; the others have moved to SBPF.
_BUILTINS = {
    _COMPUTE_BUDGET,
    Pubkey.from_string("11111111111111111111111111111111"),
    Pubkey.from_string("Vote111111111111111111111111111111111111111"),
    Pubkey.from_string("BPFLoader1111111111111111111111111111111111"),
    Pubkey.from_string("BPFLoader2111111111111111111111111111111111"),
    Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111"),
    Pubkey.from_string("LoaderV411111111111111111111111111111111111"),
    Pubkey.from_string("KeccakSecp256k11111111111111111111111111111"),
    Pubkey.from_string("Ed25519SigVerify111111111111111111111111111"),
}


@dataclass(frozen=True)
class Limits:
    """units: compute units; heap, loaded: bytes; price: micro-lamports a unit (v0); priority_fee: lamports."""

    units: int
    heap: int = _HEAP
    loaded: int = _MAX_LOADED
    price: int = 0

    @property
    def priority_fee(self) -> int:
        return -(-self.price * self.units // _MICRO)


def limits_of(message: Message | MessageV0 | MessageV1) -> Limits:
    if isinstance(message, MessageV1):
        return _of_config(message)
    keys, limits, asked_units = message.account_keys, Limits(0), None
    for instruction in message.instructions:
        if keys[instruction.program_id_index] != _COMPUTE_BUDGET:
            continue
        tag, value = _budget_request(instruction)
        if tag == 2:
            asked_units = value
        limits = _with_request(limits, tag, value)
    units = asked_units if asked_units is not None else _default_units(message)
    return replace(limits, units=min(units, _MAX_UNITS))


def _of_config(message: MessageV1) -> Limits:
    config = message.config
    units = min(config.compute_unit_limit or 0, _MAX_UNITS)
    loaded = min(config.loaded_accounts_data_size_limit or 0, _MAX_LOADED)
    return Limits(units, config.heap_size or _HEAP, loaded)


def _budget_request(instruction: CompiledInstruction) -> tuple[int, int]:
    data = instruction.data
    return (data[0], int.from_bytes(data[1:9], "little")) if data else (0, 0)


def _with_request(limits: Limits, tag: int, value: int) -> Limits:
    if tag == 1:
        return replace(limits, heap=value)
    if tag == 3:
        return replace(limits, price=value)
    return replace(limits, loaded=min(value, _MAX_LOADED)) if tag == 4 else limits


def _default_units(message: Message | MessageV0) -> int:
    keys = message.account_keys
    programs = [keys[instruction.program_id_index] for instruction in message.instructions]
    return sum(_UNITS_PER_BUILTIN if program in _BUILTINS else _UNITS_PER_INSTRUCTION for program in programs)


def priority_fee(message: Message | MessageV0 | MessageV1) -> int:
    """Lamports above the base fee; a v1 message names them, the others name a price a compute unit."""
    if isinstance(message, MessageV1):
        return message.config.priority_fee or 0
    return limits_of(message).priority_fee
