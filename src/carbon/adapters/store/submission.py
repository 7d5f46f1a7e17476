"""The rows of a submission on their way into the database, in one of two ways.

PostgreSQL takes them as they come, in one open transaction: while it stores a chunk the next ones
are quantified. SQLite has one writer, so they wait on disk until the end and go in at once. Either
way there is one transaction: everything is stored, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime

import pyarrow as pa
import sqlalchemy as sa

from carbon.adapters.spool import TableSpool
from carbon.adapters.store.database import Database, told
from carbon.adapters.store.facts import (
    ROW_TABLES,
    NewFact,
    add_fact,
    load_rows,
    next_numbers,
    raced,
)

#: Makes what a submission refers to, before its own fact.
Prepare = Callable[[sa.Connection], None]


class StagedRows:
    """Rows wait on disk, for SQLite."""

    def __init__(self, database: Database, prepare: Prepare, at: datetime) -> None:
        self._database, self._prepare, self._at = database, prepare, at
        self._tables = {name: TableSpool() for name in ROW_TABLES}

    def add(self, name: str, rows: pa.Table) -> None:
        """Append rows of one table."""
        self._tables[name].add(rows)

    @contextmanager
    def finishing(self, fact: NewFact) -> Iterator[tuple[sa.Connection, int]]:
        """The transaction that stores the fact; rows go in when the block is done."""
        with raced(), self._database.write() as connection:
            self._prepare(connection)
            seq = add_fact(connection, fact, self._at)
            yield connection, seq
            for name, spool in self._tables.items():
                load_rows(connection, name, spool.batches(), seq, self._at)

    def close(self) -> None:
        """Forget the rows."""
        for spool in self._tables.values():
            spool.close()


class StreamedRows:
    """Rows go to PostgreSQL as they come, in a transaction that begins with the first."""

    def __init__(self, database: Database, prepare: Prepare, at: datetime) -> None:
        self._database, self._prepare, self._at = database, prepare, at
        self._open = ExitStack()
        self._begun: tuple[sa.Connection, int] | None = None

    def _begin(self) -> tuple[sa.Connection, int]:
        if self._begun is None:
            connection = self._open.enter_context(self._database.write())
            self._prepare(connection)
            self._begun = connection, next_numbers(connection, 1)[0]
        return self._begun

    def add(self, name: str, rows: pa.Table) -> None:
        """Append rows of one table. Raises ``store.raced``, ``store.unavailable``."""
        with raced(), told():
            connection, seq = self._begin()
            load_rows(connection, name, [rows] if rows.num_rows else [], seq, self._at)

    @contextmanager
    def finishing(self, fact: NewFact) -> Iterator[tuple[sa.Connection, int]]:
        """The open transaction, the fact in it; commits when the block is done."""
        with raced(), told():
            connection, seq = self._begin()
            add_fact(connection, fact, self._at, seq)
            yield connection, seq
            self._open.close()

    def close(self) -> None:
        """Roll back what was not committed."""
        with suppress(_RolledBackError):
            self._open.__exit__(_RolledBackError, _RolledBackError(), None)


class _RolledBackError(Exception):
    """Ends the open transaction without a commit."""
