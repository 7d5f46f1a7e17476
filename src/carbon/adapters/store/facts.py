"""Facts in and out of the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from carbon.adapters.store import tables as t
from carbon.adapters.store.bulk import add, keyed, load
from carbon.adapters.store.database import Database, alone, driver_errors, first_line
from carbon.domain.activity.duplicates import ITEM_DAYS, PAIR_DAYS, Act
from carbon.domain.errors import CarbonError
from carbon.domain.period import day_date, day_number
from carbon.ports import Answered, Claims, LifeLeft, Matches

#: SQLSTATE of a broken uniqueness.
_TAKEN = "23505"
#: Days between two claims that are compared at most.
_APART = max(ITEM_DAYS, PAIR_DAYS)


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact with a leaf of its own, and the answer its client gets."""

    kind: str
    key: str
    body: bytes
    request: str | None = None
    answer: Mapping[str, Any] | None = None


class Facts:
    """Implements the port ``ClaimReader``. Safe to use from any thread.

    ``replacing``: a fact whose correction is examined: it is no duplicate of what replaces it, and
    the life granted to it is free again. ``within``: a transaction of the caller's to read in, for
    one thread.
    """

    def __init__(
        self,
        database: Database,
        replacing: str | None = None,
        within: sa.Connection | None = None,
    ) -> None:
        self._database, self._replacing, self._within = database, replacing, within

    def _read(self) -> AbstractContextManager[sa.Connection]:
        return self._database.read() if self._within is None else nullcontext(self._within)

    def answered(self, kind: str, key: str) -> Answered | None:
        """The stored answer to a request."""
        return self.answers(kind, [key]).get(key)

    def answers(self, kind: str, keys: Sequence[str]) -> Mapping[str, Answered]:
        """The stored answers to many requests of one kind, by key."""
        with self._read() as connection:
            rows = keyed(connection, _ANSWERS, t.fact.c.key, keys, {"kind": kind})
            return {row.key: Answered(row.request, json.loads(row.answer)) for row in rows}

    def knows(self, kind: str, key: str) -> bool:
        """Whether a fact is there."""
        return bool(self.known(kind, [key]))

    def known(self, kind: str, keys: Sequence[str]) -> frozenset[str]:
        """Those of some keys that facts of a kind have."""
        with self._read() as connection:
            rows = keyed(connection, _ANSWERS, t.fact.c.key, keys, {"kind": kind})
            return frozenset(row.key for row in rows)

    def known_persons(self, lookups: Sequence[str]) -> Mapping[str, tuple[str, bytes]]:
        """Pseudonym and nonce of the persons that are known, by keyed hash."""
        with self._read() as connection:
            if _is_needless(connection, t.person.c.lookup, lookups):
                return {}
            rows = keyed(connection, _PERSONS, t.person.c.lookup, lookups)
            return {row.lookup: (row.person_id, row.nonce) for row in rows}

    def matching(self, claims: Claims) -> Matches:
        """Everything stored that has to do with some claims."""
        with self._read() as connection:
            if _is_needless(connection, t.claim.c.record_key, claims.record):
                return Matches({}, (), {})
            items = sorted({i for i in claims.item if i})
            pairs = sorted({p for p in claims.pair if p})
            return Matches(
                bodies=_bodies(connection, claims.record),
                acts=_acts(connection, claims, items, pairs, self._replacing),
                life=_life(connection, items, self._replacing),
            )


#: So many keys are worth the question whether the table has any.
_MANY = 1_000

_ANSWERS = sa.select(t.fact.c.key, t.fact.c.request, t.fact.c.answer).where(
    t.fact.c.kind == sa.bindparam("kind")
)
_PERSONS = sa.select(t.person.c.lookup, t.person.c.person_id, t.person.c.nonce)
_BODIES = sa.select(t.claim.c.record_key, t.claim.c.body)
_LIFE = sa.select(t.life_entry.c.item_key, t.life_entry.c.ordinal, t.life_entry.c.left_over)
_CORRECTED = sa.select(t.correction.c.replaces).where(t.correction.c.replaces == t.claim.c.fact_id)
#: Claims of some days, corrected ones left out. An enterprise sells to one recycler for years.
_NEAR = sa.select(t.claim).where(
    ~_CORRECTED.exists(), t.claim.c.occurred_on.between(sa.bindparam("first"), sa.bindparam("last"))
)


def _is_needless(connection: sa.Connection, column: sa.Column[str], keys: Sequence[str]) -> bool:
    """Whether many keys need not be asked for, because the table is empty."""
    if len(keys) < _MANY:
        return False
    return connection.execute(sa.select(column).limit(1)).scalar() is None


def _bodies(connection: sa.Connection, records: Sequence[str]) -> dict[str, str]:
    rows = keyed(connection, _BODIES, t.claim.c.record_key, records)
    return {row.record_key: row.body for row in rows}


def _acts(
    connection: sa.Connection,
    claims: Claims,
    items: Sequence[str],
    pairs: Sequence[str],
    replacing: str | None,
) -> list[Act]:
    """Stored claims of near days that share an item or a pair and stand."""
    if not len(claims.day):
        return []
    days = {
        "first": day_date(int(claims.day.min()) - _APART),
        "last": day_date(int(claims.day.max()) + _APART),
    }
    found = {
        row.record_key: row
        for column, keys in ((t.claim.c.item_key, items), (t.claim.c.pair_key, pairs))
        for row in keyed(connection, _NEAR, column, keys, days)
        if row.fact_id != replacing
    }
    return [
        Act(
            item=row.item_key or "",
            pair=row.pair_key or "",
            giver=row.giver or "",
            day=day_number(row.occurred_on),
            quantity=row.quantity,
            mass_kg=row.mass_kg,
            order=row.record_key,
        )
        for row in found.values()
    ]


def _life(
    connection: sa.Connection, items: Sequence[str], replacing: str | None = None
) -> dict[str, LifeLeft]:
    """What accounts hold, with what a replaced fact was granted given back to them."""
    life: dict[str, LifeLeft] = {}
    for row in keyed(connection, _LIFE, t.life_entry.c.item_key, items):
        known = life.get(row.item_key)
        if known is None or row.ordinal >= known.entries:
            life[row.item_key] = LifeLeft(row.left_over, row.ordinal + 1)
    released = None if replacing is None else released_life(connection, replacing)
    if released is not None and released.item_key in life:
        life[released.item_key] = LifeLeft(released.left, released.ordinal + 1)
    return life


@dataclass(frozen=True, slots=True)
class Released:
    """An entry that gives an account back what a corrected fact was granted."""

    item_key: str
    ordinal: int
    granted: float
    left: float


def released_life(connection: sa.Connection, fact_id: str) -> Released | None:
    """The entry that a correction of a fact adds; ``None`` if it charged no account."""
    entry = t.life_entry
    own = connection.execute(sa.select(entry).where(entry.c.fact_id == fact_id)).one_or_none()
    if own is None:
        return None
    last = connection.execute(
        sa.select(entry)
        .where(entry.c.item_key == own.item_key)
        .order_by(entry.c.ordinal.desc())
        .limit(1)
    ).one()
    return Released(own.item_key, last.ordinal + 1, -own.granted, last.left_over + own.granted)


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


def correct(
    connection: sa.Connection, replaces: str, by: str | None, reason: str, seq: int, at: datetime
) -> None:
    """Note that a fact is replaced, or withdrawn, and give its life back to the item's account."""
    released = released_life(connection, replaces)
    connection.execute(
        sa.insert(t.correction).values(
            replaces=replaces, fact_id=by, fact_seq=seq, reason=reason, recorded_at=at
        )
    )
    if released is not None:
        connection.execute(
            sa.insert(t.life_entry).values(
                item_key=released.item_key,
                ordinal=released.ordinal,
                fact_id=replaces,
                granted=released.granted,
                left_over=released.left,
                recorded_at=at,
            )
        )


def correct_unissued(
    connection: sa.Connection, replaces: str, by: str | None, reason: str, seq: int, at: datetime
) -> None:
    """As :func:`correct`, if no credits were issued for the fact, which no decision changes now.

    Raises ``correction.issued``.
    """
    alone(connection, shared=True)
    _project_of(connection, replaces, replaces)
    correct(connection, replaces, by, reason, seq, at)


def _project_of(connection: sa.Connection, fact_id: str, record_id: str) -> str | None:
    of_fact = sa.select(t.fact.c.body, t.fact.c.leaf_index, t.activity.c.occurred_on)
    query = of_fact.join(t.activity, t.activity.c.fact_seq == t.fact.c.seq).where(
        t.activity.c.fact_id == fact_id
    )
    row = connection.execute(query).one()
    project: str | None = json.loads(bytes(row.body)).get("project")
    if project and row.leaf_index is not None:
        covers = sa.select(t.issued.c.part).where(
            t.issued.c.project == project,
            t.issued.c.month == row.occurred_on.isoformat()[:7],
            t.issued.c.from_leaf <= row.leaf_index,
            t.issued.c.to_leaf > row.leaf_index,
        )
        if connection.execute(covers).scalar() is not None:
            raise CarbonError("correction.issued", record_id=record_id, project=project)
    return project


class Corrections:
    """Finds what is to be corrected, and withdraws."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fact_of(self, record_key: str, record_id: str) -> str:
        """The fact of a record that can be corrected. Raises ``correction.*``."""
        claimed = sa.select(t.claim.c.fact_id).where(t.claim.c.record_key == record_key)
        with self._database.read() as connection:
            fact_id: str | None = connection.execute(claimed).scalar()
            if fact_id is None:
                raise CarbonError("correction.unknown", record_id=record_id)
            done = sa.select(t.correction.c.replaces).where(t.correction.c.replaces == fact_id)
            if connection.execute(done).scalar() is not None:
                raise CarbonError("correction.done", record_id=record_id)
        return fact_id

    def project_of(self, fact_id: str, record_id: str) -> str | None:
        """The project whose record a fact is; ``None`` if it is nobody's.

        Raises ``correction.issued`` where credits were issued for it: that takes a restatement.
        """
        with self._database.read() as connection:
            return _project_of(connection, fact_id, record_id)

    def withdraw(self, fact: NewFact, replaces: str, reason: str, at: datetime) -> None:
        """Withdraw a fact; nothing takes its place. Raises ``store.raced``."""
        with raced(), self._database.write() as connection:
            seq = add_fact(connection, fact, at)
            correct_unissued(connection, replaces, None, reason, seq, at)
