"""The security log in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.domain.access import Event
from carbon.ports.accounts import SecurityEvent

_E = t.security_event.c


class StoredEvents:
    """Implements the port ``EventRows``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def note(
        self, at: datetime, event: Event, account: str, actor: str, *, done: bool = True
    ) -> None:
        """Append one."""
        row = {
            "at": at,
            "principal": account,
            "event": event,
            "outcome": "done" if done else "refused",
            "actor": actor,
        }
        self._connection.execute(sa.insert(t.security_event), row)

    def page(self, account: str, before: int | None, limit: int) -> Sequence[SecurityEvent]:
        """Some, the newest first; of an account, before a place."""
        query = sa.select(t.security_event).order_by(_E.seq.desc()).limit(limit)
        if account:
            query = query.where(_E.principal == account)
        if before is not None:
            query = query.where(_E.seq < before)
        return [
            SecurityEvent(row.seq, row.at, row.principal, row.event, row.outcome, row.actor)
            for row in self._connection.execute(query)
        ]

    def prune(self, before: datetime) -> int:
        """Remove those from before; how many."""
        old = sa.delete(t.security_event).where(_E.at < before)
        return self._connection.execute(old).rowcount
