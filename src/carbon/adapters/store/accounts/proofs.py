"""What accounts prove themselves with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.ports.accounts import ApiKey

#: Before any step of time.
_NO_STEP = 0


def _key(row: Any) -> ApiKey:
    return ApiKey(row.id, row.principal, row.sealed, row.created_at, row.replaces, row.ends_at)


class StoredProofs:
    """Implements the port ``ProofRows``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def _set(self, table: sa.Table, id_: str, **values: Any) -> None:
        """The account's one row of a table, whatever it was before."""
        self._drop(table, id_)
        self._connection.execute(sa.insert(table).values(principal=id_, **values))

    def _drop(self, table: sa.Table, id_: str) -> None:
        self._connection.execute(sa.delete(table).where(table.c.principal == id_))

    def _value(self, column: sa.Column[Any], id_: str) -> Any:
        query = sa.select(column).where(column.table.c.principal == id_)
        return self._connection.execute(query).scalar()

    def password(self, id_: str) -> str | None:
        """The hash."""
        found: str | None = self._value(t.password.c.hash, id_)
        return found

    def set_password(self, id_: str, hash_: str, at: datetime) -> None:
        """Set or replace it."""
        self._set(t.password, id_, hash=hash_, changed_at=at)

    def totp(self, id_: str) -> bytes | None:
        """The sealed secret."""
        found: bytes | None = self._value(t.totp.c.sealed, id_)
        return found

    def set_totp(self, id_: str, sealed: bytes) -> None:
        """Set or replace it; no step is used yet."""
        self._set(t.totp, id_, sealed=sealed, last_step=_NO_STEP)

    def use_step(self, id_: str, step: int) -> bool:
        """Use a step and all before it up; ``False`` where it was used."""
        found = t.totp.c
        unused = sa.update(t.totp).where(found.principal == id_, found.last_step < step)
        return self._connection.execute(unused.values(last_step=step)).rowcount == 1

    def forget(self, id_: str) -> None:
        """Remove password and one-time passwords."""
        for table in (t.password, t.totp):
            self._drop(table, id_)

    def enrolment(self, id_: str, now: datetime) -> str | None:
        """Digest of what enrols the account, while it does."""
        found = t.enrolment.c
        query = sa.select(found.digest).where(found.principal == id_, found.expires_at > now)
        return self._connection.execute(query).scalar()

    def set_enrolment(self, id_: str, digest: str, expires_at: datetime) -> None:
        """Set or replace it."""
        self._set(t.enrolment, id_, digest=digest, expires_at=expires_at)

    def end_enrolment(self, id_: str) -> None:
        """It was used."""
        self._drop(t.enrolment, id_)

    def phone(self, id_: str) -> str | None:
        """Keyed hash of the account's number."""
        found: str | None = self._value(t.phone.c.lookup, id_)
        return found

    def add_phone(self, id_: str, lookup: str, sealed: bytes) -> None:
        """The account's number."""
        self._set(t.phone, id_, lookup=lookup, sealed=sealed)

    def key(self, id_: str) -> ApiKey | None:
        """A key."""
        query = sa.select(t.api_key).where(t.api_key.c.id == id_)
        row = self._connection.execute(query).first()
        return None if row is None else _key(row)

    def keys(self, account: str) -> Sequence[ApiKey]:
        """An account's keys, the oldest first."""
        query = sa.select(t.api_key).where(t.api_key.c.principal == account)
        rows = self._connection.execute(query.order_by(t.api_key.c.created_at, t.api_key.c.id))
        return [_key(row) for row in rows]

    def add_key(self, key: ApiKey) -> None:
        """Add one."""
        row = {
            "id": key.id,
            "principal": key.account,
            "sealed": key.sealed,
            "replaces": key.replaces,
            "created_at": key.created_at,
            "ends_at": key.ends_at,
        }
        self._connection.execute(sa.insert(t.api_key), row)

    def end_key(self, id_: str, at: datetime) -> None:
        """It ends then, unless it ends before."""
        ends_at = t.api_key.c.ends_at
        later = sa.or_(ends_at.is_(None), ends_at > at)
        change = sa.update(t.api_key).where(t.api_key.c.id == id_, later)
        self._connection.execute(change.values(ends_at=at))

    def link(self, subject: str, id_: str, at: datetime) -> bool:
        """Link a name at another identity provider; ``False`` where another account has it."""
        other = t.external_subject
        query = sa.select(other.c.principal).where(other.c.subject == subject)
        found = self._connection.execute(query).scalar()
        if found is None:
            row = {"subject": subject, "principal": id_, "linked_at": at}
            self._connection.execute(sa.insert(other), row)
        return found in (None, id_)
