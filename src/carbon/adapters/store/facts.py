"""Facts into the database, each with its pending leaf, and the rows that belong to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from carbon.adapters.store import tables as t
from carbon.adapters.store.bulk import add, load
from carbon.adapters.store.database import driver_errors, first_line
from carbon.domain.errors import CarbonError

#: SQLSTATE of a broken uniqueness.
_TAKEN = "23505"


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact with a leaf of its own, and the answer its client gets."""

    kind: str
    key: str
    body: bytes
    request: str | None = None
    answer: Mapping[str, Any] | None = None


@contextmanager
def raced() -> Iterator[None]:
    """A broken uniqueness means that somebody else was faster. Raises ``store.raced``.

    Any other broken constraint is a mistake of ours, which no further try mends. Rows loaded in
    bulk go past SQLAlchemy: their errors are the drivers' own.
    """
    try:
        yield
    except driver_errors(IntegrityError) as error:
        if not _is_taken(error):
            raise
        raise CarbonError("store.raced", reason=first_line(error)) from error


def _is_taken(error: Exception) -> bool:
    """Whether a key was taken: by SQLSTATE, or by what SQLite and our guards say."""
    state = getattr(getattr(error, "orig", error), "sqlstate", None)
    said = first_line(error)
    return state == _TAKEN or (state is None and ("UNIQUE" in said or said == "exists"))


def add_fact(connection: sa.Connection, new: NewFact, at: datetime, seq: int | None = None) -> int:
    """Append a fact with its pending leaf; returns its number, ``seq`` if it was given one."""
    values = _fact_row(new) | {"recorded_at": at} | ({} if seq is None else {"seq": seq})
    inserted = sa.insert(t.fact).values(values).returning(t.fact.c.seq)
    return int(connection.execute(inserted).scalar_one())


def add_facts(
    connection: sa.Connection, new: Sequence[NewFact], numbers: Sequence[int], at: datetime
) -> None:
    """Append facts, each with its pending leaf, under numbers of their own."""
    rows = pa.Table.from_pylist(
        [_fact_row(fact) | {"seq": n} for n, fact in zip(numbers, new, strict=True)]
    )
    add(connection, t.fact, rows, {"recorded_at": t.instant_text(at)})


def _fact_row(new: NewFact) -> dict[str, Any]:
    return {
        "kind": new.kind,
        "key": new.key,
        "request": new.request,
        "body": new.body,
        "answer": None if new.answer is None else json.dumps(new.answer, ensure_ascii=False),
    }


def has_fact(connection: sa.Connection, kind: str, key: str) -> bool:
    """Whether a fact is there."""
    query = sa.select(t.fact.c.seq).where(t.fact.c.kind == kind, t.fact.c.key == key)
    return connection.execute(query).scalar() is not None


def next_numbers(connection: sa.Connection, count: int) -> list[int]:
    """The numbers of facts that will be added in this transaction, in order."""
    if connection.dialect.name == "sqlite":
        last = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'fact'")
        first = (connection.execute(last).scalar() or 0) + 1
        return list(range(first, first + count))
    rows = connection.execute(_NUMBERS, {"name": t.fact.name, "count": count})
    return sorted(rows.scalars())


_NUMBERS = sa.text(
    "SELECT nextval(pg_get_serial_sequence(:name, 'seq')) FROM generate_series(1, :count)"
)

#: Tables of a submission's rows, by name.
ROW_TABLES = {
    table.name: table
    for table in (t.person, t.claim, t.activity, t.quantity, t.personal, t.life_entry)
}


def load_rows(
    connection: sa.Connection,
    name: str,
    batches: Iterable[pa.Table],
    seq: int,
    at: datetime,
) -> None:
    """Append rows of a submission to one of its tables, each naming its fact and its time."""
    stamps = {"fact_seq": seq, "recorded_at": t.instant_text(at)}
    table = ROW_TABLES[name]
    own = {column: stamp for column, stamp in stamps.items() if column in table.c}
    load(connection, table, batches, own)


def add_rows(connection: sa.Connection, name: str, rows: pa.Table, at: datetime) -> None:
    """Append few rows that name their facts."""
    table = ROW_TABLES[name]
    stamp = {"recorded_at": t.instant_text(at)} if "recorded_at" in table.c else {}
    add(connection, table, rows, stamp)
