"""Journals on their way into the log: all that no leaf has yet become one bulk leaf.

What is taken is whatever one state of the database holds without a leaf, never what comes "after
the last": a journal that commits late has a lower number. Such a set is closed: with a transfer it
holds every one that transfer could draw on, so that no holder is negative at the end of a leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from carbon.adapters.clock import ZONE
from carbon.adapters.spool import ROWS, RowFile
from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.store.facts import NewFact, add_fact
from carbon.domain.ledger.row import row_text
from carbon.domain.log.leaf import canonical
from carbon.domain.log.merkle import hash_leaves
from carbon.domain.units import Int

#: Kind of the fact, and of its leaf.
JOURNALS = "journals"
_PAGE = 10_000

_giver, _getter = t.account.alias("giver"), t.account.alias("getter")
_reversed = t.journal.alias("reversed")
_LINES = (
    sa.select(
        t.journal.c.id,
        t.journal.c.key,
        t.journal.c.kind,
        t.journal.c.subject,
        _reversed.c.key.label("reverses"),
        t.asset.c.code.label("asset"),
        _giver.c.code.label("dr"),
        _getter.c.code.label("cr"),
        t.transfer.c.amount,
        _giver.c.policy.label("dr_policy"),
        _getter.c.policy.label("cr_policy"),
    )
    .join_from(t.journal, t.transfer, t.transfer.c.journal == t.journal.c.id)
    .join(t.asset, t.asset.c.id == t.transfer.c.asset)
    .join(_giver, _giver.c.id == t.transfer.c.dr)
    .join(_getter, _getter.c.id == t.transfer.c.cr)
    .outerjoin(t.reversal, t.reversal.c.journal == t.journal.c.id)
    .outerjoin(_reversed, _reversed.c.id == t.reversal.c.reverses)
    .order_by(t.journal.c.id, t.transfer.c.line)
)


def journal_texts(database: Database, fact_seq: int) -> Iterator[bytes]:
    """Published rows of the journals of a fact, by number; a transaction a page."""
    last: int | None = 0
    while last is not None:
        with database.read() as connection:
            texts, last = _page(connection, fact_seq, last)
        yield from texts


def _page(
    connection: sa.Connection, fact_seq: int | None, after: int
) -> tuple[list[bytes], int | None]:
    """Some rows of journals of a fact, or of none, and the last one's number if there are more."""
    journals = sa.select(t.journal.c.id).where(t.journal.c.fact_seq == fact_seq)
    page = journals.where(t.journal.c.id > after).order_by(t.journal.c.id).limit(_PAGE)
    numbers = connection.execute(page).scalars().all()
    if not numbers:
        return [], None
    rows = connection.execute(
        _LINES.where(
            t.journal.c.fact_seq == fact_seq, t.journal.c.id.between(numbers[0], numbers[-1])
        )
    )
    texts = [_text(list(lines)) for _, lines in groupby(rows, key=lambda row: row.id)]
    return texts, numbers[-1] if len(numbers) == _PAGE else None


def _text(rows: Sequence[Any]) -> bytes:
    head = rows[0]
    lines = [(r.asset, r.dr, r.cr, str(r.amount), r.dr_policy, r.cr_policy) for r in rows]
    return row_text(head.key, head.kind, lines, head.subject, head.reverses)


class JournalLeaves:
    """Implements the port ``JournalGatherer``. ``algorithms``: digests of row files."""

    def __init__(self, database: Database, spool: Path, algorithms: Sequence[str]) -> None:
        self._database, self._spool, self._algorithms = database, spool, algorithms

    def gather(self, at: datetime) -> int:
        """Give all waiting journals one pending leaf; returns how many there were."""
        waiting = sa.select(t.journal.c.id).where(t.journal.c.fact_seq.is_(None)).limit(1)
        with self._database.read() as connection:
            if connection.execute(waiting).scalar() is None:
                return 0
        file = RowFile(self._spool / ROWS, self._algorithms)
        try:
            with self._database.write() as connection:
                return self._gather(connection, file, at)
        finally:
            file.abandon()  # nothing where it was finished

    def _gather(self, connection: sa.Connection, file: RowFile, at: datetime) -> int:
        if not self._database.is_sqlite:
            # What is read and what is marked are the same state.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        count = 0
        last: int | None = 0
        while last is not None:
            texts, last = _page(connection, None, last)
            file.add(b"".join(text + b"\n" for text in texts), _ends(texts), hash_leaves(texts))
            count += len(texts)
        root, digests = file.finish()
        try:
            self._store(connection, count, root, digests, at)
        except BaseException:
            file.discard()
            raise
        return count

    @staticmethod
    def _store(
        connection: sa.Connection, count: int, root: bytes, digests: Mapping[str, str], at: datetime
    ) -> None:
        """Add the leaf and mark its journals."""
        leaf = {
            "type": JOURNALS,
            "count": count,
            "root": root.hex(),
            "file": dict(digests),
            "recorded_on": at.astimezone(ZONE).date().isoformat(),
        }
        seq = add_fact(connection, NewFact(JOURNALS, root.hex(), canonical(leaf)), at)
        mark = sa.update(t.journal).where(t.journal.c.fact_seq.is_(None)).values(fact_seq=seq)
        connection.execute(mark)


def _ends(texts: Sequence[bytes]) -> Int:
    return np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
