"""Records one by one, as stations tell them, and their corrections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

from carbon.adapters.singles import StoreSingles, correction_leaf
from carbon.adapters.store.claims import Facts
from carbon.adapters.store.corrections import Corrections
from carbon.adapters.store.facts import NewFact
from carbon.adapters.store.record_book import RecordBook
from carbon.adapters.store.stored import record_key, record_keys
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
    RecordEntry,
    Single,
    Tray,
    Whose,
)
from carbon.services.gather import Gather, Limits
from carbon.services.record import Told, record_each

#: How long a record waits for company at most, in seconds, where there was some.
GATHER_SECONDS = 0.03
#: Records that wait for a transaction at most; more are refused with ``record.busy``.
MAX_WAITING = 4_096


@dataclass(frozen=True, slots=True)
class Ask:
    """A record to be stored. ``cells``: by canonical column; ``request``: all that is asked for."""

    cells: Mapping[str, str]
    source: str
    methodology: str
    project: str | None
    request: Mapping[str, Any]

    @classmethod
    def of(
        cls, cells: Mapping[str, str], source: str, methodology: str, project: str | None = None
    ) -> Ask:
        """What a client asks for. Raises ``columns.*``, ``record.json``."""
        request = {"cells": dict(cells), "methodology": methodology}
        if project is not None:
            request["project"] = project
        return cls(canonical_cells(cells), source, methodology, project, request)

    @property
    def record_id(self) -> str:
        """The record's id, whatever its column is called."""
        return self.cells["record_id"]


class Recording:
    """Records of one system, written and read."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._book = RecordBook(system.database, system.vault)
        self._starting, self._turn = Lock(), Lock()
        self._gather: Gather[Ask, Told] | None = None

    def record(
        self, cells: Mapping[str, str], source: str, methodology: str, project: str | None
    ) -> Mapping[str, Any]:
        """Store one record; ``cells`` by canonical column, in code, Chinese or English.

        Its id is the request's id. Raises ``columns.*``, ``record.json``, ``request.conflict``.
        """
        return answer_or_raise(self.record_each([Ask.of(cells, source, methodology, project)])[0])

    def record_each(self, asks: Sequence[Ask]) -> list[Told]:
        """Store records in as few transactions as can be; each has an answer of its own."""
        return self._each(None, self._singles(asks))

    def _each(self, replacing: str | None, singles: Sequence[Single]) -> list[Told]:
        with self._turn:  # those of one process would only race one another
            return record_each(_Desk(self._system, replacing), singles)

    def hand(self, ask: Ask) -> Future[Told]:
        """Store a record with all others that wait at the same moment, in one transaction.

        The future has its answer, or the error in its place. Raises ``record.busy``.
        """
        with self._starting:
            if self._gather is None:
                self._gather = self._group_commit()
            return self._gather.hand(ask)

    def close(self) -> None:
        """Store everything that waits."""
        with self._starting:
            gather, self._gather = self._gather, None
        if gather is not None:
            gather.close()

    def _group_commit(self) -> Gather[Ask, Told]:
        return Gather(
            self.record_each,
            Limits(MAX_TOGETHER, GATHER_SECONDS, MAX_WAITING),
            lambda ask: CarbonError("record.busy", record_id=ask.record_id),
        )

    def _singles(self, asks: Sequence[Ask]) -> list[Single]:
        vault = self._system.vault
        keys = record_keys(vault, [(ask.source, ask.record_id) for ask in asks])
        return [
            Single(
                kind=RECORD,
                key=key,
                named=ask.record_id,
                digest=self._system.submissions.digest(ask.request),
                source=ask.source,
                cells=ask.cells,
                methodology=ask.methodology,
                project=ask.project,
            )
            for ask, key in zip(asks, keys, strict=True)
        ]

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
        digest = self._system.submissions.digest(
            {
                "cells": None if cells is None else dict(cells),
                "reason": reason,
                "methodology": methodology,
            }
        )
        key = record_key(self._system.vault, source, record_id)
        answered = self._system.submissions.answered(CORRECTION, key, digest, record_id)
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
        told = answer_or_raise(self._each(replaces, [single])[0])
        if told["known"]:
            raise CarbonError("correction.known", record_id=found["record_id"])
        return told

    def entry(self, whose: Whose, record_id: str) -> RecordEntry:
        """A record of an owner. Raises ``receipt.unknown``."""
        return self._book.entry(whose, record_id)

    def page(self, whose: Whose, before: str | None, limit: int) -> list[RecordEntry]:
        """The latest records of an owner, or those recorded before the one of a fact."""
        return self._book.page(whose, before, limit)

    def receipt(self, whose: Whose, record_id: str) -> bytes:
        """The receipt of a record of an owner. Raises ``receipt.*``."""
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


class _Desk:
    """Implements the port ``Desk``. ``replacing``: the fact whose correction is examined."""

    def __init__(self, system: System, replacing: str | None) -> None:
        self._system, self._replacing = system, replacing

    @contextmanager
    def sitting(self) -> Iterator[_Sitting]:
        database = self._system.database
        with database.read() as connection:
            yield _Sitting(self._system, Facts(database, self._replacing, connection))


class _Sitting:
    """Implements the port ``Sitting``."""

    def __init__(self, system: System, facts: Facts) -> None:
        self._system, self._facts = system, facts

    def answered(self, singles: Sequence[Single]) -> Mapping[str, Answered]:
        return self._facts.answers(singles[0].kind, [single.key for single in singles])

    def projects(self, names: Sequence[str]) -> frozenset[str]:
        return self._facts.known("project", names)

    def lay(self, singles: Sequence[Single]) -> Tray:
        system = self._system
        engine = system.submissions.engine(singles[0].methodology)
        chunk = record_chunk([single.cells for single in singles], system.words)
        survey = record_survey(chunk)
        intake = StoreSingles(
            singles,
            survey,
            engine,
            system.words,
            system.submissions.reference(engine),
            system.database,
            self._facts.known_persons,
            system.vault,
            system.clock.now(),
        )
        return Tray(chunk, survey.suspects, engine, intake, self._facts)
