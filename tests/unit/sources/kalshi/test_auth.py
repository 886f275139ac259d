"""Signatures that Kalshi's own rule verifies, and key files that are none."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from relayer.domain.errors import UsageError
from relayer.sources.kalshi.auth import load_signer

PATH = "/trade-api/v2/account/limits"
SIGNED_TEXT = b"1790000000123GET/trade-api/v2/account/limits"


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_rsa_keys_of_both_forms_sign_with_pss(tmp_path: Path, rsa_key: rsa.RSAPrivateKey, form: PrivateFormat) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(rsa_key.private_bytes(Encoding.PEM, form, NoEncryption()))
    headers = load_signer("id-1", file).headers("get", PATH, wall_ms=1_790_000_000_123.9)
    assert headers["KALSHI-ACCESS-KEY"] == "id-1"
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == "1790000000123"
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"], validate=True)
    rsa_key.public_key().verify(signature, SIGNED_TEXT, pss, hashes.SHA256())


def test_ed25519_keys_sign_plainly(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    headers = load_signer("id-2", file).headers("GET", PATH, wall_ms=1_790_000_000_123)
    key.public_key().verify(base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"]), SIGNED_TEXT)


def test_a_signer_does_not_show_its_key(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert repr(load_signer("id-3", file)) == "KalshiSigner(id-3)"


def test_a_key_file_open_to_others_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "key.pem"
    key = ed25519.Ed25519PrivateKey.generate()
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    file.chmod(0o600)
    load_signer("id", file)
    assert not caplog.messages
    file.chmod(0o640)
    load_signer("id", file)
    assert caplog.messages == [f"Kalshi's key file {file} is open to other users: run `chmod 600` on it"]


def _refused(file: Path) -> str:
    with pytest.raises(UsageError) as caught:
        load_signer("id", file)
    text = str(caught.value)
    assert str(file) in text
    return text


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    text = _refused(tmp_path / "none.pem")
    assert "cannot be read (No such file or directory): point kalshi.key_file at" in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no private key: point kalshi.key_file"),
        (b"[1,2,3]", "holds no private key but looks like a Solana keypair: point"),
        (b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "holds no private key: point"),
    ],
)
def test_what_is_no_key_is_refused_with_the_remedy(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(content)
    assert says in _refused(file)


def test_a_public_key_is_recognised(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert "holds no private key but a public one" in _refused(file)


def test_a_key_with_a_password_is_refused(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")))
    assert "is protected by a password" in _refused(file)


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "holds a key that is neither RSA nor Ed25519" in _refused(file)
