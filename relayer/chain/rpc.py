"""The calls to a Solana node that the relayer needs, typed, over several endpoints.

Reads fail over, in the order of the settings, and are retried here and nowhere else; writes go to every endpoint.
What a transaction's fate is, `sender.py` decides.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import aiohttp
import msgspec
import tenacity
from solders.hash import Hash, ParseHashError
from solders.message import to_bytes_versioned
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.sysvar import CLOCK
from solders.transaction import VersionedTransaction

from relayer.chain.endpoint import Decode, Endpoint, RpcRefusal
from relayer.chain.settings import ClusterSettings, Commitment
from relayer.domain.errors import PermanentError, RelayerError, TransientError
from relayer.domain.intents import SubmissionState
from relayer.domain.units import BlockHeight, Lamports, Millis, Slot

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

ACCOUNTS_A_CALL = 100
STATUSES_A_CALL = 256
_BACKOFF = tenacity.wait_random_exponential(multiplier=0.25, max=5)
_LONGEST_WAIT_S = 10.0
_CLOCK_TIME = struct.Struct("<32xq")
_LEVELS = {
    "confirmed": SubmissionState.CONFIRMED,
    "finalized": SubmissionState.FINALIZED,
}


@dataclass(frozen=True, slots=True)
class Blockhash:
    value: Hash
    last_valid_block_height: BlockHeight
    slot: Slot
    """Slot at which the node answered: later reads ask for at least this one."""


@dataclass(frozen=True, slots=True)
class SignatureStatus:
    """What the cluster knows of a signature. `err` in the form of JSON-RPC, None = it succeeded."""

    slot: Slot
    err: Any
    level: SubmissionState
    """SENT while only processed, then CONFIRMED, then FINALIZED: how sure, not whether it succeeded."""


@dataclass(frozen=True, slots=True)
class Account:
    lamports: Lamports
    data: bytes
    owner: str
    slot: Slot
    """Slot of the answer, 0 where the node does not tell."""

    @property
    def empty(self) -> bool:
        """Whether it is only lamports that somebody sent to the address."""
        return not self.data and self.owner == str(SYSTEM_PROGRAM)


@dataclass(frozen=True, slots=True)
class Simulation:
    err: Any
    logs: tuple[str, ...]
    units: int
    loaded_bytes: int | None
    """Account data loaded, None from nodes that do not tell."""


class _Context(msgspec.Struct):
    slot: int


class _Wrapped(msgspec.Struct, Generic[T]):
    context: _Context
    value: T


class _Blockhash(msgspec.Struct):
    blockhash: str
    last_valid: int = msgspec.field(name="lastValidBlockHeight")


class _Status(msgspec.Struct):
    slot: int
    err: Any = None
    level: str | None = msgspec.field(name="confirmationStatus", default=None)

    def domain(self) -> SignatureStatus:
        return SignatureStatus(Slot(self.slot), self.err, _LEVELS.get(self.level or "", SubmissionState.SENT))


class _Account(msgspec.Struct):
    lamports: int
    data: tuple[bytes, str]  # msgspec undoes the base64
    owner: str

    def domain(self, slot: int) -> Account:
        return Account(Lamports(self.lamports), self.data[0], self.owner, Slot(slot))


class _Keyed(msgspec.Struct):
    pubkey: str
    account: _Account


class _Simulated(msgspec.Struct):
    err: Any = None
    logs: list[str] | None = None
    units: int | None = msgspec.field(name="unitsConsumed", default=None)
    loaded: int | None = msgspec.field(name="loadedAccountsDataSize", default=None)

    def domain(self) -> Simulation:
        return Simulation(self.err, tuple(self.logs or ()), self.units or 0, self.loaded)


class _Fee(msgspec.Struct):
    fee: int = msgspec.field(name="prioritizationFee")


class Rpc:
    """A cluster seen through its endpoints. Every method raises TransientError or PermanentError and nothing else."""

    def __init__(
        self, *, settings: ClusterSettings, session: aiohttp.ClientSession, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._settings = settings
        self._session = session
        self._sleep = sleep
        self._endpoints = [Endpoint(url.get_secret_value(), session=session) for url in settings.rpc_urls]

    @property
    def name(self) -> str:
        """Hosts and ports of the endpoints."""
        return ", ".join(endpoint.name for endpoint in self._endpoints)

    def each(self) -> tuple[Rpc, ...]:
        """One view for each endpoint, to hear them separately."""
        return tuple(
            Rpc(
                settings=self._settings.model_copy(update={"rpc_urls": (url,)}),
                session=self._session,
                sleep=self._sleep,
            )
            for url in self._settings.rpc_urls
        )

    async def latest_blockhash(self) -> Blockhash:
        return await self._read("getLatestBlockhash", [self._config()], _decoded_blockhash)

    async def block_height(self, commitment: Commitment | None = None) -> BlockHeight:
        return BlockHeight(await self._read("getBlockHeight", [self._config(commitment)], _typed(int)))

    async def slot(self, commitment: Commitment | None = None) -> Slot:
        return Slot(await self._read("getSlot", [self._config(commitment)], _typed(int)))

    async def genesis_hash(self) -> str:
        return await self._read("getGenesisHash", [], _typed(str))

    async def signature_statuses(
        self, signatures: Sequence[str], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        """What is known of each signature, None = nothing; `search_history` looks beyond the recent blocks."""
        statuses: list[SignatureStatus | None] = []
        for part in _parts(signatures, STATUSES_A_CALL):
            params = [part, {"searchTransactionHistory": search_history}]
            found = await self._read("getSignatureStatuses", params, _list_of(len(part), _Status))
            statuses += [status.domain() if status else None for status in found.value]
        return statuses

    async def account(
        self, address: str, *, commitment: Commitment | None = None, min_slot: int | None = None
    ) -> Account | None:
        """The account, None if there is none. With `min_slot` never as it was before that slot."""
        config = self._config(commitment, encoding="base64", minContextSlot=min_slot)
        found = await self._read("getAccountInfo", [address, config], _typed(_Wrapped[_Account | None]))
        return found.value.domain(found.context.slot) if found.value else None

    async def accounts(self, addresses: Sequence[str], *, commitment: Commitment | None = None) -> list[Account | None]:
        """The accounts in the order of the addresses, None where there is none; any number of addresses."""
        accounts: list[Account | None] = []
        for part in _parts(addresses, ACCOUNTS_A_CALL):
            params = [part, self._config(commitment, encoding="base64")]
            found = await self._read("getMultipleAccounts", params, _list_of(len(part), _Account))
            accounts += [account.domain(found.context.slot) if account else None for account in found.value]
        return accounts

    async def program_accounts(
        self, program: str, filters: Sequence[tuple[int, bytes]] = ()
    ) -> list[tuple[str, Account]]:
        """(address, account) of all accounts of the program that hold each filter's bytes at its offset."""
        memcmp = [
            {"memcmp": {"offset": offset, "bytes": base64.b64encode(held).decode(), "encoding": "base64"}}
            for offset, held in filters
        ]
        params = [program, self._config(encoding="base64", filters=memcmp)]
        found = await self._read("getProgramAccounts", params, _typed(list[_Keyed]))
        return [(keyed.pubkey, keyed.account.domain(0)) for keyed in found]

    async def simulate(self, wire: bytes, *, min_slot: int | None = None) -> Simulation:
        """Run the transaction without sending it, on the newest blockhash and without checking signatures."""
        config = self._config(encoding="base64", sigVerify=False, replaceRecentBlockhash=True, minContextSlot=min_slot)
        params = [base64.b64encode(wire).decode(), config]
        return (await self._read("simulateTransaction", params, _typed(_Wrapped[_Simulated]))).value.domain()

    async def fee(self, wire: bytes) -> Lamports:
        """Lamports that the transaction costs its payer, priority fee included; its blockhash must be alive."""
        message = to_bytes_versioned(VersionedTransaction.from_bytes(wire).message)
        params = [base64.b64encode(message).decode(), self._config()]
        found = await self._read("getFeeForMessage", params, _typed(_Wrapped[int | None]))
        if found.value is None:
            raise TransientError(f"The RPC endpoint {self.name} does not know the blockhash: try again.")
        return Lamports(found.value)

    async def send(self, wire: bytes) -> None:
        """Hand the bytes to every endpoint; returns once each has answered or has had its time.

        Raises only if none took them: TransientError where one may have, PermanentError where all refused. Even then
        the transaction may land, since an endpoint may have forwarded it before its answer was lost.
        """
        config = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
        params = [base64.b64encode(wire).decode(), config]
        wait_s = min(self._settings.resend_s, self._settings.request_timeout_s)
        answers = await asyncio.gather(*(_taken(endpoint, params, wait_s) for endpoint in self._endpoints))
        errors = [error for error in answers if error]
        if len(errors) == len(answers):
            raise _gravest(errors)

    async def balance(self, address: str) -> Lamports:
        return Lamports((await self._read("getBalance", [address, self._config()], _typed(_Wrapped[int]))).value)

    async def balances(self, addresses: Sequence[str]) -> list[Lamports]:
        """Lamports of each address, 0 where there is no account."""
        return [account.lamports if account else Lamports(0) for account in await self.accounts(addresses)]

    async def minimum_balance(self, length: int) -> Lamports:
        """Lamports that make an account of `length` bytes rent exempt."""
        return Lamports(await self._read("getMinimumBalanceForRentExemption", [length], _typed(int)))

    async def recent_fees(self, addresses: Sequence[str]) -> list[int]:
        """For each recent block the lowest price, micro-lamports a unit, that wrote to these accounts (at most 128)."""
        fees = await self._read("getRecentPrioritizationFees", [list(addresses)], _typed(list[_Fee]))
        return [fee.fee for fee in fees]

    async def cluster_time_ms(self) -> Millis:
        """The Clock sysvar's time, which programs see; whole seconds."""
        clock = await self.account(str(CLOCK))
        if clock is None or len(clock.data) < _CLOCK_TIME.size:
            raise TransientError(
                f"The RPC endpoint {self.name} shows no Clock sysvar: use another endpoint if it lasts."
            )
        return Millis(_CLOCK_TIME.unpack_from(clock.data)[0] * 1000)

    def _config(self, commitment: Commitment | None = None, **more: Any) -> dict[str, Any]:
        config = {"commitment": commitment or self._settings.commitment, **more}
        return {key: value for key, value in config.items() if value is not None}

    async def _read(self, method: str, params: Sequence[Any], decode: Decode[T]) -> T:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_after_attempt(self._settings.read_attempts),
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )
        return await retrying(self._ask_each, method, params, decode)

    async def _ask_each(self, method: str, params: Sequence[Any], decode: Decode[T]) -> T:
        errors: list[RelayerError] = []
        for endpoint in sorted(self._endpoints, key=Endpoint.rests):
            try:
                return await endpoint.call(method, params, decode, timeout_s=self._settings.request_timeout_s)
            except (TransientError, PermanentError) as error:
                errors.append(error)
        raise _gravest(errors)


def _gravest(errors: Sequence[RelayerError]) -> RelayerError:
    """Of all endpoints' errors the one that leaves hope."""
    return next((error for error in errors if isinstance(error, TransientError)), errors[0])


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds before the next round: what the endpoint asked for, else exponential with jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TransientError) else None
    return _BACKOFF(state) if asked is None else min(asked, _LONGEST_WAIT_S)


async def _taken(endpoint: Endpoint, params: Sequence[Any], wait_s: float) -> RelayerError | None:
    try:
        await endpoint.call("sendTransaction", params, _typed(str), timeout_s=wait_s)
    except RpcRefusal as refusal:
        return None if _already_processed(refusal) else refusal
    except (TransientError, PermanentError) as error:
        return error
    return None


def _already_processed(refusal: RpcRefusal) -> bool:
    """It landed before, well or badly: a matter for the statuses. Some nodes tell only in words."""
    err = refusal.data.get("err") if isinstance(refusal.data, dict) else None
    return err == "AlreadyProcessed" or "already been processed" in str(refusal)


def _parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _decoded_blockhash(raw: msgspec.Raw) -> Blockhash:
    found = msgspec.json.decode(raw, type=_Wrapped[_Blockhash])
    try:
        value = Hash.from_string(found.value.blockhash)
    except ParseHashError as error:
        raise ValueError(f"blockhash {found.value.blockhash!r}") from error
    return Blockhash(value, BlockHeight(found.value.last_valid), Slot(found.context.slot))


def _typed(kind: type[T]) -> Decode[T]:
    decoder = msgspec.json.Decoder(kind)
    return decoder.decode


def _list_of(length: int, kind: type[T]) -> Decode[_Wrapped[list[T | None]]]:
    """Decodes a wrapped list that must be as long as what was asked for."""
    decode = _typed(_Wrapped[list[kind | None]])  # type: ignore[valid-type]

    def checked(raw: msgspec.Raw) -> _Wrapped[list[T | None]]:
        found = decode(raw)
        if len(found.value) != length:
            raise ValueError(f"{len(found.value)} entries for {length}")
        return found

    return checked
