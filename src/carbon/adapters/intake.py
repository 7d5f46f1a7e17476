"""A file of records on its way into the store; implements the port ``Intake``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from carbon.adapters.annotated import AnnotatedFile
from carbon.adapters.parties import Parties, Submitters
from carbon.adapters.records import RecordWriter, Staged
from carbon.adapters.reference import Reference
from carbon.adapters.spool import ROWS, RowFile, TableSpool
from carbon.adapters.store.claims import Facts
from carbon.adapters.store.database import Database
from carbon.adapters.store.facts import NewFact, load_rows
from carbon.adapters.store.submission import StagedRows, StreamedRows
from carbon.adapters.tabular.survey import Survey
from carbon.adapters.vault import Vault
from carbon.domain.activity.record import Finding, Vocabulary
from carbon.domain.errors import CarbonError, Lang
from carbon.domain.log.leaf import canonical
from carbon.domain.quantification.engine import Engine, Quantities
from carbon.domain.units import Float
from carbon.ports import Claims, LifeEntry

#: Facts ids are twelve bytes of a submission (milliseconds, then chance) and four of a row.
_TIME_BYTES, _CHANCE_BYTES = 6, 6
SUBMISSION = "submission"
#: Writes something of its own into the transaction of a submission, which was told an answer.
Beside = Callable[[sa.Connection, Mapping[str, Any]], None]


def fact_prefix(at: datetime) -> bytes:
    """What the ids of facts that are recorded together begin with."""
    milliseconds = int(at.timestamp() * 1000)
    return milliseconds.to_bytes(_TIME_BYTES, "big") + os.urandom(_CHANCE_BYTES)


@dataclass(frozen=True, slots=True)
class Request:
    """What makes a submission what it is.

    ``key``: the client's id within ``source``; ``digest``: hash of everything asked for; ``at``:
    when it is recorded; ``annotated``: where rejected rows go; ``project``: whose records they are;
    ``beside``: what else is written in the same transaction, raising where nothing may be stored.
    """

    key: str
    source: str
    digest: str
    at: datetime
    annotated: Path | None
    lang: Lang
    project: str | None = None
    beside: Beside | None = None


class StoreIntake:
    """Stores all records of a submission in one transaction with their leaf, or nothing."""

    def __init__(
        self,
        request: Request,
        survey: Survey,
        engine: Engine,
        words: Mapping[str, Vocabulary],
        reference: Reference,
        database: Database,
        vault: Vault,
        spool: Path,
    ) -> None:
        self._request, self._engine = request, engine
        self.suspects = survey.suspects
        self._reference, self._database = reference, database
        prepare = partial(reference.record, at=request.at)
        rows = StagedRows if database.is_sqlite else StreamedRows
        self._stored = rows(database, prepare, request.at)
        self._persons = TableSpool()
        self._rows = RowFile(spool / ROWS, reference.algorithms)
        self._count = 0
        self._annotated = AnnotatedFile(request.annotated, request.lang)
        try:
            self._writer = self._open(survey, words, vault)
        except BaseException:
            self.abandon()
            raise

    def _open(self, survey: Survey, words: Mapping[str, Vocabulary], vault: Vault) -> RecordWriter:
        """Name the submission's facts and find its parties."""
        request = self._request
        known, submitters = Facts(self._database).known_persons, Submitters([request.source])
        parties = Parties(survey, submitters, vault, known, self._persons.add)
        return RecordWriter(
            self._engine,
            words,
            vault,
            parties,
            prefix=fact_prefix(request.at),
            submitters=submitters,
            digest=self._reference.salted,
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
        if not len(staged):
            return
        numbers = pa.array(range(self._count, self._count + len(staged)), pa.int64())
        for name in ("activity", "quantity"):
            staged.tables[name] = staged.tables[name].append_column("row", numbers)
        staged.tables["life_entry"] = life_table(staged, life)
        for name, table in staged.tables.items():
            self._stored.add(name, table)
        self._rows.add(staged.texts, staged.ends, staged.hashes)
        self._count += len(staged)

    def reject(self, chunk: Any, findings: Sequence[Finding]) -> None:
        """Append rejected rows to the annotated file."""
        self._annotated.add(chunk, findings)

    def reject_malformed(self, rows: Mapping[int, str]) -> None:
        """Append rows that hold no record."""
        self._annotated.add_malformed(rows)

    def commit(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """Store everything in one transaction. Raises ``store.raced``."""
        self._annotated.close()
        kept_persons = self._writer.kept_persons()
        del self._writer  # nobody's keys are needed any more, and there may be a million
        body = canonical(self._leaf(answer))
        request = self._request
        answer = {**answer, "kind": SUBMISSION, "id": request.key}
        fact = NewFact(SUBMISSION, request.key, body, request.digest, answer)
        try:
            with self._stored.finishing(fact) as (connection, seq):
                if request.beside is not None:
                    request.beside(connection, answer)
                persons = kept_persons(self._persons.batches())
                load_rows(connection, "person", persons, seq, request.at)
        except CarbonError as error:
            # After any other fault the transaction may have been committed unseen.
            if error.code in ("store.raced", "upload.lost"):
                self._rows.discard()
            raise
        self._close()
        return answer

    def _leaf(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        context = self._reference.context(self._engine, self._request.at, self._request.project)
        root, digests = self._rows.finish()
        return {
            "type": SUBMISSION,
            "id": self._request.key,
            "rows": self._count,
            "root": root.hex(),
            "file": dict(digests),
            "er_g": str(answer["er_g"]),
            **context,
        }

    def abandon(self) -> None:
        """Leave nothing behind but the annotated file."""
        self._annotated.close()
        self._rows.abandon()
        self._close()

    def _close(self) -> None:
        self._stored.close()
        self._persons.close()


def life_table(staged: Staged, entries: Sequence[LifeEntry]) -> pa.Table:
    """Rows of the table of life accounts, for staged records."""
    fact_ids = staged.tables["claim"].column("fact_id")
    return pa.table(
        {
            "item_key": pa.array([e.item_key for e in entries], pa.string()),
            "ordinal": pa.array([e.ordinal for e in entries], pa.int64()),
            "fact_id": fact_ids.take(pa.array([e.place for e in entries], pa.int64())),
            "granted": pa.array([e.granted for e in entries], pa.float64()),
            "left_over": pa.array([e.left for e in entries], pa.float64()),
        }
    )
