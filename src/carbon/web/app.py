"""The application: one system behind HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.config.compression import CompressionConfig
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.middleware import DefineMiddleware
from litestar.middleware.authentication import (
    AbstractAuthenticationMiddleware,
    AuthenticationResult,
)
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.static_files import create_static_files_router
from litestar.template.config import TemplateConfig
from litestar.types import ASGIApp, ControllerRouterHandler

from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.roles import PUBLIC, Actor
from carbon.web.api import API
from carbon.web.authentication import Authenticator, Proven, note_refused
from carbon.web.guards import PERMISSION, actor_of, check_named, permitted
from carbon.web.health import health
from carbon.web.limits import Buckets, RateLimit
from carbon.web.observe import SELF_CONTAINED
from carbon.web.openapi import openapi_config
from carbon.web.pages import PAGES
from carbon.web.pages.demonstration import demonstration
from carbon.web.problems import EXCEPTION_HANDLERS

#: Scripts, styles and pictures; those of others are put into ``vendor`` at set-up.
STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"
#: Text is sent packed; not files whose bytes are signed, nor what is told event by event.
COMPRESSION = CompressionConfig(backend="gzip", minimum_size=1_024, exclude=["^/log/", "/events$"])
#: Largest body of an operation that sets no limit of its own, in bytes.
MAX_BODY_BYTES = 1 << 20
#: Longest name of a file.
_MAX_NAME_BYTES = 255
#: Who sends a request, or nobody. Raises ``access.*`` for a proof that is wrong.
Authenticate = Callable[[ASGIConnection[Any, Any, Any, Any]], Awaitable[Actor | None]]


class Authentication(AbstractAuthenticationMiddleware):
    """Finds out who asks."""

    def __init__(self, app: ASGIApp, authenticate: Authenticate) -> None:
        super().__init__(app)
        self._authenticate = authenticate

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """The actor, or none; what is refused is counted first and raised by `Proven`."""
        try:
            actor = await self._authenticate(connection)
        except CarbonError as error:
            actor = None
            note_refused(connection.scope, error)
        return AuthenticationResult(user=actor, auth=None)


def create_app(
    system: System,
    authenticate: Authenticate | None = None,
    handlers: Sequence[ControllerRouterHandler] = (API,),
) -> Litestar:
    """The application over a system. Handlers get ``system`` and ``actor`` as dependencies."""

    def provide_system() -> System:
        return system

    def provide_actor(request: Request[Any, Any, Any]) -> Actor:
        return actor_of(request.scope.get("user"))

    app = Litestar(
        route_handlers=[*handlers, *PAGES, health, *_demonstration(system), *_files(system)],
        dependencies={
            "system": Provide(provide_system, sync_to_thread=False),
            "actor": Provide(provide_actor, sync_to_thread=False),
        },
        guards=[permitted],
        middleware=[
            DefineMiddleware(Authentication, authenticate=authenticate or Authenticator(system)),
            DefineMiddleware(RateLimit, buckets=Buckets()),
            DefineMiddleware(Proven),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
        compression_config=COMPRESSION,
        on_shutdown=[system.close],
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=openapi_config(),
        template_config=TemplateConfig(directory=TEMPLATES, engine=JinjaTemplateEngine),
        logging_config=None,
    )
    check_named(app)
    return app


def _demonstration(system: System) -> list[Router]:
    return [demonstration] if system.settings.demonstration else []


def _files(system: System) -> list[Router]:
    """Folders served as they are: our assets, and the published log."""
    folders = {"/assets": STATIC, "/log": system.settings.log}
    files = [_folder(path, folder) for path, folder in folders.items()]
    if system.settings.demo is not None:
        files.append(_folder("/demo", system.settings.demo, self_contained))
    return files


def _folder(path: str, folder: Path, after: Callable[[Any], Any] | None = None) -> Router:
    public = {PERMISSION: PUBLIC}
    return create_static_files_router(
        path, [folder], name=path[1:], opt=public, before_request=nameable, after_request=after
    )


async def nameable(request: Request[Any, Any, Any]) -> None:
    """A name longer than any file's is no file; the disk would take it for a fault of ours.

    Asynchronous, because the framework gives every other one a thread.
    """
    if max(len(part.encode()) for part in request.scope["path"].split("/")) > _MAX_NAME_BYTES:
        raise NotFoundException


def self_contained(answer: Response[Any]) -> Response[Any]:
    """A report carries its own styles, and no script."""
    answer.headers["Content-Security-Policy"] = SELF_CONTAINED
    return answer
