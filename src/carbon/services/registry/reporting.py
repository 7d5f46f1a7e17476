"""Report: a closed month of a project as one document that anyone can rebuild."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from carbon.domain.errors import CarbonError
from carbon.domain.mrv.monitored import Monitored, Published, Scope, monitored
from carbon.domain.mrv.report import monitoring_report, report_bytes, report_id
from carbon.domain.period import Period
from carbon.ports.registry import Decisions
from carbon.services.registry.decide import Context, Draft, Rule, Rules
from carbon.services.registry.holding import policy_number
from carbon.services.registry.projects import check_organisation, project_named
from carbon.services.registry.standing import position

VERIFIER_SIDE, BUREAU_SIDE = "verifier", "bureau"
SIDES = (VERIFIER_SIDE, BUREAU_SIDE)


@dataclass(frozen=True, slots=True)
class Reported:
    """A report as built: the frame it rests on, its document, the bytes of its file."""

    scope: Scope
    found: Monitored
    document: Mapping[str, Any]
    content: bytes

    @property
    def sha256(self) -> str:
        """What the leaf names it by."""
        return hashlib.sha256(self.content).hexdigest()


def next_scope(decisions: Decisions, project: str, month: Period, size: int) -> Scope:
    """What the next report of a month is about, in a log of so many leaves."""
    methodology = project_named(decisions, project).content["methodology"]
    first = position(decisions, project, str(month)).first
    return Scope(project, methodology, month, first, size, size)


def build(
    decisions: Decisions, log: Published, scope: Scope, checkpoint: Mapping[str, Any]
) -> Reported:
    """Read the log and write the report. Raises ``report.*``, ``log.missing``."""
    project = project_named(decisions, scope.project)
    where = position(decisions, scope.project, str(scope.period))
    found = monitored(log, scope)
    document = monitoring_report(
        found, scope, project.published(), checkpoint, where.deficit_g, where.part
    )
    return Reported(scope, found, document, report_bytes(document))


def rebuild(
    document: Mapping[str, Any],
    log: Published,
    known: int,
    replaced: frozenset[str] = frozenset(),
    withdrawn: frozenset[str] = frozenset(),
) -> Reported:
    """A report again, with the corrections known at another size of the log and some more."""
    scope = replace(scope_of(document), known=known, replaced=replaced, withdrawn=withdrawn)
    found = monitored(log, scope)
    again = monitoring_report(
        found,
        scope,
        document["project"],
        document["checkpoint"],
        int(document["deficit_in_g"]),
        document["part"],
    )
    return Reported(scope, found, again, report_bytes(again))


def scope_of(document: Mapping[str, Any]) -> Scope:
    """What a report was about."""
    return Scope(
        document["project"]["id"],
        document["methodology"],
        Period.parse(document["period"]),
        document["leaves"]["from"],
        document["leaves"]["to"],
        document["known"],
    )


def report_content(reported: Reported) -> dict[str, Any]:
    """What the leaf says of a report."""
    document = reported.document
    return {
        "project": reported.scope.project,
        "month": document["period"],
        "part": document["part"],
        "leaves": document["leaves"],
        "root": document["checkpoint"]["root"],
        "sha256": reported.sha256,
        "records": document["records"],
        "er_g": document["totals"]["er_g"],
        "reported_g": document["reported_g"],
        "deficit_out_g": document["deficit_out_g"],
    }


def _check(context: Context, draft: Draft) -> None:
    content = draft.content
    project = project_named(context.unit, content["project"])
    check_organisation(draft, project.content["owner"])
    wanted = report_id(project.id, content["month"], content["part"])
    if draft.id != wanted:
        raise CarbonError("decision.id", kind=draft.kind, needed=wanted)
    _check_period(context, Period.parse(content["month"]))
    month = Period.parse(content["month"])
    if not project.covers(month.first_day, month.last_day):
        raise CarbonError("report.crediting", project=project.id, month=month)
    _check_earlier(context, project.id, content["month"])
    where = position(context.unit, project.id, content["month"])
    if (content["part"], content["leaves"]["from"]) != (where.part, where.first):
        raise CarbonError("report.part", report=draft.id, part=where.part)
    _check_commitments(context, draft)
    if report_content(context.prepared[draft.id]) != content:
        raise CarbonError("report.differs", report=draft.id)


def _check_earlier(context: Context, project: str, month: str) -> None:
    """A new report of a month only after a statement on the last one.

    Otherwise a sample that displeases could be dropped, with what it found, for another one.
    Raises ``report.unstated``.
    """
    earlier = context.unit.every("report", f"{project}/{month}/")
    if earlier and context.unit.find("statement", earlier[-1].decision.id) is None:
        raise CarbonError("report.unstated", report=earlier[-1].decision.id)


def _check_period(context: Context, month: Period) -> None:
    """Closed, and the time to return things has passed. Raises ``report.open``."""
    window = policy_number(context.catalogue, "return_window", month.last_day)
    closes = month.last_day + timedelta(days=window)
    if context.today <= closes:
        raise CarbonError("report.open", month=month, closes=closes)


def _check_commitments(context: Context, draft: Draft) -> None:
    """Both sides have committed to a nonce in leaves the report covers (TRUST V3)."""
    for side in SIDES:
        found = context.unit.find("commitment", f"{draft.id}/{side}")
        place = None if found is None else found.leaf_index
        if place is None or place >= draft.content["leaves"]["to"]:
            raise CarbonError("report.commitment", report=draft.id, side=side)


RULES: Rules = {"report": Rule(_check)}
