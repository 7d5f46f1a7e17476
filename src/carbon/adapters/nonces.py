"""Nonces on their owner's machine: secret until they are revealed."""

from __future__ import annotations

import os
from pathlib import Path

from carbon.adapters.vault import write_secret
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.sampling import NONCE_BYTES


def kept_nonce(path: Path) -> bytes:
    """A nonce from its file, which is made where there is none."""
    if not path.exists():
        write_secret(path, os.urandom(NONCE_BYTES).hex().encode())
    return read_nonce(path)


def read_nonce(path: Path) -> bytes:
    """A nonce from its file. Raises ``key.missing``, ``key.invalid``."""
    try:
        return bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError as error:
        raise CarbonError("key.missing", path=path) from error
    except ValueError as error:
        raise CarbonError("key.invalid", path=path) from error
