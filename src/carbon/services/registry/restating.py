"""Restate: a correction reaches the credits that were issued on it, in one transaction.

Records are withdrawn, factors are no longer counted, and each report concerned is computed again.
Where fewer credits come out than were issued, the difference is cancelled from the buffer, then
from the owner's holding; what neither has is owed by the project's next report (TRUST V7). Points
are never taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carbon.domain.credit.issuance import GRAMS_PER_CREDIT
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.report import issuable_g
from carbon.ports.registry import Decisions
from carbon.services.registry.decide import Context, Draft, Rule, Rules
from carbon.services.registry.holding import BUFFER, CANCELLED, holder, serials_told
from carbon.services.registry.projects import project_named

#: Under this name the context has the issued reports that records and factors concern.
AFFECTED = "affected"


def excess_credits(
    decisions: Decisions, report_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> int:
    """Credits issued on a report beyond what it comes to now, less those already made good.

    ``before``, ``after``: the report as issued and as computed again. The share of the reported
    grams that was verified stays what it was.
    """
    issued = decisions.find("issuance", report_id)
    statement = decisions.find("statement", report_id)
    if issued is None or statement is None:
        raise CarbonError("restatement.not_issued", report=report_id)
    effect = issued.decision.effect
    reported, verified = int(before["reported_g"]), int(statement.decision.effect["verified_g"])
    now = int(after["reported_g"]) * verified // reported if reported else 0
    grams = issuable_g(after, now) + int(effect["carry_in_g"])
    made_good = sum(
        int(told["credits"])
        for found in decisions.every("restatement")
        for told in found.decision.content["reports"]
        if told["report"] == report_id
    )
    return max(0, int(effect["credits"]) - grams // GRAMS_PER_CREDIT - made_good)


def _check(context: Context, draft: Draft) -> None:
    """Every report concerned is named, once, and comes to what the signers were told."""
    reports = [told["report"] for told in draft.content["reports"]]
    if len(set(reports)) < len(reports):
        raise CarbonError("decision.form", kind=draft.kind, member="reports")
    lacking = set(context.prepared[AFFECTED]) - set(reports)
    if lacking:
        raise CarbonError("restatement.lacking", report=min(lacking))
    _check_known(context, draft)
    for told in draft.content["reports"]:
        before, after = context.prepared[told["report"]]
        found = excess_credits(context.unit, told["report"], before, after.document)
        if (int(told["credits"]), told["sha256"]) != (found, after.sha256):
            raise CarbonError("restatement.differs", report=told["report"], credits=found)


def _check_known(context: Context, draft: Draft) -> None:
    """What was restated before is published and taken into account.

    Raises ``restatement.known``.
    """
    for earlier in context.unit.every("restatement"):
        if earlier.leaf_index is None or earlier.leaf_index >= draft.content["known"]:
            raise CarbonError("restatement.known", id=earlier.decision.id)


def _apply(context: Context, draft: Draft) -> dict[str, Any]:
    for fact_id in draft.content["replaced"]:
        context.unit.correct(fact_id, draft.content["reason"])
    told = [
        _compensate(context, draft, entry["report"], int(entry["credits"]))
        for entry in draft.content["reports"]
    ]
    return {"reports": told}


def _compensate(context: Context, draft: Draft, report_id: str, credits_: int) -> dict[str, Any]:
    """Cancel from the buffer, then from the owner; what is missing is owed."""
    issued = context.unit.find("issuance", report_id)
    if issued is None:
        raise CarbonError("restatement.not_issued", report=report_id)
    asset = issued.decision.effect["asset"]
    project = project_named(context.unit, report_id.partition("/")[0])
    told: dict[str, Any] = {"report": report_id, "serials": [], "after": _last(context, project.id)}
    missing = credits_
    for name, account in (("buffer", BUFFER), ("owner", holder(project.content["owner"]))):
        taken = min(missing, _free(context, asset, account))
        if taken:
            key = f"{draft.id}/{report_id}/{name}"
            told["serials"] += _cancel(context, key, asset, account, taken)
        told[name] = str(taken)
        missing -= taken
    before, after = context.prepared[report_id]
    # A loss that no credit could cover is carried, as any other.
    loss_g = int(before["deficit_out_g"]) - int(after.document["deficit_out_g"])
    told["owed_g"] = str(missing * GRAMS_PER_CREDIT + max(0, loss_g))
    return told


def _free(context: Context, asset: str, account: str) -> int:
    context.unit.open(asset, account, "holder")
    return context.unit.balance(asset, account)


def _cancel(
    context: Context, key: str, asset: str, account: str, credits_: int
) -> list[dict[str, str]]:
    context.unit.open(asset, CANCELLED, "sink")
    context.unit.post(f"restatement/{key}", "restatement", [(asset, account, CANCELLED, credits_)])
    context.unit.reserve(key, asset, account, credits_)
    return serials_told(context.unit.move(key, CANCELLED))


def _last(context: Context, project: str) -> int:
    """Number of the project's latest issuance: what is owed counts until the next one."""
    issued = context.unit.every("issuance", f"{project}/")
    return max(int(found.decision.effect["number"]) for found in issued)


RULES: Rules = {"restatement": Rule(_check, _apply)}
