"""Restate: a correction reaches the credits that were issued on it, in one transaction.

Records are withdrawn, factors are no longer counted, and each report concerned is computed again.
Where fewer credits come out than were issued, the difference is cancelled from the buffer, then
from the owner's holding; what neither has is owed by the project's next report (TRUST V7). Points
are never taken back.
"""

from __future__ import annotations

from typing import Any

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.moving import BUFFER, CANCELLED, holder
from carbon.domain.credit.project import project_named
from carbon.domain.credit.restating import check_restatement, issuance_of, last_number, owed_g
from carbon.domain.errors import CarbonError
from carbon.services.registry.decide import Context, Rule, Rules
from carbon.services.registry.holding import serials_told

#: Under this name the context has the issued reports that records and factors concern.
AFFECTED = "affected"


def _check(context: Context, draft: Draft) -> None:
    """Every report concerned is named, and comes to what the signers were told."""
    lacking = set(context.prepared[AFFECTED]) - {r["report"] for r in draft.content["reports"]}
    if lacking:
        raise CarbonError("restatement.lacking", report=min(lacking))
    check_restatement(context.unit, draft, context.prepared)


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
    asset = issuance_of(context.unit, report_id).decision.effect["asset"]
    project = project_named(context.unit, report_id.partition("/")[0])
    after = last_number(context.unit, project.id)
    told: dict[str, Any] = {"report": report_id, "serials": [], "after": after}
    missing = credits_
    for name, account in (("buffer", BUFFER), ("owner", holder(project.content["owner"]))):
        taken = min(missing, _free(context, asset, account))
        if taken:
            key = f"{draft.id}/{report_id}/{name}"
            told["serials"] += _cancel(context, key, asset, account, taken)
        told[name] = str(taken)
        missing -= taken
    before, now = context.prepared[report_id]
    told["owed_g"] = str(owed_g(context.unit, report_id, missing, before, now.document))
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


RULES: Rules = {"restatement": Rule(_check, _apply)}
