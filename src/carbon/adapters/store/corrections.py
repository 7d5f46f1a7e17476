"""Facts that take the place of others: what they give back, and what cannot be corrected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database, alone
from carbon.adapters.store.facts import NewFact, add_fact, raced
from carbon.domain.errors import CarbonError


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
