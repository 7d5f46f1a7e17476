"""Requests signed with an API key, as stations and systems send them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Generator
from datetime import datetime

import httpx

from carbon.domain.access import signed_text


class KeyAuth(httpx.Auth):
    """Signs each request with HMAC-SHA256: method, address, moment, a nonce, the body's digest.

    ``secret``: in hexadecimal, as it was told once; ``now``: the moment, within minutes of the
    service's.
    """

    requires_request_body = True

    def __init__(self, key: str, secret: str, now: Callable[[], datetime]) -> None:
        self._key, self._secret, self._now = key, bytes.fromhex(secret), now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header; each try has a nonce of its own."""
        digest = hashlib.sha256(request.content).hexdigest()
        stamp, nonce = str(int(self._now().timestamp())), secrets.token_hex(16)
        target = request.url.raw_path.decode("ascii")
        text = signed_text(request.method, target, stamp, nonce, digest)
        signature = hmac.new(self._secret, text, hashlib.sha256).hexdigest()
        request.headers["Authorization"] = (
            f"HMAC-SHA256 key={self._key},ts={stamp},nonce={nonce},digest={digest},sig={signature}"
        )
        yield request
