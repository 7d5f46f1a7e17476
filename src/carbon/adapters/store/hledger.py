"""The ledger as a journal of hledger, so that another program can add it up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from carbon.adapters.clock import ZONE
from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database

#: Journals read in one transaction.
_PAGE = 10_000

_giver, _getter = t.account.alias("giver"), t.account.alias("getter")
_LINES = (
    sa.select(
        t.journal.c.id,
        t.journal.c.recorded_at,
        t.journal.c.kind,
        t.journal.c.key,
        t.asset.c.code.label("asset"),
        _giver.c.code.label("dr"),
        _getter.c.code.label("cr"),
        t.transfer.c.amount,
    )
    .join_from(t.journal, t.transfer, t.transfer.c.journal == t.journal.c.id)
    .join(t.asset, t.asset.c.id == t.transfer.c.asset)
    .join(_giver, _giver.c.id == t.transfer.c.dr)
    .join(_getter, _getter.c.id == t.transfer.c.cr)
    .order_by(t.journal.c.id, t.transfer.c.line)
)


def hledger_text(database: Database) -> Iterator[str]:
    """All journals by number, one text each: day, kind and key, then two postings a transfer."""
    number = t.journal.c.id
    last = 0
    while True:
        pages = sa.select(number).where(number > last).order_by(number).limit(_PAGE)
        with database.read() as connection:
            found = connection.execute(pages).scalars().all()
            if not found:
                return
            rows = connection.execute(_LINES.where(number.between(found[0], found[-1]))).all()
        yield from (_entry(list(lines)) for _, lines in groupby(rows, key=lambda row: row.id))
        last = found[-1]


def _entry(rows: Sequence[Any]) -> str:
    head = rows[0]
    day = head.recorded_at.astimezone(ZONE).date()
    postings = [
        f'    {account}  {amount} "{row.asset}"'
        for row in rows
        for account, amount in ((row.dr, -row.amount), (row.cr, row.amount))
    ]
    return "\n".join([f"{day} * ({head.id}) {head.kind}  ; {head.key}", *postings, "", ""])
