"""Ed25519 for the log's tests, by the `cryptography` package."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from carbon.domain.log.note import ED25519, Key, Sign

ORIGIN = "log.example/hedong"
WITNESS = "witness.example/w1"


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def signer(name: str = ORIGIN, algorithm: int = ED25519, seed: int = 1) -> tuple[Key, Sign]:
    """A key pair that is the same in every run."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Key(name, private.public_key().public_bytes_raw(), algorithm), private.sign
