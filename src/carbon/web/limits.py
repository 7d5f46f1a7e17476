"""Rate limits by account and by address: a bucket each, kept in this process.

With several processes each has buckets of its own; a limit is then as many times as high.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import TooManyRequestsException
from litestar.types import ASGIApp, Receive, Scope, Send

from carbon.domain.roles import Actor, Role

#: Requests per second in the long run, and at once. A station replays an outbox of 72 hours.
RATES: Final[dict[str, tuple[float, float]]] = {
    "address": (20.0, 100.0),
    "account": (20.0, 200.0),
    Role.STATION: (200.0, 2_000.0),
    Role.ENTERPRISE: (100.0, 1_000.0),
}
#: Buckets that are kept; the one unused longest goes first, and a full one is not missed.
_MAX_BUCKETS: Final = 100_000
#: Paths that anyone may fetch as often as they like: immutable files.
_FREE: Final = ("/assets/", "/log/", "/health/")


class Buckets:
    """How much each key may still ask for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, key: str, rate: float, most: float) -> float:
        """Take one from a bucket; seconds to wait where it is empty, 0 where it was not."""
        now = self._clock()
        level, at = self._levels.pop(key, (most, now))
        level = min(most, level + (now - at) * rate)
        taken = level >= 1
        self._levels[key] = (level - 1 if taken else level, now)
        if len(self._levels) > _MAX_BUCKETS:
            self._levels.popitem(last=False)
        return 0.0 if taken else (1 - level) / rate


class RateLimit:
    """Middleware after authentication: an account counts as itself, all else by its address."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self.app, self._buckets = app, buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or raise."""
        if scope["type"] == ScopeType.HTTP and not scope["path"].startswith(_FREE):
            key, rate, most = _bucket(ASGIConnection(scope))
            seconds = self._buckets.wait(key, rate, most)
            if seconds:
                raise TooManyRequestsException(headers={"Retry-After": str(math.ceil(seconds))})
        await self.app(scope, receive, send)


def _bucket(connection: ASGIConnection[Any, Any, Any, Any]) -> tuple[str, float, float]:
    actor: Actor | None = connection.scope.get("user")
    if actor is None:
        host = connection.client.host if connection.client else ""
        return f"address {host}", *RATES["address"]
    return f"account {actor.id}", *RATES.get(actor.role, RATES["account"])
