"""Faults as RFC 9457 problems: one table from codes to HTTP, both languages in every answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
    TooManyRequestsException,
    ValidationException,
)

from carbon.domain.access import CODES_WITHIN, LOCKED
from carbon.domain.errors import CarbonError, Lang, Text
from carbon.web.observe import REFUSAL

_log = logging.getLogger(__name__)

#: Codes whose status is not that of their family.
_STATUS: Final[Mapping[str, HTTPStatus]] = {
    "access.anonymous": HTTPStatus.UNAUTHORIZED,
    "access.denied": HTTPStatus.FORBIDDEN,
    "access.step_up": HTTPStatus.FORBIDDEN,
    "access.refused": HTTPStatus.UNAUTHORIZED,
    "access.locked": HTTPStatus.TOO_MANY_REQUESTS,
    "access.session": HTTPStatus.UNAUTHORIZED,
    "access.origin": HTTPStatus.FORBIDDEN,
    "access.signature": HTTPStatus.UNAUTHORIZED,
    "access.stale": HTTPStatus.UNAUTHORIZED,
    "access.replayed": HTTPStatus.UNAUTHORIZED,
    "account.state": HTTPStatus.CONFLICT,
    "account.two_people": HTTPStatus.FORBIDDEN,
    "key.told": HTTPStatus.CONFLICT,
    "oidc.off": HTTPStatus.NOT_FOUND,
    "oidc.refused": HTTPStatus.UNAUTHORIZED,
    "code.limit": HTTPStatus.TOO_MANY_REQUESTS,
    "code.sender": HTTPStatus.SERVICE_UNAVAILABLE,
    "request.conflict": HTTPStatus.CONFLICT,
    "request.invalid": HTTPStatus.BAD_REQUEST,
    "request.unknown_path": HTTPStatus.NOT_FOUND,
    "request.method": HTTPStatus.METHOD_NOT_ALLOWED,
    "request.too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "request.too_many": HTTPStatus.TOO_MANY_REQUESTS,
    "service.failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "correction.done": HTTPStatus.CONFLICT,
    "correction.known": HTTPStatus.CONFLICT,
    "record.conflict": HTTPStatus.CONFLICT,
    "decision.final": HTTPStatus.CONFLICT,
    "receipt.pending": HTTPStatus.CONFLICT,
    "certificate.pending": HTTPStatus.CONFLICT,
    "factor.missing": HTTPStatus.NOT_FOUND,
    "issuance.statement": HTTPStatus.NOT_FOUND,
    "verification.report": HTTPStatus.NOT_FOUND,
    "log.missing": HTTPStatus.NOT_FOUND,
    "upload.offset": HTTPStatus.CONFLICT,
    "upload.state": HTTPStatus.CONFLICT,
    "upload.too_many": HTTPStatus.CONFLICT,
    "upload.no_annotated": HTTPStatus.NOT_FOUND,
    "store.raced": HTTPStatus.SERVICE_UNAVAILABLE,
    "store.unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "store.outdated": HTTPStatus.SERVICE_UNAVAILABLE,
    "ledger.broken": HTTPStatus.INTERNAL_SERVER_ERROR,
    "registry.broken": HTTPStatus.INTERNAL_SERVER_ERROR,
}
#: What Litestar raises, by our code.
_RAISED: Final[tuple[tuple[type[HTTPException], str], ...]] = (
    (NotFoundException, "request.unknown_path"),
    (MethodNotAllowedException, "request.method"),
    (TooManyRequestsException, "request.too_many"),
)
_RETRY_SECONDS: Final = 1
#: Seconds after which another try may be looked at, where it is not the next one.
_LATER: Final[Mapping[str, timedelta]] = {"access.locked": LOCKED, "code.limit": CODES_WITHIN}


def status_of(code: str) -> HTTPStatus:
    """The HTTP status of a fault: what it names is unknown, busy, or refused by a rule."""
    if code in _STATUS:
        return _STATUS[code]
    if code.endswith((".unknown", ".unknown_key")):
        return HTTPStatus.NOT_FOUND
    if code.endswith(".busy"):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.UNPROCESSABLE_ENTITY


def language(request: Request[Any, Any, Any]) -> Lang:
    """Chinese, unless the client asks for English before it."""
    wanted: str = request.query_params.get("lang") or request.headers.get("accept-language") or ""
    places = {lang: wanted.lower().find(lang) for lang in ("zh", "en")}
    return "en" if places["en"] >= 0 and not 0 <= places["zh"] < places["en"] else "zh"


def problem(
    request: Request[Any, Any, Any],
    error: CarbonError,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response[dict[str, Any]]:
    """A fault as ``application/problem+json``, with ``members`` of its own."""
    status, lang = status_of(error.code), language(request)
    request.scope.setdefault("state", {})[REFUSAL] = error.code
    values = {n: v.say(lang) if hasattr(v, "say") else v for n, v in error.values.items()}
    body = {
        "type": f"/errors/{error.code}",
        "title": error.fault.what.say(lang, **values),
        "status": int(status),
        "detail": error.say(lang),
        "code": error.code,
        "fix": error.fault.fix.say(lang, **values),
        "messages": {"zh": error.say("zh"), "en": error.say("en")},
        "values": {name: _said(value) for name, value in error.values.items()},
        "instance": request.url.path,
        **members,
    }
    headers = dict(headers or {})
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        later = _LATER.get(error.code, timedelta(seconds=_RETRY_SECONDS))
        headers.setdefault("Retry-After", str(int(later.total_seconds())))
    if status is HTTPStatus.UNAUTHORIZED:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return Response(
        body, status_code=status, headers=headers, media_type="application/problem+json"
    )


def _said(value: object) -> str | dict[str, str]:
    """What fills a placeholder, as a client may build the error again."""
    if isinstance(value, Text):
        return {"zh": value.zh, "en": value.en}
    return str(value)


def refused(request: Request[Any, Any, Any], error: CarbonError) -> Response[dict[str, Any]]:
    """A fault that a service raised."""
    return problem(request, error)


def misunderstood(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the framework refuses, in our words."""
    headers = dict(error.headers or {})
    for kind, code in _RAISED:
        if isinstance(error, kind):
            return problem(request, CarbonError(code), headers)
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return problem(request, CarbonError("request.too_large"), headers)
    if isinstance(error, ClientException | ValidationException):
        return problem(request, _invalid(error), headers)
    if isinstance(error, InternalServerException) and "disconnected" in error.detail:
        # Nobody is left to read it, and nothing of ours failed.
        return problem(request, CarbonError("request.invalid", where="body", reason=error.detail))
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        found = CarbonError("request.invalid", where=request.url.path, reason=error.detail)
        return problem(request, found, headers)
    return failed(request, error)


def _invalid(error: HTTPException) -> CarbonError:
    """The first thing that is wrong, and where."""
    extra = error.extra if isinstance(error.extra, list) else []
    first = next((found for found in extra if isinstance(found, Mapping)), {})
    where = first.get("key") or first.get("source") or "body"
    reason = first.get("message") or error.detail
    return CarbonError("request.invalid", where=where, reason=reason)


def failed(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """What nobody expected: logged under the request's reference, told without its inside."""
    reference = request.scope.get("state", {}).get("request_id", "—")
    _log.error("request %s failed", reference, exc_info=error)
    return problem(request, CarbonError("service.failed", request=reference))


#: Litestar's map of handlers.
EXCEPTION_HANDLERS: Final[dict[Any, Any]] = {
    CarbonError: refused,
    HTTPException: misunderstood,
    Exception: failed,
}
