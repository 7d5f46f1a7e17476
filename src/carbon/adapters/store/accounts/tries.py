"""What may happen only so often: tries, codes, nonces, sign-ins under way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from carbon.adapters.store import tables as t
from carbon.domain.access import CODE_TRIES, CODES_WITHIN, LOCKED, MAX_FAILURES
from carbon.ports.accounts import Code, ExternalSignIn

_A, _C = t.attempt.c, t.one_time_code.c
#: A keyed hash's digits that make a lock's number: what fits into 64 bits with their sign.
_LOCK_DIGITS = 15


def _code(row: Any) -> Code:
    return Code(row.id, row.lookup, row.origin, row.digest, row.sent_at, row.expires_at)


def _admitting(seen: str) -> sa.TextClause:
    """A statement of one text for any number of nonces: it is made once."""
    admit = f"""
        INSERT INTO seen_nonce (key, nonce, expires_at)
        SELECT {seen}
        WHERE true ON CONFLICT DO NOTHING RETURNING key, nonce"""
    return sa.text(admit).bindparams(sa.bindparam("expires_at", type_=t.Instant()))


_ADMIT = _admitting(
    "pair->>0, pair->>1, CAST(:expires_at AS timestamptz)"
    " FROM json_array_elements(CAST(:seen AS json)) AS pair"
)
_ADMIT_SQLITE = _admitting(
    "json_extract(value, '$[0]'), json_extract(value, '$[1]'), :expires_at FROM json_each(:seen)"
)


class StoredTries:
    """Implements the port ``TryRows``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"

    def _insert(self, table: sa.Table) -> Any:
        """An insert that may say what happens on a conflict."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    def take(self, subject: str, now: datetime) -> int:
        """Count a try as failed before it is looked at; which one it is, 0 where it is locked.

        One statement: however many try at once, no more than the limit are looked at.
        """
        added = self._insert(t.attempt).values(subject=subject, failures=1, last_at=now)
        over = _A.last_at <= now - LOCKED
        counted = sa.case((over, 1), else_=_A.failures + 1)
        taken = added.on_conflict_do_update(
            index_elements=[_A.subject],
            set_={"failures": counted, "last_at": now},
            where=sa.or_(over, _A.failures < MAX_FAILURES),
        ).returning(_A.failures)
        return self._connection.execute(taken).scalar() or 0

    def forgive(self, subject: str) -> None:
        """It was right after all."""
        self._connection.execute(sa.delete(t.attempt).where(_A.subject == subject))

    def alone(self, *subjects: str) -> None:
        """Nobody else counts these until the unit ends; SQLite has one writer anyway."""
        if not self._is_sqlite:
            for number in sorted(int(subject[:_LOCK_DIGITS], 16) for subject in subjects):
                self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    def code(self, id_: str) -> Code | None:
        """A code by its id."""
        row = self._connection.execute(sa.select(t.one_time_code).where(_C.id == id_)).first()
        return None if row is None else _code(row)

    def sent(self, lookup: str, origin: str, since: datetime) -> int:
        """Codes sent since then, to the number or for the network: the larger count."""
        count = sa.select(sa.func.count()).select_from(t.one_time_code).where(_C.sent_at > since)
        counts = (count.where(_C.lookup == lookup), count.where(_C.origin == origin))
        return max(self._connection.execute(query).scalar_one() for query in counts)

    def add_code(self, code: Code) -> None:
        """Add one."""
        row = {name: getattr(code, name) for name in code.__dataclass_fields__}
        self._connection.execute(sa.insert(t.one_time_code), {**row, "tries": 0})

    def drop_code(self, id_: str) -> None:
        """It was not sent."""
        self._connection.execute(sa.delete(t.one_time_code).where(_C.id == id_))

    def try_code(self, lookup: str, now: datetime) -> Code | None:
        """The number's latest code, with a try taken from it, while it has any and lives."""
        latest = sa.select(_C.id).where(_C.lookup == lookup).order_by(_C.sent_at.desc()).limit(1)
        taken = (
            sa.update(t.one_time_code)
            .where(_C.id == latest.scalar_subquery(), _C.tries < CODE_TRIES, _C.expires_at > now)
            .values(tries=_C.tries + 1)
            .returning(*t.one_time_code.c)
        )
        row = self._connection.execute(taken).first()
        return None if row is None else _code(row)

    def spend_code(self, id_: str) -> None:
        """It has no tries left."""
        spent = sa.update(t.one_time_code).where(_C.id == id_).values(tries=CODE_TRIES)
        self._connection.execute(spent)

    def admit(self, seen: Sequence[tuple[str, str]], expires_at: datetime) -> set[tuple[str, str]]:
        """Those keys' nonces that were not seen before, noted now.

        PostgreSQL need not wait for its disk: what a crash forgets is milliseconds of nonces, and
        whoever repeats one of those is told what was told (ADR 14).
        """
        if not self._is_sqlite:
            self._connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        admit = _ADMIT_SQLITE if self._is_sqlite else _ADMIT
        given = {"seen": json.dumps(seen), "expires_at": expires_at}
        return {(row.key, row.nonce) for row in self._connection.execute(admit, given)}

    def add_sign_in(self, waiting: ExternalSignIn) -> None:
        """Keep a sign-in under way."""
        row = {name: getattr(waiting, name) for name in waiting.__dataclass_fields__}
        self._connection.execute(sa.insert(t.external_sign_in), row)

    def take_sign_in(self, state: str) -> ExternalSignIn | None:
        """Find and remove it."""
        found = t.external_sign_in
        taken = sa.delete(found).where(found.c.state == state).returning(*found.c)
        row = self._connection.execute(taken).first()
        return None if row is None else ExternalSignIn(*row)

    def expire(self, now: datetime) -> dict[str, int]:
        """Remove what has ended; how many rows by table."""
        ended = {
            t.session: t.session.c.expires_at <= now,
            t.enrolment: t.enrolment.c.expires_at <= now,
            t.external_sign_in: t.external_sign_in.c.expires_at <= now,
            t.seen_nonce: t.seen_nonce.c.expires_at <= now,
            t.attempt: _A.last_at <= now - LOCKED,
            # Codes are counted for longer than they work.
            t.one_time_code: _C.sent_at <= now - CODES_WITHIN,
        }
        return {
            table.name: self._connection.execute(sa.delete(table).where(condition)).rowcount
            for table, condition in ended.items()
        }
