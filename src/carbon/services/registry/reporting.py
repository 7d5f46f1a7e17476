"""Report: a closed month of a project as one document that anyone can rebuild."""

from __future__ import annotations

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.reporting import check_report
from carbon.services.registry.decide import Context, Rule, Rules


def _check(context: Context, draft: Draft) -> None:
    check_report(context.unit, draft, context.today, context.prepared[draft.id])


RULES: Rules = {"report": Rule(_check)}
