"""Stored records as their owners see them: one by its id, and page after page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from carbon.adapters.published import GRAMS
from carbon.adapters.records import source_keys
from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.store.stored import record_key
from carbon.adapters.vault import Vault, unsealed
from carbon.domain.errors import CarbonError
from carbon.ports.recording import RecordEntry, Whose

_ENTRIES = (
    sa.select(
        t.activity.c.fact_id,
        t.activity.c.recorded_at,
        t.activity.c.occurred_on,
        t.activity.c.act,
        t.activity.c.item_type,
        t.activity.c.quantity,
        t.activity.c.mass_kg,
        *(t.quantity.c[name] for name in GRAMS),
        t.quantity.c.grade,
        t.quantity.c.flags,
        t.quantity.c.factors,
        t.fact.c.body,
        t.fact.c.leaf_index,
        t.personal.c.sealed,
        t.person.c.nonce,
        t.correction.c.reason,
        t.correction.c.fact_id.label("replaced_by"),
    )
    .join_from(t.claim, t.activity, t.activity.c.fact_id == t.claim.c.fact_id)
    .join(
        t.quantity,
        sa.and_(
            t.quantity.c.fact_id == t.activity.c.fact_id,
            t.quantity.c.recorded_at == t.activity.c.recorded_at,
        ),
    )
    .join(t.fact, t.fact.c.seq == t.activity.c.fact_seq)
    .outerjoin(t.personal, t.personal.c.fact_id == t.claim.c.fact_id)
    .outerjoin(t.person, t.person.c.person_id == t.personal.c.person_id)
    .outerjoin(t.correction, t.correction.c.replaces == t.claim.c.fact_id)
)


class RecordBook:
    """Reads stored records; an owner sees its own and nobody else's."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault

    def page(self, whose: Whose, before: str | None, limit: int) -> list[RecordEntry]:
        """The latest records of an owner, or those recorded before the one of a fact."""
        query = _ENTRIES.where(self._own(whose)).order_by(t.claim.c.fact_id.desc()).limit(limit)
        if before is not None:
            query = query.where(t.claim.c.fact_id < before)
        with self._database.read() as connection:
            return [self._entry(row) for row in connection.execute(query)]

    def entry(self, whose: Whose, record_id: str) -> RecordEntry:
        """One record of an owner, by the id its owner knows. Raises ``receipt.unknown``."""
        named = (
            t.claim.c.record_key == record_key(self._vault, whose.source, record_id)
            if whose.source
            else sa.and_(t.claim.c.fact_id == record_id, self._own(whose))
        )
        with self._database.read() as connection:
            row = connection.execute(_ENTRIES.where(named)).one_or_none()
        if row is None:
            raise CarbonError("receipt.unknown", record_id=record_id)
        return self._entry(row)

    def _own(self, whose: Whose) -> sa.ColumnElement[bool]:
        if whose.source:
            (key,) = source_keys(self._vault, [whose.source])
            return t.claim.c.source == key
        return t.person.c.lookup == whose.person

    def _entry(self, row: Any) -> RecordEntry:
        leaf = json.loads(bytes(row.body))
        return RecordEntry(
            fact=row.fact_id,
            record_id=self._record_id(row),
            recorded_at=row.recorded_at,
            occurred_on=row.occurred_on,
            act=row.act,
            item_type=row.item_type,
            quantity=row.quantity,
            mass_kg=row.mass_kg,
            grams={name: getattr(row, name) for name in GRAMS},
            grade=row.grade,
            flags=_listed(row.flags),
            factors={role: int(number) for role, number in json.loads(row.factors).items()},
            methodology=leaf["methodology"],
            catalogue=leaf["catalogue"],
            project=leaf.get("project"),
            leaf_index=row.leaf_index,
            corrected=row.reason,
            replaced_by=row.replaced_by,
        )

    def _record_id(self, row: Any) -> str | None:
        if row.sealed is None or row.nonce is None:
            return None
        key = self._vault.person_key(bytes(row.nonce))
        opened = json.loads(unsealed(key, bytes.fromhex(row.fact_id), bytes(row.sealed)))
        found: str | None = opened.get("record_id")
        return found


def _listed(flags: str) -> Sequence[str]:
    return flags.split(";") if flags else ()
