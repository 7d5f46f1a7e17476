"""Steps of a project: its design document, validation, public notice and filing, in this order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Final

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.history import Check, History
from carbon.domain.credit.project import (
    Project,
    WorkingDays,
    acting_for,
    check_project,
    project_named,
)
from carbon.domain.errors import CarbonError
from carbon.domain.quantification.methodologies import METHODOLOGIES

#: Methodologies whose grams may become credits.
ISSUING: Final = frozenset(
    m.name for versions in METHODOLOGIES.values() for m in versions if m.issues
)


def check_design(draft: Draft, categories: Collection[str]) -> None:
    """A design document, signed by the owner. Raises ``project.*``, ``decision.organisation``."""
    draft.check_organisation(draft.content["owner"])
    check_project(draft.id, draft.content, ISSUING, categories)


def _own(history: History, draft: Draft) -> Project:
    """The project a step is about; the step's id is the project's."""
    draft.check_id(draft.content["project"])
    return project_named(history, draft.content["project"])


def _check_validation(history: History, draft: Draft, _: date) -> None:
    project, signer = _own(history, draft), draft.signers[0].person
    if any(one.organisation == project.content["owner"] for one in acting_for(history, signer)):
        raise CarbonError("independence.conflict", person=signer)
    project.check_validation()


def _check_notice(history: History, draft: Draft, _: date) -> None:
    _own(history, draft).check_notice()


def check_filing(history: History, draft: Draft, today: date, between: WorkingDays) -> None:
    """After full public notice. Raises ``project.order``, ``project.notice``."""
    _own(history, draft).check_filing(today, between)


#: Rules of the steps that need no calendar. Raise ``project.*``, ``independence.conflict``.
CHECKS: Final[Mapping[str, Check]] = {"validation": _check_validation, "notice": _check_notice}
