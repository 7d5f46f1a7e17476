"""Projects: design document, validation, public notice, filing."""

from __future__ import annotations

from carbon.domain.credit.decision import Decision
from carbon.domain.credit.project import Project, check_project
from carbon.domain.errors import CarbonError
from carbon.domain.quantification.methodologies import METHODOLOGIES
from carbon.ports.registry import Decisions
from carbon.services.registry.decide import Context, Draft, Rule, Rules

_STEPS = ("validation", "notice", "filing")
#: Methodologies whose grams may become credits.
ISSUING = frozenset(m.name for versions in METHODOLOGIES.values() for m in versions if m.issues)


def project_named(decisions: Decisions, id_: str) -> Project:
    """A registered project. Raises ``project.unknown``."""
    found = decisions.find("project", id_)
    if found is None:
        raise CarbonError("project.unknown", project=id_)
    steps: dict[str, Decision] = {}
    for kind in _STEPS:
        step = decisions.find(kind, id_)
        if step is not None:
            steps[kind] = step.decision
    return Project(id_, found.decision.content, steps)


def check_organisation(draft: Draft, organisation: str) -> None:
    """Whoever signs acts for the organisation concerned. Raises ``decision.organisation``."""
    for signer in draft.signers:
        if signer.organisation != organisation:
            raise CarbonError("decision.organisation", kind=draft.kind, organisation=organisation)


def _check_design(context: Context, draft: Draft) -> None:
    categories = {category.category for category in context.catalogue.categories}
    check_organisation(draft, draft.content["owner"])
    check_project(draft.id, draft.content, ISSUING, categories)


def _own(context: Context, draft: Draft) -> Project:
    """The project a step is about; the step's id is the project's."""
    if draft.id != draft.content["project"]:
        raise CarbonError("decision.id", kind=draft.kind, needed=draft.content["project"])
    return project_named(context.unit, draft.content["project"])


def _check_validation(context: Context, draft: Draft) -> None:
    project = _own(context, draft)
    owner, signer = project.content["owner"], draft.signers[0].person
    known = context.unit.registered().values()
    if any(m.person == signer and m.organisation == owner for m in known):
        raise CarbonError("independence.conflict", person=signer)
    project.check_validation()


def _check_notice(context: Context, draft: Draft) -> None:
    _own(context, draft).check_notice()


def _check_filing(context: Context, draft: Draft) -> None:
    between = context.calendar.working_days_between
    _own(context, draft).check_filing(context.today, between)


RULES: Rules = {
    "project": Rule(_check_design),
    "validation": Rule(_check_validation),
    "notice": Rule(_check_notice),
    "filing": Rule(_check_filing),
}
