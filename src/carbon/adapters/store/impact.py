"""Where records and factors are used: what a correction has to reach."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.domain.credit.issuance import Block
from carbon.ports.registry import Downstream, Held, Use

#: The asset of residents' points.
POINTS = "points"
#: Facts asked for at once.
_AT_ONCE = 500
_SAME = sa.and_(
    t.quantity.c.fact_id == t.activity.c.fact_id,
    t.quantity.c.recorded_at == t.activity.c.recorded_at,
)
#: The act's month as text; both engines write days in ISO 8601.
_MONTH = sa.func.substr(sa.cast(t.activity.c.occurred_on, sa.Text), 1, 7)
_USES = sa.select(
    t.quantity.c.fact_seq,
    _MONTH.label("month"),
    sa.func.count().label("records"),
    sa.func.sum(t.quantity.c.er_g).label("er_g"),
).join_from(t.quantity, t.activity, _SAME)


class Impacts:
    """Implements the port ``ImpactReader``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_records(self, fact_ids: Sequence[str]) -> Downstream:
        """Where some records stand."""
        chosen = t.quantity.c.fact_id.in_(fact_ids)
        with self._database.read() as connection:
            return Downstream(list(_uses(connection, chosen)), _points(connection, chosen))

    def of_factor(self, numbers: Mapping[str, int]) -> Downstream:
        """Where a factor row is used; ``numbers``: its number by the catalogue's root."""
        uses: list[Use] = []
        points = 0
        with self._database.read() as connection:
            seqs = _facts_by_catalogue(connection, numbers)
            for root, number in numbers.items():
                # A role's number ends before a comma or the closing brace.
                texts = t.quantity.c.factors
                named = sa.or_(texts.like(f"%:{number},%"), texts.like(f"%:{number}}}"))
                own = set(seqs.get(root, []))
                uses += [use for use in _uses(connection, named) if use.fact_seq in own]
                points += _points(connection, named)
        return Downstream(uses, points)

    def holdings(self, blocks: Sequence[Block]) -> list[Held]:
        """Who holds serials of some blocks now."""
        with self._database.read() as connection:
            return [held for block in blocks for held in _holdings(connection, block)]


def _holdings(connection: sa.Connection, block: Block) -> Iterator[Held]:
    """Ranges never overlap: of those that begin before a block, the last alone may reach it."""
    first = t.holding.c.first
    before = sa.select(sa.func.max(first)).where(first <= block.first).scalar_subquery()
    query = sa.select(t.holding).where(
        first >= sa.func.coalesce(before, block.first),
        first <= block.last,
        t.holding.c.last >= block.first,
    )
    for row in connection.execute(query.order_by(first)):
        part = Block(max(row.first, block.first), min(row.last, block.last))
        yield Held(row.asset, row.account, part, row.hold)


def _uses(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> Iterator[Use]:
    grouped = _USES.where(chosen).group_by(t.quantity.c.fact_seq, "month")
    rows = connection.execute(grouped.order_by(t.quantity.c.fact_seq, "month")).all()
    facts = leaves_of(connection, sorted({row.fact_seq for row in rows}))
    for row in rows:
        leaf, index = facts[row.fact_seq]
        project = leaf.get("project")
        yield Use(row.fact_seq, project, row.month, index, row.records, int(row.er_g))


def _points(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> int:
    """Points that were given for some records: journals name the record they rest on."""
    resting = sa.select(t.quantity.c.fact_id).where(t.quantity.c.fact_id == t.journal.c.subject)
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(t.transfer.c.amount), 0))
        .join(t.journal, t.journal.c.id == t.transfer.c.journal)
        .join(t.asset, t.asset.c.id == t.transfer.c.asset)
        .where(t.asset.c.code == POINTS, resting.where(chosen).exists())
    )
    return int(connection.execute(query).scalar_one())


def leaves_of(
    connection: sa.Connection, seqs: Sequence[int]
) -> dict[int, tuple[Mapping[str, Any], int | None]]:
    """Leaf and place of some facts, by number."""
    found = {}
    for start in range(0, len(seqs), _AT_ONCE):
        part = seqs[start : start + _AT_ONCE]
        query = sa.select(t.fact.c.seq, t.fact.c.body, t.fact.c.leaf_index)
        for row in connection.execute(query.where(t.fact.c.seq.in_(part))):
            found[row.seq] = json.loads(bytes(row.body)), row.leaf_index
    return found


def _facts_by_catalogue(
    connection: sa.Connection, numbers: Mapping[str, int]
) -> dict[str, list[int]]:
    """Numbers of the facts computed with each catalogue."""
    found: dict[str, list[int]] = {}
    kinds = ("submission", "record", "correction")
    query = sa.select(t.fact.c.seq, t.fact.c.body).where(t.fact.c.kind.in_(kinds))
    for row in connection.execute(query.execution_options(yield_per=1_000)):
        root = json.loads(bytes(row.body)).get("catalogue")
        if root in numbers:
            found.setdefault(root, []).append(row.seq)
    return found
