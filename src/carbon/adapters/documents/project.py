"""A project as every document tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carbon.adapters.documents.words import in_language, words
from carbon.domain.errors import Lang


def is_pilot(status: str) -> bool:
    """Of a project that is not filed: its units are for demonstration."""
    return status != "filed"


def project_title(project: Mapping[str, Any], lang: Lang) -> str:
    """The project's title."""
    return in_language(project["title"], lang)


def project_rows(project: Mapping[str, Any], lang: Lang) -> list[list[str]]:
    """Label and text of what a reader has to know of it; what a project lacks is left out."""
    w = words(lang)
    crediting = project.get("crediting") or {}
    rows = [
        (w["project"], f"{project_title(project, lang)} ({project['id']})"),
        (w["owner"], in_language(project.get("owner_name") or project["owner"], lang)),
        (w["kind"], w[project["kind"]]),
        (w["methodology"], project["methodology"]),
        (w["status"], w["pilot"] if is_pilot(project["status"]) else w["filed"]),
        (w["filing_number"], _filing_number(project)),
        (w["authority"], in_language(project.get("authority") or "", lang)),
        (w["start"], project.get("start", "")),
        (w["crediting"], " – ".join(crediting[n] for n in ("from", "to") if n in crediting)),
    ]
    return [[label, text] for label, text in rows if text]


def _filing_number(project: Mapping[str, Any]) -> str:
    """Empty before filing."""
    filing = project.get("filing") or {}
    return str(project.get("filing_number") or filing.get("number", ""))
