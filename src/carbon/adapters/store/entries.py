"""Rows of the ledger, many in one statement: arrays on PostgreSQL, executemany on SQLite.

SQLite has one writer, so what is looked up before an insert still holds after it; PostgreSQL leaves
it to the insert itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from carbon.adapters.store import posting
from carbon.adapters.store import tables as t
from carbon.adapters.store.bulk import keyed
from carbon.adapters.store.database import first_line
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.journal import Hold, Journal, Transfer
from carbon.ports.ledger import Answer

Rows = Sequence[tuple[Any, ...]]

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
#: Numbers by key.
Numbers = Mapping[str, int]


def insert(
    connection: sa.Connection, table: sa.Table, columns: Mapping[str, str], rows: Rows
) -> None:
    """Append rows of plain columns; ``columns``: PostgreSQL's type of each."""
    if not rows:
        return
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"
        connection.exec_driver_sql(statement, [tuple(row) for row in rows])
    else:
        statement = f"INSERT INTO {table.name} ({names}) SELECT * FROM {_unnested(columns)}"
        connection.exec_driver_sql(statement, _arrays(columns, rows))


def _unnested(columns: Mapping[str, str]) -> str:
    arrays = ", ".join(f"%({name})s::{kind}[]" for name, kind in columns.items())
    return f"unnest({arrays}) AS i ({', '.join(columns)})"


def _arrays(columns: Mapping[str, str], rows: Rows) -> dict[str, str]:
    """Rows as arrays by column, in the text that PostgreSQL reads.

    Of printable texts and of numbers that is a JSON list in braces, made several times as fast as
    the driver makes it.
    """
    arrays = dict(zip(columns, zip(*rows, strict=True), strict=True))
    coded = (name for name, kind in columns.items() if kind == "bytea")
    arrays |= {name: tuple("\\x" + value.hex() for value in arrays[name]) for name in coded}
    return {name: f"{{{_encode(values)[1:-1]}}}" for name, values in arrays.items()}


def _insert_keyed(
    connection: sa.Connection, table: sa.Table, columns: Mapping[str, str], rows: Rows
) -> Numbers:
    """Append rows whose key, their first column, is new; returns the numbers they got."""
    if not rows:
        return {}
    if connection.dialect.name == "sqlite":
        query = sa.select(table.c.key)
        known = {row.key for row in keyed(connection, query, table.c.key, [r[0] for r in rows])}
        fresh = [row for row in rows if row[0] not in known]
        last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0))).scalar()
        numbered = [(number, *row) for number, row in enumerate(fresh, (last or 0) + 1)]
        insert(connection, table, {"id": "bigint", **columns}, numbered)
        return {row[1]: row[0] for row in numbered}
    names = ", ".join(columns)
    statement = (
        f"INSERT INTO {table.name} ({names}) SELECT * FROM {_unnested(columns)} "
        "ON CONFLICT (key) DO NOTHING RETURNING key, id"
    )
    found = connection.exec_driver_sql(statement, _arrays(columns, rows))
    return {row.key: row.id for row in found}


_JOURNAL = {
    "key": "text",
    "request": "bytea",
    "kind": "text",
    "subject": "text",
    "lines": "smallint",
    "recorded_at": "timestamptz",
}
_HOLD = {
    "key": "text",
    "request": "bytea",
    "expires_at": "timestamptz",
    "recorded_at": "timestamptz",
    "asset": "integer",
    "dr": "bigint",
    "cr": "bigint",
    "amount": "bigint",
}
_LINE = {
    "of": "text",
    "line": "smallint",
    "asset": "text",
    "dr": "text",
    "cr": "text",
    "amount": "bigint",
}
_ENDING = {
    "hold": "bigint",
    "outcome": "text",
    "journal": "text",
    "recorded_at": "timestamptz",
}
_REVERSAL = {"journal": "bigint", "reverses": "bigint"}


def _number(code: int) -> str:
    """An account by its code, in SQLite's marks of arguments."""
    return (
        "(SELECT a.id FROM account AS a JOIN asset AS s ON s.id = a.asset"
        f" WHERE s.code = ?3 AND a.code = ?{code})"
    )


#: A transfer on SQLite. Accounts are looked up where the row is made; the trigger that compares
#: their assets misses one that is not there.
POST = f"""INSERT INTO transfer (journal, line, asset, dr, cr, amount)
VALUES (?1, ?2, (SELECT id FROM asset WHERE code = ?3), {_number(4)}, {_number(5)}, ?6)"""

#: On PostgreSQL, the journals whose keys are new, with all their lines. Accounts are looked up row
#: by row, however few or many they are; one that is not there breaks NOT NULL.
ENTER = f"""WITH made AS (
  INSERT INTO journal ({", ".join(_JOURNAL)}) SELECT * FROM {_unnested(_JOURNAL)}
  ON CONFLICT (key) DO NOTHING RETURNING key, id
), posted AS (
  INSERT INTO transfer (journal, line, asset, dr, cr, amount)
  SELECT m.id, i.line, s.id,
    (SELECT id FROM account WHERE asset = s.id AND code = i.dr),
    (SELECT id FROM account WHERE asset = s.id AND code = i.cr), i.amount
  FROM {_unnested(_LINE)} JOIN made AS m ON m.key = i.of LEFT JOIN asset AS s ON s.code = i.asset
)
SELECT key, id FROM made"""


def enter(connection: sa.Connection, journals: Sequence[Journal], at: datetime) -> Numbers:
    """Append the journals whose keys are new, with their lines, which posts them.

    Keys are distinct. Returns the numbers of what was new. Raises ``ledger.unknown``.
    """
    if not journals:
        return {}
    moment = t.instant_text(at)
    heads = [(j.key, j.digest(), j.kind, j.subject, len(j.lines), moment) for j in journals]
    if connection.dialect.name == "sqlite":
        numbers = _insert_keyed(connection, t.journal, _JOURNAL, heads)
        new = [journal for journal in journals if journal.key in numbers]
        if new:
            connection.exec_driver_sql(POST, _lines(new, numbers))
        return numbers
    own = {journal.key: journal.key for journal in journals}
    arrays = _arrays(_JOURNAL, heads) | _arrays(_LINE, _lines(journals, own))
    return {row.key: row.id for row in connection.exec_driver_sql(ENTER, arrays)}


def _lines(journals: Sequence[Journal], names: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All lines of some journals, each after the name of its journal."""
    return [
        (names[j.key], n, line.asset, line.debit, line.credit, line.amount)
        for j in journals
        for n, line in enumerate(j.lines)
    ]


def account_numbers(
    connection: sa.Connection, lines: Iterable[Transfer]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Numbers of asset and account by their codes, both sides. Raises ``ledger.unknown``."""
    wanted = {(line.asset, code) for line in lines for code in (line.debit, line.credit)}
    query = sa.select(
        t.asset.c.code.label("asset"),
        t.account.c.code,
        t.account.c.asset.label("of"),
        t.account.c.id,
    ).join_from(t.asset, t.account, t.account.c.asset == t.asset.c.id)
    codes = sorted({code for _, code in wanted})
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for asset in sorted({asset for asset, _ in wanted}):
        for row in keyed(connection, query.where(t.asset.c.code == asset), t.account.c.code, codes):
            found[row.asset, row.code] = row.of, row.id
    missing = sorted(wanted - found.keys())
    if missing:
        raise CarbonError("ledger.unknown", what=" · ".join(missing[0]))
    return found


def add_reversals(connection: sa.Connection, journals: Sequence[Journal], numbers: Numbers) -> None:
    """Note which journals are reversed. Raises ``ledger.unknown``."""
    reversing = [(numbers[j.key], j.reverses) for j in journals if j.reverses is not None]
    reversed_ = numbers_of(connection, t.journal, [key for _, key in reversing])
    rows = [(number, reversed_[key]) for number, key in reversing]
    insert(connection, t.reversal, _REVERSAL, rows)


def add_holds(connection: sa.Connection, holds: Sequence[Hold], at: datetime) -> Numbers:
    """Append holds whose keys are new; returns their numbers. Raises ``ledger.unknown``."""
    places = account_numbers(connection, (hold.promised for hold in holds))
    moment = t.instant_text(at)
    rows = [
        (
            hold.key,
            hold.digest(),
            t.instant_text(hold.expires_at),
            moment,
            *places[line.asset, line.debit],
            places[line.asset, line.credit][1],
            line.amount,
        )
        for hold in holds
        for line in (hold.promised,)
    ]
    return _insert_keyed(connection, t.hold, _HOLD, rows)


def end_holds(
    connection: sa.Connection, ends: Sequence[tuple[int, str, str | None]], at: datetime
) -> None:
    """End holds by number: outcome, and key of the journal that uses it."""
    moment = t.instant_text(at)
    insert(connection, t.hold_end, _ENDING, [(*end, moment) for end in ends])


def open_holds(connection: sa.Connection, keys: Sequence[str]) -> Numbers:
    """Numbers of holds that are to be ended. Raises ``ledger.unknown``, ``ledger.ended``."""
    numbers = numbers_of(connection, t.hold, keys)
    query = sa.select(t.hold.c.key).join(t.hold_end, t.hold_end.c.hold == t.hold.c.id)
    for row in keyed(connection, query, t.hold.c.key, keys) if keys else ():
        raise CarbonError("ledger.ended", key=row.key)
    return numbers


def numbers_of(connection: sa.Connection, table: sa.Table, keys: Sequence[str]) -> Numbers:
    """Numbers of rows by key. Raises ``ledger.unknown``."""
    if not keys:
        return {}
    query = sa.select(table.c.key, table.c.id)
    found = {row.key: row.id for row in keyed(connection, query, table.c.key, keys)}
    missing = [key for key in keys if key not in found]
    if missing:
        raise CarbonError("ledger.unknown", what=f"{table.name} {missing[0]}")
    return found


def digests_of(
    connection: sa.Connection, table: sa.Table, keys: Sequence[str]
) -> Mapping[str, bytes]:
    """Hashes of what was asked for under some keys."""
    if not keys:
        return {}
    query = sa.select(table.c.key, table.c.request)
    return {row.key: bytes(row.request) for row in keyed(connection, query, table.c.key, keys)}


def answer_again(asked: Journal | Hold, digest: bytes) -> Answer:
    """The answer where a key was taken: to the same request as before, to another a conflict."""
    if digest == asked.digest():
        return Answer(asked.key, repeated=True)
    return Answer(asked.key, error=CarbonError("request.conflict", id=asked.key))


# --- refusals -------------------------------------------------------------------------------------

#: SQLSTATE of a number out of its range.
_OUT_OF_RANGE = "22003"
#: What SQLite says of a counter past 64 bits, which its arithmetic turns into a float.
_PAST_64_BITS = "cannot store REAL value in INTEGER column account."
#: Our code by constraint, each the only meaning of it in an entry made from sound values.
_MEANING = {
    "ck_account_balance": "ledger.insufficient",
    posting.SIDES: "ledger.unknown",
    posting.MIRROR: "ledger.reversal",
    "uq_reversal_reverses": "ledger.reversal",
    "pk_reversal": "ledger.reversal",
    posting.HOLD_TIME: "ledger.ended",
}
_SHOWN = 5


@contextmanager
def refusals(
    keys: Sequence[str], lines: Iterable[Transfer], others: Sequence[str] = ()
) -> Iterator[None]:
    """A broken constraint as what it means for an entry; any other is a mistake of ours.

    ``others``: keys of what is reversed or used. Raises ``ledger.*``.
    """
    try:
        yield
    except DBAPIError as error:
        code = _meaning(error)
        if code is None:
            raise
        accounts = sorted({line.debit for line in lines})
        raise CarbonError(
            code,
            key=_listed(others if code == "ledger.ended" else keys),
            accounts=_listed(accounts),
            reverses=_listed(others),
            what=_listed(sorted({f"{x.asset} · {x.debit}, {x.credit}" for x in lines})),
        ) from error


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:_SHOWN]) + (" …" if len(words) > _SHOWN else "")


def _meaning(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    if state == _OUT_OF_RANGE:
        return "ledger.overflow"
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        unknown = diagnosis.constraint_name is None and diagnosis.table_name == t.transfer.name
        return "ledger.unknown" if unknown else _MEANING.get(diagnosis.constraint_name or "")
    said = first_line(error).rpartition(": ")[2]
    if said.startswith(_PAST_64_BITS):
        return "ledger.overflow"
    if said == "exists":
        table = re.search(r"INTO (\w+)", error.statement or "")
        said = f"pk_{table[1]}" if table else said
    return _MEANING.get(said)
