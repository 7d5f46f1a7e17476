"""Stored records back as columns: for receipts and for the comparison with the log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from carbon.adapters.published import (
    CODES,
    FLOATS,
    GRAMS,
    SEALED,
    WHOLES,
    rest_texts,
    row_texts,
)
from carbon.adapters.store import schema
from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.store.journal_leaves import JOURNALS, journal_texts
from carbon.adapters.store.log_queue import DatabaseQueue
from carbon.adapters.tabular.typed import identifiers
from carbon.adapters.vault import Vault, salts, unsealed
from carbon.domain.errors import CarbonError
from carbon.ports import StoredFact, StoredRecord

_KINDS: Mapping[str, pa.DataType] = {
    **dict.fromkeys(FLOATS, pa.float64()),
    **dict.fromkeys(("allowance", "life"), pa.float64()),
    **dict.fromkeys((*WHOLES, *GRAMS, "row"), pa.int64()),
    **dict.fromkeys(("hedong", "item"), pa.bool_()),
    "occurred_on": pa.date32(),
}
#: What a published row is made of, beside its context.
COLUMNS = (
    *CODES, *FLOATS, *WHOLES, *GRAMS, "allowance", "enterprise", "factors", "fact_id", "flags",
    "giver", "giver_digest", "grade", "hedong", "item", "life", "occurred_on", "receiver",
    "receiver_digest", "rest_digest", "row", "site",
)  # fmt: skip
_BATCH = 10_000
_PAGE = 1_000

_RECORDS = sa.select(
    *(t.activity.c[n] if n in t.activity.c else t.quantity.c[n] for n in COLUMNS),
    t.activity.c.fact_seq,
).join_from(
    t.activity,
    t.quantity,
    sa.and_(
        t.quantity.c.fact_id == t.activity.c.fact_id,
        t.quantity.c.recorded_at == t.activity.c.recorded_at,
    ),
)


def columns_of(
    rows: Sequence[Any], extra: Mapping[str, Sequence[Any]] | None = None
) -> dict[str, pa.Array]:
    """Rows of the store as the Arrow columns they were written from."""
    cells: dict[str, Sequence[Any]] = {name: [getattr(r, name) for r in rows] for name in COLUMNS}
    cells |= extra or {}
    # SQLite keeps truth as a number.
    cells |= {name: [bool(v) for v in cells[name]] for name in ("hedong", "item")}
    return {name: pa.array(v, _KINDS.get(name, pa.string())) for name, v in cells.items()}


def of_submission(database: Database, seq: int) -> Iterator[list[Any]]:
    """The records of a fact in the order of its rows, a batch at a time."""
    query = _RECORDS.where(t.activity.c.fact_seq == seq).order_by(t.activity.c.row).limit(_BATCH)
    last: int | None = -1
    # A transaction a batch: a reader must not keep writers of SQLite waiting.
    while last is not None:
        after = sa.or_(t.activity.c.row.is_(None), t.activity.c.row > last)
        with database.read() as connection:
            rows = list(connection.execute(query.where(after)))
        if rows:
            yield rows
        last = rows[-1].row if len(rows) == _BATCH else None


class Records:
    """Single records, with what opens their digests."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def fact_of(self, source: str, record_id: str) -> str:
        """The fact of a record, by who submitted it and the id they gave it.

        Raises ``receipt.unknown``.
        """
        key = record_key(self._vault, source, record_id)
        query = sa.select(t.claim.c.fact_id).where(t.claim.c.record_key == key)
        with self._database.read() as connection:
            fact_id: str | None = connection.execute(query).scalar()
        if fact_id is None:
            raise CarbonError("receipt.unknown", record_id=record_id)
        return fact_id

    def stored(self, fact_id: str, record_id: str) -> StoredRecord:
        """The record of a fact; ``record_id``: what its owner calls it."""
        with self._database.read() as connection:
            row = connection.execute(_RECORDS.where(t.activity.c.fact_id == fact_id)).one()
            of_fact = sa.select(t.fact.c.body, t.fact.c.leaf_index)
            fact = connection.execute(of_fact.where(t.fact.c.seq == row.fact_seq)).one()
            private = self._private(connection, row)
        return StoredRecord(record_id, bytes(fact.body), fact.leaf_index, row.row, private)

    def _private(self, connection: sa.Connection, row: Any) -> dict[str, dict[str, str]]:
        """Salts and values of a record's private fields, without what was erased."""
        fact_id = bytes.fromhex(row.fact_id)
        found = {}
        for name in ("giver", "receiver"):
            person_id = getattr(row, name)
            key = person_id and self._key(connection, person_id)
            if key:
                sealed = connection.execute(
                    sa.select(t.person.c.sealed).where(t.person.c.person_id == person_id)
                ).scalar_one()
                value = unsealed(key, bytes.fromhex(person_id), bytes(sealed))
                found[name] = _opened(key, fact_id, name, value)
        query = sa.select(t.personal).where(t.personal.c.fact_id == row.fact_id)
        own = connection.execute(query).one_or_none()
        key = None if own is None else self._key(connection, own.person_id)
        if own is not None and key is not None:
            texts = json.loads(unsealed(key, fact_id, bytes(own.sealed)))
            columns = columns_of([row], {name: [texts.get(name)] for name in SEALED})
            rest = rest_texts(columns)[0].as_py().encode()
            found["rest"] = _opened(key, fact_id, "rest", rest)
        return found

    def _key(self, connection: sa.Connection, person_id: str) -> bytes | None:
        query = sa.select(t.person.c.nonce).where(t.person.c.person_id == person_id)
        nonce = connection.execute(query).scalar()
        return None if nonce is None else self._vault.person_key(bytes(nonce))


def _opened(key: bytes, fact_id: bytes, field: str, value: bytes) -> dict[str, str]:
    return {"salt": salts([key], [fact_id], field)[0].hex(), "value": value.decode()}


def record_key(vault: Vault, source: str, record_id: str) -> str:
    """The key under which a record is claimed."""
    return record_keys(vault, [(source, record_id)])[0]


def record_keys(vault: Vault, named: Sequence[tuple[str, str]]) -> list[str]:
    """The keys under which records are claimed, by who submits them and the ids they have there."""
    folded = identifiers(pa.array([record_id for _, record_id in named], pa.string())).to_pylist()
    names = zip(named, folded, strict=True)
    return vault.pseudonyms("record", [f"{s}\n{name or ''}".encode() for (s, _), name in names])


class WholeStore:
    """Implements the port ``StoreReader``."""

    def __init__(self, database: Database, live: Database | None = None) -> None:
        self._database, self._live = database, live or database
        self.head = DatabaseQueue(database).head

    def signed(self, size: int, root: bytes) -> bool:
        """Whether a checkpoint was signed, as the database is by now where it was frozen."""
        query = sa.select(t.checkpoint.c.root).where(t.checkpoint.c.size == size)
        with self._live.read() as connection:
            return connection.execute(query).scalar() == root.hex()

    def faults(self) -> Sequence[CarbonError]:
        """Schema, guards and rights; rows without the rows they belong to."""
        with self._database.read() as connection:
            found = schema.faults(connection)
            for table, other, missing in _ORPHANS:
                count = connection.execute(sa.select(sa.func.count()).where(missing)).scalar_one()
                if count:
                    found.append(
                        CarbonError("reconcile.orphan", table=table, other=other, count=count)
                    )
            broken = connection.execute(_BROKEN_ACCOUNTS).scalar_one()
            if broken:
                found.append(CarbonError("reconcile.account", count=broken))
        return found

    def placed(self, size: int) -> Iterator[StoredFact]:
        """The facts that have one of the first places, by place; a transaction a page."""
        index = t.fact.c.leaf_index
        query = sa.select(t.fact.c.seq, t.fact.c.body, index).order_by(index)
        for start in range(0, size, _PAGE):
            page = query.where(index >= start, index < min(size, start + _PAGE))
            with self._database.read() as connection:
                rows = list(connection.execute(page))
            yield from (StoredFact(r.seq, bytes(r.body), r.leaf_index) for r in rows)

    def corrections(self) -> Mapping[str, tuple[str | None, int]]:
        """By the fact that is replaced: what replaces it, and the correction's number."""
        query = sa.select(t.correction.c.replaces, t.correction.c.fact_id, t.correction.c.fact_seq)
        with self._database.read() as connection:
            return {r.replaces: (r.fact_id, r.fact_seq) for r in connection.execute(query)}

    def is_pending(self, seq: int) -> bool:
        """Whether a fact waits for its place."""
        query = sa.select(t.fact.c.seq).where(t.fact.c.seq == seq, t.fact.c.leaf_index.is_(None))
        with self._database.read() as connection:
            return connection.execute(query).scalar() is not None

    def pending_count(self) -> int:
        """How many wait for theirs."""
        query = sa.select(sa.func.count()).where(t.fact.c.leaf_index.is_(None))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def row_texts(self, seq: int) -> Iterator[bytes]:
        """Published rows made anew, in order."""
        kind = sa.select(t.fact.c.kind).where(t.fact.c.seq == seq)
        with self._database.read() as connection:
            is_journals = connection.execute(kind).scalar() == JOURNALS
        if is_journals:
            yield from journal_texts(self._database, seq)
            return
        for rows in of_submission(self._database, seq):
            yield from row_texts(columns_of(rows)).cast(pa.binary()).to_pylist()


def _lacks(table: sa.Table, other: sa.Table) -> sa.ColumnElement[bool]:
    """Rows of a table whose fact has no row in another."""
    there = sa.select(other.c.fact_id).where(other.c.fact_id == table.c.fact_id)
    return ~there.exists() & table.c.fact_id.is_not(None)


#: Facts of which one cannot be without the other.
_ORPHANS = tuple(
    (table.name, other.name, _lacks(table, other))
    for table, other in (
        (t.activity, t.quantity),
        (t.quantity, t.activity),
        (t.activity, t.claim),
        (t.claim, t.activity),
    )
)

_entry = t.life_entry.c


def _before(column: sa.Column[Any]) -> sa.Over[Any]:
    """The value of a column in the entry before, of the same account."""
    return sa.func.lag(column).over(partition_by=_entry.item_key, order_by=_entry.ordinal)


_chain = sa.select(
    _entry.ordinal,
    _before(_entry.ordinal).label("place_before"),
    (_before(_entry.left_over) - _entry.granted - _entry.left_over).label("gap"),
).subquery()
#: Entries of life accounts that do not follow from the one before, to nine decimals.
_BROKEN_ACCOUNTS = sa.select(sa.func.count()).where(
    sa.or_(
        sa.func.abs(_chain.c.gap) > 1e-9,  # noqa: PLR2004  rounding of sums of ratios
        _chain.c.ordinal != sa.func.coalesce(_chain.c.place_before + 1, 0),
    )
)
