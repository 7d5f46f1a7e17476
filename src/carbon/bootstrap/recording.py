"""Records one by one, as stations tell them, and their corrections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from threading import Lock
from typing import Any

from carbon.adapters.singles import StoreSingles, correction_leaf
from carbon.adapters.store.facts import Corrections, Facts, NewFact
from carbon.adapters.store.record_book import RecordBook
from carbon.adapters.store.stored import record_key
from carbon.adapters.tabular.record import canonical_cells, record_chunk, record_survey
from carbon.bootstrap.system import System
from carbon.domain.activity.record import CORRECTION_REASONS
from carbon.domain.errors import CarbonError
from carbon.domain.log.leaf import canonical
from carbon.ports import Answered
from carbon.ports.recording import (
    CORRECTION,
    MAX_TOGETHER,
    RECORD,
    Desk,
    RecordEntry,
    Single,
    Tray,
    Whose,
)
from carbon.services.gather import Gather, Limits
from carbon.services.record import Told, record_each

#: Records that wait for a transaction at most; more are refused with ``record.busy``.
MAX_WAITING = 4_096


class Recording:
    """Records of one system, written and read."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._book = RecordBook(system.database, system.vault)
        self._starting = Lock()
        self._gather: Gather[Single, Told] | None = None

    def record(
        self, cells: Mapping[str, str], source: str, methodology: str, project: str | None
    ) -> Mapping[str, Any]:
        """Store one record; ``cells`` by canonical column, in code, Chinese or English.

        Its id is the request's id. Raises ``columns.*``, ``record.json``, ``request.conflict``.
        """
        single = self.single(cells, source, methodology, project)
        return answer_or_raise(record_each(desk_of(self._system), [single])[0])

    def hand(self, single: Single) -> Future[Told]:
        """Store a record with all others that wait at the same moment, in one transaction.

        The future has its answer, or the error in its place. Raises ``record.busy``.
        """
        with self._starting:
            if self._gather is None:
                self._gather = self._group_commit()
            return self._gather.hand(single)

    def close(self) -> None:
        """Store everything that waits."""
        with self._starting:
            gather, self._gather = self._gather, None
        if gather is not None:
            gather.close()

    def _group_commit(self) -> Gather[Single, Told]:
        return Gather(
            partial(record_each, desk_of(self._system)),
            # Who comes alone does not wait; the others wait for the transaction before.
            Limits(MAX_TOGETHER, 0.0, MAX_WAITING),
            lambda single: CarbonError("record.busy", record_id=single.named),
        )

    def single(
        self, cells: Mapping[str, str], source: str, methodology: str, project: str | None
    ) -> Single:
        """A record to be stored. Raises ``columns.*``, ``record.json``."""
        found = canonical_cells(cells)
        request = {"cells": dict(cells), "methodology": methodology}
        asked = request if project is None else {**request, "project": project}
        record_id = found["record_id"]
        return Single(
            kind=RECORD,
            key=record_key(self._system.vault, source, record_id),
            named=record_id,
            digest=self._system.digest(asked),
            source=source,
            cells=found,
            methodology=methodology,
            project=project,
        )

    def correct(
        self,
        record_id: str,
        reason: str,
        cells: Mapping[str, str] | None,
        source: str,
        methodology: str,
    ) -> Mapping[str, Any]:
        """Replace a record by another one with an id of its own, or withdraw it.

        Raises ``correction.*``, ``columns.*``, and ``request.conflict`` for a record that was
        corrected in another way.
        """
        if reason not in CORRECTION_REASONS:
            known = ", ".join(CORRECTION_REASONS)
            raise CarbonError("correction.reason", reason=reason, known=known)
        found = None if cells is None else canonical_cells(cells)
        digest = self._system.digest(
            {
                "cells": None if cells is None else dict(cells),
                "reason": reason,
                "methodology": methodology,
            }
        )
        key = record_key(self._system.vault, source, record_id)
        answered = self._system.answered(CORRECTION, key, digest, record_id)
        if answered is not None:
            return answered
        corrections = Corrections(self._system.database)
        replaces = corrections.fact_of(key, record_id)
        project = corrections.project_of(replaces, record_id)
        if found is None:
            return self._withdraw(corrections, key, digest, replaces, reason)
        single = Single(
            kind=CORRECTION,
            key=key,
            named=record_id,
            digest=digest,
            source=source,
            cells=found,
            methodology=methodology,
            project=project,
            replaces=replaces,
            reason=reason,
        )
        told = answer_or_raise(record_each(desk_of(self._system, replaces), [single])[0])
        if told["known"]:
            raise CarbonError("correction.known", record_id=found["record_id"])
        return told

    def entry(self, whose: Whose, record_id: str) -> RecordEntry:
        """A record of an owner. Raises ``record.unknown``."""
        return self._book.entry(whose, record_id)

    def page(self, whose: Whose, before: str | None, limit: int) -> list[RecordEntry]:
        """The latest records of an owner, or those recorded before the one of a fact."""
        return self._book.page(whose, before, limit)

    def receipt(self, whose: Whose, record_id: str) -> bytes:
        """The receipt of a record of an owner. Raises ``record.unknown``, ``receipt.*``."""
        return self._system.receipt_of(self.entry(whose, record_id).fact, record_id)

    def factors(self, entry: RecordEntry) -> dict[str, str]:
        """The ids of a record's factor rows, by role; of older tables their root and leaf."""
        catalogue = self._system.catalogue
        if entry.catalogue == catalogue.root:
            return {role: catalogue.name_of(leaf) for role, leaf in entry.factors.items()}
        return {role: f"{entry.catalogue}#{leaf}" for role, leaf in entry.factors.items()}

    def _withdraw(
        self, corrections: Corrections, key: str, digest: str, replaces: str, reason: str
    ) -> Mapping[str, Any]:
        answer = {"kind": CORRECTION, "id": key, "withdrawn": replaces}
        body = canonical(correction_leaf(replaces, reason))
        fact = NewFact(CORRECTION, key, body, digest, answer)
        corrections.withdraw(fact, replaces, reason, self._system.clock.now())
        return answer


def answer_or_raise(told: Told) -> Mapping[str, Any]:
    """The answer to a record. Raises what was told in its place."""
    if isinstance(told, Exception):
        raise told
    return told


def desk_of(system: System, replacing: str | None = None) -> Desk:
    """Where a system receives records; ``replacing``: the fact whose correction is examined."""
    return _Desk(system, replacing)


class _Desk:
    """Implements the port ``Desk``."""

    def __init__(self, system: System, replacing: str | None) -> None:
        self._system = system
        self._facts = Facts(system.database, replacing)

    def answered(self, singles: Sequence[Single]) -> Mapping[str, Answered]:
        return self._facts.answers(singles[0].kind, [single.key for single in singles])

    def projects(self, names: Sequence[str]) -> frozenset[str]:
        return self._facts.known("project", names)

    def lay(self, singles: Sequence[Single]) -> Tray:
        system = self._system
        engine = system.engine(singles[0].methodology)
        chunk = record_chunk([single.cells for single in singles], system.words)
        survey = record_survey(chunk)
        intake = StoreSingles(
            singles,
            survey,
            engine,
            system.words,
            system.reference(engine),
            system.database,
            system.vault,
            system.clock.now(),
        )
        return Tray(chunk, survey.suspects, engine, intake, self._facts)
