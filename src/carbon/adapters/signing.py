"""Ed25519 keys in files: the log's key, and checking anybody's signature."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from carbon.adapters.vault import write_secret
from carbon.domain.errors import CarbonError
from carbon.domain.log.note import ED25519, Key


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is that of a public key; the ``Verify`` of the log."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningKey:
    """A key in a file: its name on the first line, its 32-byte seed in hexadecimal on the second.

    Raises ``key.missing``, ``key.invalid``.
    """

    def __init__(self, path: Path) -> None:
        try:
            name, seed = path.read_text("utf-8").split()
            self._private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
            public = self._private.public_key().public_bytes_raw()
            self.key = Key(name, public, ED25519)
        except FileNotFoundError as error:
            raise CarbonError("key.missing", path=path) from error
        except ValueError as error:
            raise CarbonError("key.invalid", path=path) from error

    @classmethod
    def create(cls, path: Path, name: str) -> SigningKey:
        """A new key in a new file. Raises ``FileExistsError`` rather than replacing one."""
        seed = Ed25519PrivateKey.generate().private_bytes_raw().hex()
        write_secret(path, f"{name}\n{seed}\n".encode())
        return cls(path)

    def sign(self, message: bytes) -> bytes:
        """Sign a message."""
        return self._private.sign(message)
