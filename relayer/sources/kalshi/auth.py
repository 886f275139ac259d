"""Signs Kalshi requests and WebSocket handshakes (docs.kalshi.com/getting_started/api_keys).

Signed text: timestamp in milliseconds, upper-case method, path without host and query. RSA keys sign with PSS
(SHA-256, salt of 32 bytes), Ed25519 keys plainly.
"""

from __future__ import annotations

import base64
import logging
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from relayer.domain.errors import UsageError

log = logging.getLogger(__name__)

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
_REMEDY = "point kalshi.key_file at the private key file (PEM, RSA or Ed25519) that Kalshi gave out with the key id"


class KalshiSigner:
    """One API key."""

    __slots__ = ("_key", "key_id")

    def __init__(self, key_id: str, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
        self.key_id = key_id
        self._key = key

    def headers(self, method: str, path: str, *, wall_ms: float) -> dict[str, str]:
        """The three access headers; `path` starts at the host's root and ends before the query."""
        timestamp = str(int(wall_ms))
        signature = self._sign(f"{timestamp}{method.upper()}{path}".encode())
        return {
            "KALSHI-ACCESS-KEY": self.key_id,
            "KALSHI-ACCESS-TIMESTAMP": timestamp,
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
        }

    def _sign(self, text: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(text, _PSS, hashes.SHA256())
        return self._key.sign(text)

    def __repr__(self) -> str:
        return f"KalshiSigner({self.key_id})"


def load_signer(key_id: str, key_file: Path) -> KalshiSigner:
    """Read a PEM file, PKCS#1 or PKCS#8. Raises UsageError naming the file, what is wrong and the remedy.

    A file that others may read is only warned about.
    """
    try:
        content = key_file.read_bytes()
        mode = key_file.stat().st_mode
    except OSError as error:
        raise UsageError(f"Kalshi key file {key_file} cannot be read ({error.strerror}): {_REMEDY}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("Kalshi's key file %s is open to other users: run `chmod 600` on it", key_file)
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError:
        raise UsageError(
            f"Kalshi key file {key_file} is protected by a password, which is not supported: "
            f"write it without one (`openssl pkcs8 -topk8 -nocrypt`) where only this user can read it."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"Kalshi key file {key_file} holds no private key{_hint(content)}: {_REMEDY}.") from None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise UsageError(f"Kalshi key file {key_file} holds a key that is neither RSA nor Ed25519: {_REMEDY}.")
    return KalshiSigner(key_id, key)


def _hint(content: bytes) -> str:
    if b"PUBLIC KEY" in content:
        return " but a public one"
    if content.lstrip().startswith(b"["):
        return " but looks like a Solana keypair"
    return ""
