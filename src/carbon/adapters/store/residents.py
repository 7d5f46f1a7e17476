"""What residents chose to do with their grams, and the grams of those who keep them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.store.impact import leaves_of
from carbon.domain.errors import CarbonError
from carbon.domain.period import Period
from carbon.ports.registry import Choice

KEPT, POOLED = "kept", "pooled"


def consent(database: Database, lookup: str, choice: Choice, at: datetime) -> None:
    """Keep a resident's choice; the latest holds. Raises ``person.unknown``, ``consent.mode``."""
    if choice.mode not in (KEPT, POOLED):
        raise CarbonError("consent.mode", mode=choice.mode)
    find = sa.select(t.person.c.person_id).where(t.person.c.lookup == lookup)
    with database.write() as connection:
        person_id = connection.execute(find).scalar()
        if person_id is None:
            raise CarbonError("person.unknown")
        connection.execute(sa.delete(t.consent).where(t.consent.c.person_id == person_id))
        row = {"person_id": person_id, "mode": choice.mode, "version": choice.version, "at": at}
        connection.execute(sa.insert(t.consent), row)


def choice_of(database: Database, lookup: str) -> Choice | None:
    """What a resident chose last."""
    query = (
        sa.select(t.consent.c.mode, t.consent.c.version)
        .join(t.person, t.person.c.person_id == t.consent.c.person_id)
        .where(t.person.c.lookup == lookup)
    )
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Choice(row.mode, row.version)


def kept_grams(
    connection: sa.Connection, project: str, month: Period, leaves: tuple[int, int]
) -> list[tuple[str, int]]:
    """Positive grams of residents who keep theirs, by pseudonym, in some leaves and a month.

    Corrected records count no more.
    """
    corrected = sa.select(t.correction.c.replaces).where(
        t.correction.c.replaces == t.activity.c.fact_id
    )
    query = (
        sa.select(t.activity.c.giver, t.activity.c.fact_seq, sa.func.sum(t.quantity.c.er_g))
        .join(t.consent, t.consent.c.person_id == t.activity.c.giver)
        .join(
            t.quantity,
            sa.and_(
                t.quantity.c.fact_id == t.activity.c.fact_id,
                t.quantity.c.recorded_at == t.activity.c.recorded_at,
            ),
        )
        .where(
            t.consent.c.mode == KEPT,
            t.activity.c.occurred_on.between(month.first_day, month.last_day),
            t.quantity.c.er_g > 0,
            ~corrected.exists(),
        )
        .group_by(t.activity.c.giver, t.activity.c.fact_seq)
    )
    rows = connection.execute(query).all()
    placed = leaves_of(connection, sorted({row.fact_seq for row in rows}))
    grams: Counter[str] = Counter()
    for giver, seq, er_g in rows:
        leaf, index = placed[seq]
        if index is None or leaf.get("project") != project:
            continue
        if leaves[0] <= index < leaves[1]:
            grams[giver] += int(er_g)
    return sorted(grams.items())
