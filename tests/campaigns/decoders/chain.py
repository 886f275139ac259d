"""What a Solana node answers: JSON-RPC replies and the accounts in them."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Awaitable, Callable
from random import Random
from types import TracebackType
from typing import Any, cast

import aiohttp
from pydantic import SecretStr
from solders.pubkey import Pubkey

from relayer.chain.programs import board, committee, loader, pnp
from relayer.chain.rpc import Rpc
from relayer.chain.settings import ClusterSettings
from relayer.domain.errors import PermanentError, TransientError
from tests.campaigns.decoders.mutation import odd
from tests.campaigns.decoders.target import Target

_KEY = str(Pubkey.default())


class _Answer:
    """A node whose every answer is `body`; also that answer."""

    status = 200

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""

    def post(self, url: str, **options: Any) -> _Answer:
        return self

    async def __aenter__(self) -> _Answer:
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    async def read(self) -> bytes:
        return self.body


async def _no_sleep(seconds: float) -> None: ...


_NODE = _Answer()
_RPC = Rpc(
    settings=ClusterSettings(rpc_urls=(SecretStr("http://127.0.0.1:1"),), oracle_program=_KEY, read_attempts=1),
    session=cast(aiohttp.ClientSession, _NODE),
    sleep=_no_sleep,
)
_LOOP = asyncio.new_event_loop()
_ACCOUNT = {"lamports": 5, "data": ["AAECAw==", "base64"], "owner": _KEY, "executable": False, "rentEpoch": 0}
_STATUS = {"slot": 5, "err": None, "confirmations": 3, "confirmationStatus": "confirmed"}
_SIMULATED = {"err": None, "logs": ["x"], "unitsConsumed": 5, "loadedAccountsDataSize": 9}


def _in_context(value: Any) -> dict[str, Any]:
    return {"context": {"slot": 7}, "value": value}


_CALLS: dict[str, tuple[Any, Callable[[], Awaitable[object]]]] = {
    "getLatestBlockhash": (_in_context({"blockhash": _KEY, "lastValidBlockHeight": 9}), _RPC.latest_blockhash),
    "getBlockHeight": (9, _RPC.block_height),
    "getGenesisHash": (_KEY, _RPC.genesis_hash),
    "getSignatureStatuses": (_in_context([_STATUS, None]), lambda: _RPC.signature_statuses(["a", "b"])),
    "getAccountInfo": (_in_context(_ACCOUNT), lambda: _RPC.account(_KEY)),
    "getMultipleAccounts": (_in_context([_ACCOUNT, None]), lambda: _RPC.accounts([_KEY, _KEY])),
    "getProgramAccounts": ([{"pubkey": _KEY, "account": _ACCOUNT}], lambda: _RPC.program_accounts(_KEY)),
    "simulateTransaction": (_in_context(_SIMULATED), lambda: _RPC.simulate(b"")),
    "getBalance": (_in_context(5), lambda: _RPC.balance(_KEY)),
    "getRecentPrioritizationFees": ([{"slot": 1, "prioritizationFee": 5}], lambda: _RPC.recent_fees([_KEY])),
    "sendTransaction": (_KEY, lambda: _RPC.send(b"")),
    "the clock": (_in_context({**_ACCOUNT, "data": ["A" * 56 + "=" * 0, "base64"]}), _RPC.cluster_time_ms),
}
_ERROR = {"code": -32002, "message": "no", "data": {"err": "AlreadyProcessed"}}


def _reply(name: str) -> Target:
    result, call = _CALLS[name]
    replies = [{"jsonrpc": "2.0", "id": 1, "result": result}, {"jsonrpc": "2.0", "id": 1, "error": _ERROR}]

    def check(body: bytes) -> bool:
        _NODE.body = body
        try:
            _LOOP.run_until_complete(call())
        except (TransientError, PermanentError):
            return False
        return True

    return Target(f"rpc {name}", lambda rng: odd(rng, rng.choice((replies[0], replies[0], replies[1]))), check)


# Accounts


_HEADS = [
    board.BOARD,
    *(bytes.fromhex(tag) for tag in ("6964730000000001", "636f6d6d69740001", "7265736f6c760001", "636c6f7365640001")),
    pnp.GLOBAL_CONFIG,
    *pnp.EXTENSION.values(),
    *pnp.MARKET.values(),
    *(tag.to_bytes(8, "little") for tag in (1, 2, 3)),
]
"""How accounts of our program, of PNP and of the loader begin."""
_READERS: list[Callable[[bytes], object]] = [
    board.decode_board,
    lambda data: board.decode_ids(data, 3),
    committee.decode_committee,
    committee.decode_resolution,
    pnp.decode_global_config,
    pnp.decode_extension,
    lambda data: pnp.decode_market(Pubkey.default(), data, Pubkey.default()),
    loader.decode_buffer,
    loader.decode_program_data,
]


def _account(rng: Random) -> bytes:
    length = rng.choice((0, 7, 8, 45, 200, 500, 1_000, 3_000))
    body = rng.choice((rng.randbytes(length), bytes(length), bytes(rng.choices((0, 1, 2, 255), k=length))))
    return _consistent(rng.choice(_HEADS) + body)


def _consistent(data: bytes) -> bytes:
    """A resolution whose hash fits its spec gets further than one that is nothing but chance."""
    if data[:8] != committee._RESOLUTION or len(data) < 1_000:
        return data
    spec_at = committee._RESOLUTION_HEAD.size + committee.MAX_MEMBERS * committee._SEAT.size
    length_at = struct.calcsize("<8s32s32s32s32sQQQQQ")
    (length,) = struct.unpack_from("<H", data, length_at)
    return data[:104] + hashlib.sha256(data[spec_at : spec_at + length]).digest() + data[136:]


def _check_account(data: bytes) -> bool:
    taken = False
    for read in _READERS:
        try:
            read(data)
            taken = True
        except PermanentError:
            continue
    return taken


TARGETS = [*map(_reply, _CALLS), Target("accounts", _account, _check_account)]
