"""Corrections of records that credits were issued on: each one is restated, and makes good."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from carbon.audit.facts import Facts
from carbon.audit.result import Tally
from carbon.domain.credit.decision import Decision
from carbon.domain.credit.history import History
from carbon.domain.credit.standing import issued_reports
from carbon.domain.credit.verification import report_of
from carbon.domain.errors import CarbonError
from carbon.files.log_folder import PublishedLog

#: Leaf, project and month of a record.
Record = tuple[int, str, str]


class Records:
    """Finds records by their fact id; ``size``: leaves of the log.

    ``submissions``: leaf of a row file by its path.
    """

    def __init__(
        self, log: PublishedLog, facts: Facts, size: int, submissions: Mapping[str, int]
    ) -> None:
        self._log, self._facts, self._size = log, facts, size
        self._submissions = submissions

    def find(self, fact: str) -> Record | None:
        """A record; ``None`` for an unknown one. Raises ``log.*`` where it cannot be read."""
        place = self._facts.where(fact)
        if place is None:
            return None
        path, _, line = place.rpartition(":")
        index = self._submissions[path] if path else leaf_at(place)
        leaf = json.loads(self._log.leaf(index, self._size))
        if path:
            raw = self._log.row(leaf["file"]["sha256"], int(line) - 1, leaf["rows"])
            month = json.loads(raw)["in"]["month"]
        else:
            month = leaf["row"]["in"]["month"]
        return index, leaf.get("project", ""), month


class Corrected:
    """Which issued reports corrected records count in; ``places``: of decisions, by leaf."""

    def __init__(
        self, records: Records, tally: Tally, history: History, places: Mapping[int, str]
    ) -> None:
        self._records, self._tally = records, tally
        self._history, self._places = history, places
        self._issued = {
            found.decision.id: found.leaf_index or 0 for found in issued_reports(history)
        }

    def check(self, corrections: Iterable[tuple[str, str]]) -> None:
        """Every correction of an issued record is restated, in every report it counts in.

        ``corrections``: place and the id replaced.
        """
        if self._issued:
            restated = self._check_restated()
            for place, replaced in corrections:
                self._check_correction(place, replaced, restated)

    def _check_restated(self) -> set[str]:
        """Restatements name all reports of the records they withdraw; returns these records."""
        withdrawn: set[str] = set()
        for found in self._history.every("restatement"):
            content, index = found.decision.content, found.leaf_index or 0
            named = {told["report"] for told in content["reports"]}
            place = self._places[index]
            for replaced in content["replaced"]:
                for report in self._reports(place, replaced):
                    if self._issued[report.id] < index and report.id not in named:
                        error = CarbonError("restatement.lacking", report=report.id)
                        self._tally.add(place, error)
            withdrawn.update(content["replaced"])
        return withdrawn

    def _check_correction(self, place: str, replaced: str, restated: set[str]) -> None:
        """What a report did not know when it was made."""
        for report in self._reports(place, replaced):
            if replaced not in restated and leaf_at(place) >= report.content["leaves"]["to"]:
                error = CarbonError("audit.corrected", id=replaced, report=report.id)
                self._tally.add(place, error)

    def _reports(self, place: str, fact: str) -> Iterator[Decision]:
        """Issued reports that a record counts in; ``place``: where it is told if that fails."""
        record = self._tally.attempt(place, lambda: self._records.find(fact))
        if record is None:
            return
        index, project, month = record
        for id_ in self._issued:
            report = report_of(self._history, id_)
            own, leaves = report.content, report.content["leaves"]
            same = (own["project"], own["month"]) == (project, month)
            if same and leaves["from"] <= index < leaves["to"]:
                yield report


def leaf_at(place: str) -> int:
    """The index of the leaf that a place names."""
    return int(place.rpartition("#")[2])
