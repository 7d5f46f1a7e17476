"""What a verification statement must say: it follows from report, sample, inspections, findings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.drawn import audited, draw_of, sample_of
from carbon.domain.credit.history import History
from carbon.domain.credit.verification import (
    assignment_of,
    check_independence,
    findings_of,
    report_of,
)
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.evaluation import MATERIALITY_BP, Claim, Evaluation, evaluate
from carbon.domain.mrv.findings import Finding, blocking
from carbon.domain.mrv.statement import check_statement

ADVERSE: Final = "adverse"
#: Fields that people write; the others follow from the report, the sample and the findings.
WRITTEN: Final = (
    "responsible_party", "criteria", "boundary", "objective", "assurance", "independence",
)  # fmt: skip
#: Fields the decision's effect repeats.
_TOLD: Final = ("verified_g", "projected_g", "bound_g", "opinion")


def evaluation(history: History, report: str, document: Mapping[str, Any]) -> Evaluation:
    """What the sample says of a report. Raises ``evaluation.unopened``."""
    gained = sum(int(cell["credited_g"]) - int(cell["negative_g"]) for cell in document["cells"])
    claim = Claim(int(document["reported_g"]), gained)
    return evaluate(sample_of(history, report), audited(history, report), claim)


def statement_fields(
    history: History,
    report: str,
    document: Mapping[str, Any],
    written: Mapping[str, str],
    day: date,
) -> dict[str, Any]:
    """All fields of a statement, from what people write and what follows from the rest.

    A verifier may write an adverse ``opinion`` whatever the sample says, for a finding that stays
    open; no other opinion can be chosen.
    """
    sample, found = sample_of(history, report), evaluation(history, report, document)
    adverse = written.get("opinion") == ADVERSE
    findings = findings_of(history, report.partition("/")[0])
    return {
        **{name: written[name] for name in WRITTEN if name in written},
        "period": document["period"],
        "materiality": MATERIALITY_BP,
        "method": sample.method,
        "seed": draw_of(history, report)["seed"],
        "sample": sample.keys,
        "findings": [[f.id, f.class_on(day), _state(f)] for f in findings.values()],
        "claimed_g": str(found.reported_g),
        "projected_g": str(found.claimed.projected_g),
        "bound_g": str(found.claimed.bound_g),
        "verified_g": "0" if adverse else str(found.verified_g),
        "opinion": ADVERSE if adverse else found.opinion,
        "team": [assignment_of(history, report)["verifier"]],
        "date": day.isoformat(),
        "report": report_of(history, report).content["sha256"],
    }


def _state(finding: Finding) -> str:
    if finding.closed_on is not None:
        return "closed"
    return "answered" if finding.answered_by else "open"


def check_stated(history: History, draft: Draft, today: date, document: Mapping[str, Any]) -> None:
    """Signed by those assigned, after all findings are closed, saying what follows.

    Raises ``verification.*``, ``statement.*``, ``evaluation.*``, ``decision.id``.
    """
    report, fields = draft.content["report"], draft.content["fields"]
    draft.check_id(report)
    assigned = assignment_of(history, report)
    for signer, name in zip(draft.signers, ("verifier", "reviewer"), strict=False):
        if signer.person != assigned[name]:
            raise CarbonError("verification.person", report=report)
    check_independence(history, assigned)  # again: a conflict may have come up since
    check_statement(fields)
    if fields["opinion"] != ADVERSE:  # which waits for nobody: nothing is issued on it
        _refuse_blocked(history, report, today)
    day = date.fromisoformat(fields["date"])
    wanted = statement_fields(history, report, document, fields, day)
    if day > today or wanted != fields:
        differing = [n for n in wanted if fields.get(n) != wanted[n]] or ["date"]
        raise CarbonError("verification.differs", report=report, field=differing[0])


def _refuse_blocked(history: History, report: str, today: date) -> None:
    blocked = blocking(findings_of(history, report.partition("/")[0]), today)
    if blocked:
        raise CarbonError("verification.blocked", report=report, finding=blocked[0].id)


def stated(draft: Draft) -> dict[str, Any]:
    """What a statement's leaf repeats of its fields."""
    return {name: draft.content["fields"][name] for name in _TOLD}
