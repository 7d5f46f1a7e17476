"""The database's side of the log; implements the port ``LogQueue``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.store.facts import raced
from carbon.domain.errors import CarbonError
from carbon.ports import Head, PendingLeaf

#: Number of the advisory lock on PostgreSQL; any fixed one.
_LOCK = 6_962


class DatabaseQueue:
    """Pending leaves and checkpoints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def sequencing(self) -> Iterator[None]:
        """Hold PostgreSQL's advisory lock; SQLite leaves it to the lock file beside the log."""
        if self._database.is_sqlite:
            yield
            return
        with self._database.engine.connect() as connection:
            query = sa.select(sa.func.pg_try_advisory_lock(_LOCK))
            if not connection.execute(query).scalar():
                raise CarbonError("log.busy")
            connection.commit()
            try:
                yield
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
                connection.commit()

    def head(self) -> Head | None:
        """The last checkpoint."""
        query = sa.select(t.checkpoint).order_by(t.checkpoint.c.size.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Head(row.size, bytes.fromhex(row.root), row.note.encode())

    def pending(self, limit: int) -> Sequence[PendingLeaf]:
        """The oldest facts without a place; never "after the last": a late commit counts too."""
        query = (
            sa.select(t.fact.c.seq, t.fact.c.body)
            .where(t.fact.c.leaf_index.is_(None))
            .order_by(t.fact.c.seq)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [PendingLeaf(row.seq, bytes(row.body)) for row in connection.execute(query)]

    def leaves(self, start: int, end: int) -> Iterator[bytes]:
        """Leaves in order of their places."""
        query = (
            sa.select(t.fact.c.body)
            .where(t.fact.c.leaf_index >= start, t.fact.c.leaf_index < end)
            .order_by(t.fact.c.leaf_index)
        )
        with self._database.read() as connection:
            for row in connection.execute(query):
                yield bytes(row.body)

    def advance(self, old: int, head: Head, leaves: Sequence[PendingLeaf], at: datetime) -> None:
        """Place leaves and add the checkpoint, in one transaction. Raises ``store.raced``."""
        place = (
            sa.update(t.fact)
            .where(t.fact.c.seq == sa.bindparam("of_seq"), t.fact.c.leaf_index.is_(None))
            .values(leaf_index=sa.bindparam("place"))
        )
        rows = [{"of_seq": leaf.seq, "place": old + n} for n, leaf in enumerate(leaves)]
        checkpoint = {
            "size": head.size,
            "previous": old,
            "root": head.root.hex(),
            "note": head.note.decode(),
            "signed_at": at,
        }
        with raced(), self._database.write() as connection:
            # Both uniqueness of `previous` and of `leaf_index` refuse a second sequencer.
            connection.execute(sa.insert(t.checkpoint), checkpoint)
            connection.execute(place, rows)

    def checkpoint(self, size: int) -> bytes | None:
        """The note of a checkpoint with all its cosignatures."""
        own = sa.select(t.checkpoint.c.note).where(t.checkpoint.c.size == size)
        lines = (
            sa.select(t.cosignature.c.line)
            .where(t.cosignature.c.size == size)
            .order_by(t.cosignature.c.recorded_at, t.cosignature.c.name)
        )
        with self._database.read() as connection:
            note = connection.execute(own).scalar()
            others = connection.execute(lines).scalars().all()
        return None if note is None else "".join([note, *others]).encode()

    def note_including(self, leaf_index: int) -> bytes:
        """The first checkpoint that includes a leaf, signed by the log alone."""
        size = t.checkpoint.c.size
        query = sa.select(t.checkpoint.c.note).where(size > leaf_index).order_by(size).limit(1)
        with self._database.read() as connection:
            note: str = connection.execute(query).scalar_one()
        return note.encode()

    def add_cosignature(self, size: int, name: str, line: str, at: datetime) -> None:
        """Keep a witness's signature line; the first of a name stays."""
        row = {"size": size, "name": name, "line": line, "recorded_at": at}
        there = sa.select(t.cosignature.c.name).where(
            t.cosignature.c.size == size, t.cosignature.c.name == name
        )
        with raced(), self._database.write() as connection:
            if connection.execute(there).scalar() is None:
                connection.execute(sa.insert(t.cosignature), row)
