"""What a restatement comes to: credits issued on a report beyond what it supports now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.history import Decided, History
from carbon.domain.credit.issuance import GRAMS_PER_CREDIT
from carbon.domain.credit.standing import issued_reports
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.report import issuable_g
from carbon.domain.mrv.reported import Reported

#: Reports as issued and as they come to now, by id.
Restated = Mapping[str, tuple[Mapping[str, Any], Reported]]


def issuance_of(history: History, report_id: str) -> Decided:
    """The issuance on a report. Raises ``restatement.not_issued``."""
    issued = history.find("issuance", report_id)
    if issued is None:
        raise CarbonError("restatement.not_issued", report=report_id)
    return issued


def excess_credits(
    history: History, report_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> int:
    """Credits issued on a report beyond what it comes to now, less those already made good.

    ``before``, ``after``: the report as issued and as computed again. The share of the reported
    grams that was verified stays what it was. Raises ``restatement.not_issued``.
    """
    effect = issuance_of(history, report_id).decision.effect
    statement = history.find("statement", report_id)
    if statement is None:
        raise CarbonError("restatement.not_issued", report=report_id)
    reported, verified = int(before["reported_g"]), int(statement.decision.effect["verified_g"])
    now = int(after["reported_g"]) * verified // reported if reported else 0
    grams = issuable_g(after, now) + int(effect["carry_in_g"])
    made_good = sum(
        int(told["credits"])
        for found in history.every("restatement")
        for told in found.decision.content["reports"]
        if told["report"] == report_id
    )
    return max(0, int(effect["credits"]) - grams // GRAMS_PER_CREDIT - made_good)


def check_restatement(history: History, draft: Draft, restated: Restated) -> None:
    """Each report is named once, and comes to what the signers were told.

    Raises ``restatement.*``, ``decision.form``.
    """
    reports = [told["report"] for told in draft.content["reports"]]
    if len(set(reports)) < len(reports):
        raise CarbonError("decision.form", kind=draft.kind, member="reports")
    _check_known(history, draft)
    for told in draft.content["reports"]:
        before, after = restated[told["report"]]
        found = excess_credits(history, told["report"], before, after.document)
        if (int(told["credits"]), told["sha256"]) != (found, after.sha256):
            raise CarbonError("restatement.differs", report=told["report"], credits=found)


def _check_known(history: History, draft: Draft) -> None:
    """What was restated before is published and taken into account."""
    for earlier in history.every("restatement"):
        if earlier.leaf_index is None or earlier.leaf_index >= draft.content["known"]:
            raise CarbonError("restatement.known", id=earlier.decision.id)


def owed_g(
    history: History,
    report_id: str,
    missing: int,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> int:
    """What the next report owes: credits nobody could give back, and a loss no credit covers.

    ``before`` is the report as issued: a loss that an earlier restatement told is owed already.
    """
    loss_g = int(before["deficit_out_g"]) - int(after["deficit_out_g"])
    return missing * GRAMS_PER_CREDIT + max(0, loss_g - _loss_told_g(history, report_id))


def _loss_told_g(history: History, report_id: str) -> int:
    """Losses that restatements of a report told: what they owe besides credits."""
    loss_g = 0
    for found in history.every("restatement"):
        asked = {one["report"]: int(one["credits"]) for one in found.decision.content["reports"]}
        for told in found.decision.effect["reports"]:
            if told["report"] == report_id:
                missing = asked[report_id] - int(told["buffer"]) - int(told["owner"])
                loss_g += int(told["owed_g"]) - missing * GRAMS_PER_CREDIT
    return loss_g


def last_number(history: History, project: str) -> int:
    """Number of the project's latest issuance: what is owed counts until the next one."""
    return max(int(d.decision.effect["number"]) for d in issued_reports(history, project))
