"""The REST API under ``/api/v1``: each module is a part of it, each handler one service call."""

from __future__ import annotations

from typing import Final

from litestar import Router

from carbon.web.api.catalogue import catalogue
from carbon.web.api.decisions import decisions
from carbon.web.api.ledger import ledger
from carbon.web.api.log import log
from carbon.web.api.records import records
from carbon.web.api.registry import registry
from carbon.web.api.uploads import uploads
from carbon.web.api.verification import verification

#: The API in its first version.
API: Final = Router(
    "/api/v1",
    route_handlers=[
        records,
        uploads,
        catalogue,
        registry,
        decisions,
        verification,
        ledger,
        log,
    ],
)
