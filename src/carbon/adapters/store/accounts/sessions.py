"""Sessions in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.ports.accounts import Session

_S = t.session.c


def _session(row: Any) -> Session:
    return Session(
        digest=row.digest,
        account=row.principal,
        created_at=row.created_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        origin=row.origin,
        stepped_up_at=row.stepped_up_at,
    )


class StoredSessions:
    """Implements the port ``SessionRows``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, digest: str) -> Session | None:
        """One by the digest of its token."""
        row = self._connection.execute(sa.select(t.session).where(_S.digest == digest)).first()
        return None if row is None else _session(row)

    def of(self, account: str) -> Sequence[Session]:
        """An account's, the oldest first."""
        query = sa.select(t.session).where(_S.principal == account)
        rows = self._connection.execute(query.order_by(_S.created_at, _S.digest))
        return [_session(row) for row in rows]

    def add(self, session: Session) -> None:
        """Add one."""
        row = {
            "digest": session.digest,
            "principal": session.account,
            "created_at": session.created_at,
            "seen_at": session.seen_at,
            "stepped_up_at": session.stepped_up_at,
            "expires_at": session.expires_at,
            "origin": session.origin,
        }
        self._connection.execute(sa.insert(t.session), row)

    def _change(self, digest: str, **values: Any) -> None:
        change = sa.update(t.session).where(_S.digest == digest).values(values)
        self._connection.execute(change)

    def note_seen(self, digest: str, at: datetime) -> None:
        """It is in use."""
        self._change(digest, seen_at=at)

    def step_up(self, digest: str, at: datetime) -> None:
        """Its holder proved themselves again."""
        self._change(digest, seen_at=at, stepped_up_at=at)

    def end(self, digest: str) -> None:
        """Remove one."""
        self._connection.execute(sa.delete(t.session).where(_S.digest == digest))

    def end_all(self, account: str, keep: str = "") -> None:
        """Remove all of an account but one."""
        others = sa.delete(t.session).where(_S.principal == account, _S.digest != keep)
        self._connection.execute(others)
