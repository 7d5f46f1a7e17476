"""Leaves: what each one says, told to whoever checks that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from carbon.audit.decisions import Decisions
from carbon.audit.facts import Facts
from carbon.audit.files import OF_LEAVES, PublicFiles
from carbon.audit.journals import Journals
from carbon.audit.result import Tally
from carbon.audit.submissions import Submissions
from carbon.audit.terms import References
from carbon.files.published_form import read_leaf
from carbon.files.row_slices import recomputation


class Leaves:
    """Checks of leaves, in their order in the log."""

    def __init__(
        self,
        files: PublicFiles,
        tally: Tally,
        facts: Facts,
        references: References,
        submissions: Submissions,
        journals: Journals,
        decisions: Decisions,
    ) -> None:
        self._files = files
        self._tally = tally
        self._facts, self._references, self._submissions = facts, references, submissions
        self._journals, self._decisions = journals, decisions

    def check(self, place: str, index: int, raw: bytes) -> None:
        """A leaf from its exact bytes."""
        self._tally.counts.leaves += 1
        leaf = self._tally.attempt(place, lambda: read_leaf(raw))
        if leaf is None:
            self._files.leave_open(*OF_LEAVES)
            return
        match leaf["type"]:
            case "submission":
                self._submissions.check(place, leaf, self._references.terms(place, leaf))
                self._decisions.add_rows(index, leaf)
            case "journals":
                self._journals.check(place, leaf)
            case "record":
                self._row(place, leaf)
            case "correction":
                self._correction(place, leaf)
            case "decision":
                self._decisions.add(place, index, leaf)
            case "catalogue":
                self._references.add_catalogue(place, leaf)
            case _:
                self._references.add_formula(leaf)

    def _row(self, place: str, leaf: Mapping[str, Any]) -> None:
        """The row inside a leaf."""
        row = leaf["row"]
        self._facts.add(place, bytes.fromhex(row["id"]))
        self._tally.counts.grams += int(row["er_g"])
        terms = self._references.terms(place, leaf)
        if terms is None:
            return
        self._tally.counts.rows += 1
        for fault in recomputation(terms).faults(row):
            self._tally.add(place, fault)

    def _correction(self, place: str, leaf: Mapping[str, Any]) -> None:
        self._tally.counts.corrections += 1
        self._facts.correct(place, leaf["replaces"])
        if "row" in leaf:
            self._row(place, leaf)
