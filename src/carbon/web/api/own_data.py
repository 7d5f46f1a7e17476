"""A resident's own data: the choice between credits and points, everything in one file, erasure."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, delete, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from carbon.bootstrap.own_data import OwnData
from carbon.bootstrap.system import System
from carbon.domain.roles import Actor, check_own, check_step_up
from carbon.ports.registry import Choice
from carbon.web.answers import documents, tagged, tagged_json
from carbon.web.guards import PERMISSION

_OWN = "data.own"
_CSV = "text/csv; charset=utf-8"


class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``kept``: credits to oneself; ``pooled``: credits to the programme, points to oneself."""

    mode: Annotated[str, msgspec.Meta(max_length=10, examples=["pooled"])]
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=40, examples=["2026-11"])]


def _own(system: System, actor: Actor) -> OwnData:
    check_own(actor, _OWN, actor.person)
    return system.own_data


@get("/me/consent", sync_to_thread=True)
def consent(
    system: NamedDependency[System], actor: NamedDependency[Actor]
) -> dict[str, Consent | None]:
    """What was chosen last; ``null`` before a first choice."""
    choice = _own(system, actor).choice(actor)
    return {"consent": None if choice is None else Consent(choice.mode, choice.version)}


@put("/me/consent", status_code=204, sync_to_thread=True)
def choose(
    data: JSONBody[Consent], system: NamedDependency[System], actor: NamedDependency[Actor]
) -> None:
    """Choose; it holds for what is issued from now on, and may be changed at any time."""
    _own(system, actor).choose(actor, Choice(data.mode, data.version))


@get("/me/data", sync_to_thread=True)
def data_json(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Response[dict[str, Any]]:
    """Everything that is known of the person who asks."""
    return tagged_json(request, _own(system, actor).exported(actor))


@get("/me/data/records", sync_to_thread=True, responses=documents(_CSV))
def data_csv(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Response[bytes]:
    """One's records as CSV."""
    content = _own(system, actor).exported_csv(actor)
    return tagged(request, content, _CSV, filename="records.csv")


@delete("/me", status_code=204, sync_to_thread=True)
def erase(system: NamedDependency[System], actor: NamedDependency[Actor]) -> None:
    """Erase account and person, after a fresh proof. It cannot be undone."""
    check_step_up(actor)
    _own(system, actor).erase(actor)


own_data = Router(
    "/",
    route_handlers=[consent, choose, data_json, data_csv, erase],
    tags=["accounts"],
    opt={PERMISSION: _OWN},
)
