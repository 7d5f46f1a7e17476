"""Many rows at once: COPY or one INSERT on PostgreSQL, executemany on SQLite."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from itertools import repeat
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv as pacsv
import sqlalchemy as sa

#: Values looked up in one statement.
KEYS_AT_ONCE = 20_000

_OPTIONS = pacsv.WriteOptions(include_header=False)


def load(
    connection: sa.Connection,
    table: sa.Table,
    batches: Iterable[pa.Table],
    constants: Mapping[str, Any] | None = None,
) -> None:
    """Append rows whose Arrow columns bear the names of the table's columns.

    ``constants``: columns that are the same in every row.
    """
    if connection.dialect.name == "sqlite":
        _execute_many(connection, table, batches, constants or {})
    else:
        _copy(connection, table, batches, constants or {})


@contextmanager
def sent_together(connection: sa.Connection) -> Iterator[None]:
    """What is added by :func:`add` inside is sent to PostgreSQL at once, and answered at once."""
    if connection.dialect.name == "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    assert driver is not None, "a connection in use has a driver"  # noqa: S101
    with driver.pipeline():
        yield


def add(
    connection: sa.Connection,
    table: sa.Table,
    rows: pa.Table,
    constants: Mapping[str, Any] | None = None,
) -> None:
    """As :func:`load`, for few rows: one statement, where COPY asks and answers several times."""
    if connection.dialect.name == "sqlite":
        _execute_many(connection, table, [rows], constants or {})
    elif rows.num_rows:
        full = _with_constants(rows, constants or {})
        names = ", ".join(f'"{name}"' for name in full.column_names)
        statement = (
            f"INSERT INTO {table.name} ({names}) SELECT {names} "  # noqa: S608  our own names
            f"FROM json_populate_recordset(NULL::{table.name}, %s::json)"
        )
        driver = connection.connection.driver_connection
        assert driver is not None, "a connection in use has a driver"  # noqa: S101
        # SQLAlchemy would wait for the answer.
        driver.execute(statement, [msgspec.json.encode(full.to_pylist()).decode()])


def _copy(
    connection: sa.Connection,
    table: sa.Table,
    batches: Iterable[pa.Table],
    constants: Mapping[str, Any],
) -> None:
    """COPY as CSV: Arrow writes it a column at a time, PostgreSQL reads it natively."""
    driver = connection.connection.driver_connection
    assert driver is not None, "a connection in use has a driver"  # noqa: S101
    copy = None
    with driver.cursor() as cursor, ExitStack() as stack:
        for batch in batches:
            rows = _with_constants(batch, constants)
            if copy is None:
                names = ", ".join(f'"{name}"' for name in rows.column_names)
                statement = f"COPY {table.name} ({names}) FROM STDIN (FORMAT csv)"
                copy = stack.enter_context(cursor.copy(statement))
            buffer = io.BytesIO()
            pacsv.write_csv(rows, buffer, _OPTIONS)
            copy.write(buffer.getbuffer())


def _with_constants(batch: pa.Table, constants: Mapping[str, Any]) -> pa.Table:
    columns = {name: _writable(batch.column(name)) for name in batch.column_names}
    for name, value in constants.items():
        columns[name] = pa.repeat(pa.scalar(value), batch.num_rows)
    return pa.table(columns)


def _writable(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Bytes in PostgreSQL's hexadecimal form, words without their dictionary."""
    if pa.types.is_binary(column.type):
        return pa.array([None if v is None else "\\x" + v.hex() for v in column.to_pylist()])
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column


def _execute_many(
    connection: sa.Connection,
    table: sa.Table,
    batches: Iterable[pa.Table],
    constants: Mapping[str, Any],
) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None, "a connection in use has a driver"  # noqa: S101
    for batch in batches:
        names = [*batch.column_names, *constants]
        columns = [_plain(batch.column(name)) for name in batch.column_names]
        marks = ", ".join("?" * len(names))
        quoted = ", ".join(f'"{name}"' for name in names)
        driver.executemany(
            f"INSERT INTO {table.name} ({quoted}) VALUES ({marks})",  # noqa: S608  our own names
            zip(*columns, *(repeat(v, batch.num_rows) for v in constants.values()), strict=True),
        )


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Values as SQLite keeps them: days as ISO text, truth as 0 and 1."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.string())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def keyed(
    connection: sa.Connection,
    query: sa.Select[Any],
    column: sa.Column[Any],
    keys: Sequence[str],
    values: Mapping[str, Any] | None = None,
) -> Iterator[Any]:
    """Rows of a query whose column is one of many keys, however many there are.

    ``values``: of the query's other parameters.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    asked = _asked(query, column, is_sqlite=is_sqlite)
    for start in range(0, len(keys), KEYS_AT_ONCE):
        part = list(keys[start : start + KEYS_AT_ONCE])
        listed = json.dumps(part) if is_sqlite else part
        yield from connection.execute(asked, {"keys": listed, **(values or {})}).all()


@lru_cache(64)
def _asked(query: sa.Select[Any], column: sa.Column[Any], *, is_sqlite: bool) -> sa.Select[Any]:
    """A query over keys, made once of a query that is made once."""
    if is_sqlite:
        return query.where(column.in_(sa.text("SELECT value FROM json_each(:keys)")))
    return query.where(column == sa.func.any(sa.bindparam("keys", type_=sa.ARRAY(sa.Text))))
