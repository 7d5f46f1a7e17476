"""What is seen of every request: a reference, its time, a count, in which role it was made and why
it was refused; never who, what or with what.

Paths may hold identifiers, so log and metrics name the route's template.
"""

from __future__ import annotations

import logging
import time
from secrets import token_hex
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

_log = logging.getLogger("carbon.access")

#: Key of a request's state: the code it was refused with.
REFUSAL: Final = "refusal"

REQUESTS: Final = Counter(
    "carbon_requests", "Requests by route and status.", ("method", "route", "status")
)
SECONDS: Final = Histogram(
    "carbon_request_seconds",
    "Seconds from request to the end of the answer, by route.",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1, 3, 10),
)
#: The policy of documents that carry their styles and pictures in themselves, and no script.
SELF_CONTAINED: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'none'"
)
#: Headers of every answer (TRUST S13). Nothing loads from elsewhere, nobody frames us, and no
#: address of ours is told to others.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(self), serial=(self)",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}


_ADDED: Final = [
    (name.lower().encode(), value.encode())
    for name, value in {**HEADERS, "Cache-Control": "no-store"}.items()
]


class Observe:
    """Outermost middleware: reference, headers, metrics, one line of log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note what came of it."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        reference, start, told = token_hex(8), time.perf_counter(), {"status": 500}
        scope.setdefault("state", {})["request_id"] = reference

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                own = {name.lower() for name, _ in message["headers"]}
                added = [pair for pair in _ADDED if pair[0] not in own]
                named = (b"x-request-id", reference.encode())
                message["headers"] = [*message["headers"], *added, named]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            _note(scope, reference, told["status"], time.perf_counter() - start)


def _note(scope: Any, reference: str, status: int, seconds: float) -> None:
    route, method = scope.get("path_template") or "—", scope["method"]
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(method, route).observe(seconds)
    fields = {
        "request": reference,
        "method": method,
        "route": route,
        "status": status,
        "ms": round(seconds * 1000, 1),
    }
    if actor := scope.get("user"):
        fields["role"] = actor.role
    if code := scope["state"].get(REFUSAL):
        fields["code"] = code
    _log.info("request", extra={"fields": fields})
