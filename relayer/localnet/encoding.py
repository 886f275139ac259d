"""Accounts as JSON: the four encodings, data slices, program-account filters."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from solders.account import Account

from relayer.localnet import base58
from relayer.localnet.chain import Block
from relayer.localnet.errors import RpcError, invalid_params, invalid_request
from relayer.localnet.params import Config, items, text, unsigned

API_VERSION = "4.2.0"
BASE58_LIMIT = 128
RENT_EXEMPT = 2**64 - 1
"""`rentEpoch` of every account on a cluster; LiteSVM leaves 0 there."""
_ENCODINGS = ("binary", "base58", "base64", "jsonParsed", "base64+zstd")
_MEMCMP_LIMIT = 128


def wrapped(block: Block, value: Any) -> dict[str, Any]:
    return {"context": {"apiVersion": API_VERSION, "slot": block.slot}, "value": value}


class AccountEncoder:
    """Encodes accounts as one call's config asks. `default` is the encoding when it says none."""

    def __init__(self, config: Config, *, default: str) -> None:
        self._encoding = config.choice("encoding", _ENCODINGS, default)
        if self._encoding == "base64+zstd":
            raise invalid_params("base64+zstd encoding is not supported by this node: ask for base64.")
        self._slice: slice | None = None
        if config.get("dataSlice") is not None:
            asked = Config(config.get("dataSlice"))
            offset = unsigned(asked.needed("offset"))
            self._slice = slice(offset, offset + unsigned(asked.needed("length")))

    def __call__(self, account: Account) -> dict[str, Any]:
        """Raises RpcError (-32600) for more bytes than base58 is given for."""
        data = account.data if self._slice is None else account.data[self._slice]
        return {
            "lamports": account.lamports,
            "data": self._encode(data),
            "owner": str(account.owner),
            "executable": account.executable,
            "rentEpoch": RENT_EXEMPT,
            "space": len(account.data),
        }

    def or_text(self, account: Account) -> dict[str, Any]:
        """As a notification shows it: too many bytes for base58 give a text in their place, not an error."""
        try:
            return self(account)
        except RpcError:
            data = "error: data too large for bs58 encoding"
            return AccountEncoder(Config({}), default="base64")(account) | {"data": data}

    def _encode(self, data: bytes) -> str | list[str]:
        if self._encoding in ("base64", "jsonParsed"):
            return [base64.b64encode(data).decode(), "base64"]
        if len(data) > BASE58_LIMIT:
            raise invalid_request(
                f"Encoded binary (base 58) data should be less than {BASE58_LIMIT} bytes, please use Base64 encoding."
            )
        encoded = base58.encode(data)
        return encoded if self._encoding == "binary" else [encoded, "base58"]


def parse_filters(value: Any) -> Callable[[Account], bool]:
    """A test of accounts from the `filters` of getProgramAccounts and programSubscribe; all must hold."""
    filters = [] if value is None else items(value, at_most=4, what="filters")
    tests = [_parse_filter(one) for one in filters]
    return lambda account: all(test(account) for test in tests)


def _parse_filter(value: Any) -> Callable[[Account], bool]:
    if isinstance(value, dict) and "dataSize" in value:
        size = unsigned(value["dataSize"])
        return lambda account: len(account.data) == size
    if isinstance(value, dict) and "memcmp" in value:
        memcmp = Config(value["memcmp"])
        offset, wanted = unsigned(memcmp.needed("offset")), _memcmp_bytes(memcmp)
        return lambda account: account.data[offset : offset + len(wanted)] == wanted
    raise invalid_params("Invalid params: unknown filter, expected `dataSize` or `memcmp`.")


def _memcmp_bytes(memcmp: Config) -> bytes:
    encoding = memcmp.choice("encoding", ("base58", "base64", "binary"), "base58")
    encoded = text(memcmp.needed("bytes"))
    try:
        wanted = base64.b64decode(encoded, validate=True) if encoding == "base64" else base58.decode(encoded)
    except (binascii.Error, ValueError) as error:
        raise invalid_params(f"Invalid param: memcmp bytes are not {encoding}: {error}") from error
    if len(wanted) > _MEMCMP_LIMIT:
        raise invalid_params("Invalid param: DataTooLarge")
    return wanted
