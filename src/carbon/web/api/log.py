"""The transparency log: its files as they are published, and single entries with their proofs."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import PathParameter

from carbon.bootstrap.system import System
from carbon.domain.roles import PUBLIC
from carbon.web.answers import documents, tagged
from carbon.web.guards import PERMISSION

_TEXT = "text/plain; charset=utf-8"


@get("/checkpoint", sync_to_thread=True, responses=documents(_TEXT))
def checkpoint(request: Request[Any, Any, Any], system: NamedDependency[System]) -> Response[bytes]:
    """The newest signed checkpoint, a C2SP signed note; all files lie under ``/log/``."""
    return tagged(request, system.log.checkpoint(), _TEXT)


@get("/leaves/{index:int}", sync_to_thread=True)
def leaf(
    system: NamedDependency[System],
    index: Annotated[int, PathParameter(ge=0, lt=2**53, description="条目序号 / place")],
) -> dict[str, Any]:
    """An entry with the proof that the newest checkpoint holds it."""
    return system.registry.showcase.leaf(index)


log = Router("/log", route_handlers=[checkpoint, leaf], tags=["log"], opt={PERMISSION: PUBLIC})
