"""The secrets outside the database: pseudonyms, keys of persons, salts and seals.

One file of 64 random bytes, backed up apart from the database. The first half makes keyed hashes
(who is the same, without saying who); the second, with a person's own nonce from the database,
makes that person's key. Destroying the nonce destroys the key: seals and salts made with it are
gone, and what was published stays valid. Algorithms: keyed BLAKE2b (RFC 7693) for hashes, keys and
salts, AES-256-GCM for seals (ADR 7).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from carbon.adapters.disk import sync_folder
from carbon.domain.errors import CarbonError

SECRET_BYTES, KEY_BYTES, NONCE_BYTES, PSEUDONYM_BYTES = 64, 32, 16, 16
_GCM_NONCE_BYTES = 12


def digest_of(algorithm: str) -> Callable[[bytes], Any]:
    """What makes a hash of an algorithm id, ``sha256`` or ``sm3``. Raises ``digest.unknown``."""
    if algorithm == "sha256":
        return hashlib.sha256
    if algorithm != "sm3" or algorithm not in hashlib.algorithms_available:
        raise CarbonError("digest.unknown", name=algorithm)
    return partial(hashlib.new, algorithm)


def write_secret(path: Path, content: bytes) -> None:
    """Write a key file that only its owner can read; never over an existing one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        path.unlink()  # a part of a key would be taken for a damaged one
        raise
    sync_folder(path.parent)


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
        return self.pseudonym("fingerprint", b"store")

    def pseudonym(self, purpose: str, value: bytes) -> str:
        """A keyed hash of a value for one purpose, 32 hexadecimal digits."""
        return self.pseudonyms(purpose, [value])[0]

    def pseudonyms(self, purpose: str, values: Sequence[bytes]) -> list[str]:
        """Keyed hashes of many values for one purpose; an empty value has an empty one."""
        new, key, person = hashlib.blake2b, self._pepper, purpose.encode()
        return [
            new(v, digest_size=PSEUDONYM_BYTES, key=key, person=person).hexdigest() if v else ""
            for v in values
        ]

    def person_key(self, nonce: bytes) -> bytes:
        """The key of the person with this nonce."""
        return hashlib.blake2b(nonce, digest_size=KEY_BYTES, key=self._master).digest()


def salts(person_keys: Sequence[bytes], fact_ids: Sequence[bytes], field: str) -> list[bytes]:
    """The salt of one field of each fact, from its person's key; empty without a key."""
    new, person = hashlib.blake2b, field.encode()
    return [
        new(i, digest_size=KEY_BYTES, key=k, person=person).digest() if k else b""
        for k, i in zip(person_keys, fact_ids, strict=True)
    ]


def seals(
    person_keys: Sequence[bytes], fact_ids: Sequence[bytes], values: Sequence[bytes]
) -> list[bytes]:
    """Values encrypted for their owners, each bound to the fact it belongs to."""
    size = _GCM_NONCE_BYTES
    chance = os.urandom(size * len(values))
    nonces = [chance[n : n + size] for n in range(0, len(chance), size)]
    return [
        nonce + AESGCM(key).encrypt(nonce, value, fact_id)
        for nonce, key, fact_id, value in zip(nonces, person_keys, fact_ids, values, strict=True)
    ]


def unsealed(person_key: bytes, fact_id: bytes, value: bytes) -> bytes:
    """The value of a seal. Raises ``key.wrong``."""
    nonce, rest = value[:_GCM_NONCE_BYTES], value[_GCM_NONCE_BYTES:]
    try:
        return AESGCM(person_key).decrypt(nonce, rest, fact_id)
    except InvalidTag as error:
        raise CarbonError("key.wrong", what=fact_id.hex()) from error
