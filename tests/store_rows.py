"""Rows of every table, written by hand, and the store seen as raw SQL sees it.

Nothing here goes through the application: these are the connections of somebody who has its
password, or the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from carbon.adapters.store import tables
from carbon.adapters.store.guards import REFUSED
from carbon.adapters.store.tables import FACTS, KEPT, PARENTS, PARTIES
from carbon.settings import Settings

FACT_TABLES = tuple(table.name for table in FACTS)
PARTY_TABLES = tuple(table.name for table in PARTIES)
TABLES = {table.name: table for table in (*FACTS, *KEPT, *PARTIES)}
AT = "2026-11-23T04:00:00.000000+00:00"
#: SQLSTATE classes of a refusal: constraint, value, right, truncating what others refer to, and that
#: of the guards themselves.
_REFUSALS = ("23", "22", "42501", "0A000", REFUSED)


class RefusedError(Exception):
    """The database refused; any other fault of a statement is a mistake of the test."""


#: Values by column, where the kind of the column does not say enough.
_VALUES = {
    "recorded_at": AT,
    "signed_at": AT,
    "occurred_on": "2026-10-05",
    "be_g": 10, "pe_g": 1, "u_g": 2, "le_g": 3, "er_g": 4,
    "size": 1,
    "previous": 0,
    "leaf_index": None,
}  # fmt: skip
#: And by table; what follows another row of the same table is in `_NEXT`.
_OWN: dict[str, dict[str, Any]] = {
    "decision": {"second": "another"},
    "issued": {"part": 0, "previous": None, "from_leaf": 0},
    "account": {"policy": "source", "debits": 0, "credits": 0, "held": 0, "last_journal": 0},
    "journal": {"fact_seq": None},
    "transfer": {"line": 0, "dr": 1, "cr": 2},
    "reversal": {"journal": 2},
    "hold": {"dr": 1, "cr": 2, "expires_at": AT.replace("2026", "2027")},
    "hold_end": {"outcome": "voided", "journal": None},
    "consent": {"mode": "kept"},
    "upload": {"received": 1},
    "job_run": {"state": "asked"},
    "permit": {"number": 0},
    "security_event": {"outcome": "done"},
    "principal": {"id": "principal 甲", "status": "frozen", "freezes": 1, "permit": None},
}
_NEXT: dict[str, dict[str, Any]] = {
    "account": {"id": 2, "code": "another"},
    "journal": {"id": 2, "key": "another"},
    "transfer": {"journal": 2, "dr": 2, "cr": 1},
}


def row(table: str, **changes: Any) -> dict[str, Any]:
    """A sound row of a table."""
    made = {c.name: _value(c) for c in TABLES[table].columns if c.name != "seq"}
    return made | _OWN.get(table, {}) | changes


def _value(column: sa.Column[Any]) -> Any:
    if column.name in _VALUES:
        return _VALUES[column.name]
    if isinstance(column.type, sa.LargeBinary):
        return b"\x00\xffbytes"
    if isinstance(column.type, sa.Text):
        return f"{column.name} 甲"
    if isinstance(column.type, sa.Boolean):
        return True
    if isinstance(column.type, tables.Instant):
        return AT
    return 1 if isinstance(column.type, sa.Integer) else 0.25


class Raw:
    """A raw connection; every statement is a transaction of its own."""

    def __init__(self, driver: Any, *, is_sqlite: bool) -> None:
        self._driver, self.is_sqlite = driver, is_sqlite

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement with ``?`` marks; returns rows if there are any."""
        marked = statement if self.is_sqlite else statement.replace("?", "%s")
        try:
            cursor = self._driver.execute(marked, tuple(values))
        except sqlite3.IntegrityError as error:
            raise RefusedError(str(error)) from error
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith(_REFUSALS):
                raise RefusedError(str(error)) from error
            raise
        return [tuple(r) for r in cursor.fetchall()] if cursor.description else []

    def insert(self, table: str, verb: str = "INSERT", tail: str = "", **changes: Any) -> None:
        """Insert a sound row, changed."""
        later = {c.name for c in TABLES[table].columns} - set(self.columns(table))
        cells = {name: cell for name, cell in row(table, **changes).items() if name not in later}
        names = ", ".join(f'"{name}"' for name in cells)
        marks = ", ".join("?" * len(cells))
        self.run(f"{verb} INTO {table} ({names}) VALUES ({marks}) {tail}", list(cells.values()))

    def insert_some(self, table: str, **changes: Any) -> None:
        """Insert a sound row, and the one that others need beside it."""
        self.insert(table, **changes)
        if table in _NEXT:
            self.insert(table, **_NEXT[table] | changes)

    def facts(self) -> list[str]:
        """The tables of facts there are."""
        return [table for table in FACT_TABLES if self.has(table)]

    def changed_key(self, table: str) -> dict[str, Any]:
        """Values of all keys of a table that no row has yet."""
        names = {
            column.name
            for constraint in TABLES[table].constraints
            if isinstance(constraint, sa.PrimaryKeyConstraint | sa.UniqueConstraint)
            for column in constraint.columns
        } - {"seq", "leaf_index"}
        kinds = {c.name: isinstance(c.type, sa.Integer) for c in TABLES[table].columns}
        whole = {"ordinal": 7, "size": 9, "previous": 8}
        return {n: whole.get(n, 99 if kinds[n] else "other") for n in names}

    def columns(self, table: str) -> list[str]:
        """The columns of a table there are: an older revision has fewer."""
        cursor = self._driver.execute(f"SELECT * FROM {table} LIMIT 0")
        return [column[0] for column in cursor.description]

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Everything a table holds, comparable."""
        return sorted(self.run(f"SELECT * FROM {table}"), key=repr)

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything the database holds."""
        return {table: self.rows(table) for table in TABLES if self.has(table)}

    def has(self, table: str) -> bool:
        catalogue = "sqlite_master" if self.is_sqlite else "pg_tables"
        name = "name" if self.is_sqlite else "tablename"
        return bool(self.run(f"SELECT 1 FROM {catalogue} WHERE {name} = ?", [table]))

    def partitions(self, *, filled: bool = False) -> list[str]:
        """Partitions of all partitioned tables, or those with rows; none on SQLite."""
        if self.is_sqlite:
            return []
        if filled:
            query = "SELECT DISTINCT tableoid::regclass::text FROM {}"
            return [name for t in PARENTS for (name,) in self.run(query.format(t))]
        query = "SELECT inhrelid::regclass::text FROM pg_inherits JOIN pg_class c ON c.oid = inhparent WHERE c.relkind = 'p' ORDER BY 1"
        return [name for (name,) in self.run(query)]


@contextmanager
def raw(settings: Settings, *, owner: bool = False, pragma: str = "") -> Iterator[Raw]:
    """A connection around the application: as its role, or as the owner (a superuser in tests)."""
    url = make_url(settings.owner if owner else settings.database)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(url.database or "", isolation_level=None)) as file:
            file.execute("PRAGMA synchronous = OFF")
            file.execute(pragma or "PRAGMA recursive_triggers = OFF")
            yield Raw(file, is_sqlite=True)
        return
    text = url.render_as_string(hide_password=False)
    with closing(psycopg.connect(text, autocommit=True)) as connection:
        connection.execute("SET timezone = 'UTC'")
        yield Raw(connection, is_sqlite=False)


def fill(settings: Settings) -> None:
    """A row in every table there is, and of partitioned ones a row in every partition."""
    with raw(settings) as connection:
        for table in TABLES:
            if connection.has(table):
                connection.insert_some(table)
        for table in PARENTS if not connection.is_sqlite else ():
            for year in (1999, datetime.now(UTC).year, 2027, 2099):
                at = AT.replace("2026", str(year))
                connection.insert(table, fact_id=f"of {year}", recorded_at=at)


def bypasses(table: str, connection: Raw) -> Iterator[str]:
    """Statements that would change a table of facts, on a table that holds rows."""
    cells = connection.columns(table)
    names = ", ".join(f'"{c}"' for c in cells)
    key = ", ".join(f'"{c.name}"' for c in TABLES[table].primary_key.columns)
    copied = f"INTO {table} ({names}) SELECT {names} FROM {table} WHERE true"
    last = f'"{cells[-1]}"'
    # A leaf that has no place yet may get one; `test_guards` looks at that apart.
    yield from (f'UPDATE {table} SET "{c}" = "{c}"' for c in cells)
    yield f"DELETE FROM {table}"
    yield f"INSERT {copied}"
    yield f"INSERT {copied} ON CONFLICT ({key}) DO UPDATE SET {last} = EXCLUDED.{last}"
    if connection.is_sqlite:
        yield f"INSERT OR REPLACE {copied}"
        yield f"REPLACE {copied}"
        yield f"UPDATE OR REPLACE {table} SET {last} = {last}"
        yield f"UPDATE OR IGNORE {table} SET {last} = {last}"
    else:
        yield f"TRUNCATE {table}"
        yield f"TRUNCATE {table} CASCADE"


def refuses_every_bypass(connection: Raw) -> None:
    """Every bypass of every table of facts and of every partition fails and changes nothing."""
    before = connection.everything()
    for table in connection.facts():
        assert before[table], f"{table} is empty: nothing would be tried"
        for statement in bypasses(table, connection):
            _refuses(connection, statement)
    for name in connection.partitions(filled=True):
        for statement in (
            f"UPDATE {name} SET fact_id = 'x'",
            f"DELETE FROM {name}",
            f"TRUNCATE {name}",
        ):
            _refuses(connection, statement)
    assert connection.everything() == before


def _refuses(connection: Raw, statement: str) -> None:
    try:
        connection.run(statement)
    except RefusedError:
        return
    raise AssertionError(f"not refused: {statement}")
