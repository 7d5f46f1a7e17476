"""Where everybody begins: what this is, its figures, and the way to everything public."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template

from carbon.bootstrap.system import System
from carbon.domain.roles import PUBLIC
from carbon.web.guards import PERMISSION
from carbon.web.problems import language


@get("/", include_in_schema=False, opt={PERMISSION: PUBLIC}, sync_to_thread=True)
def start(request: Request[Any, Any, Any], system: NamedDependency[System]) -> Template:
    """Totals of all assets, the size of the log, and links."""
    totals = system.registry.showcase.totals()
    told = {
        "lang": language(request),
        "issued": sum(one["issued"] for one in totals),
        "retired": sum(one["retired"] for one in totals),
        "log_size": system.head_size(),
        "demonstration": system.settings.demonstration,
        "files": system.settings.demo is not None,
    }
    return Template("start.html", context=told)
