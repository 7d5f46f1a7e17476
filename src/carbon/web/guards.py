"""Every operation names the permission it needs; the guard asks for it before anything else."""

from __future__ import annotations

from typing import Any, Final

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.routes import HTTPRoute

from carbon.domain.errors import CarbonError
from carbon.domain.roles import PERMISSIONS, PUBLIC, Actor, reach

#: Key of a handler's ``opt``; what it names is a permission of `domain.roles` or ``PUBLIC``.
PERMISSION: Final = "permission"


async def permitted(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Raise ``access.anonymous`` or ``access.denied`` unless the actor may.

    Nothing has an address with a NUL in it, which PostgreSQL's texts cannot hold:
    ``request.unknown_path``. Asynchronous, because the framework gives every other guard a thread.
    """
    reach(connection.scope.get("user"), handler.opt[PERMISSION])
    if "\0" in connection.scope["path"]:
        raise CarbonError("request.unknown_path")


def actor_of(scope_user: Actor | None) -> Actor:
    """The actor of an operation that is not public; the guard has seen to it."""
    if scope_user is None:
        raise AssertionError("a public operation asked for an actor")
    return scope_user


def check_named(app: Litestar) -> None:
    """Refuse to start with an operation that names no known permission: it would be open."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.http_methods == {"OPTIONS"}:  # the framework's own: tells methods only
                    continue
                named = handler.opt.get(PERMISSION)
                if named != PUBLIC and named not in PERMISSIONS:
                    raise AssertionError(f"{handler} names no permission")
