"""A Solana node behind an aiohttp session that opens no socket: its state is what a test sets."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, cast

import aiohttp
from solders.hash import Hash
from solders.transaction import VersionedTransaction

FINALITY = 4
"""Blocks until a block is final here."""


class Down(Exception):
    """Raise it in a node's method to have HTTP 503 answered."""


@dataclass
class FakeNode:
    """`takes`: whether a sent transaction lands in the next block; `err`: what it then ends with."""

    height: int = 1_000
    takes: bool = True
    err: Any = None
    fee: int = 0
    units: int = 1_000
    sent: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    landed: dict[str, tuple[int, Any]] = field(default_factory=dict)
    hidden: bool = False
    """Statuses are answered with null, as by a lying node."""
    down: set[str] = field(default_factory=set)
    """Methods that are answered with HTTP 503."""
    answers: dict[str, Callable[[list[Any]], Any]] = field(default_factory=dict)
    """Results of further methods, or other ones."""
    simulated: dict[str, Any] = field(default_factory=dict)
    """Fields of the simulation's value other than the defaults."""

    def call(self, method: str, params: list[Any]) -> Any:
        self.asked.append(method)
        if method in self.down:
            raise Down
        if method in self.answers:
            return self.answers[method](params)
        return getattr(self, f"_{method}")(params)

    def _wrapped(self, value: Any) -> dict[str, Any]:
        return {"context": {"slot": self.height}, "value": value}

    def _getLatestBlockhash(self, params: list[Any]) -> Any:
        blockhash = Hash(self.height.to_bytes(32, "big"))
        return self._wrapped({"blockhash": str(blockhash), "lastValidBlockHeight": self.height + 150})

    def _getBlockHeight(self, params: list[Any]) -> int:
        return self.height - (FINALITY if params[0]["commitment"] == "finalized" else 0)

    def _simulateTransaction(self, params: list[Any]) -> Any:
        return self._wrapped({"err": None, "logs": [], "unitsConsumed": self.units, **self.simulated})

    def _getRecentPrioritizationFees(self, params: list[Any]) -> Any:
        return [{"slot": 1, "prioritizationFee": self.fee}]

    def _sendTransaction(self, params: list[Any]) -> str:
        wire = base64.b64decode(params[0])
        signature = str(VersionedTransaction.from_bytes(wire).signatures[0])
        self.sent.append(wire)
        if self.takes:
            self.landed.setdefault(signature, (self.height + 1, self.err))
        return signature

    def _getSignatureStatuses(self, params: list[Any]) -> Any:
        return self._wrapped([self._status(signature) for signature in params[0]])

    def _status(self, signature: str) -> Any:
        height, err = self.landed.get(signature, (self.height + 1, None))
        depth = self.height - height
        if depth < 0 or self.hidden:
            return None
        level = "finalized" if depth >= FINALITY else "confirmed" if depth >= 1 else "processed"
        return {"slot": height, "err": err, "confirmations": None, "confirmationStatus": level}


class FakeSession:
    """Routes each URL to its node."""

    def __init__(self, nodes: Mapping[str, FakeNode]) -> None:
        self._nodes = nodes

    def post(self, url: str, *, data: bytes, headers: Mapping[str, str], timeout: aiohttp.ClientTimeout) -> _Reply:
        request = json.loads(data)
        try:
            result = self._nodes[url].call(request["method"], request["params"])
        except Down:
            return _Reply(503, b"")
        return _Reply(200, json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode())


def session(nodes: Mapping[str, FakeNode]) -> aiohttp.ClientSession:
    return cast(aiohttp.ClientSession, FakeSession(nodes))


@dataclass
class _Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    async def read(self) -> bytes:
        return self.body

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


@dataclass
class FakeTime:
    """Wall time that passes only while somebody sleeps; `passing` is told of every sleep."""

    seconds: float = 0
    passing: Callable[[], None] = lambda: None

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.passing()

    def monotonic(self) -> float:
        return self.seconds
