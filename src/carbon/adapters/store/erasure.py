"""Erasure that keeps proofs: a person's key and values go, facts and the log stay as they are.

The list of erasures lies with the keys, outside the database, so that a restored backup has them
done again. It holds pseudonyms only: who comes back later has another one, and stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from carbon.adapters.disk import append_durably
from carbon.adapters.parties import person_lookup
from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.vault import Vault
from carbon.domain.errors import CarbonError


class Erasures:
    """The list of erasures and what carries them out."""

    def __init__(self, database: Database, listed: Path) -> None:
        self._database, self._list = database, listed

    def erase(self, vault: Vault, identity: str, at: datetime) -> int:
        """Erase a person; returns how many records' values went. Raises ``person.unknown``."""
        lookup = person_lookup(vault, identity)
        with self._database.read() as connection:
            query = sa.select(t.person.c.person_id).where(t.person.c.lookup == lookup)
            person_id = connection.execute(query).scalar()
        if person_id is None:
            raise CarbonError("person.unknown")
        line = json.dumps({"person_id": person_id, "erased_at": at.isoformat()})
        append_durably(self._list, f"{line}\n".encode())
        return self._apply(person_id)[1]

    def again(self) -> int:
        """Do all listed erasures again, after a restore; returns how many persons came back."""
        return sum(self._apply(person_id)[0] for person_id in self._listed())

    def _listed(self) -> Iterator[str]:
        if self._list.is_file():
            for line in self._list.read_text("utf-8").splitlines():
                yield json.loads(line)["person_id"]

    def _apply(self, person_id: str) -> tuple[int, int]:
        """Remove a person and what only their key opens; returns the rows of each removed."""
        with self._database.write() as connection:
            values, person = (
                connection.execute(sa.delete(table).where(table.c.person_id == person_id)).rowcount
                for table in (t.personal, t.person)
            )
            connection.execute(sa.delete(t.consent).where(t.consent.c.person_id == person_id))
        return int(person), int(values)
