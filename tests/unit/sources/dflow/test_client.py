"""What DFlow's refusals mean, and what to do about them."""

from __future__ import annotations

import pytest

from relayer.domain.errors import PermanentError, TransientError
from relayer.sources.dflow.client import UnknownError, refusal


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (429, TransientError, "DFlow cannot answer now (x): HTTP 429."),
        (503, TransientError, "DFlow cannot answer now (x): HTTP 503."),
        (401, PermanentError, "Check dflow.api_key or dflow.api_key_file, or set dflow.mode off."),
        (404, UnknownError, "DFlow knows no x, or its service is gone: check the spelling; set dflow.mode off if all"),
        (400, PermanentError, "DFlow refuses the request (x): HTTP 400. Check dflow.rest_url and dflow.ws_url."),
    ],
)
def test_refusals_say_what_to_do(status: int, kind: type[Exception], says: str) -> None:
    error = refusal(status, "x")
    assert type(error) is kind
    assert says in str(error)


@pytest.mark.parametrize(("header", "wait_s"), [("7", 7.0), ("", None), ("Tue, 24 Nov 2026 08:00:00 GMT", None)])
def test_a_wait_that_is_asked_for_is_kept(header: str, wait_s: float | None) -> None:
    error = refusal(429, "x", retry_after=header)
    assert isinstance(error, TransientError)
    assert error.retry_after == wait_s
