"""Kalshi's request signatures, verified for real: the refusals are the recorded ones.

The signed text is the timestamp, the method and the path without its query (Kalshi's page "API keys"); the same for
REST and for the WebSocket handshake. Wall time counts, whatever clock the replay runs on.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from relayer.domain.clock import wall_ms

PublicKey = RSAPublicKey | Ed25519PublicKey

KEY_HEADER, TIME_HEADER, SIGNATURE_HEADER = (f"KALSHI-ACCESS-{name}" for name in ("KEY", "TIMESTAMP", "SIGNATURE"))
SKEW_MS = 30_000
"""Accepted clock difference; measured on the demo exchange: 10 s passed, 60 s did not."""
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)

Refusal = dict[str, str]
"""The `error` object of a 401 answer."""


class Signatures:
    """Checks requests against the public keys of the accounts, by key id."""

    def __init__(self, keys: Mapping[str, PublicKey], *, wall: Callable[[], float] = wall_ms) -> None:
        self._keys = keys
        self._wall = wall

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> Refusal | None:
        """Why the request is not let in; None if it is."""
        key = self._keys.get(headers.get(KEY_HEADER, ""))
        if key is None:
            return _denied("NOT_FOUND")
        moment = headers.get(TIME_HEADER, "")
        if not moment.isdecimal() or abs(self._wall() - int(moment)) > SKEW_MS:
            return {"code": "header_timestamp_expired", "message": "header timestamp expired"}
        if not _verifies(key, f"{moment}{method}{path}".encode(), headers.get(SIGNATURE_HEADER, "")):
            return _denied("INCORRECT_API_KEY_SIGNATURE")
        return None


def _denied(details: str) -> Refusal:
    return {"code": "authentication_error", "message": "authentication_error", "details": details}


def _verifies(key: PublicKey, text: bytes, signature: str) -> bool:
    try:
        packed = base64.b64decode(signature, validate=True)
        if isinstance(key, RSAPublicKey):
            key.verify(packed, text, _PSS, hashes.SHA256())
        else:
            key.verify(packed, text)
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
