"""Monitoring reports: rebuilt from the log byte for byte, and what rests on them.

A report is a function of leaves, rows, catalogues and earlier decisions. Here it is built again
from these alone, and only then compared with the file that was published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final

from carbon.audit.files import REPORTS, PublicFiles
from carbon.audit.heads import Heads
from carbon.audit.result import Tally
from carbon.audit.terms import References
from carbon.domain.credit.decision import Draft
from carbon.domain.credit.history import HistorySoFar
from carbon.domain.credit.project import project_named
from carbon.domain.credit.reporting import build, check_closed, check_place
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.log.merkle import Levels, tree_root
from carbon.domain.mrv.monitored import Scope
from carbon.domain.mrv.reported import Reported, rebuild, report_content
from carbon.domain.mrv.sampling import Frame
from carbon.domain.period import Period

#: Rows read again between two words of progress.
_TOLD: Final = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the log's tree: its hashes, and the checkpoint all is judged by."""

    heads: Heads
    levels: Levels


class Rows:
    """Leaves, rows and catalogues as a report reads them; ``turn`` is told rows read again.

    ``size``: leaves of the log as it is now, whose bundles are those that were checked.
    """

    def __init__(
        self, files: PublicFiles, references: References, size: int, turn: Callable[[int], None]
    ) -> None:
        self._log, self._references = files.log, references
        self._size, self._turn = size, turn

    def leaves(self, size: int) -> Iterator[bytes]:
        """The first leaves."""
        return islice(self._log.leaves(self._size), size)

    def rows(self, digest: str) -> Iterator[bytes]:
        """The rows of a submission."""
        for count, row in enumerate(self._log.rows(digest), 1):
            yield row
            if count % _TOLD == 0:
                self._turn(_TOLD)

    def factors(self, root: str) -> Catalogue:
        """A catalogue that agrees with its digests. Raises ``audit.skipped``."""
        found = self._references.catalogue(root)
        if found is None:
            raise CarbonError("audit.skipped", reason=root)
        return found


class Reports:
    """The reports of a log, and their documents by id."""

    def __init__(
        self, files: PublicFiles, tally: Tally, history: HistorySoFar, rows: Rows, known: Known
    ) -> None:
        self._files, self._tally, self._history = files, tally, history
        self._rows, self._known = rows, known
        self._documents: dict[str, Mapping[str, Any]] = {}
        self._frames: dict[str, Frame] = {}

    def document(self, report: str) -> Mapping[str, Any]:
        """A report's document. Raises ``audit.skipped`` where it could not be had."""
        if report not in self._documents:
            raise CarbonError("audit.skipped", reason=report)
        return self._documents[report]

    def take_frame(self, report: str) -> Frame:
        """A report's frame, once: it is as large as the report. Raises ``audit.skipped``."""
        if report not in self._frames:
            raise CarbonError("audit.skipped", reason=report)
        return self._frames.pop(report)

    def newest(self, document: Mapping[str, Any]) -> Catalogue:
        """The catalogue whose policies hold. Raises ``audit.skipped``."""
        return self._rows.factors(document["catalogues"][-1])

    def check(self, place: str, index: int, draft: Draft, today: date) -> None:
        """A report in its place, its content and its file."""
        attempt = self._tally.attempt
        attempt(place, lambda: check_place(self._history, draft))
        built = attempt(place, lambda: self._build(place, index, draft.content))
        if built is not None:
            self._tally.counts.reports += 1
            self._frames[draft.id] = Frame(built.found.leaf, built.found.row, built.found.er_g)
            attempt(place, lambda: check_closed(built, today))
            for name, expected in report_content(built).items():
                self._tally.compare(place, name, expected, draft.content[name])
        document = self._check_file(draft.content["sha256"], built)
        if document is not None:
            self._documents[draft.id] = document

    def _build(self, place: str, index: int, content: Mapping[str, Any]) -> Reported | None:
        """The report that follows from what its leaf says it is about."""
        start, end = content["leaves"]["from"], content["leaves"]["to"]
        if not start < end <= index:
            self._tally.compare(place, "leaves", f"to ≤ {index}", f"{start}–{end}")
            return None
        methodology = project_named(self._history, content["project"]).content["methodology"]
        month = Period.parse(content["month"])
        scope = Scope(content["project"], methodology, month, start, end, end)
        return build(self._history, self._rows, scope, self._checkpoint(end))

    def _checkpoint(self, size: int) -> dict[str, Any]:
        """The tree of some size as a report tells it."""
        head, root = self._known.heads.head, tree_root(size, self._known.levels.read)
        return {"origin": head.origin if head else "", "size": size, "root": root.hex()}

    def _check_file(self, digest: str, built: Reported | None) -> Mapping[str, Any] | None:
        """A published report: its digest, and every member against the one built here.

        Returns what later decisions rest on: the file if it is the leaf's, else what was built.
        """
        path = f"{REPORTS}{digest}.json"
        content = self._files.read(path)
        own = None if built is None else built.document
        if content is None or not self._tally.compare(
            path, "sha256", digest, hashlib.sha256(content).hexdigest()
        ):
            return own
        if built is not None and built.content == content:
            return own
        told = self._tally.attempt(path, lambda: dict(json.loads(content)))
        if told is not None and own is not None:
            for name in sorted({*own, *told}):
                self._tally.compare(path, name, own.get(name), told.get(name))
        return told

    def restated(
        self, content: Mapping[str, Any], told: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Reported]:
        """A report as issued and as it comes to now, the file of which is compared."""
        before = self.document(told["report"])
        after = rebuild(
            before,
            self._rows,
            content["known"],
            frozenset(content["replaced"]),
            frozenset(content["withdrawn"]),
        )
        self._check_file(told["sha256"], after)
        return before, after
