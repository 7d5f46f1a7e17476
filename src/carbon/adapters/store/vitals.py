"""Whether a database is well: that it takes writes, what time it has, what waits in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database


@dataclass(frozen=True, slots=True)
class Pending:
    """Facts without a place in the log, and when the oldest of them was recorded."""

    count: int
    oldest: datetime | None


class Vitals:
    """Signs of life of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self) -> None:
        """Write a row and take it back. Raises ``store.unavailable``."""
        row = {"person_id": f"try {uuid4().hex}", "mode": "kept", "version": "", "at": _LONG_AGO}
        with self._database.write() as connection:
            connection.execute(sa.insert(t.consent), row)
            connection.rollback()

    def server_time(self) -> datetime | None:
        """The clock of the database's own machine; ``None`` where it has none."""
        if self._database.is_sqlite:
            return None
        with self._database.read() as connection:
            found: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        return found

    def last_moments(self) -> dict[str, datetime]:
        """The latest moments that were written down, by what was."""
        queries = {
            "fact": sa.select(sa.func.max(t.fact.c.recorded_at)),
            "checkpoint": sa.select(sa.func.max(t.checkpoint.c.signed_at)),
        }
        with self._database.read() as connection:
            found = {name: connection.execute(query).scalar() for name, query in queries.items()}
        return {name: at for name, at in found.items() if at is not None}

    def pending(self) -> Pending:
        """What waits for the log."""
        query = sa.select(sa.func.count(), sa.func.min(t.fact.c.recorded_at))
        with self._database.read() as connection:
            count, oldest = connection.execute(query.where(t.fact.c.leaf_index.is_(None))).one()
        return Pending(count, oldest)


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
