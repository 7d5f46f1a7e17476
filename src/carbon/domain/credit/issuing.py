"""What an issuance comes to, and what stands against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.history import History
from carbon.domain.credit.issuance import (
    Amounts,
    amounts,
    apportion,
    asset,
    carry_asset,
    carry_of,
)
from carbon.domain.credit.moving import refuse_frozen
from carbon.domain.credit.project import Project, project_named
from carbon.domain.credit.standing import issued_reports, position
from carbon.domain.credit.verification import findings_of
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.mrv.findings import blocking_issuance
from carbon.domain.mrv.report import MILLION, issuable_g
from carbon.domain.period import Period

#: Whose share of a programme's credits goes to those who keep their grams.
SELLER: Final = "seller"
_BASIS: Final = 10_000


@dataclass(frozen=True, slots=True)
class IssuancePlan:
    """What an issuance on a report comes to. ``asset``, ``carry``: of credits, and of grams."""

    report: Mapping[str, Any]
    project: Project
    asset: str
    carry: str
    amounts: Amounts
    issuable_g: int

    @property
    def owner(self) -> str:
        """The organisation that gets what is not set aside."""
        return str(self.project.content["owner"])

    @property
    def sellers(self) -> int:
        """A programme's credits, less the buffer, that are its sellers' share."""
        bp = {share["party"]: share["bp"] for share in self.project.content["shares"]}
        if self.project.content["kind"] != "programme" or not bp.get(SELLER):
            return 0
        shared = self.amounts.credits - self.amounts.buffer
        return apportion(shared, [bp[SELLER], _BASIS - bp[SELLER]])[0]

    def told(self, number: int) -> dict[str, Any]:
        """What the leaf tells, but for the serials; ``number``: of issuances before it."""
        leaves, parts = self.report["leaves"], self.amounts
        return {
            "number": number,
            "asset": self.asset,
            "issuable_g": str(self.issuable_g),
            "credits": str(parts.credits),
            "buffer": str(parts.buffer),
            "carry_in_g": str(parts.carry_in_g),
            "carry_out_g": str(parts.carry_out_g),
            "deficit_out_g": self.report["deficit_out_g"],
            "from": leaves["from"],
            "to": leaves["to"],
        }


def plan(
    history: History, catalogue: Catalogue, report_id: str, document: Mapping[str, Any]
) -> IssuancePlan:
    """What may be issued on a report; ``catalogue``: the newest one it names.

    Raises ``issuance.statement`` where no published statement confirms the report.
    """
    statement = history.find("statement", report_id)
    report = history.find("report", report_id)
    if statement is None or report is None or statement.leaf_index is None:
        raise CarbonError("issuance.statement", report=report_id)
    project = project_named(history, report.decision.content["project"])
    month = Period.parse(report.decision.content["month"])
    methodology, vintage = document["methodology"], month.first_day.year
    carry = carry_asset(methodology, vintage)
    grams = issuable_g(document, int(statement.decision.effect["verified_g"]))
    carried = _carried_g(history, project.id, carry)
    return IssuancePlan(
        report=document,
        project=project,
        asset=asset(methodology, vintage, project.unit_status),
        carry=carry,
        amounts=amounts(grams, carried, _buffer_ppm(catalogue, month)),
        issuable_g=grams,
    )


def _carried_g(history: History, project: str, carry: str) -> int:
    """What the last issuance of a project left of grams of a kind."""
    effects = [found.decision.effect for found in issued_reports(history, project)]
    same = [effect for effect in effects if carry_of(effect["asset"]) == carry]
    return int(max(same, key=lambda effect: effect["number"])["carry_out_g"]) if same else 0


def _buffer_ppm(catalogue: Catalogue, month: Period) -> int:
    """The buffer's share by the policy of the month's last day. Raises ``report.policy``."""
    row = catalogue.find("policy", "buffer_share", month.last_day).row
    if row is None or row.value is None:
        raise CarbonError("report.policy", key="buffer_share", day=month.last_day)
    return int(row.value * MILLION)


def check_issuance(history: History, draft: Draft, today: date, planned: IssuancePlan) -> None:
    """Next in its chain, of the right amount, nothing open, by people who did not verify.

    Raises ``issuance.*``, ``verification.blocked``, ``holding.frozen``, ``decision.id``.
    """
    draft.check_id(draft.content["report"])
    where = position(history, planned.project.id, planned.report["period"])
    begins = planned.report["leaves"]["from"], int(planned.report["deficit_in_g"])
    last = where.part - 1  # a later report of the month takes the place of an earlier one
    if (planned.report["part"], (where.first, where.deficit_g)) != (last, begins):
        raise CarbonError("issuance.moved", report=draft.id)
    if _withdrawn_since(history, planned.report):
        raise CarbonError("issuance.corrected", report=draft.id)
    refuse_frozen(history, planned.owner)
    if int(draft.content["credits"]) != planned.amounts.credits:
        raise CarbonError(
            "issuance.credits", asked=draft.content["credits"], found=planned.amounts.credits
        )
    blocked = blocking_issuance(findings_of(history, planned.project.id), today)
    if blocked:
        raise CarbonError("verification.blocked", report=draft.id, finding=blocked[0].id)
    if any(signer.person in independent(history, draft.id) for signer in draft.signers):
        raise CarbonError("issuance.verifier", report=draft.id)


def _withdrawn_since(history: History, document: Mapping[str, Any]) -> set[str]:
    """Factors of a report that were withdrawn after it."""
    return {
        factor
        for found in history.every("restatement")
        if found.leaf_index is None or found.leaf_index >= document["known"]
        for factor in found.decision.content["withdrawn"]
    } & set(document["factor_rows"])


def independent(history: History, report: str) -> tuple[str, str]:
    """Verifier and reviewer of a report, who never issue on it. Raises ``issuance.statement``."""
    found = history.find("assignment", report)
    if found is None:
        raise CarbonError("issuance.statement", report=report)
    content = found.decision.content
    return content["verifier"], content["reviewer"]
