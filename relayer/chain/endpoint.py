"""One JSON-RPC endpoint: a request out, a typed result or one of our two errors back. Failing over is `rpc.py`'s.

solana-py is not used: it loses error codes, answers unknown ones with a bare int and panics on others.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import aiohttp
import msgspec

from relayer.chain.settings import endpoint_name
from relayer.domain.errors import PermanentError, TransientError

T = TypeVar("T")
Decode = Callable[[msgspec.Raw], T]

# JSON-RPC codes that say our request itself is wrong; every other code, known or not, may do elsewhere or later.
_OUR_FAULT = {-32600, -32601, -32602, -32700, -32002, -32003, -32006, -32013, -32015}
_RATE_LIMITS = {429, -32429}
_REST_S = 5.0
_HEADERS = {"Content-Type": "application/json"}


class _ErrorBody(msgspec.Struct):
    code: int
    message: str = ""
    data: Any = None


class _Reply(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _ErrorBody | None = None


class RpcRefusal(PermanentError):
    """The node calls the request itself wrong. `code` is JSON-RPC's; `data` for -32002 the simulation's value."""

    def __init__(self, message: str, *, code: int, data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class Endpoint:
    """Speaks to one URL. `name` is all that may be printed of it."""

    def __init__(
        self, url: str, *, session: aiohttp.ClientSession, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = endpoint_name(url)
        self._url = url
        self._session = session
        self._monotonic = monotonic
        self._ids = itertools.count(1)
        self._decoder = msgspec.json.Decoder(_Reply)
        self._rests_until = 0.0

    def rests(self) -> bool:
        """Whether it failed within the last seconds, so that others are asked first."""
        return self._monotonic() < self._rests_until

    async def call(self, method: str, params: Sequence[Any], decode: Decode[T], *, timeout_s: float) -> T:
        """The decoded result. Raises TransientError or PermanentError (RpcRefusal for JSON-RPC errors)."""
        try:
            return decode(await self._result(method, params, timeout_s))
        except TransientError as error:
            self._rests_until = self._monotonic() + (error.retry_after or _REST_S)
            raise
        except (msgspec.DecodeError, ValueError, LookupError, RecursionError) as error:
            raise TransientError(
                f"The RPC endpoint {self.name} answered {method} with something else than documented ({error}): "
                "use another endpoint if it lasts."
            ) from error

    async def _result(self, method: str, params: Sequence[Any], timeout_s: float) -> msgspec.Raw:
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        status, retry_after, body = await self._post(method, msgspec.json.encode(request), timeout_s)
        if status == 429 or status >= 500 or status in (408, 413):
            raise TransientError(
                f"The RPC endpoint {self.name} answered {method} with HTTP {status}.", retry_after=retry_after
            )
        reply = self._parse(method, status, body)
        if reply.error is not None:
            raise self._refusal(method, reply.error, retry_after)
        if status != 200:
            raise self._http_refusal(method, status)
        return reply.result

    async def _post(self, method: str, body: bytes, timeout_s: float) -> tuple[int, float | None, bytes]:
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.post(self._url, data=body, headers=_HEADERS, timeout=timeout) as answer:
                return answer.status, _seconds(answer.headers.get("Retry-After")), await answer.read()
        except TimeoutError as error:
            raise TransientError(
                f"The RPC endpoint {self.name} did not answer {method} within {timeout_s:g} s."
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransientError(
                f"The RPC endpoint {self.name} cannot be reached ({type(error).__name__}): "
                "check cluster.rpc_urls and the network."
            ) from error

    def _parse(self, method: str, status: int, body: bytes) -> _Reply:
        try:
            return self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if status != 200:
                raise self._http_refusal(method, status) from error
            raise TransientError(
                f"The RPC endpoint {self.name} answered {method} with something that is not JSON-RPC: "
                "check that cluster.rpc_urls names a Solana node and not a web page or proxy."
            ) from error

    def _http_refusal(self, method: str, status: int) -> PermanentError:
        remedy = "check the access key in" if status in (401, 403) else "check"
        return PermanentError(
            f"The RPC endpoint {self.name} refused {method} with HTTP {status}: {remedy} cluster.rpc_urls."
        )

    def _refusal(self, method: str, error: _ErrorBody, retry_after: float | None) -> PermanentError | TransientError:
        said = f"The RPC endpoint {self.name} refused {method}: {error.message[:300]} (code {error.code})."
        if error.code in _OUR_FAULT:
            return RpcRefusal(said, code=error.code, data=error.data)
        return TransientError(said, retry_after=retry_after if error.code in _RATE_LIMITS else None)


def _seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header; its date form is rare and not worth a clock."""
    try:
        return max(float(retry_after), 0.0) if retry_after else None
    except ValueError:
        return None
