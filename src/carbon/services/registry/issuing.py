"""Issue: a statement becomes serial-numbered credits, once, by two people who did not verify.

Grams and credits are journals of the ledger: what may be issued enters the project's carry, whole
kilograms leave it, and as many credits come from the issuer. Nothing is deducted before issuance;
a share of the issued serials goes to the buffer.
"""

from __future__ import annotations

from typing import Any

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.issuance import GRAMS_PER_CREDIT, Block, apportion, merge
from carbon.domain.credit.issuing import IssuancePlan, check_issuance, independent, plan
from carbon.domain.credit.moving import BUFFER, ISSUED, RESIDENTS, holder
from carbon.domain.credit.standing import issued_reports, position
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.journal import MAX_LINES
from carbon.domain.period import Period
from carbon.ports.registry import Decisions
from carbon.services.registry.decide import Context, Rule, Rules
from carbon.services.registry.holding import serials_told

#: Where grams come from and go to: the issuer's side of the carry.
VERIFIED = "verified"
#: Under this name the context has the newest catalogue of the report.
CATALOGUE = "catalogue"


def _plan(context: Context, draft: Draft) -> IssuancePlan:
    document = context.prepared[draft.content["report"]]
    return plan(context.unit, context.prepared[CATALOGUE], draft.content["report"], document)


def _check(context: Context, draft: Draft) -> None:
    planned = _plan(context, draft)
    check_issuance(context.unit, draft, context.today, planned)
    _refuse_corrected(context.unit, draft.id, planned)


def _refuse_corrected(decisions: Decisions, report: str, planned: IssuancePlan) -> None:
    """Nothing is issued on a record that was withdrawn since: no restatement could reach it."""
    document = planned.report
    leaves = document["leaves"]["from"], document["leaves"]["to"]
    month = Period.parse(document["period"])
    if decisions.corrected(planned.project.id, month, leaves) is not None:
        raise CarbonError("issuance.corrected", report=report)


def _kept(decisions: Decisions, planned: IssuancePlan) -> list[tuple[str, int]]:
    """The sellers' share, apportioned to those who keep their grams, by pseudonym.

    By largest remainder over all positive grams of the month; what is pooled stays with the owner.
    """
    if not planned.sellers:
        return []
    document = planned.report
    leaves = document["leaves"]["from"], document["leaves"]["to"]
    month = Period.parse(document["period"])
    grams = decisions.kept_grams(planned.project.id, month, leaves)
    whole = sum(int(cell["positive_g"]) for cell in document["cells"])
    pooled = whole - sum(er_g for _, er_g in grams)
    parts = apportion(planned.sellers, [*(er_g for _, er_g in grams), pooled])
    return [(person, part) for (person, _), part in zip(grams, parts[:-1], strict=True) if part]


def _apply(context: Context, draft: Draft) -> dict[str, Any]:
    planned = _plan(context, draft)
    document = planned.report
    leaves = document["leaves"]["from"], document["leaves"]["to"]
    previous = position(context.unit, planned.project.id, document["period"]).previous
    parts = document["part"], previous
    context.unit.cover(planned.project.id, document["period"], parts, leaves)
    _carry(context, draft, planned)
    blocks = _credit(context, draft, planned)
    serials = [
        {"account": account, **told} for account, block in blocks for told in serials_told([block])
    ]
    return {**planned.told(len(issued_reports(context.unit))), "serials": serials}


def _carry(context: Context, draft: Draft, planned: IssuancePlan) -> None:
    """Grams into the project's carry, whole kilograms out of it."""
    account = f"project/{planned.project.id}"
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
    kept = [(f"resident/{person}", credits_) for person, credits_ in _kept(context.unit, planned)]
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


RULES: Rules = {
    "issuance": Rule(_check, _apply, independent=lambda c, d: independent(c.unit, d.id)),
}
