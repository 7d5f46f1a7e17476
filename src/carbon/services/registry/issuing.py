"""Issue: a statement becomes serial-numbered credits, once, by two people who did not verify.

Grams and credits are journals of the ledger: what may be issued enters the project's carry, whole
kilograms leave it, and as many credits come from the issuer. Nothing is deducted before issuance;
a share of the issued serials goes to the buffer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from carbon.domain.credit.issuance import (
    GRAMS_PER_CREDIT,
    Amounts,
    Block,
    amounts,
    apportion,
    asset,
    carry_asset,
    merge,
)
from carbon.domain.credit.project import Project
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.ledger.journal import MAX_LINES
from carbon.domain.mrv.findings import blocking_issuance
from carbon.domain.mrv.report import MILLION, issuable_g
from carbon.domain.period import Period
from carbon.ports.registry import Decisions
from carbon.services.registry.decide import Context, Draft, Rule, Rules
from carbon.services.registry.holding import BUFFER, ISSUED, holder, is_frozen, serials_told
from carbon.services.registry.projects import project_named
from carbon.services.registry.standing import issued_reports, position
from carbon.services.registry.verifying import findings_of

#: Where grams come from and go to: the issuer's side of the carry.
VERIFIED = "verified"
#: How the leaf names the blocks of residents who keep their grams, and whose share they have.
RESIDENTS, SELLER = "residents", "seller"
_BASIS = 10_000


@dataclass(frozen=True, slots=True)
class IssuancePlan:
    """What an issuance on a report comes to. ``asset``, ``carry``: of credits, and of grams.

    ``kept``: credits (可注销份额) of residents who keep their grams, by pseudonym.
    """

    report: Mapping[str, Any]
    project: str
    owner: str
    part: int
    asset: str
    carry: str
    amounts: Amounts
    issuable_g: int
    kept: Sequence[tuple[str, int]]


def plan(
    decisions: Decisions, catalogue: Catalogue, report_id: str, document: Mapping[str, Any]
) -> IssuancePlan:
    """Raises ``issuance.statement`` where no published statement confirms the report."""
    statement = decisions.find("statement", report_id)
    report = decisions.find("report", report_id)
    if statement is None or report is None or statement.leaf_index is None:
        raise CarbonError("issuance.statement", report=report_id)
    content = report.decision.content
    project = project_named(decisions, content["project"])
    month = Period.parse(content["month"])
    methodology, vintage = document["methodology"], month.first_day.year
    carry = carry_asset(methodology, vintage)
    grams = issuable_g(document, int(statement.decision.effect["verified_g"]))
    carried = decisions.balance(carry, f"project/{project.id}")
    parts = amounts(grams, carried, _buffer_ppm(catalogue, month))
    return IssuancePlan(
        report=document,
        project=project.id,
        owner=project.content["owner"],
        part=content["part"],
        asset=asset(methodology, vintage, project.unit_status),
        carry=carry,
        amounts=parts,
        issuable_g=grams,
        kept=_kept(decisions, project, document, parts.credits - parts.buffer),
    )


def _kept(
    decisions: Decisions, project: Project, document: Mapping[str, Any], credits_: int
) -> list[tuple[str, int]]:
    """The sellers' share of a programme's credits, apportioned to those who keep their grams.

    By largest remainder over all positive grams of the month; what is pooled stays with the owner.
    """
    bp = {share["party"]: share["bp"] for share in project.content["shares"]}
    if project.content["kind"] != "programme" or not bp.get(SELLER):
        return []
    leaves = document["leaves"]["from"], document["leaves"]["to"]
    month = Period.parse(document["period"])
    grams = decisions.kept_grams(project.id, month, leaves)
    whole = sum(int(cell["positive_g"]) for cell in document["cells"])
    sellers = apportion(credits_, [bp[SELLER], _BASIS - bp[SELLER]])[0]
    pooled = whole - sum(er_g for _, er_g in grams)
    parts = apportion(sellers, [*(er_g for _, er_g in grams), pooled])
    return [(person, part) for (person, _), part in zip(grams, parts[:-1], strict=True) if part]


def _buffer_ppm(catalogue: Catalogue, month: Period) -> int:
    """The buffer's share by the policy of the month's last day. Raises ``report.policy``."""
    row = catalogue.find("policy", "buffer_share", month.last_day).row
    if row is None or row.value is None:
        raise CarbonError("report.policy", key="buffer_share", day=month.last_day)
    return int(row.value * MILLION)


def _plan(context: Context, draft: Draft) -> IssuancePlan:
    if draft.content["report"] != draft.id:
        raise CarbonError("decision.id", kind=draft.kind, needed=draft.content["report"])
    return plan(context.unit, context.catalogue, draft.id, context.prepared[draft.id])


def _check(context: Context, draft: Draft) -> None:
    planned = _plan(context, draft)
    where = position(context.unit, planned.project, planned.report["period"])
    if (where.part, where.first, where.deficit_g) != (
        planned.part + 1,
        planned.report["leaves"]["from"],
        int(planned.report["deficit_in_g"]),
    ):
        raise CarbonError("issuance.moved", report=draft.id)
    _refuse_corrected(context, draft.id, planned)
    if is_frozen(context.unit, planned.owner):
        raise CarbonError("holding.frozen", holder=planned.owner)
    if int(draft.content["credits"]) != planned.amounts.credits:
        raise CarbonError(
            "issuance.credits", asked=draft.content["credits"], found=planned.amounts.credits
        )
    blocked = blocking_issuance(findings_of(context.unit, planned.project), context.today)
    if blocked:
        raise CarbonError("verification.blocked", report=draft.id, finding=blocked[0].id)
    independent = _independent(context, draft)
    if any(signer.person in independent for signer in draft.signers):
        raise CarbonError("issuance.verifier", report=draft.id)


def _refuse_corrected(context: Context, report: str, planned: IssuancePlan) -> None:
    """Nothing the report rests on was corrected or withdrawn since: it would be credited twice.

    Raises ``issuance.corrected``.
    """
    document = planned.report
    leaves = document["leaves"]["from"], document["leaves"]["to"]
    month, known = Period.parse(document["period"]), document["known"]
    withdrawn = {
        factor
        for found in context.unit.every("restatement")
        if found.leaf_index is None or found.leaf_index >= known
        for factor in found.decision.content["withdrawn"]
    }
    records = context.unit.corrected(planned.project, month, leaves, known)
    if records or withdrawn & set(document["factor_rows"]):
        raise CarbonError("issuance.corrected", report=report)


def _independent(context: Context, draft: Draft) -> tuple[str, str]:
    """Verifier and reviewer of the statement."""
    found = context.unit.find("assignment", draft.id)
    if found is None:
        raise CarbonError("issuance.statement", report=draft.id)
    content = found.decision.content
    return content["verifier"], content["reviewer"]


def _apply(context: Context, draft: Draft) -> dict[str, Any]:
    planned = _plan(context, draft)
    leaves = planned.report["leaves"]["from"], planned.report["leaves"]["to"]
    previous = position(context.unit, planned.project, planned.report["period"]).previous
    context.unit.cover(planned.project, planned.report["period"], (planned.part, previous), leaves)
    _carry(context, draft, planned)
    blocks = _credit(context, draft, planned)
    number = len(issued_reports(context.unit))
    parts = planned.amounts
    return {
        "number": number,
        "asset": planned.asset,
        "issuable_g": str(planned.issuable_g),
        "credits": str(parts.credits),
        "buffer": str(parts.buffer),
        "carry_in_g": str(parts.carry_in_g),
        "carry_out_g": str(parts.carry_out_g),
        "deficit_out_g": planned.report["deficit_out_g"],
        "from": leaves[0],
        "to": leaves[1],
        "serials": [
            {"account": account, **told}
            for account, block in blocks
            for told in serials_told([block])
        ],
    }


def _carry(context: Context, draft: Draft, planned: IssuancePlan) -> None:
    """Grams into the project's carry, whole kilograms out of it."""
    account = f"project/{planned.project}"
    context.unit.open(planned.carry, VERIFIED, "source")
    context.unit.open(planned.carry, account, "holder")
    moved = [
        (planned.carry, VERIFIED, account, planned.issuable_g),
        (planned.carry, account, VERIFIED, planned.amounts.credits * GRAMS_PER_CREDIT),
    ]
    movements = [movement for movement in moved if movement[3]]
    if movements:
        context.unit.post(f"carry/{draft.id}", "carry", movements)


def _credit(context: Context, draft: Draft, planned: IssuancePlan) -> list[tuple[str, Block]]:
    """Credits to owner, buffer and residents, with their serial blocks.

    Residents' blocks follow one another: the leaf tells them as one, and nobody's name.
    """
    kept = [(f"resident/{person}", credits_) for person, credits_ in planned.kept]
    parts = planned.amounts
    owned = parts.credits - parts.buffer - sum(credits_ for _, credits_ in kept)
    shares = [
        (account, credits_)
        for account, credits_ in ((holder(planned.owner), owned), (BUFFER, parts.buffer), *kept)
        if credits_
    ]
    if not shares:
        return []
    context.unit.open(planned.asset, ISSUED, "source")
    for account, _ in shares:
        context.unit.open(planned.asset, account, "holder")
    for start in range(0, len(shares), MAX_LINES):
        movements = [(planned.asset, ISSUED, *share) for share in shares[start : start + MAX_LINES]]
        context.unit.post(f"issuance/{draft.id}/{start}", "issuance", movements)
    blocks = context.unit.issue(planned.asset, shares)
    named = len(shares) - len(kept)
    told = [(account, block) for (account, _), block in zip(shares, blocks, strict=True)]
    rest = [(RESIDENTS, block) for block in merge(blocks[named:])]
    return [*told[:named], *rest]


RULES: Rules = {"issuance": Rule(_check, _apply, independent=_independent)}
