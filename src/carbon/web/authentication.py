"""Who sends a request: a session's token, in a header or a cookie, or a signature with an API key.

Most requests ask no database who is asking: what was looked up is believed for some seconds. Of a
signed request the header is checked first, the body as it arrives.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send

from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.services.accounts.keys import SignedRequest

_Connection = ASGIConnection[Any, Any, Any, Any]
_Nonce = tuple[str, str]
#: Names of the cookie: the first one only a page of this very host, over TLS, can set.
COOKIES: Final = {"https": "__Host-carbon", "http": "carbon"}
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SIGNED: Final = re.compile(
    "HMAC-SHA256 key=([a-z0-9][a-z0-9-]{0,63}),ts=([0-9]{1,12}),nonce=([0-9a-f]{16,64}),"
    "digest=([0-9a-f]{64}),sig=([0-9a-f]{64})"
)
#: Nonces noted at once, and those that wait at most.
_AT_ONCE, _WAITING = 500, 5_000
#: Keys of a request's state: what authentication refused, the digest of a signed body, the token.
_REFUSED, _DIGEST, _TOKEN = "refused", "signed_digest", "session_token"


class Nonces:
    """Notes nonces of requests that arrive meanwhile together, in one transaction."""

    def __init__(self, admit: Callable[[Sequence[_Nonce]], set[_Nonce]]) -> None:
        self._admit = admit
        self._waiting: list[tuple[_Nonce, asyncio.Future[bool]]] = []
        self._task: asyncio.Task[None] | None = None

    async def is_new(self, nonce: _Nonce) -> bool:
        """Whether nobody sent it before. Raises ``access.busy``."""
        if len(self._waiting) >= _WAITING:
            raise CarbonError("access.busy")
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((nonce, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            # A client that has gone cancelled its future.
            try:
                new = await sync_to_thread(self._admit, [nonce for nonce, _ in batch])
            except CarbonError as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for nonce, future in batch:
                if not future.done():
                    future.set_result(_taken(new, nonce))


def _taken(new: set[_Nonce], nonce: _Nonce) -> bool:
    """Whether a nonce is among new ones; of several alike the first one has it."""
    found = nonce in new
    new.discard(nonce)
    return found


class Authenticator:
    """Finds out who sends a request; what the application asks first."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._nonces = Nonces(self._admit)

    async def __call__(self, connection: _Connection) -> Actor | None:
        """The actor, or nobody. Raises ``access.*`` for a proof that is wrong."""
        if connection.scope["type"] != ScopeType.HTTP:
            return None
        given = connection.headers.get("authorization", "")
        if given.startswith("HMAC-SHA256 "):
            return await self._signed(connection, given)
        if given.startswith("Bearer "):
            return await self._session(connection, given.removeprefix("Bearer "))
        cookie = cookie_of(connection)
        if cookie is None:
            return None
        if _method(connection) not in _SAFE:
            check_same_origin(connection)
        return await self._session(connection, cookie, is_cookie=True)

    def _admit(self, seen: Sequence[_Nonce]) -> set[_Nonce]:
        return self._system.accounts.admit(seen)

    async def _session(
        self, connection: _Connection, token: str, *, is_cookie: bool = False
    ) -> Actor | None:
        """Whose session it is. A browser keeps sending a cookie whose session has ended: nobody."""
        accounts = self._system.accounts
        signed_in = accounts.recall(token) or await sync_to_thread(accounts.resume, token)
        if signed_in is None:
            if is_cookie:
                return None
            raise CarbonError("access.session")
        _state(connection.scope)[_TOKEN] = token
        return accounts.actor(signed_in)

    async def _signed(self, connection: _Connection, given: str) -> Actor:
        asked, accounts = _asked(connection, given), self._system.accounts
        key = accounts.recent_keys.get(asked.key)
        key = key or await sync_to_thread(accounts.signing_key, asked.key)
        try:
            actor = accounts.check_request(key, asked)
        except CarbonError:
            if key is not None:
                await sync_to_thread(accounts.note_refused, key)
            raise
        if not await self._nonces.is_new((asked.key, asked.nonce)):
            raise CarbonError("access.replayed")
        _state(connection.scope)[_DIGEST] = asked.digest
        return actor


def _method(connection: _Connection) -> str:
    method: str = connection.scope["method"]  # type: ignore[typeddict-item]  # of HTTP only
    return method


def _state(scope: Any) -> dict[str, Any]:
    state: dict[str, Any] = scope.setdefault("state", {})
    return state


def _asked(connection: _Connection, given: str) -> SignedRequest:
    """What a header says. Raises ``access.signature``."""
    found = _SIGNED.fullmatch(given)
    if found is None:
        raise CarbonError("access.signature", reason="header")
    key, timestamp, nonce, digest, signature = found.groups()
    scope = connection.scope
    # As it was sent; some servers leave the query in it.
    path, query = scope["raw_path"].partition(b"?")[0], scope["query_string"]
    target = (path + b"?" + query if query else path).decode("latin-1")
    return SignedRequest(key, timestamp, nonce, signature, _method(connection), target, digest)


def cookie_of(connection: _Connection) -> str | None:
    """The token a browser sends."""
    return connection.cookies.get(COOKIES[connection.scope["scheme"]])


def token_of(connection: _Connection) -> str:
    """The token of a request's session. Raises ``access.session`` where it has none."""
    token: str | None = _state(connection.scope).get(_TOKEN)
    if token is None:
        raise CarbonError("access.session")
    return token


def check_same_origin(connection: _Connection) -> None:
    """Raise ``access.origin`` unless a browser says that a page of ours sent the request.

    Browsers say so in one header or the other; what sends neither has no use for a cookie.
    """
    site, origin = (connection.headers.get(n) for n in ("sec-fetch-site", "origin"))
    own = f"{connection.scope['scheme']}://{connection.headers.get('host', '')}"
    told = [says == ours for says, ours in ((site, "same-origin"), (origin, own)) if says]
    if not told or not all(told):
        raise CarbonError("access.origin")


class Proven:
    """Middleware after the limits of rates: refuses what authentication refused, and a body that
    is not the one that was signed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is proven."""
        state = _state(scope)
        if _REFUSED in state:
            raise state.pop(_REFUSED)
        if _DIGEST in state:
            receive = _checked(receive, state.pop(_DIGEST))
        await self.app(scope, receive, send)


def note_refused(scope: Scope, error: CarbonError) -> None:
    """Keep why authentication failed until the request was counted against its address."""
    _state(scope)[_REFUSED] = error


def _checked(receive: Receive, digest: str) -> Receive:
    """The same body, which breaks at its end if it has another digest."""
    seen = sha256()

    async def received() -> HTTPReceiveMessage:
        message = await receive()
        if message["type"] == "http.request":
            seen.update(message["body"])
            if not message["more_body"] and seen.hexdigest() != digest:
                raise CarbonError("access.signature", reason="body")
        return message  # type: ignore[return-value]  # of HTTP only

    return received
