"""Single sign-on: a browser goes to the provider and comes back; operators link accounts."""

from __future__ import annotations

from hmac import compare_digest
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, Router, get, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Redirect

from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.roles import PUBLIC, Actor, check_step_up
from carbon.services.accounts.external import LIFE
from carbon.web.api.accounts import Told, told
from carbon.web.api.sessions import AccountId, address_of, session_cookie
from carbon.web.guards import PERMISSION

_COOKIES: Final = {"https": "__Host-carbon-sso", "http": "carbon-sso"}
_HOME: Final = "/"
_OWN_SITES: Final = ("none", "same-origin")
_Code = Annotated[str, QueryParameter(max_length=2000, description="供应方给出 / the provider's")]
_State = Annotated[
    str, QueryParameter(name="state", max_length=200, description="原样带回 / brought back")
]


class Linked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who somebody is at the provider: the ``sub`` of their ID tokens."""

    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=255, examples=["10769150"])]


@get("/oidc/start", opt={PERMISSION: PUBLIC}, sync_to_thread=True)
def start(request: Request[Any, Any, Any], system: NamedDependency[System]) -> Redirect:
    """Go to the provider, from a page of ours or an address typed in: no other site signs in."""
    if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        raise CarbonError("access.origin")
    sent = system.accounts.sso.begin()
    return Redirect(sent.address, status_code=303, cookies=[_state_cookie(request, sent.state)])


def _state_cookie(request: Request[Any, Any, Any], state: str) -> Cookie:
    """Binds the way there and back to one browser; an empty one takes it away."""
    scheme = request.scope["scheme"]
    return Cookie(
        key=_COOKIES[scheme],
        value=state,
        path="/",
        max_age=int(LIFE.total_seconds()) if state else 0,
        httponly=True,
        secure=scheme == "https",
        samesite="lax",
    )


@get("/oidc/callback", opt={PERMISSION: PUBLIC}, sync_to_thread=True)
def callback(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    code: _Code = "",
    brought: _State = "",
) -> Response[None]:
    """Come back from the provider, signed in."""
    sso = system.accounts.sso
    kept = request.cookies.get(_COOKIES[request.scope["scheme"]], "")
    if not brought or not compare_digest(kept.encode(), brought.encode()):
        raise CarbonError("oidc.refused", reason="state")
    signed_in = sso.finish(brought, code, address_of(request))
    cookies = [session_cookie(request, signed_in.token), _state_cookie(request, "")]
    return Redirect(_HOME, status_code=303, cookies=cookies)


@put("/accounts/{account:str}/subject", opt={PERMISSION: "accounts.manage"}, sync_to_thread=True)
def link(
    account: FromPath[AccountId],
    data: JSONBody[Linked],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Told:
    """Link an account that may not act yet; another operator's approval lets it act."""
    check_step_up(actor)
    return told(system.accounts.sso.link(actor, account, data.subject))


oidc = Router("/", route_handlers=[start, callback, link], tags=["accounts"])
