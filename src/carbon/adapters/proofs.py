"""Passwords under Argon2id, and one-time passwords by time (RFC 6238)."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Container
from datetime import datetime
from functools import cached_property
from hmac import compare_digest
from importlib.resources import files
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from carbon.domain.errors import CarbonError

#: Hashes made at once: each takes 64 MiB and all of a core.
_AT_ONCE: Final = 2
#: Seconds that a hash waits for its turn.
_PATIENCE: Final = 10.0
_STEP_SECONDS, _SECRET_BYTES = 30, 20
#: Steps of time before and after this one that count as now.
_AROUND: Final = (0, -1, 1)
_ISSUER: Final = "碳普惠"
_COMMON: Final = "common_passwords.txt"


class Passwords:
    """Implements the port ``Proofs``."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    @cached_property
    def common(self) -> Container[str]:
        """The 3,000 most common passwords of known leaks that are long enough to be chosen."""
        return frozenset(files("carbon.adapters").joinpath(_COMMON).read_text("utf-8").split())

    @cached_property
    def _nobodys(self) -> str:
        """A hash of chance, for who has none."""
        return self._hasher.hash(secrets.token_bytes())

    def hash(self, password: str) -> str:
        """A slow hash with its salt and parameters. Raises ``access.busy``."""
        self._wait()
        try:
            return self._hasher.hash(password)
        finally:
            self._turns.release()

    def verify(self, hash_: str | None, password: str) -> bool:
        """Whether a password fits; takes as long where there is no hash. Raises ``access.busy``."""
        self._wait()
        try:
            return self._hasher.verify(hash_ or self._nobodys, password) and hash_ is not None
        except VerifyMismatchError:
            return False
        finally:
            self._turns.release()

    def _wait(self) -> None:
        if not self._turns.acquire(timeout=_PATIENCE):
            raise CarbonError("access.busy")

    def new_secret(self) -> bytes:
        """A secret of one-time passwords."""
        return secrets.token_bytes(_SECRET_BYTES)

    def step(self, secret: bytes, code: str, now: datetime) -> int | None:
        """The step of time a one-time password belongs to, if it is about now."""
        totp, current = _totp(secret), int(now.timestamp()) // _STEP_SECONDS
        for around in _AROUND:
            if compare_digest(totp.generate_otp(current + around).encode(), code.encode()):
                return current + around
        return None

    def text(self, secret: bytes) -> str:
        """The secret as a person types it."""
        return base64.b32encode(secret).decode()

    def uri(self, secret: bytes, account: str) -> str:
        """The secret as an authenticator reads it."""
        return _totp(secret).provisioning_uri(name=account, issuer_name=_ISSUER)


def _totp(secret: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(base64.b32encode(secret).decode(), interval=_STEP_SECONDS)
