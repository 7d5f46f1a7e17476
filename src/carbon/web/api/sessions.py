"""Signing in and out, and one's own sessions, password and enrolment."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, Router, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from carbon.bootstrap.system import System
from carbon.domain.access import MAX_PASSWORD, SESSION_LIFE
from carbon.domain.roles import PUBLIC, Actor, check_step_up
from carbon.ports.accounts import Session
from carbon.services.accounts.access import SignedIn
from carbon.web.answers import moment
from carbon.web.authentication import COOKIES, check_same_origin, cookie_of, token_of
from carbon.web.guards import PERMISSION

Meta = msgspec.Meta
AccountId = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,63}$", examples=["wang-wei"])]
_Password = Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD)]
_Code = Annotated[str, Meta(pattern="^[0-9]{6}$", examples=["123456"])]
_Phone = Annotated[str, Meta(min_length=5, max_length=24, examples=["13800138000"])]
_Token = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", examples=["0f" * 16])]
_ClientId = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{8,64}$", examples=["code-2026-11-25"])]
_PUBLIC: Final = {PERMISSION: PUBLIC}
_SELF: Final = {PERMISSION: "account.self"}
#: A browser drops what it kept of us. An outbox of records stays: it names nobody (TRUST P7).
_FORGET: Final = {"Clear-Site-Data": '"cache"'}


class _Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """``cookie``: a browser asks, and gets the token where no script can read it."""

    cookie: bool = False


class ByPassword(_Proof, frozen=True, kw_only=True, tag="password"):
    """Staff, enterprises, stations: password and one-time password, each used once."""

    account: AccountId
    password: _Password
    code: _Code


class ByCode(_Proof, frozen=True, kw_only=True, tag="code"):
    """Residents: the code sent to their phone."""

    phone: _Phone
    code: _Code


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to send a code."""

    phone: _Phone


class Sent(msgspec.Struct, frozen=True):
    """A code is on its way."""

    expires_at: str


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fresh one-time password, or a fresh code by message."""

    code: _Code


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``token``: what the operator handed over."""

    account: AccountId
    token: _Token
    password: _Password


class Authenticator(msgspec.Struct, frozen=True):
    """What an authenticator is set up with; shown here only."""

    secret: str
    uri: str


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new password in the place of the old one."""

    old: _Password
    new: _Password


class Started(msgspec.Struct, frozen=True):
    """A session. ``token``: for ``Authorization: Bearer``; none where a cookie has it."""

    id: str
    account: str
    role: str
    organisation: str
    expires_at: str
    token: str | None


class Shown(msgspec.Struct, frozen=True):
    """One of one's own sessions."""

    id: str
    created_at: str
    seen_at: str
    expires_at: str
    stepped_up_at: str | None
    current: bool


class Who(msgspec.Struct, frozen=True):
    """Who is asking."""

    account: str
    role: str
    organisation: str
    stepped_up: bool


class Sessions(msgspec.Struct, frozen=True):
    """One's own sessions; there are never many."""

    items: list[Shown]


def address_of(request: Request[Any, Any, Any]) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


@put("/codes/{code:str}", opt=_PUBLIC, status_code=202, sync_to_thread=True)
def send_code(
    code: FromPath[_ClientId],
    data: JSONBody[Asked],
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
) -> Sent:
    """Send a code to a phone, once per id; the answer is the same whether the number is known."""
    until = system.accounts.send_code(code, data.phone, address_of(request))
    return Sent(moment(until))


@post("/sessions", opt=_PUBLIC, status_code=201, sync_to_thread=True)
def sign_in(
    data: JSONBody[ByPassword | ByCode],
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
) -> Response[Started]:
    """Sign in. Each proof works once, so that this cannot be repeated: ask with the next one."""
    if data.cookie:
        check_same_origin(request)
    accounts, address = system.accounts, address_of(request)
    if isinstance(data, ByPassword):
        signed_in = accounts.sign_in(data.account, data.password, data.code, address)
    else:
        signed_in = accounts.sign_in_by_code(data.phone, data.code, address)
    before = cookie_of(request)
    if data.cookie and before is not None:
        accounts.sign_out(before)
    cookies = [session_cookie(request, signed_in.token)] if data.cookie else []
    return Response(_started(signed_in, shown=not data.cookie), cookies=cookies)


def _started(signed_in: SignedIn, *, shown: bool) -> Started:
    account, session = signed_in.account, signed_in.session
    until = moment(session.expires_at)
    token = signed_in.token if shown else None
    return Started(session.id, account.id, account.role, account.organisation, until, token)


def session_cookie(request: Request[Any, Any, Any], value: str) -> Cookie:
    """A browser's token; an empty one takes it away."""
    scheme = request.scope["scheme"]
    return Cookie(
        key=COOKIES[scheme],
        value=value,
        path="/",
        max_age=int(SESSION_LIFE.total_seconds()) if value else 0,
        httponly=True,
        secure=scheme == "https",
        samesite="lax",
    )


@get("/sessions", opt=_SELF, sync_to_thread=True)
def own_sessions(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Sessions:
    """One's own sessions, the oldest first."""
    current = system.accounts.id_of(token_of(request))
    sessions = system.accounts.sessions(actor.id)
    return Sessions([_shown(s, current=s.id == current) for s in sessions])


def _shown(session: Session, *, current: bool) -> Shown:
    proved = session.stepped_up_at
    return Shown(
        session.id,
        moment(session.created_at),
        moment(session.seen_at),
        moment(session.expires_at),
        None if proved is None else moment(proved),
        current,
    )


@delete("/sessions/current", opt=_SELF, status_code=204, sync_to_thread=True)
def sign_out(request: Request[Any, Any, Any], system: NamedDependency[System]) -> Response[None]:
    """End this session."""
    system.accounts.sign_out(token_of(request))
    cookies = [session_cookie(request, "")] if cookie_of(request) else []
    return Response(None, status_code=204, cookies=cookies, headers=_FORGET)


@delete("/sessions/{session:str}", opt=_SELF, status_code=204, sync_to_thread=True)
def end_session(
    session: FromPath[Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> None:
    """End one of one's own sessions, after a fresh proof; again changes nothing."""
    check_step_up(actor)
    system.accounts.end_session(actor.id, session)


@post("/sessions/current/step-up", opt=_SELF, status_code=200, sync_to_thread=True)
def step_up(
    data: JSONBody[Proof], request: Request[Any, Any, Any], system: NamedDependency[System]
) -> Shown:
    """Prove oneself again; for five minutes this opens what needs it (TRUST S3)."""
    return _shown(system.accounts.step_up(token_of(request), data.code), current=True)


@post("/enrolments", opt=_PUBLIC, status_code=200, sync_to_thread=True)
def enrol(data: JSONBody[Enrolment], system: NamedDependency[System]) -> Authenticator:
    """Choose a password, get the secret of one-time passwords. May be repeated until signing in."""
    told = system.accounts.enrol(data.account, data.token, data.password)
    return Authenticator(told.secret, told.uri)


@get("/me", opt=_SELF, sync_to_thread=False)
def me(actor: NamedDependency[Actor]) -> Who:
    """Who is asking."""
    return Who(actor.id, actor.role, actor.organisation, actor.stepped_up)


@put("/me/password", opt=_SELF, status_code=204, sync_to_thread=True)
def change_password(
    data: JSONBody[Change], request: Request[Any, Any, Any], system: NamedDependency[System]
) -> None:
    """Change one's own password; all other sessions end."""
    system.accounts.change_password(token_of(request), data.old, data.new)


sessions = Router(
    "/",
    route_handlers=[
        send_code,
        sign_in,
        own_sessions,
        sign_out,
        end_session,
        step_up,
        enrol,
        me,
        change_password,
    ],
    tags=["accounts"],
)
