"""Positional parameters and config objects of a call, checked the way Agave does (-32602)."""

from __future__ import annotations

from typing import Any

from solders.hash import Hash
from solders.pubkey import Pubkey
from solders.signature import Signature

from relayer.localnet.bank import Localnet
from relayer.localnet.chain import Block, Commitment
from relayer.localnet.errors import invalid_params, min_context_slot_not_reached

_LEVELS = {level.name.lower(): level for level in Commitment}


def pubkey(value: Any) -> Pubkey:
    try:
        return Pubkey.from_string(text(value))
    except ValueError as error:
        raise invalid_params(f"Invalid param: {_reason(error)}") from error


def signature(value: Any) -> Signature:
    try:
        return Signature.from_string(text(value))
    except ValueError as error:
        raise invalid_params(f"Invalid param: {_reason(error)}") from error


def blockhash(value: Any) -> Hash:
    return Hash(bytes(pubkey(value)))


def _reason(error: ValueError) -> str:
    return "WrongSize" if "size" in str(error) else "Invalid"


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise invalid_params(f"Invalid params: invalid type: {_type(value)}, expected a string.")
    return value


def _type(value: Any) -> str:
    if isinstance(value, str):
        return f'string "{value}"'
    names = {bool: "boolean", int: "integer", float: "floating point", list: "sequence", dict: "map"}
    name = names.get(type(value), "null")
    return f"{name} `{str(value).lower()}`" if isinstance(value, bool | int | float) else name


def items(value: Any, *, at_most: int, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid_params(f"Invalid params: invalid type: {_type(value)}, expected a sequence.")
    if len(value) > at_most:
        raise invalid_params(f"Too many {what} provided; max {at_most}")
    return value


def unsigned(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise invalid_params(f"Invalid params: invalid type: {_type(value)}, expected u64.")
    if not 0 <= value < 2**64:
        raise invalid_params(f"Invalid params: invalid value: integer `{value}`, expected u64.")
    return value


class Config:
    """One config object. Keys that nobody asks for are ignored; null is the same as absent."""

    def __init__(self, value: Any) -> None:
        if value is not None and not isinstance(value, dict):
            raise invalid_params(f"Invalid params: invalid type: {_type(value)}, expected a map.")
        self._values: dict[str, Any] = value or {}

    def get(self, key: str) -> Any:
        return self._values.get(key)

    def needed(self, key: str) -> Any:
        if key not in self._values:
            raise invalid_params(f"Invalid params: missing field `{key}`.")
        return self._values[key]

    def flag(self, key: str, default: bool = False) -> bool:
        value = self._values.get(key)
        if value is not None and not isinstance(value, bool):
            raise invalid_params(f"Invalid params: invalid type: {_type(value)}, expected a boolean.")
        return default if value is None else value

    def number(self, key: str) -> int | None:
        value = self._values.get(key)
        return None if value is None else unsigned(value)

    def text(self, key: str, default: str) -> str:
        value = self._values.get(key)
        return default if value is None else text(value)

    def choice(self, key: str, among: tuple[str, ...], default: str) -> str:
        value = self.text(key, default)
        if value not in among:
            expected = ", ".join(f"`{word}`" for word in among)
            raise invalid_params(f"Invalid params: unknown variant `{value}`, expected one of {expected}.")
        return value

    def commitment(self, default: Commitment = Commitment.FINALIZED) -> Commitment:
        """`commitment`; a word that is none of the three counts as absent, as in Agave (a flattened option there)."""
        value = self._values.get("commitment")
        return _LEVELS.get(value, default) if isinstance(value, str) else default

    def preflight_commitment(self) -> Commitment:
        word = self.choice("preflightCommitment", tuple(_LEVELS), "finalized")
        return _LEVELS[word]

    def at_least_confirmed(self) -> Commitment:
        """`commitment` of the history methods, which know no processed blocks."""
        commitment = self.commitment()
        if commitment < Commitment.CONFIRMED:
            raise invalid_params("Method does not support commitment below `confirmed`")
        return commitment

    def block(self, node: Localnet, commitment: Commitment | None = None) -> Block:
        """The block that answers: of `commitment`, not older than `minContextSlot` (-32016)."""
        block = node.chain.at(self.commitment() if commitment is None else commitment)
        wanted = self.number("minContextSlot")
        if wanted is not None and block.slot < wanted:
            raise min_context_slot_not_reached(block.slot)
        return block
