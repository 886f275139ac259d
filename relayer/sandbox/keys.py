"""Public keys of the sandbox's accounts: read from PEM files, or made for the occasion."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)

from relayer.domain.errors import UsageError
from relayer.sandbox.auth import PublicKey


def read_public_key(file: Path) -> PublicKey:
    """The RSA or Ed25519 key of a PEM file. Raises UsageError for anything else."""
    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise UsageError(f"Public key {file} cannot be read ({error.strerror}): check the path.") from error
    except ValueError as error:
        raise UsageError(
            f"{file} holds no public key in PEM: make one with `openssl pkey -in KEY -pubout -out {file}`."
        ) from error
    if not isinstance(key, rsa.RSAPublicKey | Ed25519PublicKey):
        raise UsageError(f"The key in {file} is neither RSA nor Ed25519, and Kalshi knows no others.")
    return key


def make_key_pair(directory: Path) -> tuple[str, Path, PublicKey]:
    """A new RSA pair: key id, file of the private half (readable by its owner alone), public half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = directory / "sandbox-key.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(pem)
    except OSError as error:
        raise UsageError(f"No key can be written to {file} ({error.strerror}): choose another --key-dir.") from error
    return str(uuid.uuid4()), file, key.public_key()
