"""A verifier's work on a report, and how far a month has come."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.web.guards import PERMISSION

_WORK = {PERMISSION: "verification.work"}
Project = Annotated[str, PathParameter(max_length=40)]
Month = Annotated[str, PathParameter(max_length=7)]
Part = Annotated[int, PathParameter(ge=0, lt=2**31)]


class Opening(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which report's sample is opened; the time of the first opening is kept (TRUST V4)."""

    report: Annotated[str, msgspec.Meta(max_length=120, examples=["phones/2026-10/0"])]


@post("/work-lists", opt=_WORK, status_code=200, sync_to_thread=True)
def work_list(
    data: JSONBody[Opening], system: NamedDependency[System], actor: NamedDependency[Actor]
) -> dict[str, list[dict[str, str]]]:
    """Open the drawn sample: its items with what is published of them."""
    if not actor.person:
        raise CarbonError("verification.person", report=data.report)
    return {"items": system.registry.verification.work_list(data.report, actor.person)}


@get("/evaluations/{project:str}/{month:str}/{part:int}", opt=_WORK, sync_to_thread=True)
def evaluation(
    system: NamedDependency[System], project: Project, month: Month, part: Part
) -> dict[str, Any]:
    """What the sample says: projected misstatement, upper bound, opinion."""
    return system.registry.verification.evaluated(f"{project}/{month}/{part}")


verification = Router(
    "/verification", route_handlers=[work_list, evaluation], tags=["verification"]
)
