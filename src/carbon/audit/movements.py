"""Credits of a log: what was issued on what, and who holds which serial after every decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from carbon.audit.reports import Reports
from carbon.audit.result import Tally
from carbon.domain.credit.decision import Decision, Draft
from carbon.domain.credit.history import HistorySoFar
from carbon.domain.credit.holdings import Holdings, blocks_told, replay
from carbon.domain.credit.issuing import IssuancePlan, check_issuance, plan
from carbon.domain.credit.moving import BUFFER, CANCELLED, RESIDENTS, RETIRED, holder
from carbon.domain.credit.project import project_named
from carbon.domain.credit.restating import (
    check_restatement,
    issuance_of,
    last_number,
    owed_g,
)
from carbon.domain.credit.standing import issued_reports
from carbon.domain.errors import CarbonError


class Movements:
    """Checks issuances and restatements, and replays whatever moves serials."""

    def __init__(self, tally: Tally, history: HistorySoFar, reports: Reports) -> None:
        self._tally, self._history, self._reports = tally, history, reports
        self._holdings = Holdings()

    def replay(self, place: str, decision: Decision) -> None:
        """Do to the holdings what a decision says it did."""
        self._tally.attempt(place, lambda: replay(self._holdings, self._history, decision))

    def count(self) -> None:
        """Where all serials are in the end."""
        counts, by_account = self._tally.counts, Counter[str]()
        for held in self._holdings:
            by_account[held.account] += len(held.block)
        counts.credits_issued = by_account.total()
        counts.credits_retired = by_account[RETIRED]
        counts.credits_cancelled = by_account[CANCELLED]

    def check_issuance(self, place: str, draft: Draft, today: date, decision: Decision) -> None:
        """The amounts follow from statement, report and carry; each share goes where it belongs."""
        document = self._reports.document(draft.content["report"])
        newest = self._reports.newest(document)
        planned = plan(self._history, newest, draft.content["report"], document)
        check = self._tally.attempt
        check(place, lambda: check_issuance(self._history, draft, today, planned))
        expected = planned.told(len(issued_reports(self._history)))
        for name, value in expected.items():
            self._tally.compare(place, name, value, decision.effect.get(name))
        self._check_shares(place, planned, decision.effect["serials"])

    def _check_shares(self, place: str, planned: IssuancePlan, told: list[dict[str, Any]]) -> None:
        """The buffer's share, no more for residents than the sellers', the rest for the owner."""
        shares = Counter[str]()
        for one, block in zip(told, blocks_told(told), strict=True):
            shares[one["account"]] += len(block)
        compare, parts = self._tally.compare, planned.amounts
        residents = min(shares[RESIDENTS], planned.sellers)
        owner = parts.credits - parts.buffer - residents
        expected = {BUFFER: parts.buffer, RESIDENTS: residents, holder(planned.owner): owner}
        for account in sorted({*expected, *shares}):
            compare(place, account, expected.get(account, 0), shares[account])

    def check_restatement(self, place: str, draft: Draft, decision: Decision) -> None:
        """Each report comes to what is said, and is made good from the buffer, then the owner."""
        content = draft.content
        self._check_named(content)
        restated = {
            told["report"]: self._reports.restated(content, told) for told in content["reports"]
        }
        self._tally.attempt(place, lambda: check_restatement(self._history, draft, restated))
        effects = decision.effect["reports"]
        for told, effect in zip(content["reports"], effects, strict=True):
            before, after = restated[told["report"]]
            missing = self._check_cancelled(place, told, effect)
            owed = owed_g(self._history, told["report"], missing, before, after.document)
            self._tally.compare(place, "owed_g", str(owed), effect["owed_g"])

    def _check_named(self, content: Mapping[str, Any]) -> None:
        """Every issued report that uses a withdrawn factor is restated."""
        named = {told["report"] for told in content["reports"]}
        for issued in issued_reports(self._history):
            report = issued.decision.id
            used = set(self._reports.document(report)["factor_rows"])
            if used & set(content["withdrawn"]) and report not in named:
                raise CarbonError("restatement.lacking", report=report)

    def _check_cancelled(
        self, place: str, told: Mapping[str, Any], effect: Mapping[str, Any]
    ) -> int:
        """What is cancelled of buffer and owner; returns the credits that nobody could give.

        The owner may have promised credits to others, which no leaf tells: what it gives is at
        most what it holds.
        """
        report, credits_ = told["report"], int(told["credits"])
        asset = issuance_of(self._history, report).decision.effect["asset"]
        project = report.partition("/")[0]
        owner = project_named(self._history, project).content["owner"]
        buffer = min(credits_, self._holdings.count(asset, BUFFER))
        held = self._holdings.count(asset, holder(owner))
        given = int(effect["owner"])
        expected = {
            "report": report,
            "after": last_number(self._history, project),
            "buffer": str(buffer),
            "owner": str(min(given, credits_ - buffer, held)),
        }
        for name, value in expected.items():
            self._tally.compare(place, name, value, effect.get(name))
        return credits_ - buffer - given
