"""Single records on their way into the store; implements the port ``SingleIntake``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from carbon.adapters.intake import fact_prefix, life_table
from carbon.adapters.parties import Known, Parties, Submitters
from carbon.adapters.published import GRAMS
from carbon.adapters.records import RecordWriter, Staged
from carbon.adapters.reference import Reference
from carbon.adapters.store.bulk import sent_together
from carbon.adapters.store.corrections import correct_unissued
from carbon.adapters.store.database import Database
from carbon.adapters.store.facts import (
    ROW_TABLES,
    NewFact,
    add_facts,
    add_rows,
    next_numbers,
    raced,
)
from carbon.adapters.tabular.survey import Survey
from carbon.adapters.vault import Vault
from carbon.domain.activity.record import Vocabulary
from carbon.domain.log.leaf import canonical
from carbon.domain.quantification.engine import Engine, Quantities
from carbon.domain.units import Float
from carbon.ports import Claims, LifeEntry
from carbon.ports.recording import CORRECTION, Single

#: Tables whose rows name the fact they belong to.
_NUMBERED = [name for name, table in ROW_TABLES.items() if "fact_seq" in table.c]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A record that is stored: as asked for, its published row, and the complete answer."""

    single: Single
    row: Mapping[str, Any]
    answer: Mapping[str, Any]


class StoreSingles:
    """Stores records in one transaction, each with its fact, leaf and answer. Holds memory only.

    Row *n* is that of the *n*-th of ``singles``, all of one kind; they are recorded ``at`` once.
    """

    def __init__(
        self,
        singles: Sequence[Single],
        survey: Survey,
        engine: Engine,
        words: Mapping[str, Vocabulary],
        reference: Reference,
        database: Database,
        known: Known,
        vault: Vault,
        at: datetime,
    ) -> None:
        self._singles, self._engine, self._at = singles, engine, at
        self._reference, self._database = reference, database
        self._persons: list[pa.Table] = []
        self._staged: list[Staged] = []
        self._contexts: dict[str | None, Mapping[str, Any]] = {}
        submitters = _submitters(singles)
        self._writer = RecordWriter(
            engine,
            words,
            vault,
            Parties(survey, submitters, vault, known, self._persons.append),
            prefix=fact_prefix(at),
            submitters=submitters,
            digest=reference.salted,
        )

    def claims(self, chunk: Any, quantities: Quantities) -> Claims:
        """Identity of every record that was not rejected."""
        return self._writer.claims(chunk, quantities)

    def stage(
        self, chunk: Any, quantities: Quantities, claims: Claims, allowance: Float | None = None
    ) -> Staged:
        """Those records, ready to be stored."""
        return self._writer.stage(chunk, quantities, claims, allowance)

    def add(self, staged: Staged, life: Sequence[LifeEntry]) -> None:
        """Append staged records."""
        if len(staged):
            staged.tables["life_entry"] = life_table(staged, life)
            self._staged.append(staged)

    def commit(self, answers: Mapping[int, Mapping[str, Any]]) -> Mapping[int, Mapping[str, Any]]:
        """Store what was appended in one transaction; the complete answers, by row.

        Raises ``store.raced``.
        """
        kept = {row: self._kept(row, text, answers[row]) for row, text in self._texts()}
        facts = [self._fact(one) for one in kept.values()]
        with raced(), self._database.write() as connection:
            self._reference.record(connection, self._at)
            numbers = next_numbers(connection, len(facts))
            # What a correction gives back to an account comes before what it takes again.
            for one, number in zip(kept.values(), numbers, strict=True):
                self._correct(connection, one, number)
            with sent_together(connection):
                add_facts(connection, facts, numbers, self._at)
                self._add_rows(connection, dict(zip(kept, numbers, strict=True)))
        return {row: one.answer for row, one in kept.items()}

    def _texts(self) -> Iterator[tuple[int, bytes]]:
        """Published rows, by row."""
        for staged in self._staged:
            lines = staged.texts.splitlines()
            yield from zip(staged.rows.tolist(), lines, strict=True)

    def _kept(self, place: int, text: bytes, answer: Mapping[str, Any]) -> _Kept:
        single, row = self._singles[place], msgspec.json.decode(text)
        told = {"kind": single.kind, "id": single.key, "record": self._figures(row)}
        return _Kept(single, row, {**answer, **told})

    def _figures(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What a record is worth and why, as far as it is public."""
        named = self._engine.catalogue.name_of
        return {
            "fact": row["id"],
            "methodology": self._engine.methodology.name,
            **{name: int(row[name]) for name in GRAMS},
            "grade": row["grade"],
            "flags": row["flags"].split(";") if "flags" in row else [],
            "factors": {role: named(int(leaf)) for role, leaf in row["f"].items()},
        }

    def _fact(self, kept: _Kept) -> NewFact:
        single = kept.single
        context = self._context(single.project)
        kind = (
            correction_leaf(single.replaces, single.reason)
            if single.kind == CORRECTION
            else {"type": single.kind}
        )
        body = canonical({**kind, **context, "row": kept.row})
        return NewFact(single.kind, single.key, body, single.digest, kept.answer)

    def _context(self, project: str | None) -> Mapping[str, Any]:
        if project not in self._contexts:
            self._contexts[project] = self._reference.context(self._engine, self._at, project)
        return self._contexts[project]

    def _correct(self, connection: sa.Connection, kept: _Kept, number: int) -> None:
        single = kept.single
        if single.replaces is not None:
            new = kept.row["id"]
            correct_unissued(connection, single.replaces, new, single.reason, number, self._at)

    def _add_rows(self, connection: sa.Connection, numbers: Mapping[int, int]) -> None:
        """Add the rows of all records; ``numbers``: of their facts, by row."""
        for persons in self._writer.kept_persons()(self._persons):
            add_rows(connection, "person", persons, self._at)
        for staged in self._staged:
            seqs = pa.array([numbers[row] for row in staged.rows.tolist()], pa.int64())
            for name, rows in staged.tables.items():
                if name in _NUMBERED:
                    rows = rows.append_column("fact_seq", seqs)  # noqa: PLW2901
                add_rows(connection, name, rows, self._at)


def correction_leaf(replaces: str | None, reason: str) -> dict[str, Any]:
    """The leaf of a correction; alone it withdraws, with a row it replaces."""
    return {"type": CORRECTION, "replaces": replaces, "reason": reason}


def _submitters(singles: Sequence[Single]) -> Submitters:
    names = sorted({single.source for single in singles})
    place = {name: n for n, name in enumerate(names)}
    return Submitters(names, np.array([place[single.source] for single in singles], np.int32))
