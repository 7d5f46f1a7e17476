"""Factors, methodologies and error codes: what numbers are made of and what refusals mean."""

from __future__ import annotations

from typing import Annotated, Any, cast

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from carbon.bootstrap.system import System
from carbon.domain.errors import FAULTS, CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.factors.table import FactorRow
from carbon.domain.quantification.methodologies import METHODOLOGIES
from carbon.domain.quantification.methodology import Methodology
from carbon.domain.quantification.published import formula_bytes, formula_digest
from carbon.domain.roles import PUBLIC
from carbon.web.answers import Cursor, Limit, tagged, tagged_json
from carbon.web.guards import PERMISSION

_HOUR = 3_600
Family = Annotated[
    str, QueryParameter(max_length=40, description="族，如 production / family of factors")
]


def _told(row: FactorRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "family": row.family,
        "key": row.key,
        "effective": row.effective.isoformat(),
        "until": row.until and row.until.isoformat(),
        "value": row.value and str(row.value),
        "low": row.low and str(row.low),
        "high": row.high and str(row.high),
        "distribution": row.distribution,
        "unit": row.unit,
        "boundary": row.boundary,
        "geography": row.geography,
        "grade": row.grade,
        "grade_reason": row.grade_reason,
        "rule": row.rule,
        "evidence": list(row.evidence),
        "source": row.source,
        "clause": row.clause,
        "note": row.note,
    }


@get("/factors", sync_to_thread=True)
def factors(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    family: Family = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Response[dict[str, Any]]:
    """Adopted factors, ordered by id, with the hash of the catalogue they stand in."""
    rows = sorted((r for r in system.catalogue.rows if not family or r.family == family), key=_id)
    rest = [row for row in rows if row.id > cursor]
    shown = rest[:limit]
    following = shown[-1].id if len(rest) > limit else None
    told = {"catalogue": system.catalogue.digest, "items": [_told(r) for r in shown]}
    return tagged_json(request, {**told, "next": following})


def _id(row: FactorRow) -> str:
    return row.id


@get("/factors/{family:str}/{key:str}", sync_to_thread=True)
def factor(
    request: Request[Any, Any, Any],
    system: NamedDependency[System],
    family: FromPath[str],
    key: FromPath[str],
) -> Response[dict[str, Any]]:
    """All values of one factor, oldest first, with the studies and documents behind them."""
    history = system.catalogue.history(family, key)
    if not history:
        raise CarbonError("factor.missing")
    told = {
        "catalogue": system.catalogue.digest,
        "history": [_told(row) for row in history],
        **_cited(system.catalogue, history),
    }
    return tagged_json(request, told)


def _cited(catalogue: Catalogue, rows: list[FactorRow]) -> dict[str, Any]:
    studies = sorted({name for row in rows for name in row.evidence})
    evidence = [dict(catalogue.evidence[name]) for name in studies]
    sources = {row.source for row in rows} | {study["source"] for study in evidence}
    known = [dict(catalogue.sources[name]) for name in sorted(sources) if name in catalogue.sources]
    return {"evidence": evidence, "sources": known}


def _described(methodology: Methodology) -> dict[str, Any]:
    return {
        "name": methodology.name,
        "id": methodology.id,
        "version": methodology.version,
        "title": {"zh": methodology.title.zh, "en": methodology.title.en},
        "effective": methodology.effective.isoformat(),
        "until": methodology.until and methodology.until.isoformat(),
        "issues": methodology.issues,
        "acts": list(methodology.acts),
        "formula": methodology.formula,
        "formula_sha256": formula_digest(methodology),
        "roles": [role.name for role in methodology.roles],
    }


@get("/methodologies", sync_to_thread=False)
def methodologies(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Every methodology in all its versions."""
    told = [_described(m) for versions in METHODOLOGIES.values() for m in versions]
    return tagged_json(request, {"items": told}, seconds=_HOUR)


@get("/methodologies/{name:str}/{version:int}/formula", sync_to_thread=False)
def formula(
    request: Request[Any, Any, Any], name: FromPath[str], version: FromPath[int]
) -> Response[dict[str, Any]]:
    """The formula as its published file: anyone computes the grams with it."""
    found = (m for m in METHODOLOGIES.get(name.upper(), ()) if m.version == version)
    methodology = next(found, None)
    if methodology is None:
        raise CarbonError("methodology.unknown", name=name, known=", ".join(METHODOLOGIES))
    content = tagged(request, formula_bytes(methodology), "application/json", seconds=_HOUR)
    return cast("Response[dict[str, Any]]", content)


@get("/errors", sync_to_thread=False)
def errors(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """Every code with its words in both languages; placeholders in braces."""
    told = [
        {
            "code": fault.code,
            "what": {"zh": fault.what.zh, "en": fault.what.en},
            "fix": {"zh": fault.fix.zh, "en": fault.fix.en},
        }
        for fault in FAULTS.values()
    ]
    return tagged_json(request, {"items": told}, seconds=_HOUR)


catalogue = Router(
    "/",
    route_handlers=[factors, factor, methodologies, formula, errors],
    tags=["catalogue"],
    opt={PERMISSION: PUBLIC},
)
