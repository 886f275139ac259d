"""Keys of one role each: read from Solana keypair files, never shown. Remote signers would stand beside `Signer`."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from relayer.domain.errors import UsageError

_log = logging.getLogger(__name__)


class Signer:
    """One Ed25519 key. `pubkey` is cached, since solders derives it anew on every call; OpenSSL signs faster too."""

    __slots__ = ("_key", "address", "pubkey")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.pubkey = Pubkey(self._key.public_key().public_bytes_raw())
        self.address = str(self.pubkey)

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of the message bytes (of a versioned message: with its version byte)."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    def __reduce__(self) -> str:
        raise TypeError("a Signer is never pickled: it holds a key")


def load_keypair(path: Path, *, role: str) -> Signer:
    """Read a Solana keypair file: a JSON list of 64 numbers, the seed and then the public key.

    Raises UsageError naming the role, the file and the remedy. A file that others may read is only warned about.
    """
    try:
        text = path.read_text()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise UsageError(
            f"The {role} key file {path} does not exist: set keys.{role} to a Solana keypair file, "
            f"or make one with `solana-keygen new -o {path}`."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The {role} key file {path} cannot be read ({_why(error)}): check its permissions.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        _log.warning("the %s key file %s is open to other users: run `chmod 600` on it", role, path)
    return _parsed(text, f"The {role} key file {path}")


def _why(error: Exception) -> str:
    return error.strerror or "I/O error" if isinstance(error, OSError) else "not a text file"


def _parsed(text: str, what: str) -> Signer:
    # No exception is chained here: json and bytes() quote their input, which is the key.
    try:
        numbers = json.loads(text)
    except ValueError:
        raise UsageError(f"{what} is not JSON: it must be a list of 64 numbers as solana-keygen writes it.") from None
    if not isinstance(numbers, list) or not all(type(n) is int and 0 <= n <= 255 for n in numbers):
        raise UsageError(f"{what} is not a list of numbers from 0 to 255: use a file written by solana-keygen.")
    if len(numbers) != 64:
        raise UsageError(f"{what} holds {len(numbers)} numbers and not 64: use a file written by solana-keygen.")
    signer = Signer(bytes(numbers[:32]))
    if bytes(signer.pubkey) != bytes(numbers[32:]):
        raise UsageError(f"{what} is damaged: its public half does not belong to its secret half. Restore it.")
    return signer


def write_keypair(path: Path) -> Signer:
    """Make a new key and write it, readable by its owner alone. Never overwrites: UsageError if the file exists."""
    keypair = Keypair()
    with _new_file(path) as descriptor:
        os.write(descriptor, keypair.to_json().encode())
    return Signer(keypair.secret())


@contextmanager
def _new_file(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"The key file {path} exists and is not overwritten: choose another name.") from None
    except OSError as error:
        raise UsageError(f"The key file {path} cannot be written ({error.strerror}): choose another folder.") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)
