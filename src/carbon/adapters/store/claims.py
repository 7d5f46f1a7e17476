"""What the store knows of claims, persons and earlier requests, for whoever examines new ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.bulk import keyed
from carbon.adapters.store.corrections import released_life
from carbon.adapters.store.database import Database
from carbon.domain.activity.duplicates import ITEM_DAYS, PAIR_DAYS, Act
from carbon.domain.period import day_date, day_number
from carbon.ports import Answered, Claims, LifeLeft, Matches

#: Days between two claims that are compared at most.
_APART = max(ITEM_DAYS, PAIR_DAYS)


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
