"""Erasure that keeps proofs: a person's key and values go, facts and the log stay as they are.

The list of erasures lies with the keys, outside the database, so that a restored backup has them
done again. It holds pseudonyms only: who comes back later has another one, and stays. A resident's
account is a person's own and goes with them; staff act for an organisation, whose records name
them by a keyed hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from carbon.adapters.disk import append_durably
from carbon.adapters.store import tables as t
from carbon.adapters.store.accounts import AccountsUnit
from carbon.adapters.store.database import Database
from carbon.domain.access import Event
from carbon.domain.errors import CarbonError


class Erasures:
    """The list of erasures and what carries them out."""

    def __init__(self, database: Database, listed: Path) -> None:
        self._database, self._list = database, listed

    def erase(self, lookup: str, at: datetime) -> int:
        """Erase a person, by keyed hash; returns how many records' values went.

        Raises ``person.unknown``.
        """
        with self._database.read() as connection:
            query = sa.select(t.person.c.person_id).where(t.person.c.lookup == lookup)
            person_id = connection.execute(query).scalar()
            accounts = AccountsUnit.on(connection).accounts.residents_of(lookup)
        found = [("account", account.id) for account in accounts]
        if person_id is not None:
            found.append(("person_id", person_id))
        if not found:
            raise CarbonError("person.unknown")
        lines = [json.dumps({kind: id_, "erased_at": at.isoformat()}) for kind, id_ in found]
        append_durably(self._list, "".join(f"{line}\n" for line in lines).encode())
        with self._database.write() as connection:
            return sum(_removed(connection, kind, id_, at)[1] for kind, id_ in found)

    def again(self, at: datetime) -> int:
        """Do all listed erasures again, after a restore; returns how many came back."""
        with self._database.write() as connection:
            return sum(_removed(connection, kind, id_, at)[0] for kind, id_ in self._listed())

    def _listed(self) -> Iterator[tuple[str, str]]:
        if self._list.is_file():
            for line in self._list.read_text("utf-8").splitlines():
                told = json.loads(line)
                told.pop("erased_at")
                yield from told.items()


def _removed(connection: sa.Connection, kind: str, id_: str, at: datetime) -> tuple[int, int]:
    """Remove a person or an account; how many there were, and how many records' values went."""
    if kind == "account":
        return _removed_account(connection, id_, at), 0
    values, person = (
        connection.execute(sa.delete(table).where(table.c.person_id == id_)).rowcount
        for table in (t.personal, t.person)
    )
    connection.execute(sa.delete(t.consent).where(t.consent.c.person_id == id_))
    return int(person), int(values)


def _removed_account(connection: sa.Connection, id_: str, at: datetime) -> int:
    """Remove an account with its number, its sessions and the codes sent to it."""
    unit = AccountsUnit.on(connection)
    if unit.accounts.find(id_, lock=True) is None:
        return 0
    lookup = unit.proofs.phone(id_)
    codes = t.one_time_code
    connection.execute(sa.delete(codes).where(codes.c.lookup == lookup))
    unit.accounts.remove(id_)
    unit.events.note(at, Event.ERASED, id_, "")
    return 1
