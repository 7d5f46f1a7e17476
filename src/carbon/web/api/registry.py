"""The registry as anyone reads it: projects, reports, statements, serials, retirements, totals."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from carbon.bootstrap.system import System
from carbon.domain.credit.decision import KINDS
from carbon.domain.credit.issuance import serial_number
from carbon.domain.roles import PUBLIC, Actor, check_own
from carbon.web.answers import (
    Limit,
    Page,
    Place,
    documents,
    page,
    tagged,
    tagged_json,
    whole_number,
)
from carbon.web.guards import PERMISSION
from carbon.web.observe import SELF_CONTAINED
from carbon.web.problems import language

_DAY = 86_400
Kind = Annotated[
    str, QueryParameter(enum=list(KINDS), description="决定的种类，如 issuance / kind of decision")
]
Prefix = Annotated[str, QueryParameter(max_length=120, description="编号的开头 / how ids begin")]
Project = Annotated[str, PathParameter(max_length=40, description="项目编号 / project")]
Month = Annotated[str, PathParameter(max_length=7, description="2026-10")]
_PDF, _HTML, _CSV = "application/pdf", "text/html; charset=utf-8", "text/csv; charset=utf-8"
Part = Annotated[int, PathParameter(ge=0, lt=2**31, description="第几部分 / part of the month")]
Told = dict[str, Any]


def _page(found: list[tuple[int, Told]], limit: int) -> Page[Told]:
    cut = page(found, limit, lambda item: str(item[0]))
    return Page([told for _, told in cut.items], cut.next)


@get("/projects", sync_to_thread=True)
def projects(system: NamedDependency[System], limit: Limit = 50, cursor: Place = "") -> Page[Told]:
    """Projects and programmes, with the step each has reached: 登记, 审定, 公示, 备案."""
    after = whole_number(cursor)
    return _page(system.registry.showcase.projects(after, limit + 1), limit)


@get("/projects/{project:str}", sync_to_thread=True)
def project_(system: NamedDependency[System], project: Project) -> Told:
    """A project as published, and its step."""
    return system.registry.project(project)


@get("/decisions", sync_to_thread=True)
def decisions(
    system: NamedDependency[System],
    kind: Kind,
    prefix: Prefix = "",
    limit: Limit = 50,
    cursor: Place = "",
) -> Page[Told]:
    """Signed decisions of a kind, oldest first: content, effect, signatures, place in the log."""
    after = whole_number(cursor)
    return _page(system.registry.showcase.decisions(kind, prefix, after, limit + 1), limit)


@get("/reports/{project:str}/{month:str}/{part:int}", sync_to_thread=True)
def report(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    project: Project,
    month: Month,
    part: Part,
) -> Response[Told]:
    """A published monitoring report."""
    document = system.registry.document(f"{project}/{month}/{part}")
    return tagged_json(request, document, seconds=_DAY)


@get(
    "/reports/{project:str}/{month:str}/{part:int}/page",
    sync_to_thread=True,
    responses=documents(_HTML),
)
def report_page(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    project: Project,
    month: Month,
    part: Part,
) -> Response[bytes]:
    """The same as a page to read."""
    papers, name = system.registry.papers, f"{project}/{month}/{part}"
    page_ = papers.report_page(name, language(request))
    return tagged(request, page_, _HTML, policy=SELF_CONTAINED)


@get(
    "/reports/{project:str}/{month:str}/{part:int}/pdf",
    sync_to_thread=True,
    responses=documents(_PDF),
)
def report_pdf(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    project: Project,
    month: Month,
    part: Part,
) -> Response[bytes]:
    """The same as PDF."""
    papers, name = system.registry.papers, f"{project}/{month}/{part}"
    return tagged(request, papers.report_pdf(name, language(request)), _PDF)


@get(
    "/statements/{project:str}/{month:str}/{part:int}/pdf",
    sync_to_thread=True,
    responses=documents(_PDF),
)
def statement(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    project: Project,
    month: Month,
    part: Part,
) -> Response[bytes]:
    """The verification statement as PDF; as data it is the decision of its kind."""
    content = system.registry.papers.statement_pdf(f"{project}/{month}/{part}", language(request))
    return tagged(request, content, _PDF)


# --- credits --------------------------------------------------------------------------------------


@get("/credits/totals", sync_to_thread=True)
def totals(system: NamedDependency[System]) -> dict[str, list[Told]]:
    """Credits by asset: issued = held + residents' + buffer + retired + cancelled."""
    return {"items": system.registry.showcase.totals()}


@get("/credits/serials/{serial:str}", sync_to_thread=True)
def serial_(
    system: NamedDependency[System],
    serial: Annotated[str, PathParameter(max_length=40, description="序列号 / serial number")],
) -> Told:
    """Where a credit is, what it was issued on, what moved it."""
    return system.registry.showcase.serial(serial_number(serial))


@get("/credits/retired.csv", sync_to_thread=True, responses=documents(_CSV))
def retired(request: Request[Any, Any, Any], system: NamedDependency[System]) -> Response[bytes]:
    """All retired serial blocks."""
    content = system.registry.papers.retired_list()
    return tagged(request, content, _CSV, filename="retired.csv")


@get("/credits/certificates/{retirement:path}", sync_to_thread=True, responses=documents(_PDF))
def certificate(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    retirement: Annotated[str, PathParameter(max_length=121)],
) -> Response[bytes]:
    """The certificate of a published retirement, with its proof."""
    name = retirement.removeprefix("/")
    content = system.registry.papers.certificate(name, language(request))
    return tagged(request, content, _PDF)


@get("/credits/data-trust.json", sync_to_thread=True)
def data_trust(request: Request[Any, Any, Any], system: NamedDependency[System]) -> Response[Told]:
    """Projects, issuances and units in the names of Climate Action Data Trust."""
    return tagged_json(request, system.registry.papers.data_trust())


@get(
    "/credits/holdings/{organisation:str}",
    sync_to_thread=True,
    opt={PERMISSION: "holdings.read"},
)
def holdings(
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
    organisation: Annotated[str, PathParameter(max_length=40, description="单位 / organisation")],
) -> dict[str, list[Told]]:
    """What an organisation holds: by asset, what is free and in which ranges."""
    check_own(actor, "holdings.read", organisation)
    return {"items": system.registry.credits.holdings(organisation)}


registry = Router(
    "/",
    route_handlers=[
        projects, project_, decisions, report, report_page, report_pdf, statement, totals, serial_,
        retired, certificate, data_trust, holdings,
    ],
    tags=["registry"],
    opt={PERMISSION: PUBLIC},
)  # fmt: skip
