"""The REST API under ``/api/v1``: each module is a part of it, each handler one service call."""

from __future__ import annotations

from typing import Final

from litestar import Router

from carbon.web.api.accounts import accounts
from carbon.web.api.catalogue import catalogue
from carbon.web.api.decisions import decisions
from carbon.web.api.jobs import jobs
from carbon.web.api.ledger import ledger
from carbon.web.api.log import log
from carbon.web.api.oidc import oidc
from carbon.web.api.own_data import own_data
from carbon.web.api.records import records
from carbon.web.api.registry import registry
from carbon.web.api.sessions import sessions
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
        sessions,
        accounts,
        own_data,
        jobs,
        oidc,
    ],
)
