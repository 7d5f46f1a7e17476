"""When a project may report a month, and what its next report is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.history import History
from carbon.domain.credit.project import project_named
from carbon.domain.credit.standing import position
from carbon.domain.credit.verification import check_commitments
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.monitored import Published, Scope
from carbon.domain.mrv.report import policy, report_id
from carbon.domain.mrv.reported import Reported, report_content, reported
from carbon.domain.period import Period


def next_scope(history: History, project: str, month: Period, size: int) -> Scope:
    """What the next report of a month is about, in a log of so many leaves."""
    methodology = project_named(history, project).content["methodology"]
    first = position(history, project, str(month)).first
    return Scope(project, methodology, month, first, size, size)


def build(
    history: History, log: Published, scope: Scope, checkpoint: Mapping[str, Any]
) -> Reported:
    """Read the log and write the report. Raises ``report.*``, ``log.missing``."""
    project = project_named(history, scope.project)
    where = position(history, scope.project, str(scope.period))
    built = reported(log, scope, project.published(), checkpoint, where.deficit_g, where.part)
    if not built.found.er_g.size:
        raise CarbonError("report.empty", project=scope.project, month=scope.period)
    return built


def check_place(history: History, draft: Draft) -> None:
    """The owner's, of a month that may be credited, next in its chain, after both commitments.

    Raises ``report.crediting``, ``report.unstated``, ``report.part``, ``report.commitment``,
    ``decision.*``.
    """
    content = draft.content
    project = project_named(history, content["project"])
    draft.check_organisation(project.content["owner"])
    draft.check_id(report_id(project.id, content["month"], content["part"]))
    month = Period.parse(content["month"])
    if not project.covers(month.first_day, month.last_day):
        raise CarbonError("report.crediting", project=project.id, month=month)
    _check_earlier(history, project.id, content["month"])
    where = position(history, project.id, content["month"])
    if (content["part"], content["leaves"]["from"]) != (where.part, where.first):
        raise CarbonError("report.part", report=draft.id, part=where.part)
    check_commitments(history, draft.id, content["leaves"]["to"])


def _check_earlier(history: History, project: str, month: str) -> None:
    """A new report of a month only after a statement on the last one.

    Otherwise a sample that displeases could be dropped, with what it found, for another one.
    """
    earlier = history.every("report", f"{project}/{month}/")
    if earlier and history.find("statement", earlier[-1].decision.id) is None:
        raise CarbonError("report.unstated", report=earlier[-1].decision.id)


def check_report(history: History, draft: Draft, today: date, built: Reported) -> None:
    """In its place, of a closed month, saying what the log comes to.

    Raises ``report.open``, ``report.differs`` and as :func:`check_place`.
    """
    check_place(history, draft)
    check_closed(built, today)
    if report_content(built) != draft.content:
        raise CarbonError("report.differs", report=draft.id)


def check_closed(built: Reported, today: date) -> None:
    """The month is over, and so is the time to return things. Raises ``report.open``."""
    month, catalogue = built.scope.period, built.found.last
    assert catalogue is not None  # noqa: S101  nothing is reported of an empty period
    closes = month.last_day + timedelta(days=int(policy(catalogue, "return_window", built.scope)))
    if today <= closes:
        raise CarbonError("report.open", month=month, closes=closes)
