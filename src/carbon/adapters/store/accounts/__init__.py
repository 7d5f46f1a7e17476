"""Accounts in the database: one unit of work over all that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from carbon.adapters.store.accounts.events import StoredEvents
from carbon.adapters.store.accounts.principals import StoredAccounts
from carbon.adapters.store.accounts.proofs import StoredProofs
from carbon.adapters.store.accounts.sessions import StoredSessions
from carbon.adapters.store.accounts.tries import StoredTries
from carbon.adapters.store.database import Database


@dataclass(frozen=True, slots=True)
class AccountsUnit:
    """Implements the port ``Unit`` on one connection."""

    accounts: StoredAccounts
    proofs: StoredProofs
    sessions: StoredSessions
    tries: StoredTries
    events: StoredEvents

    @classmethod
    def on(cls, connection: sa.Connection) -> AccountsUnit:
        """All parts on a connection whose transaction is open."""
        return cls(
            StoredAccounts(connection),
            StoredProofs(connection),
            StoredSessions(connection),
            StoredTries(connection),
            StoredEvents(connection),
        )


class AccountStore:
    """Opens units of work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def begin(self) -> Iterator[AccountsUnit]:
        """A transaction to write in."""
        with self._database.write() as connection:
            yield AccountsUnit.on(connection)

    @contextmanager
    def reading(self) -> Iterator[AccountsUnit]:
        """A transaction to read in."""
        with self._database.read() as connection:
            yield AccountsUnit.on(connection)


__all__ = ["AccountStore", "AccountsUnit"]
