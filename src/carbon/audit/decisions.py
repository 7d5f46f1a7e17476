"""Decisions of a log: signed by whom they must be, by the rules, doing what follows from them.

The rules are the registry's own (:mod:`carbon.domain.credit`), applied to nothing but the leaves
before each decision. What no file shows is not checked: when an item was opened, limits and
demonstration settings, working days (calendar days are taken as the least), residents' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from carbon.audit.corrected import Corrected, Records
from carbon.audit.facts import Facts
from carbon.audit.files import REPORTS, PublicFiles
from carbon.audit.movements import Movements
from carbon.audit.reports import Known, Reports, Rows
from carbon.audit.result import Tally
from carbon.audit.row_file import row_file
from carbon.domain.credit import moving, persons, steps, verification
from carbon.domain.credit.decision import (
    KINDS,
    Decision,
    Draft,
    Member,
    check_signatures,
    members_of,
)
from carbon.domain.credit.drawn import check_inspection, drawn, is_drawn
from carbon.domain.credit.history import Check, Decided, History, HistorySoFar
from carbon.domain.credit.stated import check_stated, stated
from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import as_signed
from carbon.files.check_receipt import verify_ed25519


def _check_project(_: History, draft: Draft, __: date) -> None:
    """Categories are the catalogue's, which the leaf does not name."""
    steps.check_design(draft, {b["category"] for b in draft.content["baselines"]})


def _check_filing(history: History, draft: Draft, today: date) -> None:
    steps.check_filing(history, draft, today, lambda first, last: (last - first).days)


def _check_transfer(history: History, draft: Draft, today: date) -> None:
    moving.check_transfer(history, draft, today, lambda day, days: day + timedelta(days))


#: Rules that need no more than the leaves before.
_CHECKS: Final[Mapping[str, Check]] = {
    **persons.CHECKS,
    **steps.CHECKS,
    **verification.CHECKS,
    **moving.CHECKS,
    "project": _check_project,
    "filing": _check_filing,
    "inspection": check_inspection,
    "transfer": _check_transfer,
}
#: Kinds whose effect follows from the content, or is nothing.
_SILENT: Final = frozenset(_CHECKS) - {"reveal", "inspection", *moving.MOVING}


class Decisions:
    """Collects the decisions of a log as its leaves are read, and then checks them in order."""

    def __init__(self, files: PublicFiles, tally: Tally) -> None:
        self._files, self._tally = files, tally
        self._leaves: list[tuple[str, int, Mapping[str, Any]]] = []
        self._submissions: dict[str, int] = {}

    def add(self, place: str, index: int, leaf: Mapping[str, Any]) -> None:
        """A decision leaf; the reports it names belong to the log."""
        self._leaves.append((place, index, leaf))
        match leaf:
            case {"kind": "report", "content": {"sha256": digest}}:
                self._files.expect(f"{REPORTS}{digest}.json")
            case {"kind": "restatement", "content": {"reports": reports}}:
                self._files.expect(*(f"{REPORTS}{told['sha256']}.json" for told in reports))

    def add_rows(self, index: int, leaf: Mapping[str, Any]) -> None:
        """A submission, whose records may be a project's."""
        self._submissions[row_file(leaf["file"])] = index

    def check(self, known: Known, rows: Rows, facts: Facts) -> None:
        """All of them, each after those before it; then corrections of what was issued."""
        replay = _Replay(self._files, self._tally, known, rows)
        for place, index, leaf in self._leaves:
            self._tally.attempt(place, partial(replay.add, place, index, leaf))
        self._tally.counts.decisions = len(self._leaves)
        replay.count()
        size = known.levels.size
        records = Records(self._files.log, facts, size, self._submissions)
        places = {index: place for place, index, _ in self._leaves}
        corrected = Corrected(records, self._tally, replay.history, places)
        corrected.check(facts.corrections)


class _Replay:
    """Decisions one after another. Everything wrong is told at the decision's leaf."""

    def __init__(self, files: PublicFiles, tally: Tally, known: Known, rows: Rows) -> None:
        self._tally, self._known = tally, known
        self.history = HistorySoFar()
        self._reports = Reports(files, tally, self.history, rows, known)
        self._movements = Movements(tally, self.history, self._reports)

    def add(self, place: str, index: int, leaf: Mapping[str, Any]) -> None:
        """Check a decision and let it stand: later ones rest on it, even where it is wrong."""
        decision = Decision.of(leaf)
        if self.history.find(decision.kind, decision.id) is not None:
            raise CarbonError("audit.repeated", kind=decision.kind, id=decision.id)
        signers = self._tally.attempt(place, lambda: self._signers(decision))
        draft = Draft(
            decision.kind,
            decision.id,
            decision.content,
            tuple(signers or ()),
            datetime.fromisoformat(decision.at),
        )
        if signers:
            self._tally.attempt(place, lambda: self._by_rule(place, index, draft, decision))
        self._movements.replay(place, decision)
        self.history.add(Decided(decision, index))

    def count(self) -> None:
        """What was issued and where it is in the end."""
        self._movements.count()

    def _signers(self, decision: Decision) -> list[Member]:
        """All that the kind needs, by keys that are registered and not ended."""
        members = self.history.members()
        if not members and decision.kind == "member":
            members = {member.key: member for member in members_of(decision.content)}
        signers = check_signatures(
            decision.kind, decision.digest, decision.signatures, members, verify_ed25519
        )
        needed = len(KINDS[decision.kind].signers)
        if len(signers) != needed:
            raise CarbonError(
                "audit.signatures", kind=decision.kind, found=len(signers), needed=needed
            )
        return signers

    def _by_rule(self, place: str, index: int, draft: Draft, decision: Decision) -> None:
        """What the kind's rule says, and the effect that follows."""
        today = date.fromisoformat(decision.at[:10])
        if draft.kind in _CHECKS:
            _CHECKS[draft.kind](self.history, draft, today)
        if draft.kind in _SILENT or draft.kind == "report":
            self._tally.compare(place, "effect", {}, dict(decision.effect))
        match draft.kind:
            case "report":
                self._reports.check(place, index, draft, today)
            case "reveal":
                self._draw(place, index, draft, decision)
            case "statement":
                document = self._reports.document(draft.content["report"])
                check_stated(self.history, draft, today, document)
                self._compare(place, stated(draft), decision.effect)
            case "issuance":
                self._movements.check_issuance(place, draft, today, decision)
            case "restatement":
                self._movements.check_restatement(place, draft, decision)

    def _draw(self, place: str, index: int, draft: Draft, decision: Decision) -> None:
        """The second reveal repeats the draw; the first one does nothing."""
        if not is_drawn(self.history, draft):
            self._tally.compare(place, "effect", {}, dict(decision.effect))
            return
        report = draft.content["report"]
        published = self.history.find("report", report)
        at = None if published is None else published.leaf_index
        note = None if at is None else self._known.heads.note_including(at, index)
        if note is None:
            self._tally.note(place, "audit.draw_unlisted", report=report)
            return
        document, frame = self._reports.document(report), self._reports.take_frame(report)
        expected = drawn(self.history, draft, as_signed(note), frame, document)
        self._compare(place, expected, decision.effect)

    def _compare(self, place: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
        for name in sorted({*expected, *found}):
            self._tally.compare(place, name, expected.get(name), found.get(name))
