"""The secrets outside the database: pseudonyms, keys of persons, salts and seals.

One file of 64 random bytes, backed up apart from the database. The first half makes keyed hashes
(who is the same, without saying who); the second, with a person's own nonce from the database,
makes that person's key. Destroying the nonce destroys the key: seals and salts made with it are
gone, and what was published stays valid. Algorithms: HMAC-SHA-256 (RFC 2104), HKDF-Expand
(RFC 5869), AES-256-GCM.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from carbon.domain.errors import CarbonError

SECRET_BYTES, KEY_BYTES, NONCE_BYTES, PSEUDONYM_BYTES = 64, 32, 16, 16
_GCM_NONCE_BYTES = 12

Digest = Callable[[bytes], bytes]


def digest_of(algorithm: str) -> Digest:
    """The hash function of an algorithm id, ``sha256`` or ``sm3``. Raises ``digest.unknown``."""
    if algorithm not in ("sha256", "sm3") or algorithm not in hashlib.algorithms_available:
        raise CarbonError("digest.unknown", name=algorithm)
    return lambda value: hashlib.new(algorithm, value).digest()


def write_secret(path: Path, content: bytes) -> None:
    """Write a key file that only its owner can read; never over an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


class Vault:
    """Keyed functions of one secret. Raises ``key.missing``, ``key.invalid``."""

    def __init__(self, path: Path) -> None:
        try:
            secret = bytes.fromhex(path.read_text("ascii"))
        except FileNotFoundError as error:
            raise CarbonError("key.missing", path=path) from error
        except ValueError as error:
            raise CarbonError("key.invalid", path=path) from error
        if len(secret) != SECRET_BYTES:
            raise CarbonError("key.invalid", path=path)
        self._pepper, self._master = secret[:KEY_BYTES], secret[KEY_BYTES:]

    @classmethod
    def create(cls, path: Path) -> Vault:
        """A new secret in a new file. Raises ``FileExistsError`` rather than replacing one."""
        write_secret(path, os.urandom(SECRET_BYTES).hex().encode())
        return cls(path)

    @property
    def fingerprint(self) -> str:
        """Tells whether a database belongs to this secret, without telling the secret."""
        return self.pseudonym("fingerprint", b"")

    def pseudonym(self, purpose: str, value: bytes) -> str:
        """A keyed hash of a value for one purpose, 32 hexadecimal digits."""
        return self.pseudonyms(purpose)(value).hex()

    def pseudonyms(self, purpose: str) -> Digest:
        """The keyed hash of one purpose: bytes in, 16 bytes out."""
        key = hmac.digest(self._pepper, purpose.encode(), "sha256")
        return lambda value: hmac.digest(key, value, "sha256")[:PSEUDONYM_BYTES]

    def person_key(self, nonce: bytes) -> bytes:
        """The key of the person with this nonce."""
        return hmac.digest(self._master, nonce, "sha256")


def salt(person_key: bytes, fact_id: bytes, field: str) -> bytes:
    """HKDF-Expand of a person's key to the salt of one field of one fact; one block."""
    return hmac.digest(person_key, fact_id + field.encode() + b"\x01", "sha256")


def sealed(person_key: bytes, fact_id: bytes, value: bytes) -> bytes:
    """A value encrypted for its owner, bound to the fact it belongs to."""
    nonce = os.urandom(_GCM_NONCE_BYTES)
    return nonce + AESGCM(person_key).encrypt(nonce, value, fact_id)


def unsealed(person_key: bytes, fact_id: bytes, value: bytes) -> bytes:
    """The value of a seal. Raises ``key.wrong``."""
    try:
        return AESGCM(person_key).decrypt(
            value[:_GCM_NONCE_BYTES], value[_GCM_NONCE_BYTES:], fact_id
        )
    except InvalidTag as error:
        raise CarbonError("key.wrong", what=fact_id.hex()) from error
