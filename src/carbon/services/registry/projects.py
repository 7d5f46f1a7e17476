"""Projects: design document, validation, public notice, filing."""

from __future__ import annotations

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.steps import CHECKS, check_design, check_filing
from carbon.services.registry.decide import Context, Rule, Rules, rules_of


def _check_design(context: Context, draft: Draft) -> None:
    check_design(draft, {category.category for category in context.catalogue.categories})


def _check_filing(context: Context, draft: Draft) -> None:
    between = context.calendar.working_days_between
    check_filing(context.unit, draft, context.today, between)


RULES: Rules = {
    **rules_of(CHECKS),
    "project": Rule(_check_design),
    "filing": Rule(_check_filing),
}
