"""Whether this process lives and can work, and its metrics."""

from __future__ import annotations

from hmac import compare_digest
from typing import Any

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from carbon.bootstrap.system import System
from carbon.domain.roles import PUBLIC
from carbon.web.guards import PERMISSION


@get("/live", sync_to_thread=False)
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@get("/ready", sync_to_thread=True)
def ready(system: NamedDependency[System]) -> dict[str, Any]:
    """The database has the right revision and the log can be read; 503 otherwise."""
    system.database.ready()
    return {"status": "ready", "log_size": system.head_size()}


@get("/metrics", include_in_schema=False, sync_to_thread=True)
def metrics(request: Request[Any, Any, Any], system: NamedDependency[System]) -> Response[bytes]:
    """Prometheus metrics, for ``Authorization: Metrics <token of the settings>``; else nothing."""
    token = system.settings.metrics_token
    given = request.headers.get("authorization") or ""
    if not token or not compare_digest(given.encode(), f"Metrics {token}".encode()):
        raise NotFoundException
    return Response(generate_latest(_registry(system)), media_type=CONTENT_TYPE_LATEST)


def _registry(system: System) -> CollectorRegistry:
    """This process's metrics, or those of all processes of the service."""
    if system.settings.metrics_folder is None:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(system.settings.metrics_folder))  # type: ignore[no-untyped-call]
    return registry


#: Health of the process.
health = Router(
    "/health", route_handlers=[live, ready, metrics], tags=["operations"], opt={PERMISSION: PUBLIC}
)
